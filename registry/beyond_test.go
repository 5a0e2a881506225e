package registry

import (
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/couch"
	"settee/database"
	"settee/upstream"
)

// other is another registry: it has what a test gives it, and notes what it is asked for.
type other struct {
	*httptest.Server
	mu    sync.Mutex
	has   map[string]http.HandlerFunc // by escaped path
	asked []string
}

func newOther(t testing.TB) *other {
	o := &other{has: map[string]http.HandlerFunc{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *other) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	o.mu.Lock()
	if q.URL.Path != "/-/npm/v1/keys" { // that is nobody's request, but the registry's own
		o.asked = append(o.asked, q.URL.EscapedPath())
	}
	answer := o.has[q.URL.EscapedPath()]
	o.mu.Unlock()
	if answer == nil {
		w.WriteHeader(404)
		return
	}
	answer(w, q)
}

// seen are the requests since the last call.
func (o *other) seen() (asked []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked, o.asked = o.asked, nil
	return asked
}

func (o *other) gives(path, kind string, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.has[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}
}

// version is one that another registry has: its age, and what its tarball holds.
type farVersion struct {
	number  string
	age     time.Duration
	content []byte
}

// publish gives the registry a package; the first version is latest.
func (o *other) publish(name string, now time.Time, list ...farVersion) {
	versions, times := dict{}, dict{"created": "2020-01-01T00:00:00.000Z", "modified": now.UTC().Format(isoTime)}
	for _, v := range list {
		at := "/" + name + "/-/" + path.Base(name) + "-" + v.number + ".tgz"
		s1, s5 := sha1.Sum(v.content), sha512.Sum512(v.content)
		versions[v.number] = dict{"name": name, "version": v.number, "dependencies": dict{"dep": "^1"}, "dist": dict{
			"tarball": o.URL + at, "shasum": hex.EncodeToString(s1[:]), "integrity": "sha512-" + base64.StdEncoding.EncodeToString(s5[:]), "signatures": []any{dict{"keyid": "far", "sig": "x"}}}}
		times[v.number] = now.Add(-v.age).UTC().Format(isoTime)
		o.gives(at, "application/octet-stream", v.content)
	}
	raw, _ := json.Marshal(dict{"_id": name, "name": name, "dist-tags": dict{"latest": list[0].number, "next": list[len(list)-1].number}, "versions": versions, "time": times, "readme": "far"})
	o.gives("/"+strings.Replace(name, "/", "%2f", 1), "application/json", raw)
}

// openBeyond is a house that reads through to another registry.
func openBeyond(t testing.TB, o *other, settings ...func(*upstream.Options)) *house {
	h := open(t)
	h.reopen(o, settings...)
	return h
}

// reopen has the house read through from here on.
func (h *house) reopen(o *other, settings ...func(*upstream.Options)) *Registry {
	target, err := upstream.ParseTarget(o.URL)
	require.NoError(h.t, err)
	options := upstream.Options{Targets: []upstream.Target{target}, Now: h.clock.Now}
	for _, set := range settings {
		set(&options)
	}
	up, err := upstream.Open(h.t.Context(), h.client, h.blobs, options)
	require.NoError(h.t, err)
	r, err := New(h.t.Context(), h.client, h.blobs, h.auth, Options{Now: h.clock.Now, Upstream: up})
	require.NoError(h.t, err)
	h.reading = r
	server := httptest.NewServer(r)
	h.url = server.URL
	h.t.Cleanup(func() {
		server.Close()
		require.NoError(h.t, r.Close())
		require.NoError(h.t, up.Close())
	})
	return r
}

func TestBeyond(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	content := sampleTarball(t, "far", "1.0.0", 700_000)
	o.publish("far", h.clock.Now(), farVersion{"1.0.0", time.Hour, content})
	for _, accept := range []string{"application/json", abbreviatedAccept} {
		res := h.do("GET", "/far", "", nil, "Accept", accept)
		require.Equal(t, 200, res.Status, "%s", res.Body)
		dist := at(t, res.JSON(), "versions", "1.0.0", "dist").(dict)
		require.Equal(t, h.url+"/far/-/far-1.0.0.tgz", dist["tarball"])
		require.Equal(t, dict{"keyid": "far", "sig": "x"}, dist["signatures"].([]any)[0])
		require.NotContains(t, res.JSON(), marksName)
		again := h.do("GET", "/far", "", nil, "Accept", accept, "If-None-Match", res.Header.Get("Etag"))
		require.Equal(t, 304, again.Status)
	}
	require.Equal(t, "far", h.do("GET", "/far/latest", "", nil).JSON()["name"])
	require.Equal(t, "1.0.0", h.do("GET", "/-/package/far/dist-tags", "", nil).JSON()["latest"])
	for range 3 {
		res := h.do("GET", "/far/-/far-1.0.0.tgz", "", nil)
		require.Equal(t, 200, res.Status)
		require.Equal(t, content, res.Body)
	}
	part := h.do("GET", "/far/-/far-1.0.0.tgz", "", nil, "Range", "bytes=5-9")
	require.Equal(t, 206, part.Status)
	require.Equal(t, content[5:10], part.Body)
	require.Equal(t, []string{"/far", "/far/-/far-1.0.0.tgz"}, o.seen())

	require.Equal(t, 404, h.do("GET", "/nothing", "", nil).Status)
	require.Equal(t, 404, h.do("GET", "/far/-/far-9.0.0.tgz", "", nil).Status)
	require.Equal(t, []string{"/nothing"}, o.seen())
	require.Equal(t, 404, h.do("GET", "/far?write=true", h.bob, nil).Status, "it is not ours to edit")
	require.Equal(t, 508, h.do("GET", "/nothing2", "", nil, "Via", strings.Repeat("1.1 x, ", 20)+"1.1 y").Status)
	require.Empty(t, o.seen())
}

// TestOwnNamesStayHere asks for every kind of name that is ours: not one request leaves.
func TestOwnNamesStayHere(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	h.publish(h.bob, "ours", "1.0.0")
	h.publish(h.bob, "was-ours", "1.0.0")
	doc := h.do("GET", "/was-ours?write=true", h.bob, nil).JSON()
	require.Equal(t, 200, h.do("DELETE", "/was-ours/-rev/"+fmt.Sprint(doc["_rev"]), h.bob, nil).Status)
	h.publish(h.bob, "@bob/secret", "1.0.0")
	require.Equal(t, 200, h.do("POST", "/-/package/@bob%2fsecret/access", h.bob, dict{"access": "restricted"}).Status)
	h.publish(h.root, "@unclaimed/ours", "1.0.0")

	for _, name := range []string{"ours", "was-ours", "@bob/secret", "@bob/other", "@ann/never-published", "@BOB/other", "@root/x", "@unclaimed/other"} {
		o.publish(name, h.clock.Now(), farVersion{"9.9.9", 100 * time.Hour, []byte("evil")})
		for _, spelt := range []string{name, strings.Replace(name, "/", "%2f", 1), strings.Replace(name, "/", "%2F", 1), strings.Replace(strings.Replace(name, "@", "%40", 1), "/", "%2F", 1)} {
			base := path.Base(name)
			for _, at := range []string{"/" + spelt, "/" + spelt + "/9.9.9", "/" + spelt + "/latest", "/" + spelt + "/-/" + base + "-9.9.9.tgz", "/" + spelt + "/-/" + base + "-1.0.1.tgz", "/-/package/" + spelt + "/dist-tags", "/-/package/" + spelt + "/visibility", "/" + spelt + "?write=true"} {
				for _, token := range []string{"", h.ann, h.bob} {
					res := h.do("GET", at, token, nil)
					require.NotContains(t, string(res.Body), "9.9.9\":", at)
					require.NotContains(t, string(res.Body), "evil", at)
				}
			}
		}
	}
	require.Empty(t, o.seen(), "nobody learned what is ours")

	o.publish("@fresh/n", h.clock.Now(), farVersion{"1.0.0", 100 * time.Hour, []byte("far")})
	require.Equal(t, 200, h.do("GET", "/@fresh%2fn", "", nil).Status)
	require.NotEmpty(t, o.seen())
	h.publish(h.root, "@fresh/ours", "1.0.0")
	require.Equal(t, 404, h.do("GET", "/@fresh%2fother", "", nil).Status)
	require.Empty(t, o.seen(), "a scope is ours from its first package on")
	require.Equal(t, 404, h.do("GET", "/@fresh%2fn", "", nil).Status, "what was read through before is shown no more")
}

func TestOperatorClaimsScope(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o, func(u *upstream.Options) {
		target, err := upstream.ParseTarget("@bob=" + o.URL)
		require.NoError(t, err)
		u.Targets = []upstream.Target{target}
	})
	h.publish(h.bob, "@bob/ours", "1.0.0")
	o.publish("@bob/ours", h.clock.Now(), farVersion{"9.9.9", 100 * time.Hour, []byte("evil")})
	o.publish("@bob/theirs", h.clock.Now(), farVersion{"2.0.0", 100 * time.Hour, []byte("far")})
	require.Equal(t, "2.0.0", h.do("GET", "/@bob%2ftheirs/latest", "", nil).JSON()["version"])
	require.Equal(t, "1.0.0", h.do("GET", "/@bob%2fours/latest", "", nil).JSON()["version"])
	require.Equal(t, 404, h.do("GET", "/far", "", nil).Status)
	require.Equal(t, []string{"/@bob%2ftheirs"}, o.seen())
}

