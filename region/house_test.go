package region_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch"
	"settee/couch/driver"
	"settee/couch/httpd"
	"settee/fixtures"
	"settee/region"
	"settee/registry"
	"settee/tarballs"
	"settee/views"
	"settee/views/packuments"
)

// A node is a whole settee in this process, as cmd/settee wires it, proved when the test ends.
type node struct {
	t        testing.TB
	name     string
	npm      *httptest.Server
	couch    *httptest.Server
	client   *kivik.Client
	accounts *auth.Auth
	registry *registry.Registry
	blobs    tarballs.Store // what is here
	region   *region.Region
	log      *logs
}

// logs is what a node logs.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// secret is the password of each node's server admin, which no log may hold.
const secret = "admins-secret"

// at is a peer behind a line.
func at(name string, l *fixtures.Link) region.Peer {
	return region.Peer{Name: name, URL: &url.URL{Scheme: "http", Host: l.Addr, User: url.UserPassword("admin", secret)}}
}

// newNode starts a node whose CouchDB API is reached by the link.
func newNode(t testing.TB, name string, link *fixtures.Link, readOnly bool, peers ...region.Peer) *node {
	t.Helper()
	n := &node{t: t, name: name, log: &logs{}}
	log := slog.New(slog.NewTextHandler(n.log, nil))
	blobs, err := tarballs.Folder(t.TempDir())
	require.NoError(t, err)
	n.blobs = blobs
	store, err := couch.Open(t.TempDir(), couch.Options{Blobs: tarballs.Blobs(blobs)})
	require.NoError(t, err)
	engine := views.New(store, views.Options{Native: views.Native{Twins: packuments.Twins(), Map: packuments.Map}})
	n.client, err = driver.NewClient(store, engine)
	require.NoError(t, err)
	n.accounts, err = auth.Open(context.Background(), n.client, auth.Options{AdminName: "admin", AdminPassword: secret, Iterations: 10, Settings: store})
	require.NoError(t, err)

	var api http.Handler
	n.npm = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }))
	n.region = region.New(region.Options{Name: name, Peers: peers, ReadOnly: readOnly, NPMPort: n.npm.Listener.Addr().(*net.TCPAddr).Port, Logger: log,
		Written: func() { n.accounts.ForgetAccounts(); n.registry.Forget() }})
	announcing := tarballs.Announce(blobs)
	through := tarballs.Through(announcing, n.region.Sources(), tarballs.ThroughOptions{Logger: log})
	reg, err := registry.New(context.Background(), n.client, through, n.accounts, registry.Options{Logger: log})
	require.NoError(t, err)
	api, n.registry = reg, reg
	if readOnly {
		api = n.region.PassOn(reg)
	}
	server := httpd.New(store, engine, n.accounts, httpd.Options{Own: map[string]http.Handler{
		"blobs": tarballs.Handler(blobs, log), "announcements": announcing, "regions": n.region,
	}})
	n.couch = httptest.NewServer(server)
	if link != nil {
		link.To(n.couch.Listener.Addr().String())
	}
	require.NoError(t, n.region.Start(n.client, through, reg))
	t.Cleanup(func() {
		require.NoError(t, n.region.Close())
		require.NoError(t, announcing.Close())
		require.NoError(t, server.Close())
		n.couch.CloseClientConnections()
		n.couch.Close()
		n.npm.Close()
		require.NoError(t, reg.Close())
		require.NoError(t, n.accounts.Close())
		require.NoError(t, n.client.Close())
		require.NoError(t, engine.Close())
		report, err := store.Check(context.Background(), nil)
		require.NoError(t, err)
		require.Empty(t, report.Problems)
		require.NoError(t, store.Close())
		require.NoError(t, through.Close())
		require.NoError(t, blobs.Close())
		require.NotContains(t, n.log.String(), secret)
		if t.Failed() {
			t.Logf("%s:\n%s", name, n.log)
		}
	})
	return n
}

