package httpd_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"
	_ "github.com/go-kivik/kivik/v4/couchdb"
	_ "github.com/go-kivik/kivik/v4/kiviktest/client" // registers its tests with kt
	_ "github.com/go-kivik/kivik/v4/kiviktest/db"     // likewise
	"github.com/go-kivik/kivik/v4/kiviktest/kt"
	"github.com/stretchr/testify/require"
)

// unauthorized are the cases of the suite that nobody may, in a database that
// admits server admins only, which is what a new one is.
var unauthorized = strings.Fields(`
	AllDBs AllDBs/RW AllDBsStats DBsStats CreateDB/RW DestroyDB/RW CreateDoc/RW:WithID CreateDoc/RW:WithoutID
	AllDocs:_replicator AllDocs:_duck AllDocs/RW:WithDocs AllDocs/RW:WithoutDocs DBExists:_users DBExists:_duck DBExists/RW
	Get/RW:bogus Get/RW:_design/foo Get/RW:bob Get/RW:_local/foo GetRev/RW:bogus GetRev/RW:_local/foo GetRev/RW:_design/foo GetRev/RW:bob
	Flush:_duck/DoFlush Flush:_users/DoFlush Stats:_duck Stats:_users Stats/RW Compact/RW ViewCleanup/RW Copy/RW
	Delete/RW:MissingDoc Delete/RW:InvalidRevFormat Delete/RW:WrongRev Delete/RW:DesignDoc Delete/RW:ValidRev Delete/RW:Local
	Security:_global_changes Security:_replicator Security:_users Security:_duck Security/RW SetSecurity/RW:Exists
	BulkDocs/RW:Mix BulkDocs/RW:Delete BulkDocs/RW:Update BulkDocs/RW:Create BulkDocs/RW:NonJSON
	GetAttachment/RW:foo/NotFound GetAttachment/RW:_design/foo/foo.txt GetAttachment/RW:foo/foo.txt
	GetAttachmentMeta/RW:foo/NotFound GetAttachmentMeta/RW:_design/foo/foo.txt GetAttachmentMeta/RW:foo/foo.txt
	PutAttachment/RW:Conflict PutAttachment/RW:UpdateDesignDoc PutAttachment/RW:CreateDesignDoc PutAttachment/RW:Update PutAttachment/RW:Create
	DeleteAttachment/RW:NotFound DeleteAttachment/RW:NoDoc DeleteAttachment/RW:DesignDoc DeleteAttachment/RW:foo.txt
	Put/RW:LeadingUnderscoreInID Put/RW:DesignDoc Put/RW:Conflict Put/RW:Local Put/RW:HeavilyEscapedID Put/RW:SlashInID Put/RW:Create
	Query/RW:WithDocs Query/RW:WithoutDocs DBUpdates/RW Changes/Normal/RW
	Find:_duck Find/RW Explain:_duck Explain/RW GetIndexes:_duck GetIndexes:_users GetIndexes:_replicator GetIndexes:_global_changes GetIndexes/RW
	CreateIndex/RW:EmptyIndex CreateIndex/RW:InvalidIndex CreateIndex/RW:NilIndex CreateIndex/RW:Valid
	DeleteIndex/RW:NotFoundDdoc DeleteIndex/RW:NotFoundName DeleteIndex/RW:ValidIndex GetReplications`)

