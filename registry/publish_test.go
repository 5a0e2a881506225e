package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// TestBuildMetadataIsNoPartOfANumber: most clients cut it off before they publish, and before they look for a version.
func TestBuildMetadataIsNoPartOfANumber(t *testing.T) {
	h := open(t)
	tgz := h.publish(h.bob, "p", "1.0.0-rc.1+sha.5", "next")
	for _, accept := range []string{abbreviatedAccept, "application/json"} {
		doc := h.json("/p", "Accept", accept)
		v := at(t, doc, "versions", "1.0.0-rc.1").(dict)
		require.Equal(t, "1.0.0-rc.1", v["version"])
		require.Equal(t, dict{"latest": "1.0.0-rc.1", "next": "1.0.0-rc.1"}, doc["dist-tags"])
		require.Equal(t, h.url+"/p/-/p-1.0.0-rc.1.tgz", at(t, v, "dist", "tarball"))
	}
	require.Equal(t, "p@1.0.0-rc.1", h.json("/p/1.0.0-rc.1+sha.5")["_id"])
	for _, path := range []string{"/p/-/p-1.0.0-rc.1.tgz", "/p/-/p-1.0.0-rc.1+sha.5.tgz"} {
		require.Equal(t, tgz, h.do("GET", path, "", nil).Body, path)
	}
	h.publish(h.bob, "p", "1.0.0-rc.1+sha.5") // again: done before
	require.Equal(t, 403, h.tryVersion("p", "1.0.0-rc.1+sha.6").Status)
}

func TestPublishAndRead(t *testing.T) {
	h := open(t)
	for _, name := range []string{"plain", "@bob/scoped"} {
		first := h.publish(h.bob, name, "1.0.0")
		h.clock.Pass(time.Minute)
		h.publish(h.bob, name, "1.1.0-beta.1", "next")

		full := h.do("GET", "/"+name, "", nil)
		require.Equal(t, 200, full.Status)
		require.Equal(t, "application/json", full.Header.Get("Content-Type"))
		doc := full.JSON()
		require.Equal(t, name, doc["_id"])
		require.Regexp(t, "^2-", doc["_rev"])
		require.Equal(t, dict{"latest": "1.0.0", "next": "1.1.0-beta.1"}, doc["dist-tags"])
		require.Equal(t, []any{dict{"name": "bob", "email": "bob@example.com"}}, doc["maintainers"])
		require.Equal(t, "# "+name, doc["readme"])
		require.Equal(t, "a sample", doc["description"])
		require.Equal(t, "MIT", doc["license"])
		require.Equal(t, dict{}, doc["_attachments"])
		require.Equal(t, h.clock.Now().UTC().Format(isoTime), at(t, doc, "time", "modified"))
		require.Equal(t, at(t, doc, "time", "created"), at(t, doc, "time", "1.0.0"))
		v := at(t, doc, "versions", "1.0.0").(dict)
		require.Equal(t, dict{".": "./index.js"}, v["exports"])
		require.Equal(t, "22.0.0", v["_nodeVersion"])
		require.Equal(t, dict{"name": "bob", "email": "bob@example.com"}, v["_npmUser"])
		require.NotContains(t, v, "readme")
		require.Equal(t, false, v["_hasShrinkwrap"])
		require.EqualValues(t, 3, at(t, v, "dist", "fileCount"))
		link := h.url + "/" + name + "/-/" + PackageName(name).Base() + "-1.0.0.tgz"
		require.Equal(t, link, at(t, v, "dist", "tarball"))

		short := h.do("GET", "/"+name, "", nil, "Accept", abbreviatedAccept)
		require.Equal(t, "application/vnd.npm.install-v1+json", short.Header.Get("Content-Type"))
		about := short.JSON()
		require.Equal(t, name, about["name"])
		require.Equal(t, at(t, doc, "time", "modified"), about["modified"])
		require.Equal(t, doc["time"], about["time"])
		require.NotContains(t, about, "readme")
		sv := at(t, about, "versions", "1.0.0").(dict)
		require.Equal(t, v["dist"], sv["dist"])
		require.Equal(t, dict{"dep": "^1.0.0"}, sv["dependencies"])
		require.NotContains(t, sv, "exports")

		tgz := h.do("GET", strings.TrimPrefix(link, h.url), "", nil, "Accept-Encoding", "gzip")
		require.Equal(t, 200, tgz.Status)
		require.Equal(t, first, tgz.Body)
		require.Empty(t, tgz.Header.Get("Content-Encoding"))
		require.Equal(t, fmt.Sprint(len(first)), tgz.Header.Get("Content-Length"))
		require.Equal(t, "public, immutable, max-age=31536000", tgz.Header.Get("Cache-Control"))
	}
}