// TestTheirs: what everybody installs from another registry stays that registry's, whoever publishes under its name.
func TestTheirs(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o, func(u *upstream.Options) {
		p, err := upstream.ParsePattern("express")
		require.NoError(t, err)
		u.Rules.Deny = append(u.Rules.Deny, p)
	})
	o.publish("far", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("far")})
	o.publish("@far/one", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("far")})
	for _, name := range []string{"far", "@far/one"} {
		require.Equal(t, 200, h.do("GET", "/"+name, "", nil).Status)
	}
	for _, name := range []string{"far", "lodash"} {
		doc := publishing(name, "9.0.0", sampleTarball(t, name, "9.0.0", 100))
		for method, at := range map[string]string{"PUT": "/" + name, "POST": "/-/stage/package/" + name} {
			res := h.do(method, at, h.bob, doc)
			require.Equal(t, 403, res.Status, "%s", res.Body)
			require.Contains(t, res.JSON()["error"], name+" is a package of another registry")
		}
		require.NotContains(t, string(h.do("GET", "/"+name, "", nil).Body), "9.0.0")
		require.Equal(t, 201, h.do("PUT", "/"+name, h.root, doc).Status, "an admin means it")
		require.Equal(t, "9.0.0", h.do("GET", "/"+name+"/latest", "", nil).JSON()["version"])
	}
	_ = o.seen()
	h.publish(h.bob, "near", "1.0.0")
	h.publish(h.bob, "express", "1.0.0") // it is denied, so nobody has it from there
	require.Empty(t, o.seen(), "nobody learned what is ours")
}

