package driver_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/views"
)

// What somebody may do through the driver is what they may do over HTTP.
func TestAClientOfSomebodyHasTheirRights(t *testing.T) {
	store, err := couch.Open(t.TempDir(), couch.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	eng := views.New(store, views.Options{})
	defer func() { require.NoError(t, eng.Close()) }()
	ctx := context.Background()
	for _, name := range []string{"db", "open", "_users", "a/_replicator"} {
		db, err := store.Create(ctx, name)
		require.NoError(t, err)
		security := `{}`
		if name == "db" {
			security = `{"admins":{"names":["keeper"]},"members":{"names":["member"],"roles":["reader"]}}`
		}
		require.NoError(t, db.SetSecurity(ctx, couch.Security(security)))
	}
	server, err := driver.NewClient(store, eng)
	require.NoError(t, err)
	_, err = server.DB("db").Put(ctx, "_design/x", json.RawMessage(`{"validate_doc_update":"function(d,o,u){if(u.name!==d.by)throw({forbidden:'by '+u.name})}"}`))
	require.NoError(t, err)

	ddoc := json.RawMessage(`{"_id":"_design/y","_rev":"1-a","language":"javascript"}`)
	for _, who := range []struct {
		couch.User
		read, write, design, special, create int // statuses; 0 is none
	}{
		{couch.User{Name: "root", Roles: []string{"_admin"}}, 0, 0, 0, 0, 0},
		{couch.User{Name: "keeper"}, 0, 0, 0, 401, 401},
		{couch.User{Name: "member"}, 0, 0, 403, 401, 401},
		{couch.User{Name: "other", Roles: []string{"reader"}}, 0, 0, 403, 401, 401},
		{couch.User{Name: "stranger"}, 403, 403, 403, 401, 401},
		{couch.User{}, 401, 401, 401, 401, 401},
	} {
		client, err := driver.NewClientOf(store, eng, who.User)
		require.NoError(t, err)
		db := client.DB("db")
		status := func(want int, err error) {
			t.Helper()
			require.Equal(t, want, kivik.HTTPStatus(err), "%s: %v", who.Name, err)
		}
		_, err = db.Stats(ctx)
		status(who.read, err)
		changes := db.Changes(ctx)
		status(who.read, changes.Err())
		require.NoError(t, changes.Close())
		all := db.AllDocs(ctx)
		status(who.read, all.Err())
		require.NoError(t, all.Close())
		_, err = db.Put(ctx, "doc-"+who.Name, map[string]string{"by": who.Name})
		status(who.write, err)
		if who.write == 0 {
			_, err = db.Put(ctx, "not-"+who.Name, map[string]string{"by": "somebody else"})
			status(403, err)
		}
		results, err := db.BulkDocs(ctx, []any{ddoc}, kivik.Param("new_edits", false))
		status(who.read, err)
		if err == nil {
			var refused error
			for _, r := range results {
				refused = r.Error
			}
			status(who.design, refused)
		}
		_, err = client.DB("open").Put(ctx, "doc-"+who.Name, map[string]string{})
		status(0, err)
		for _, special := range []string{"_users", "a/_replicator"} {
			_, err = client.DB(special).Stats(ctx)
			status(who.special, err)
		}
		status(who.create, client.CreateDB(ctx, "new"))
		status(who.create, client.DestroyDB(ctx, "new"))
		_, err = client.AllDBs(ctx)
		status(who.create, err)
	}
}
