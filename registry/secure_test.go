package registry

import (
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/database"
)

// TestDatabaseIsKept is who gets into the packuments' database.
func TestDatabaseIsKept(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.Guard = true })
	readers := kivik.Members{Roles: []string{"_admin", ReaderRole}}
	admins := kivik.Members{Roles: []string{"_admin"}}
	for _, c := range []struct{ was, want kivik.Security }{
		{kivik.Security{}, kivik.Security{Admins: admins, Members: readers}},
		{kivik.Security{Admins: admins, Members: admins}, kivik.Security{Admins: admins, Members: readers}},
		{kivik.Security{Admins: admins, Members: readers}, kivik.Security{Admins: admins, Members: readers}},
		{kivik.Security{Members: kivik.Members{Names: []string{"eve"}}}, kivik.Security{Members: kivik.Members{Names: []string{"eve"}}}},
		{kivik.Security{Members: kivik.Members{Roles: []string{"staff"}}}, kivik.Security{Members: kivik.Members{Roles: []string{"staff"}}}},
		{kivik.Security{Admins: kivik.Members{Names: []string{"eve"}}}, kivik.Security{Admins: kivik.Members{Names: []string{"eve"}}, Members: readers}},
	} {
		require.NoError(t, h.db.SetSecurity(t.Context(), &c.was))
		require.NoError(t, database.Private(t.Context(), h.client, Database, ReaderRole))
		got, err := h.db.Security(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, c.want.Members.Roles, got.Members.Roles)
		require.ElementsMatch(t, c.want.Members.Names, got.Members.Names)
		require.ElementsMatch(t, c.want.Admins.Roles, got.Admins.Roles)
	}
	records, err := h.records.Security(t.Context())
	require.NoError(t, err)
	require.Equal(t, admins, records.Members, "losses name packages, restricted ones too")
	var design map[string]any
	require.NoError(t, h.db.Get(t.Context(), "_design/registry").ScanDoc(&design))
	require.Contains(t, design, "validate_doc_update")
	h.publish(h.bob, "p", "1.0.0") // the server itself writes on
	h.publish(h.bob, "p", "1.0.1")
}