// TestScopesElsewhere: nobody gets a scope that another registry has packages of, be they read through or not; nor does that registry hear of a scope of ours.
func TestScopesElsewhere(t *testing.T) {
	const search = "/-/v1/search"
	o := newOther(t)
	h := openBeyond(t, o)
	h.publish(h.root, "@unclaimed/ours", "1.0.0")
	o.publish("@far/one", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("far")})
	require.Equal(t, 200, h.do("GET", "/@far%2fone", "", nil).Status)
	_ = o.seen()
	signup := func(name string) reply {
		return h.do("PUT", "/-/user/org.couchdb.user:"+name, "", dict{"name": name, "password": "another secret", "email": "x@example.com"})
	}
	for name, status := range map[string]int{"far": 403, "bob": 401, "unclaimed": 201, "Far2": 400, "-far2": 400} {
		require.Equal(t, status, signup(name).Status, name)
	}
	require.ErrorIs(t, h.auth.CreateOrg(t.Context(), auth.Identity{Name: "ann"}, "bob", "ann"), &auth.Error{Kind: auth.Exists})
	h.publish(h.bob, "@bob/mine", "1.0.0")
	require.Empty(t, o.seen(), "nobody learned what is ours, or what is no scope")

	require.Equal(t, 403, signup("babel").Status, "it is popular, which needs no asking")
	require.Empty(t, o.seen())
	o.gives(search, "application/json", []byte(`{"objects":[{"package":{"name":"@far2/node"}}]}`))
	res := signup("far2")
	require.Equal(t, 403, res.Status, "%s", res.Body)
	require.Contains(t, res.JSON()["error"], "The packages of @far2 come from another registry.")
	res = h.do("PUT", "/@far2%2fnode", h.bob, publishing("@far2/node", "99.0.0", sampleTarball(t, "@far2/node", "99.0.0", 100)))
	require.Equal(t, 403, res.Status, "%s", res.Body)
	require.ErrorIs(t, h.auth.CreateOrg(t.Context(), auth.Identity{Name: "ann"}, "far2", "ann"), &auth.Error{Kind: auth.Forbidden})
	require.Equal(t, []string{search}, o.seen(), "what it said is remembered")
	h.publish(h.root, "@far2/node", "99.0.0") // an admin means it
	require.Equal(t, 201, signup("fresh").Status, "it finds packages of another scope")
	require.Equal(t, []string{search}, o.seen())
}