// TestBadInput sends what must be refused, in the client's words, and finds
// nothing stored afterwards.
func TestBadInput(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.MaxBody = 200_000 })
	h.publish(h.bob, "taken", "1.0.0")
	h.publish(h.bob, "@bob/owned", "1.0.0")
	tgz := sampleTarball(t, "p", "1.0.0", 300)
	sample := func(change func(dict)) []byte {
		doc := publishing("p", "1.0.0", tgz)
		change(doc)
		raw, err := json.Marshal(doc)
		require.NoError(t, err)
		return raw
	}
	version := func(doc dict) dict { return doc["versions"].(dict)["1.0.0"].(dict) }
	file := func(doc dict) dict { return doc["_attachments"].(dict)["p-1.0.0.tgz"].(dict) }
	named := func(name, v string) []byte {
		return publishDoc(t, name, v, sampleTarball(t, name, v, 10))
	}
	good := sample(func(dict) {})
	other := sampleTarball(t, "q", "1.0.0", 10)
	long := strings.Repeat("a", 215)
	tests := []struct {
		name, path string
		body       []byte
		status     int
		words      string
	}{
		{"invalid JSON", "/p", []byte(`{"_id":`), 400, "invalid JSON"},
		{"not JSON", "/p", []byte(`hello`), 400, "invalid JSON"},
		{"an array", "/p", []byte(`[]`), 400, "invalid JSON"},
		{"empty body", "/p", []byte{}, 400, "invalid JSON"},
		{"empty object", "/p", []byte(`{}`), 400, "invalid document"},
		{"truncated", "/p", good[:len(good)-200], 400, "invalid JSON"},
		{"trailing text", "/p", append(bytes.Clone(good), '}'), 400, "invalid JSON"},
		{"deep JSON", "/p", sample(func(d dict) { d["x"] = json.RawMessage(strings.Repeat("[", 900) + strings.Repeat("]", 900)) }), 400, "nested deeper"},
		{"invalid UTF-8", "/p", bytes.Replace(good, []byte("a sample"), []byte("\xff\xfe"), 1), 400, "UTF-8"},
		{"too large", "/p", sample(func(d dict) { d["x"] = strings.Repeat("x", 300_000) }), 413, "too large"},
		{"path outside", "/..%2fx", named("../x", "1.0.0"), 400, "invalid name"},
		{"node_modules", "/node_modules", named("node_modules", "1.0.0"), 400, "not a valid package name"},
		{"uppercase", "/Upper", named("Upper", "1.0.0"), 400, "capital letters"},
		{"215 characters", "/" + long, named(long, "1.0.0"), 400, "214 characters"},
		{"__proto__", "/__proto__", named("__proto__", "1.0.0"), 400, "cannot start with"},
		{"leading dot", "/.p", named(".p", "1.0.0"), 400, "cannot start with"},
		{"core module", "/fs", named("fs", "1.0.0"), 400, "core module"},
		{"other _id", "/p", sample(func(d dict) { d["_id"] = "q" }), 400, "its _id is"},
		{"other name", "/p", sample(func(d dict) { d["name"] = "q" }), 400, "its name is"},
		{"version's other name", "/p", sample(func(d dict) { version(d)["name"] = "q" }), 400, "name of version 1.0.0"},
		{"version's other number", "/p", sample(func(d dict) { version(d)["version"] = "1.0.1" }), 400, "version of version 1.0.0"},
		{"version's other _id", "/p", sample(func(d dict) { version(d)["_id"] = "p@2.0.0" }), 400, "_id of version"},
		{"not semver", "/p", named("p", "1.0"), 400, "not valid semver"},
		{"v in front", "/p", named("p", "v1.0.0"), 400, "not valid semver"},
		{"proto as version", "/p", named("p", "__proto__"), 400, "not valid semver"},
		{"two versions", "/p", sample(func(d dict) { d["versions"].(dict)["2.0.0"] = version(d) }), 400, "exactly one version"},
		{"no version", "/p", sample(func(d dict) { d["versions"] = dict{} }), 400, "exactly one version"},
		{"versions no object", "/p", sample(func(d dict) { d["versions"] = []any{} }), 400, "exactly one version"},
		{"version no object", "/p", sample(func(d dict) { d["versions"] = dict{"1.0.0": "x"} }), 400, "no object"},
		{"a range as tag", "/p", sample(func(d dict) { d["dist-tags"] = dict{"1.x": "1.0.0"} }), 400, "SemVer range"},
		{"an odd tag", "/p", sample(func(d dict) { d["dist-tags"] = dict{"a b": "1.0.0"} }), 400, "invalid tag"},
		{"a tag elsewhere", "/p", sample(func(d dict) { d["dist-tags"] = dict{"latest": "2.0.0"} }), 400, "no dist-tag names"},
		{"no attachment", "/p", sample(func(d dict) { delete(d, "_attachments") }), 400, "no attachment with data"},
		{"second attachment", "/p", sample(func(d dict) { d["_attachments"].(dict)["q.tgz"] = file(d) }), 400, "exactly one attachment"},
		{"attachment no tarball", "/p", sample(func(d dict) { d["_attachments"] = dict{"p.exe": file(d)} }), 400, "is no .tgz"},
		{"provenance", "/p", sample(func(d dict) { d["_attachments"].(dict)["p-1.0.0.sigstore"] = dict{"data": "{}", "length": 2} }), 422, "the bundle cannot be read"},
		{"provenance that is no text", "/p", sample(func(d dict) { d["_attachments"].(dict)["p-1.0.0.sigstore"] = dict{"data": dict{}} }), 400, "is no text"},
		{"provenance that is no JSON", "/p", sample(func(d dict) { d["_attachments"].(dict)["p-1.0.0.sigstore"] = dict{"data": "{"} }), 400, "is no JSON"},
		{"provenance twice", "/p", sample(func(d dict) {
			d["_attachments"].(dict)["p-1.0.0.sigstore"] = dict{"data": "{}"}
			d["_attachments"].(dict)["q-1.0.0.sigstore"] = dict{"data": "{}"}
		}), 400, "two provenance bundles"},
		{"attachment no object", "/p", sample(func(d dict) { d["_attachments"].(dict)["p-1.0.0.tgz"] = 3 }), 400, "no object"},
		{"data no string", "/p", sample(func(d dict) { file(d)["data"] = 3 }), 400, "invalid JSON"},
		{"wrong length", "/p", sample(func(d dict) { file(d)["length"] = 3 }), 400, "its length says 3"},
		{"odd length", "/p", sample(func(d dict) { file(d)["length"] = "3" }), 400, "is no number"},
		{"not base64", "/p", sample(func(d dict) { file(d)["data"] = "?" + file(d)["data"].(string)[1:] }), 400, "strict base64"},
		{"unpadded base64", "/p", sample(func(d dict) { file(d)["data"] = strings.TrimRight(file(d)["data"].(string), "=") + "A" }), 400, "invalid attachment"},
		{"wrong sha1", "/p", sample(func(d dict) { version(d)["dist"].(dict)["shasum"] = strings.Repeat("0", 40) }), 400, "its sha1 is"},
		{"wrong sha512", "/p", sample(func(d dict) {
			version(d)["dist"].(dict)["integrity"] = "sha512-" + base64.StdEncoding.EncodeToString(make([]byte, 64))
		}), 400, "its integrity is"},
		{"no gzip", "/p", publishDoc(t, "p", "1.0.0", []byte("not a tarball")), 400, "not gzip"},
		{"another's tarball", "/p", publishDoc(t, "p", "1.0.0", other), 400, "its package.json is of q@1.0.0"},
		{"no package.json", "/p", publishDoc(t, "p", "1.0.0", packed(t, "package/x", "y")), 400, "no package.json"},
		{"twice the same member", "/p", append([]byte(`{"_id":"p",`), good[1:]...), 400, "twice"},
		{"restricted unscoped", "/p", sample(func(d dict) { d["access"] = "restricted" }), 400, "unscoped packages"},
		{"odd access", "/p", sample(func(d dict) { d["access"] = "secret" }), 400, "invalid access"},
		{"version exists", "/taken", publishDoc(t, "taken", "1.0.0", sampleTarball(t, "taken", "1.0.0", 999)), 403, "You cannot publish over the previously published versions: 1.0.0."},
		{"version exists but for its build", "/taken", publishDoc(t, "taken", "1.0.0+2", sampleTarball(t, "taken", "1.0.0+2", 999)), 403, "previously published"},
		{"stale _rev", "/taken", func() []byte {
			doc := publishing("taken", "2.0.0", sampleTarball(t, "taken", "2.0.0", 10))
			doc["_rev"] = "1-00000000000000000000000000000000"
			raw, _ := json.Marshal(doc)
			return raw
		}(), 409, "conflict"},
	}
	documents, blobs := h.documents(), h.stored()
	for _, test := range tests {
		res := h.do("PUT", test.path, h.bob, test.body)
		require.Equal(t, test.status, res.Status, "%s: %s", test.name, res.Body)
		require.Contains(t, res.JSON()["error"], test.words, test.name)
		require.Equal(t, res.JSON()["error"], res.JSON()["message"], test.name)
		require.Equal(t, documents, h.documents(), test.name)
		require.Equal(t, blobs, h.stored(), test.name)
	}
	require.Equal(t, 404, h.do("GET", "/p", "", nil).Status)

	none := h.do("PUT", "/p", "", good)
	require.Equal(t, 401, none.Status)
	require.Contains(t, none.Header.Get("WWW-Authenticate"), "Bearer")
	require.Contains(t, none.Header.Get("WWW-Authenticate"), "Basic")
	require.NotContains(t, strings.ToLower(none.Header.Get("WWW-Authenticate")), "otp")
	require.Equal(t, "You must be logged in to publish packages.", none.JSON()["error"])
	require.Equal(t, 401, h.do("PUT", "/p", "npm_000000000000000000000000000000000000", good).Status)

	for _, name := range []string{"taken", "@bob/owned"} {
		res := h.do("PUT", "/"+name, h.ann, named(name, "2.0.0"))
		require.Equal(t, 403, res.Status)
		require.Contains(t, res.JSON()["error"], `You do not have permission to publish "`+name+`"`)
	}
	require.Equal(t, 403, h.do("PUT", "/@bob%2fnew", h.ann, named("@bob/new", "1.0.0")).Status, "another's scope")
	require.Equal(t, documents, h.documents())
	require.Equal(t, blobs, h.stored())
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, good).Status, "and what they were made of is good")
}

