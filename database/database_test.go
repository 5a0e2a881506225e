package database_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-kivik/kivik/v4"
	_ "github.com/go-kivik/kivik/v4/couchdb" // the driver
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch/httpd"
	"settee/database"
	"settee/fixtures/engine"
)

// on tests on the engine itself, and over CouchDB's API by Kivik's own driver.
func on(t *testing.T, test func(t *testing.T, client *kivik.Client)) {
	t.Run("embedded", func(t *testing.T) { test(t, engine.Open(t).Client) })
	t.Run("over HTTP", func(t *testing.T) {
		e := engine.Open(t)
		accounts, err := auth.Open(t.Context(), e.Client, auth.Options{AdminName: "root", AdminPassword: "toor", Iterations: 10})
		require.NoError(t, err)
		api := httpd.New(e.Store, e.Views, accounts, httpd.Options{})
		server := httptest.NewServer(api)
		t.Cleanup(func() {
			server.Close()
			require.NoError(t, api.Close())
			require.NoError(t, accounts.Close())
		})
		client, err := kivik.New("couch", "http://root:toor@"+server.Listener.Addr().String())
		require.NoError(t, err)
		test(t, client)
	})
}

func TestPrivate(t *testing.T) {
	admins := kivik.Members{Roles: []string{"_admin"}}
	readers := kivik.Members{Roles: []string{"_admin", "reader"}}
	eve := kivik.Members{Names: []string{"eve"}}
	staff := kivik.Members{Roles: []string{"staff"}}
	on(t, func(t *testing.T, client *kivik.Client) {
		for i, c := range []struct {
			why   string
			was   *kivik.Security // nil: no database
			roles []string
			want  kivik.Security
		}{
			{why: "a new one", want: kivik.Security{Admins: admins, Members: admins}},
			{why: "a new one with readers", roles: []string{"reader"}, want: kivik.Security{Admins: admins, Members: readers}},
			{why: "left open by a crash", was: &kivik.Security{}, want: kivik.Security{Admins: admins, Members: admins}},
			{why: "left open, with readers", was: &kivik.Security{}, roles: []string{"reader"}, want: kivik.Security{Admins: admins, Members: readers}},
			{why: "a region made it first", was: &kivik.Security{Admins: admins, Members: admins}, roles: []string{"reader"}, want: kivik.Security{Admins: admins, Members: readers}},
			{why: "as it is to be", was: &kivik.Security{Admins: admins, Members: readers}, roles: []string{"reader"}, want: kivik.Security{Admins: admins, Members: readers}},
			{why: "a member by name", was: &kivik.Security{Members: eve}, want: kivik.Security{Members: eve}},
			{why: "a member by role", was: &kivik.Security{Members: staff}, roles: []string{"reader"}, want: kivik.Security{Members: staff}},
			{why: "an admin by name", was: &kivik.Security{Admins: eve}, want: kivik.Security{Admins: eve, Members: admins}},
		} {
			name := fmt.Sprintf("private-%d", i)
			if c.was != nil {
				require.NoError(t, client.CreateDB(t.Context(), name))
				require.NoError(t, client.DB(name).SetSecurity(t.Context(), c.was))
			}
			for range 2 { // again changes nothing
				require.NoError(t, database.Private(t.Context(), client, name, c.roles...), c.why)
				is, err := client.DB(name).Security(t.Context())
				require.NoError(t, err)
				require.ElementsMatch(t, c.want.Admins.Names, is.Admins.Names, c.why)
				require.ElementsMatch(t, c.want.Admins.Roles, is.Admins.Roles, c.why)
				require.ElementsMatch(t, c.want.Members.Names, is.Members.Names, c.why)
				require.ElementsMatch(t, c.want.Members.Roles, is.Members.Roles, c.why)
			}
		}
		err := database.Private(t.Context(), client, "Upper")
		require.Equal(t, http.StatusBadRequest, kivik.HTTPStatus(err))
		require.ErrorContains(t, err, "Upper")
		require.NoError(t, database.Private(t.Context(), client, "_users"), "CouchDB guards it itself")
	})
}

