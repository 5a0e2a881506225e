package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
	"github.com/stretchr/testify/require"
)

// serveCouchDB puts the memory store behind the requests that CouchDB would get,
// so that Kivik's own driver for it is between the two: its long polls, its
// errors, its encoding of ids.
func serveCouchDB(t *testing.T) (*kivik.Client, *memory) {
	direct, store := openMemory(t)
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, ok int, body any, err error) {
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			ok, body = kivik.HTTPStatus(err), map[string]string{"error": "test", "reason": err.Error()}
		}
		w.WriteHeader(ok)
		_ = json.NewEncoder(w).Encode(body)
	}
	mux.HandleFunc("PUT /{db}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusCreated, map[string]bool{"ok": true}, direct.CreateDB(r.Context(), r.PathValue("db")))
	})
	mux.HandleFunc("GET /{db}", func(w http.ResponseWriter, r *http.Request) {
		stats, err := direct.DB(r.PathValue("db")).Stats(r.Context())
		if err != nil {
			answer(w, 0, nil, err)
			return
		}
		answer(w, http.StatusOK, map[string]any{"db_name": stats.Name, "update_seq": stats.UpdateSeq, "sizes": map[string]int{}}, nil)
	})
	mux.HandleFunc("GET /{db}/_security", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, struct{}{}, nil)
	})
	mux.HandleFunc("PUT /{db}/_security", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, map[string]bool{"ok": true}, nil)
	})
	mux.HandleFunc("POST /{db}/_changes", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if timeout, err := strconv.Atoi(q.Get("timeout")); err != nil || timeout > 10000 || q.Get("feed") != "longpoll" {
			answer(w, 0, nil, status(http.StatusNotImplemented))
			return
		}
		changes := direct.DB(r.PathValue("db")).Changes(r.Context(), kivik.Param("since", q.Get("since")))
		rows := []map[string]any{}
		for changes.Next() {
			rows = append(rows, map[string]any{"seq": "5-opaque", "id": changes.ID(), "changes": []map[string]string{{"rev": "1-a"}}})
		}
		if err := changes.Err(); err != nil {
			answer(w, 0, nil, err)
			return
		}
		end, err := changes.Metadata()
		answer(w, http.StatusOK, map[string]any{"results": rows, "last_seq": end.LastSeq, "pending": 0}, err)
	})
	mux.HandleFunc("GET /{db}/{id...}", func(w http.ResponseWriter, r *http.Request) {
		var doc json.RawMessage
		err := direct.DB(r.PathValue("db")).Get(r.Context(), r.PathValue("id")).ScanDoc(&doc)
		w.Header().Set("Etag", `"x"`)
		answer(w, http.StatusOK, doc, err)
	})
	mux.HandleFunc("PUT /{db}/{id...}", func(w http.ResponseWriter, r *http.Request) {
		var doc json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&doc); err != nil {
			answer(w, 0, nil, status(http.StatusBadRequest))
			return
		}
		rev, err := direct.DB(r.PathValue("db")).Put(r.Context(), r.PathValue("id"), doc)
		answer(w, http.StatusCreated, map[string]any{"ok": true, "id": r.PathValue("id"), "rev": rev}, err)
	})
	mux.HandleFunc("DELETE /{db}/{id}", func(w http.ResponseWriter, r *http.Request) {
		rev, err := direct.DB(r.PathValue("db")).Delete(r.Context(), r.PathValue("id"), r.URL.Query().Get("rev"))
		w.Header().Set("Etag", `"`+rev+`"`)
		answer(w, http.StatusOK, map[string]any{"ok": true, "id": r.PathValue("id"), "rev": rev}, err)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := kivik.New("couch", server.URL, couchdb.OptionNoRequestCompression())
	require.NoError(t, err)
	return client, store
}

func TestOverCouchDBsDriver(t *testing.T) {
	ctx := context.Background()
	client, store := serveCouchDB(t)
	now := newClock()
	here, there := openAuth(t, client, testOptions(now)), openAuth(t, client, testOptions(newClock()))
	_, err := here.Signup(ctx, "ada", "correct horse", "ada@example.com")
	require.NoError(t, err)
	_, err = there.Signup(ctx, "ada", "correct horse", "")
	require.ErrorIs(t, err, ErrNameTaken)
	require.Eventually(t, func() bool { _, err := there.Login(ctx, "ada", "correct horse"); return err == nil }, 10*time.Second, time.Millisecond)

	secret, err := there.IssueToken(ctx, "ada", Token{ReadOnly: true})
	require.NoError(t, err)
	stable(t, here, store, bearer(secret))
	require.NoError(t, there.RevokeToken(ctx, secret))
	fails(t, here, bearer(secret))
	require.NoError(t, there.SetPassword(ctx, "ada", "battery staple"))
	fails(t, here, basic("ada", "correct horse"))

	require.NoError(t, here.ClaimScope(ctx, "acme", "ada"))
	require.ErrorIs(t, there.CreateOrg(ctx, rootID, "acme", "ada"), errOrgTaken)

	// The server goes away for a while, and the feeds find it again.
	fresh, err := here.IssueToken(ctx, "ada", Token{})
	require.NoError(t, err)
	stable(t, here, store, bearer(fresh))
	for _, name := range []string{usersDB, tokensDB, orgsDB} {
		db := store.db(name)
		db.with(func() { db.cut = status(http.StatusServiceUnavailable); db.wake() })
	}
	now.Pass(vouchTime)
	_, err = here.Authenticate(bearer(fresh))
	require.NoError(t, err, "read from the store")
	for _, name := range []string{usersDB, tokensDB, orgsDB} {
		db := store.db(name)
		db.with(func() { db.cut = nil })
	}
	_, err = there.IssueToken(ctx, "ada", Token{}) // something for the polls to see
	require.NoError(t, err)
	require.NoError(t, there.SetPassword(ctx, "ada", "correct horse"))
	stable(t, here, store, bearer(fresh))
}