func TestRefusedBeforeTheBodyIsRead(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "taken", "1.0.0")
	slow, in := io.Pipe()
	defer in.Close()
	req, err := http.NewRequest("PUT", h.url+"/new", slow)
	require.NoError(t, err)
	req.ContentLength = 1 << 30
	req.Header.Set("Authorization", "Bearer "+h.bob)
	res, err := http.DefaultClient.Do(req) // nothing of the body is ever sent but what the transport takes
	if err == nil {
		require.Equal(t, 413, res.StatusCode)
		res.Body.Close()
	}
}

func TestIdenticalRetrySucceeds(t *testing.T) {
	h := open(t)
	doc := publishDoc(t, "p", "1.0.0", sampleTarball(t, "p", "1.0.0", 50))
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, doc).Status)
	rev := h.do("GET", "/p", "", nil).JSON()["_rev"]
	again := h.do("PUT", "/p", h.bob, doc)
	require.Equal(t, 201, again.Status)
	require.Equal(t, rev, again.JSON()["rev"], "nothing was written")
	require.Equal(t, 403, h.do("PUT", "/p", h.root, doc).Status, "another user's retry is none")
}

func TestConcurrentPublishes(t *testing.T) {
	h := open(t)
	const versions, rivals = 12, 4
	var wg sync.WaitGroup
	won := make([]int, versions)
	var mu sync.Mutex
	for v := range versions {
		for rival := range rivals {
			wg.Go(func() {
				number := fmt.Sprintf("1.%d.0", v)
				tgz := sampleTarball(t, "race", number, 10+rival)
				res := h.do("PUT", "/race", h.bob, publishDoc(t, "race", number, tgz))
				mu.Lock()
				defer mu.Unlock()
				if res.Status == 201 {
					won[v]++
				} else if res.Status != 403 {
					t.Errorf("status %d: %s", res.Status, res.Body)
				}
			})
		}
	}
	wg.Wait()
	for v := range versions {
		require.Equal(t, 1, won[v], "exactly one publish of version %d", v)
	}
	doc := h.do("GET", "/race", "", nil).JSON()
	require.Len(t, doc["versions"], versions)
	for number := range doc["versions"].(dict) {
		link := at(t, doc, "versions", number, "dist", "tarball").(string)
		require.Equal(t, 200, h.do("GET", strings.TrimPrefix(link, h.url), "", nil).Status)
	}
}