func TestPutDesign(t *testing.T) {
	on(t, func(t *testing.T, client *kivik.Client) {
		require.NoError(t, database.Private(t.Context(), client, "designed"))
		db := client.DB("designed")
		rev := func() string {
			rev, err := db.GetRev(t.Context(), "_design/d")
			require.NoError(t, err)
			return rev
		}
		one := json.RawMessage(`{"_id":"_design/d","views":{"v":{"map":"function (doc) { emit(1, null) }"}}}`)
		other := json.RawMessage(`{"_id":"_design/d","views":{"v":{"map":"function (doc) { emit(2, null) }"}}}`)
		require.NoError(t, database.PutDesign(t.Context(), db, one))
		first := rev()
		require.NoError(t, database.PutDesign(t.Context(), db, json.RawMessage(` { "views" : {"v":{"map":"function (doc) { emit(1, null) }"}},"_id":"_design/d"}`)))
		require.Equal(t, first, rev(), "the same is not written again")
		require.NoError(t, database.PutDesign(t.Context(), db, other))
		require.NotEqual(t, first, rev())
		rows := db.Query(t.Context(), "d", "v")
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())

		_, err := db.Delete(t.Context(), "_design/d", rev())
		require.NoError(t, err)
		require.NoError(t, database.PutDesign(t.Context(), db, one), "one that was deleted comes back")

		failed := make(chan error, 8) // processes that start at once
		for i := range cap(failed) {
			go func() { failed <- database.PutDesign(t.Context(), db, []json.RawMessage{other, other, one}[i%3]) }()
		}
		for range cap(failed) {
			require.NoError(t, <-failed)
		}
		require.Error(t, database.PutDesign(t.Context(), db, json.RawMessage(`{`)))
		require.Equal(t, http.StatusNotFound, kivik.HTTPStatus(database.PutDesign(t.Context(), client.DB("none"), one)))
	})
}

func TestText(t *testing.T) {
	on(t, func(t *testing.T, client *kivik.Client) {
		require.NoError(t, client.CreateDB(t.Context(), "texts"))
		db := client.DB("texts")
		rev, err := db.Put(t.Context(), "a", json.RawMessage(`{"n":1.0,"big":123456789012345678901234567890}`))
		require.NoError(t, err)
		raw, err := database.Text(t.Context(), db, "a")
		require.NoError(t, err)
		require.Equal(t, `{"_id":"a","_rev":"`+rev+`","n":1.0,"big":123456789012345678901234567890}`, string(raw))
		raw, err = database.Text(t.Context(), db, "a", kivik.Param("revs", true))
		require.NoError(t, err)
		require.Contains(t, string(raw), `"_revisions"`)

		_, err = db.Delete(t.Context(), "a", rev)
		require.NoError(t, err)
		for _, id := range []string{"a", "never"} {
			raw, err = database.Text(t.Context(), db, id)
			require.NoError(t, err)
			require.Nil(t, raw)
		}
		_, err = database.Text(t.Context(), db, "a", kivik.Rev("nonsense"))
		require.Equal(t, http.StatusBadRequest, kivik.HTTPStatus(err))
		require.ErrorContains(t, err, "a of texts")
	})
}

// TestPutAfter stores a document when it may be, not before, and not at all where it may not.
func TestPutAfter(t *testing.T) {
	on(t, func(t *testing.T, client *kivik.Client) {
		require.NoError(t, client.CreateDB(t.Context(), "db"))
		db := client.DB("db")
		for _, id := range []string{"a", "_local/a"} {
			missing := func() bool { return kivik.HTTPStatus(db.Get(t.Context(), id).Err()) == http.StatusNotFound }
			text := []byte(`{"n":1}`)
			why := errors.New("no")
			_, err := database.PutAfter(t.Context(), db, id, text, func() error { return why })
			require.Equal(t, why, err)
			require.True(t, missing())

			asked, ready, done := make(chan bool, 10), make(chan bool), make(chan error, 1)
			go func() {
				_, err := database.PutAfter(t.Context(), db, id, text, func() error { asked <- true; <-ready; return nil })
				done <- err
			}()
			<-asked
			require.True(t, missing())
			close(ready)
			require.NoError(t, <-done)
			var doc struct{ N int }
			require.NoError(t, db.Get(t.Context(), id).ScanDoc(&doc))
			require.Equal(t, 1, doc.N)
		}
	})
}
