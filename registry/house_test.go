package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch"
	"settee/fixtures"
	"settee/fixtures/engine"
	"settee/tarballs"
	"settee/views"
)

// house is a registry on real parts: the engine, its views, accounts, a folder.
type house struct {
	*Registry
	t      testing.TB
	client *kivik.Client
	store  *couch.Store
	views  *views.Engine
	blobs  *tarballs.FolderStore
	url    string
	bob    string // tokens
	ann    string
	root   string
	clock  *fixtures.Clock // followers read it while tests set it

	reading *Registry // that reads through, of reopen; nil: none does
	secrets *secrets
}

type setting func(*couch.Options, *Options)

// onDisk makes the engine write to a real folder, as benchmarks want it.
func onDisk(o *couch.Options, _ *Options) { o.FS = nil }

// searching gives the registry an index.
func searching(t testing.TB) setting {
	return func(_ *couch.Options, o *Options) { o.SearchDir = t.TempDir() }
}

// found waits until the index has every package as it is now, and none that is no more.
func (h *house) found() {
	h.t.Helper()
	want, names := map[string]string{}, []string{}
	rows := h.client.DB(Database).AllDocs(h.t.Context(), kivik.Param("include_docs", true))
	defer rows.Close()
	for rows.Next() {
		var doc struct {
			ID       string `json:"_id"`
			Rev      string `json:"_rev"`
			Versions dict
		}
		require.NoError(h.t, rows.ScanDoc(&doc))
		if doc.Versions != nil {
			want[doc.ID], names = doc.Rev, append(names, doc.ID)
		}
	}
	require.NoError(h.t, rows.Err())
	require.Eventually(h.t, func() bool {
		is, err := h.SearchIndex().Status(h.t.Context())
		if err != nil || !is.Complete || int(is.Packages) != len(want) {
			return false
		}
		known, err := h.SearchIndex().Lookup(h.t.Context(), names)
		return err == nil && !slices.ContainsFunc(names, func(name string) bool { return known[name].Rev != want[name] })
	}, time.Minute, 5*time.Millisecond)
}

func open(t testing.TB, settings ...setting) *house { return openTrusting(t, auth.OIDC{}, settings...) }

// openTrusting is open with builds whose id-tokens are exchanged.
func openTrusting(t testing.TB, builds auth.OIDC, settings ...setting) *house {
	ctx := context.Background()
	h := &house{t: t, clock: fixtures.ClockAt(time.Now()), secrets: &secrets{}}
	store := couch.Options{FS: vfs.NewMem(), MaxDocumentSize: 64 << 20}
	o := Options{Now: h.clock.Now}
	for _, set := range settings {
		set(&store, &o)
	}
	e := engine.Open(t, engine.Twins, func(o *couch.Options, _ *views.Options) { *o = store })
	h.client, h.store, h.views = e.Client, e.Store, e.Views
	var err error
	h.blobs, err = tarballs.Folder(t.TempDir())
	require.NoError(t, err)
	record, err := audit.Open(ctx, h.client.DB(audit.Database), audit.Options{Now: o.Now})
	require.NoError(t, err)
	a, err := auth.Open(ctx, h.client, auth.Options{AdminName: "root", AdminPassword: "secret-root", Iterations: 10, Audit: record, OIDC: builds,
		Elsewhere: func(ctx context.Context, scope string) (bool, error) {
			return cmp.Or(h.reading, h.Registry).Elsewhere(ctx, scope)
		}})
	require.NoError(t, err)
	h.Registry, err = New(ctx, h.client, h.blobs, a, o)
	require.NoError(t, err)
	server := httptest.NewServer(h.Registry)
	h.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, h.Close())
		require.NoError(t, a.Close())
		require.NoError(t, record.Close())
		h.keepsSecrets()
		_, err := audit.Verify(ctx, h.client.DB(audit.Database), audit.VerifyOptions{Found: func(p audit.Problem) { t.Error(p) }})
		require.NoError(t, err)
	})
	h.bob, h.ann = h.adduser("bob"), h.adduser("ann")
	h.root = h.login("root", "secret-root")
	return h
}

func (h *house) adduser(name string) string { return h.login(name, "secret-"+name) }

func (h *house) login(name, password string) string {
	res := h.do("PUT", "/-/user/org.couchdb.user:"+name, "", dict{"name": name, "password": password, "email": name + "@example.com", "type": "user", "roles": []any{}})
	require.Equal(h.t, 201, res.Status, "%s", res.Body)
	token, _ := res.JSON()["token"].(string)
	require.Regexp(h.t, "^npm_", token)
	return token
}

// reply is an answer, read to its end.
type reply struct {
	Status int
	Header http.Header
	Body   []byte
	t      testing.TB
}

func (r reply) JSON() dict {
	var v dict
	require.NoError(r.t, json.Unmarshal(r.Body, &v), "%s", r.Body)
	return v
}

// do sends a request: body nil, raw bytes, or anything as JSON; headers in pairs.
func (h *house) do(method, path, token string, body any, headers ...string) reply {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		in = bytes.NewReader(b)
		h.secrets.note(b, headers...)
	default:
		raw, err := json.Marshal(b)
		require.NoError(h.t, err)
		in = bytes.NewReader(raw)
		h.secrets.note(raw, headers...)
	}
	req, err := http.NewRequest(method, h.url+path, in)
	require.NoError(h.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(h.t, err)
	h.secrets.note(raw)
	r := reply{res.StatusCode, res.Header, raw, h.t}
	if method != "HEAD" && res.Header.Get("Content-Encoding") == "" {
		r.reads()
	}
	return r
}

// reads requires what every client needs of every answer: one of success has no error, which yarn 1 throws whatever the status
// is; any other says what is wrong in the member that each client reads.
func (r reply) reads() {
	var body struct {
		Error, Message any
		Code           string
	}
	err := json.Unmarshal(r.Body, &body)
	switch {
	case r.Status < 300 && err == nil:
		require.Nil(r.t, body.Error, "%d %.300s", r.Status, r.Body)
	case r.Status >= 400 && r.Status != 412 && r.Status != 416: // what net/http says of a part of a tarball, clients do not read
		require.NoError(r.t, err, "%d %.300s", r.Status, r.Body)
		require.NotEmpty(r.t, body.Error, "%d %.300s", r.Status, r.Body)
		require.Equal(r.t, body.Error, body.Message)
		require.NotEmpty(r.t, body.Code)
	}
}

// publish publishes a small version, which must succeed.
func (h *house) publish(token, name, version string, tag ...string) []byte {
	tgz := sampleTarball(h.t, name, version, 100)
	doc := publishing(name, version, tgz)
	if len(tag) > 0 {
		doc["dist-tags"] = dict{tag[0]: version}
	}
	res := h.do("PUT", "/"+name, token, doc)
	require.Equal(h.t, 201, res.Status, "%s", res.Body)
	require.Equal(h.t, true, res.JSON()["success"])
	return tgz
}

// documents counts the documents of the registry, blobs what the store holds.
func (h *house) documents() int {
	rows := h.client.DB(Database).AllDocs(context.Background())
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	require.NoError(h.t, rows.Err())
	return n
}

func (h *house) stored() (n int) {
	for _, err := range h.blobs.List(context.Background()) {
		require.NoError(h.t, err)
		n++
	}
	return n
}

const abbreviatedAccept = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"