// TestWritersElsewhere writes the packument past the registry's back, as another
// process or a replication does, while it publishes.
func TestWritersElsewhere(t *testing.T) {
	h := open(t)
	second, err := New(t.Context(), h.client, h.blobs, h.auth, Options{})
	require.NoError(t, err)
	defer second.Close()
	h.publish(h.bob, "p", "0.0.1")
	var wg sync.WaitGroup
	for i := range 10 {
		for side, r := range []*Registry{h.Registry, second} {
			wg.Go(func() {
				number := fmt.Sprintf("%d.%d.0", side+1, i)
				u, err := readUpload(bytes.NewReader(publishDoc(t, "p", number, sampleTarball(t, "p", number, 5))), "", 1<<20)
				if err == nil {
					defer u.Close()
					_, err = r.publish(t.Context(), &request{Request: &http.Request{}, pkg: "p", who: bob}, u)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	require.Eventually(t, func() bool {
		return len(h.do("GET", "/p", "", nil).JSON()["versions"].(dict)) == 21
	}, time.Minute, 5*time.Millisecond, "the changes feed tells of what the other wrote")
	require.Len(t, h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).JSON()["versions"], 21)
}

func TestMergedPublishOfNpm6(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	doc := h.do("GET", "/p?write=true", h.bob, nil).JSON()
	next := publishing("p", "1.1.0", sampleTarball(t, "p", "1.1.0", 5))
	doc["versions"].(dict)["1.1.0"] = next["versions"].(dict)["1.1.0"]
	doc["dist-tags"].(dict)["latest"] = "1.1.0"
	doc["_attachments"] = dict{"p-1.0.0.tgz": dict{"stub": true, "length": 3}, "p-1.1.0.tgz": next["_attachments"].(dict)["p-1.1.0.tgz"]}
	res := h.do("PUT", "/p", h.bob, doc)
	require.Equal(t, 201, res.Status, "%s", res.Body)
	require.Len(t, h.do("GET", "/p", "", nil).JSON()["versions"], 2)
}

func TestLargeTarballsAreSpooled(t *testing.T) {
	h := open(t)
	tgz := sampleTarball(t, "big", "1.0.0", 3<<20)
	require.Equal(t, 201, h.do("PUT", "/big", h.bob, publishDoc(t, "big", "1.0.0", tgz)).Status)
	require.Equal(t, tgz, h.do("GET", "/big/-/big-1.0.0.tgz", "", nil).Body)
	part := h.do("GET", "/big/-/big-1.0.0.tgz", "", nil, "Range", "bytes=1000000-1000009")
	require.Equal(t, 206, part.Status)
	require.Equal(t, tgz[1000000:1000010], part.Body)
}

func TestInstallScriptsAreFound(t *testing.T) {
	h := open(t)
	tgz := packed(t, "package/package.json", manifestJSON("gyp", "1.0.0"), "package/binding.gyp", "{}", "package/npm-shrinkwrap.json", "{}")
	require.Equal(t, 201, h.do("PUT", "/gyp", h.bob, publishing("gyp", "1.0.0", tgz)).Status)
	v := at(t, h.do("GET", "/gyp", "", nil, "Accept", abbreviatedAccept).JSON(), "versions", "1.0.0").(dict)
	require.Equal(t, true, v["hasInstallScript"])
	require.Equal(t, true, v["_hasShrinkwrap"])
	doc := publishing("gypless", "1.0.0", packed(t, "package/package.json", manifestJSON("gypless", "1.0.0"), "package/binding.gyp", "{}"))
	at(t, doc, "versions", "1.0.0").(dict)["gypfile"] = false
	require.Equal(t, 201, h.do("PUT", "/gypless", h.bob, doc).Status)
	require.NotContains(t, at(t, h.do("GET", "/gypless", "", nil, "Accept", abbreviatedAccept).JSON(), "versions", "1.0.0"), "hasInstallScript")
}

func TestFirstPublishWithAnotherTagGetsLatest(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0-rc.1", "next")
	require.Equal(t, dict{"next": "1.0.0-rc.1", "latest": "1.0.0-rc.1"}, h.do("GET", "/-/package/p/dist-tags", "", nil).JSON())
}