func TestCooldown(t *testing.T) {
	const day = 24 * time.Hour
	o := newOther(t)
	h := openBeyond(t, o, func(u *upstream.Options) {
		u.Fresh = 1000 * day
		u.Rules = upstream.Rules{Cooldown: 7 * day}
		for into, text := range map[*[]upstream.Pattern]string{&u.Rules.Except: "@trusted", &u.Rules.Deny: "far@=1.5.0"} {
			p, err := upstream.ParsePattern(text)
			require.NoError(t, err)
			*into = append(*into, p)
		}
	})
	list := []farVersion{{"2.0.0", 2 * day, []byte("2.0.0")}, {"1.9.0", 4 * day, []byte("1.9.0")}, {"1.5.0", 50 * day, []byte("1.5.0")}, {"1.0.0", 90 * day, []byte("1.0.0")}, {"2.1.0-rc.1", day, []byte("rc")}}
	o.publish("far", h.clock.Now(), list...)
	o.publish("@trusted/far", h.clock.Now(), list...)
	o.publish("new", h.clock.Now(), list[0])

	for _, accept := range []string{"application/json", abbreviatedAccept} {
		res := h.do("GET", "/far", "", nil, "Accept", accept)
		require.Equal(t, 200, res.Status)
		doc := res.JSON()
		require.Len(t, doc["versions"], 1, accept)
		require.Equal(t, dict{"latest": "1.0.0", "next": "1.0.0"}, doc["dist-tags"])
		times := doc["time"].(dict)
		require.NotContains(t, times, "1.9.0")
		require.Equal(t, times["1.0.0"], times["modified"])
		require.Contains(t, at(t, doc, policyName, "versions"), "2.0.0")
		require.Regexp(t, `^far@2\.1\.0-rc\.1 is hidden .* So are 2 other versions\. far@1\.5\.0 is denied by the policy of this registry \(far@=1\.5\.0\)\.$`, at(t, doc, policyName, "message"))
		require.Contains(t, res.Header.Get("npm-notice"), "far@2.0.0 is hidden by this registry until")
		require.Contains(t, res.Header.Get("npm-notice"), "latest is 1.0.0 here.")
		require.Equal(t, "private, no-store", res.Header.Get("Cache-Control"), "npm prints no notice of what it keeps")
		require.Empty(t, res.Header.Get("Last-Modified"))
	}
	for spec, why := range map[string]string{"2.0.0": "versions younger than 7d are", "1.5.0": "is denied by the policy", "^1.2": "far@1.9.0 is hidden"} {
		res := h.do("GET", "/far/"+spec, "", nil)
		require.Equal(t, 404, res.Status)
		require.Contains(t, res.JSON()["error"], why)
	}
	res := h.do("GET", "/far/-/far-2.0.0.tgz", "", nil)
	require.Equal(t, 403, res.Status)
	require.Contains(t, res.JSON()["error"], "far@2.0.0 is hidden")
	res = h.do("GET", "/new", "", nil)
	require.Equal(t, 404, res.Status)
	require.Contains(t, res.JSON()["error"], "new@2.0.0 is hidden")
	require.Len(t, h.do("GET", "/@trusted%2ffar", "", nil).JSON()["versions"], 5)

	first := h.do("GET", "/far", "", nil).Header.Get("Etag")
	h.clock.Pass(3*day + time.Minute)
	res = h.do("GET", "/far", "", nil, "If-None-Match", first)
	require.Equal(t, 200, res.Status, "time alone has changed it")
	require.Equal(t, dict{"latest": "1.9.0", "next": "1.9.0"}, res.JSON()["dist-tags"])
	require.Equal(t, 200, h.do("GET", "/far/-/far-1.9.0.tgz", "", nil).Status)
	h.clock.Pass(10 * day)
	res = h.do("GET", "/far", "", nil)
	require.Len(t, res.JSON()["versions"], 4)
	require.Empty(t, res.Header.Get("npm-notice"))
	require.Contains(t, res.JSON()[policyName], "message", "one is denied for ever")

	h.publish(h.bob, "young", "1.0.0")
	require.Equal(t, 200, h.do("GET", "/young/1.0.0", "", nil).Status, "own packages do not wait")
}