// expected is what Kivik's suite for CouchDB 3.3 expects, where it asks for it.
func expected() kt.SuiteConfig {
	config := kt.SuiteConfig{
		"Log.skip":        true,
		"Version.version": `^3\.5\.`, "Version.vendor": `.+`, "Version.vendor_version": ``,
		"CreateDB/RW/Admin/Recreate.status": http.StatusPreconditionFailed, "DestroyDB/RW/Admin/NonExistantDB.status": http.StatusNotFound,
		"DBExists.databases": []string{"_users", "chicken", "_duck"}, "DBExists/Admin/_users.exists": true, "DBExists/Admin/chicken.exists": false,
		"DBExists/Admin/_duck.exists": false, "DBExists/NoAuth/chicken.exists": false, "DBExists/RW/Admin.exists": true,
		"AllDocs.databases": []string{"chicken", "_duck"}, "AllDocs/Admin/_replicator.offset": 0,
		"Security.databases": []string{"_replicator", "_users", "_global_changes", "chicken", "_duck"},
		"Stats.databases":    []string{"_users", "chicken", "_duck"}, "Flush.databases": []string{"_users", "chicken", "_duck"},
		"Find.databases": []string{"chicken", "_duck"}, "Explain.databases": []string{"chicken", "_duck"},
		"SetSecurity/RW/Admin/NotExists.status": http.StatusNotFound, "SetSecurity/RW/NoAuth/NotExists.status": http.StatusNotFound,
		"Get/RW/Admin/bogus.status": http.StatusNotFound, "GetRev/RW/Admin/bogus.status": http.StatusNotFound,
		"Delete/RW/Admin/MissingDoc.status": http.StatusNotFound, "Delete/RW/Admin/InvalidRevFormat.status": http.StatusBadRequest, "Delete/RW/Admin/WrongRev.status": http.StatusConflict,
		"BulkDocs/RW/Admin/Mix/Conflict.status": http.StatusConflict, "BulkDocs/RW/NoAuth/Mix/Conflict.status": http.StatusConflict,
		"GetAttachment/RW/Admin/foo/NotFound.status": http.StatusNotFound, "GetAttachmentMeta/RW/Admin/foo/NotFound.status": http.StatusNotFound,
		"PutAttachment/RW/Admin/Conflict.status": http.StatusConflict, "DeleteAttachment/RW/Admin/NotFound.status": http.StatusNotFound, "DeleteAttachment/RW/Admin/NoDoc.status": http.StatusConflict,
		"Put/RW/Admin/LeadingUnderscoreInID.status": http.StatusBadRequest, "Put/RW/Admin/Conflict.status": http.StatusConflict,
		"Query/RW/Admin/WithoutDocs/ScanDoc.status": http.StatusBadRequest,
		// It wants a row of each of three revisions written at once; a feed tells a document's latest.
		"Changes/Continuous.skip": true,
		// Replication between servers has its own tests, with servers that may reach each other.
		"GetReplications.skip": true, "Replicate.skip": true,
		"Explain/RW/Admin.plan": plan,

		"Find/RW/Admin/Warning.warning":          "No matching index found, create an index to optimize query time.",
		"CreateIndex/RW/Admin/EmptyIndex.status": http.StatusBadRequest, "CreateIndex/RW/Admin/BlankIndex.status": http.StatusBadRequest, "CreateIndex/RW/Admin/InvalidIndex.status": http.StatusBadRequest,
		"CreateIndex/RW/Admin/NilIndex.status": http.StatusBadRequest, "CreateIndex/RW/Admin/InvalidJSON.status": http.StatusBadRequest,
		"CreateIndex/RW/NoAuth/BlankIndex.status": http.StatusBadRequest, "CreateIndex/RW/NoAuth/InvalidJSON.status": http.StatusBadRequest,
		"GetIndexes.databases": []string{"chicken"}, "DeleteIndex/RW/Admin/NotFoundDdoc.status": http.StatusNotFound, "DeleteIndex/RW/Admin/NotFoundName.status": http.StatusNotFound,
	}
	for _, suite := range []string{"AllDocs", "Security", "Stats", "Find", "Explain", "GetIndexes"} {
		for _, db := range []string{"/Admin/chicken", "/Admin/_duck", "/NoAuth/chicken"} {
			config[suite+db+".status"] = http.StatusNotFound
		}
	}
	for _, db := range []string{"/Admin/chicken", "/Admin/_duck", "/NoAuth/chicken"} {
		config["Flush"+db+"/DoFlush.status"] = http.StatusNotFound
	}
	for _, one := range unauthorized {
		suite, name, named := strings.Cut(one, ":")
		key := suite + "/NoAuth"
		if named {
			key += "/" + name
		}
		config[key+".status"] = http.StatusUnauthorized
	}
	return config
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

// TestKivik runs the tests that Kivik has for CouchDB, over HTTP, as its suite for
// CouchDB 3 does. Kivik's runner, the package kiviktest, does not compile with
// this Go; the tests behind it do. With -couch they run against that server.
func TestKivik(t *testing.T) {
	base := open(t)
	for _, db := range []string{"_users", "_replicator", "_global_changes"} {
		do(t, base, "", "PUT", "/"+db, "", "")
	}
	connect := func(address string) *kivik.Client {
		client, err := kivik.New("couch", address)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		return client
	}
	config := expected()
	var all []string // accounts keep databases of their own
	_, _, raw := do(t, base, "", "GET", "/_all_dbs", "", "")
	require.NoError(t, json.Unmarshal([]byte(raw), &all))
	config["AllDBs.expected"] = slices.Clip(all) // the suite appends to it
	kt.RunSubtests(t, &kt.Context{RW: true, Admin: connect(base.String()), NoAuth: connect(base.Scheme + "://" + base.Host), Config: config})
}
