package registry

import (
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// TestDatabasesAreKept is who gets into the databases: losses and what is staged name packages, restricted ones too.
func TestDatabasesAreKept(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.Guard = true })
	for name, members := range map[string][]string{
		Database: {"_admin", ReaderRole}, AuditDatabase: {"_admin"}, AttestationsDatabase: {"_admin"}, StagedDatabase: {"_admin"}, SigningDatabase: {"_admin"},
	} {
		is, err := h.client.DB(name).Security(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, members, is.Members.Roles, name)
		require.Empty(t, is.Members.Names, name)
		require.Equal(t, []string{"_admin"}, is.Admins.Roles, name)
	}
	var design map[string]any
	require.NoError(t, h.db.Get(t.Context(), "_design/registry").ScanDoc(&design))
	require.Contains(t, design, "validate_doc_update")
	h.publish(h.bob, "p", "1.0.0") // the server itself writes on
	h.publish(h.bob, "p", "1.0.1")
}