func TestSweepKeepsWhatUpstreamNames(t *testing.T) {
	o := newOther(t)
	h := open(t)
	r := h.reopen(o)
	o.publish("far", time.Now(), farVersion{"1.0.0", time.Hour, sampleTarball(t, "far", "1.0.0", 5000)})
	require.Equal(t, 200, h.do("GET", "/far/-/far-1.0.0.tgz", "", nil).Status)
	require.Eventually(t, func() bool { return h.stored() == 1 }, 10*time.Second, time.Millisecond)
	_, err := h.blobs.Put(t.Context(), strings.NewReader("nobody names this"), nil)
	require.NoError(t, err)
	h.clock.Pass(100 * time.Hour)
	swept, err := r.Sweep(t.Context(), SweepOptions{})
	require.NoError(t, err)
	require.Equal(t, 1, swept.Deleted)
	require.Equal(t, 1, h.stored())
}

// TestSetteeBehindSettee mirrors one registry into another: what is published there is here, and what is unpublished there is not.
func TestSetteeBehindSettee(t *testing.T) {
	far := open(t)
	far.publish(far.bob, "first", "1.0.0")
	far.publish(far.bob, "@bob/private", "1.0.0")
	require.Equal(t, 200, far.do("POST", "/-/package/@bob%2fprivate/access", far.bob, dict{"access": "restricted"}).Status)
	near := open(t)
	o := &other{Server: httptest.NewServer(far.Registry)}
	t.Cleanup(o.Close)
	near.reopen(o, func(u *upstream.Options) {
		u.Mirror, u.Poll, u.Now = upstream.MirrorAll, 10*time.Millisecond, time.Now
	})
	kept := func(name, number string) func() bool {
		return func() bool {
			raw, err := database.Text(t.Context(), near.client.DB(upstream.Database), name)
			require.NoError(t, err)
			return (number == "" && raw == nil) || (number != "" && strings.Contains(string(raw), `"`+number+`":{`))
		}
	}
	require.Eventually(t, kept("first", "1.0.0"), 10*time.Second, 5*time.Millisecond)
	tgz := far.publish(far.bob, "second", "1.0.0")
	require.Eventually(t, kept("second", "1.0.0"), 10*time.Second, 5*time.Millisecond)
	res := near.do("GET", "/second/-/second-1.0.0.tgz", "", nil)
	require.Equal(t, 200, res.Status)
	require.Equal(t, tgz, res.Body)
	far.publish(far.bob, "second", "1.1.0")
	require.Eventually(t, kept("second", "1.1.0"), 10*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		return near.do("GET", "/second/latest", "", nil).JSON()["version"] == "1.1.0"
	}, 10*time.Second, 5*time.Millisecond)

	doc := far.do("GET", "/first?write=true", far.bob, nil).JSON()
	require.Equal(t, 200, far.do("DELETE", "/first/-rev/"+fmt.Sprint(doc["_rev"]), far.bob, nil).Status)
	require.Eventually(t, kept("first", ""), 10*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { return near.do("GET", "/first", "", nil).Status == 404 }, 10*time.Second, 5*time.Millisecond)
	require.True(t, kept("@bob/private", "")())
}

// TestBeyondTheDatabase reads through what the database has no room for in one document.
func TestBeyondTheDatabase(t *testing.T) {
	o := newOther(t)
	h := open(t, func(c *couch.Options, _ *Options) { c.MaxDocumentSize = 100 << 10 })
	h.reopen(o)
	var many []farVersion
	for i := range 400 {
		many = append(many, farVersion{fmt.Sprintf("1.%d.0", i), time.Hour, []byte("x")})
	}
	o.publish("large", h.clock.Now(), many...)
	for _, accept := range []string{"application/json", abbreviatedAccept} {
		res := h.do("GET", "/large", "", nil, "Accept", accept)
		require.Equal(t, 200, res.Status, "%s", res.Body)
		require.Len(t, res.JSON()["versions"], 400)
		require.Equal(t, 304, h.do("GET", "/large", "", nil, "Accept", accept, "If-None-Match", res.Header.Get("Etag")).Status)
	}
	require.Equal(t, []string{"/large"}, o.seen())
	res := h.do("GET", "/large/-/large-1.7.0.tgz", "", nil)
	require.Equal(t, 200, res.Status)
	require.Equal(t, "x", string(res.Body))
	o.publish("large", h.clock.Now(), many[:2]...)
	h.clock.Pass(2 * time.Hour)
	require.Len(t, h.do("GET", "/large", "", nil).JSON()["versions"], 2)
	require.Len(t, h.do("GET", "/large", "", nil, "Accept", abbreviatedAccept).JSON()["versions"], 2)
}