// pair is two nodes that name each other, and the lines to each of them.
func pair(t testing.TB, delay time.Duration) (eu, us *node, toEU, toUS *fixtures.Link) {
	t.Helper()
	toEU, toUS = fixtures.NewLink(t, delay), fixtures.NewLink(t, delay)
	eu = newNode(t, "eu", toEU, false, at("us", toUS))
	us = newNode(t, "us", toUS, false, at("eu", toEU))
	following(t, eu, "us")
	following(t, us, "eu")
	return eu, us, toEU, toUS
}

// ours are the databases that each node has.
var ours = []string{"registry", "_users", "tokens", "orgs", "audit"}

// following waits until a node follows all that its peer has.
func following(t testing.TB, n *node, peer string) {
	t.Helper()
	eventually(t, func() bool {
		for _, name := range ours {
			if n.region.Status().Peers[peer].Databases[name].State != region.Following {
				return false
			}
		}
		return true
	}, "%s follows %s: %+v", n.name, peer, n.region.Status())
}

// eventually waits; how long is a bound on hanging, not a figure.
func eventually(t testing.TB, ok func() bool, message ...any) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	require.True(t, ok(), message...)
}

// ask sends a request to an API and returns status, headers and body.
func ask(t testing.TB, method, url, authorization, body string) (int, http.Header, string) {
	t.Helper()
	q, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	q.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		q.Header.Set("Authorization", authorization)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(q)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, res.Header, string(raw)
}

const admin = "admin:" + secret

func basic(who string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(who)) }

// signUp makes an account by the npm API and returns its token.
func (n *node) signUp(name string) (authorization string) {
	n.t.Helper()
	body := fmt.Sprintf(`{"_id":"org.couchdb.user:%s","name":%[1]q,"password":"password-of-%[1]s","email":"a@b.c","type":"user","roles":[]}`, name)
	status, _, answer := ask(n.t, "PUT", n.npm.URL+"/-/user/org.couchdb.user:"+name, "", body)
	require.Equal(n.t, 201, status, answer)
	var got struct{ Token string }
	require.NoError(n.t, json.Unmarshal([]byte(answer), &got))
	return "Bearer " + got.Token
}

// publish publishes a package of the fixtures.
func (n *node) publish(authorization string, p fixtures.Package) (int, string) {
	n.t.Helper()
	status, _, answer := ask(n.t, "PUT", n.npm.URL+"/"+url.PathEscape(p.Name), authorization, publishBody(n.t, p))
	return status, answer
}

func publishBody(t testing.TB, p fixtures.Package) string {
	t.Helper()
	tarball := p.Tarball(t)
	manifest, err := json.Marshal(map[string]any{"name": p.Name, "version": p.Version, "dist": map[string]any{}})
	require.NoError(t, err)
	return fmt.Sprintf(`{"_id":%q,"name":%[1]q,"dist-tags":{"latest":%q},"versions":{%[2]q:%[3]s},"_attachments":{"%[4]s-%[2]s.tgz":{"content_type":"application/octet-stream","data":%[5]q,"length":%[6]d}}}`,
		p.Name, p.Version, manifest, p.Name, base64.StdEncoding.EncodeToString(tarball), len(tarball))
}

// tarballOf is a version's tarball as the npm API serves it.
func (n *node) tarballOf(p fixtures.Package) (int, http.Header, string) {
	n.t.Helper()
	base := p.Name[strings.LastIndexByte(p.Name, '/')+1:]
	return ask(n.t, "GET", n.npm.URL+"/"+p.Name+"/-/"+base+"-"+p.Version+".tgz", "", "")
}

// packument is a packument as the npm API serves it, its links less their host; "" where there is none.
func (n *node) packument(name string) string {
	n.t.Helper()
	status, _, body := ask(n.t, "GET", n.npm.URL+"/"+name, "", "")
	if status != 200 {
		return ""
	}
	return strings.ReplaceAll(body, n.npm.URL, "")
}
