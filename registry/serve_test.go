package registry

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEncodings asks for one package in every encoding, on every kind of route.
func TestEncodings(t *testing.T) {
	h := open(t)
	tgz := h.publish(h.bob, "@bob/n", "1.0.0")
	for _, name := range []string{"@bob%2fn", "@bob%2Fn", "%40bob%2Fn", "@bob/n", "%40bob/n"} {
		require.Equal(t, "@bob/n", h.do("GET", "/"+name, "", nil).JSON()["name"], name)
		require.Equal(t, "@bob/n", h.do("GET", "/"+name+"/", "", nil).JSON()["name"], name)
		require.Equal(t, "1.0.0", h.do("GET", "/"+name+"/latest", "", nil).JSON()["version"], name)
		require.Equal(t, "1.0.0", h.do("GET", "/"+name+"/%5E1.0.0", "", nil).JSON()["version"], name)
		require.Equal(t, dict{"latest": "1.0.0"}, h.do("GET", "/-/package/"+name+"/dist-tags", "", nil).JSON(), name)
		require.Equal(t, 201, h.do("PUT", "/-/package/"+name+"/dist-tags/t", h.bob, "1.0.0").Status, name)
		require.Equal(t, 201, h.do("DELETE", "/-/package/"+name+"/dist-tags/t", h.bob, nil).Status, name)
		for _, file := range []string{"n-1.0.0.tgz", "@bob/n-1.0.0.tgz", "@bob%2fn-1.0.0.tgz"} {
			require.Equal(t, tgz, h.do("GET", "/"+name+"/-/"+file, "", nil).Body, name+" "+file)
		}
		require.Equal(t, 409, h.do("DELETE", "/"+name+"/-/n-1.0.0.tgz/-rev/1-0", h.bob, nil).Status, name)
		require.Equal(t, 409, h.do("DELETE", "/"+name+"/-rev/1-0", h.bob, nil).Status, name)
	}
}

func TestLinksFollowTheHost(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	for _, host := range []string{"one.example:1", "two.example"} {
		req, err := http.NewRequest("GET", h.url+"/p", nil)
		require.NoError(t, err)
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, string(raw), `"http://`+host+`/p/-/p-1.0.0.tgz"`)
	}
}

func TestWriteTrueIsFresh(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	first := h.do("GET", "/p?write=true", h.bob, nil, "Accept", abbreviatedAccept)
	require.Equal(t, "application/json", first.Header.Get("Content-Type"))
	require.Equal(t, `"`+first.JSON()["_rev"].(string)+`"`, first.Header.Get("ETag"))
	require.Equal(t, 304, h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", first.Header.Get("ETag")).Status)
	h.publish(h.bob, "p", "1.0.1")
	require.Equal(t, 200, h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", first.Header.Get("ETag")).Status)
}

func TestDeprecate(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.0.1")
	edit := func(message string) reply {
		doc := h.do("GET", "/p?write=true", h.bob, nil).JSON()
		v := doc["versions"].(dict)["1.0.0"].(dict)
		v["deprecated"], v["main"] = message, "evil.js"
		return h.do("PUT", "/p", h.bob, doc)
	}
	require.Equal(t, 201, edit("use 1.0.1").Status)
	doc := h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).JSON()
	require.Equal(t, "use 1.0.1", at(t, doc, "versions", "1.0.0", "deprecated"))
	require.NotContains(t, at(t, doc, "versions", "1.0.1"), "deprecated")
	require.Equal(t, "index.js", at(t, h.do("GET", "/p", "", nil).JSON(), "versions", "1.0.0", "main"), "nothing else changes")
	require.Equal(t, 201, edit("").Status)
	require.NotContains(t, at(t, h.do("GET", "/p", "", nil).JSON(), "versions", "1.0.0"), "deprecated")
	stale := h.do("GET", "/p?write=true", h.bob, nil).JSON()
	require.Equal(t, 201, edit("again").Status)
	late := h.do("PUT", "/p", h.bob, stale)
	require.Equal(t, 409, late.Status)
	require.Contains(t, late.Header.Get("npm-notice"), "Run the command again", "npm prints the notice, and of the body \"conflict\" alone")
	require.Equal(t, 403, h.do("PUT", "/p", h.ann, h.do("GET", "/p", "", nil).JSON()).Status)
}

func TestUnpublish(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "2.0.0")
	remove := func(version string) reply {
		doc := h.do("GET", "/p?write=true", h.bob, nil).JSON()
		delete(doc["versions"].(dict), version)
		delete(doc, "_attachments")
		return h.do("PUT", "/p/-rev/"+doc["_rev"].(string), h.bob, doc)
	}
	require.Equal(t, 201, remove("2.0.0").Status)
	doc := h.do("GET", "/p", "", nil).JSON()
	require.Equal(t, dict{"latest": "1.0.0"}, doc["dist-tags"])
	require.Contains(t, doc["time"], "2.0.0", "the number stays used")
	rev := h.do("GET", "/p?write=true", h.bob, nil).JSON()["_rev"].(string)
	for range 2 {
		require.Equal(t, 200, h.do("DELETE", "/p/-/p-2.0.0.tgz/-rev/"+rev, h.bob, nil).Status)
	}
	require.Equal(t, 404, h.do("GET", "/p/-/p-2.0.0.tgz", "", nil).Status)
	require.Equal(t, 403, h.do("PUT", "/p", h.bob, publishDoc(t, "p", "2.0.0", sampleTarball(t, "p", "2.0.0", 7))).Status)

	h.clock.Pass(73 * time.Hour)
	require.Equal(t, 405, h.do("DELETE", "/p/-rev/"+rev, h.bob, nil).Status, "too late")
	require.Equal(t, 403, h.do("DELETE", "/p/-rev/"+rev, h.ann, nil).Status)
	require.Equal(t, 200, h.do("DELETE", "/p/-rev/"+rev, h.root, nil).Status, "admins may")
	gone := h.do("GET", "/p", "", nil)
	require.Equal(t, 404, gone.Status)
	require.Equal(t, []any{"1.0.0"}, at(t, gone.JSON(), "time", "unpublished", "versions"))
	require.Equal(t, 404, h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).Status)

	again := publishDoc(t, "p", "3.0.0", sampleTarball(t, "p", "3.0.0", 7))
	res := h.do("PUT", "/p", h.bob, again)
	require.Equal(t, 403, res.Status)
	require.Equal(t, `"p" cannot be republished until 24 hours have passed.`, res.JSON()["error"])
	h.clock.Pass(25 * time.Hour)
	require.Equal(t, 403, h.do("PUT", "/p", h.ann, again).Status, "the name is its owners'")
	require.Equal(t, 403, h.do("PUT", "/p", h.bob, publishDoc(t, "p", "1.0.0", sampleTarball(t, "p", "1.0.0", 7))).Status)
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, again).Status)
	require.NotContains(t, h.do("GET", "/p", "", nil).JSON()["time"], "unpublished")

	swept, err := h.Sweep(t.Context(), SweepOptions{Grace: time.Nanosecond})
	require.NoError(t, err)
	require.Equal(t, 2, swept.Deleted)
	require.Equal(t, 1, h.stored())
	require.Equal(t, 200, h.do("GET", "/p/-/p-3.0.0.tgz", "", nil).Status)
}

func TestOwnersAndStars(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	rev := func() string { return h.do("GET", "/p?write=true", h.bob, nil).JSON()["_rev"].(string) }
	own := func(token string, names ...string) reply {
		list := []any{}
		for _, name := range names {
			list = append(list, dict{"name": name, "email": "made@up"})
		}
		return h.do("PUT", "/p/-rev/"+rev(), token, dict{"_id": "p", "_rev": rev(), "maintainers": list})
	}
	require.Equal(t, 403, own(h.ann, "ann").Status)
	require.Equal(t, 400, own(h.bob).Status)
	require.Equal(t, 400, own(h.bob, "nobody").Status)
	res := own(h.bob, "bob", "ann")
	require.Equal(t, 201, res.Status)
	require.Equal(t, true, res.JSON()["success"])
	require.Equal(t, "ann@example.com", at(t, h.do("GET", "/p", "", nil).JSON()["maintainers"].([]any)[1], "email"))
	h.publish(h.ann, "p", "1.1.0")

	h.publish(h.bob, "q", "1.0.0")
	star := dict{"_id": "q", "_rev": "1-0", "users": dict{"ann": true, "bob": true}}
	require.Equal(t, 201, h.do("PUT", "/q", h.ann, star).Status)
	require.Equal(t, dict{"ann": true}, h.do("GET", "/q", "", nil).JSON()["users"])
	require.Equal(t, "q", h.do("GET", "/-/_view/starredByUser?key=%22ann%22", "", nil).JSON()["rows"].([]any)[0].(dict)["value"])
	require.Equal(t, 201, h.do("PUT", "/q", h.ann, dict{"_id": "q", "users": dict{"bob": true}}).Status)
	require.Equal(t, dict{}, h.do("GET", "/q", "", nil).JSON()["users"])
	require.Equal(t, 401, h.do("PUT", "/q", "", star).Status)
}

func TestDistTags(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "2.0.0")
	for _, test := range []struct {
		method, path, token string
		body                any
		status              int
	}{
		{"PUT", "/beta", h.bob, "1.0.0", 201}, {"POST", "/gamma", h.bob, "2.0.0", 201}, {"PUT", "/latest", h.bob, "1.0.0", 201},
		{"PUT", "/1.x", h.bob, "1.0.0", 400}, {"PUT", "/beta", h.bob, "9.0.0", 404}, {"PUT", "/beta", h.ann, "1.0.0", 403}, {"PUT", "/beta", "", "1.0.0", 401},
		{"PUT", "/beta", h.bob, []byte(`{`), 400}, {"DELETE", "/latest", h.bob, nil, 403}, {"DELETE", "/none", h.bob, nil, 404}, {"DELETE", "/beta", h.bob, nil, 201},
		{"POST", "", h.bob, dict{"delta": "1.0.0"}, 201}, {"PUT", "", h.bob, dict{"delta": "1.0.0"}, 400}, {"PUT", "", h.bob, dict{"latest": "2.0.0"}, 201},
	} {
		res := h.do(test.method, "/-/package/p/dist-tags"+test.path, test.token, test.body)
		require.Equal(t, test.status, res.Status, "%s %s: %s", test.method, test.path, res.Body)
	}
	require.Equal(t, dict{"latest": "2.0.0"}, h.do("GET", "/-/package/p/dist-tags", "", nil).JSON())
	require.Equal(t, 201, h.do("PUT", "/p/old", h.bob, "1.0.0").Status, "as npm 1 tagged")
}

func TestRestrictedPackages(t *testing.T) {
	h := open(t)
	doc := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	doc["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fsecret", h.bob, doc).Status)
	for _, path := range []string{"/@bob%2fsecret", "/@bob/secret/-/secret-1.0.0.tgz", "/@bob/secret/latest", "/-/package/@bob%2fsecret/dist-tags", "/@bob%2fsecret?write=true"} {
		require.Equal(t, 404, h.do("GET", path, "", nil).Status, path)
		require.Equal(t, 404, h.do("GET", path, h.ann, nil).Status, path)
		mine := h.do("GET", path, h.bob, nil)
		require.Equal(t, 200, mine.Status, path)
		require.True(t, strings.HasPrefix(mine.Header.Get("Cache-Control"), "private"), path)
	}
	require.Empty(t, h.do("GET", "/-/v1/search?text=@bob", h.ann, nil).JSON()["objects"])
	require.Equal(t, 401, h.do("GET", "/@bob%2fsecret", "npm_000000000000000000000000000000000000", nil).Status)
}

func TestAccounts(t *testing.T) {
	h := open(t)
	require.Equal(t, "bob", h.do("GET", "/-/whoami", h.bob, nil).JSON()["username"])
	require.Equal(t, 401, h.do("GET", "/-/whoami", "", nil).Status)
	wrong := h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "wrong-password"})
	require.Equal(t, 401, wrong.Status)
	require.NotEmpty(t, wrong.JSON()["error"])
	require.Equal(t, 201, h.do("PUT", "/-/user/org.couchdb.user:bob/-rev/1-0", "", dict{"name": "bob", "password": "secret-bob"}).Status)
	user := h.do("GET", "/-/user/org.couchdb.user:bob", h.ann, nil).JSON()
	require.Equal(t, "bob@example.com", user["email"])
	require.Equal(t, 404, h.do("GET", "/-/user/org.couchdb.user:nobody", "", nil).Status)
	require.Equal(t, "bob", h.do("GET", "/-/npm/v1/user", h.bob, nil).JSON()["name"])
	require.Equal(t, 200, h.do("DELETE", "/-/user/token/"+h.bob, h.bob, nil).Status)
	require.Equal(t, 401, h.do("GET", "/-/whoami", h.bob, nil).Status)
}

func TestSmallRoutes(t *testing.T) {
	h := open(t)
	for _, test := range []struct {
		method, path string
		status       int
		has          string
	}{
		{"GET", "/-/ping", 200, "{}"}, {"GET", "/-/ping?write=true", 200, "{}"},
		{"POST", "/-/npm/v1/security/advisories/bulk", 400, "Invalid package tree"},
		{"GET", "/-/by-user/x", 501, "Not Implemented"}, {"GET", "/-/nothing", 404, "error"}, {"GET", "/", 200, `"db_name":"registry"`}, {"GET", "/missing", 404, "Not found"},
		{"GET", "/_design/registry/_view/by-keyword", 501, "Not Implemented"}, {"PATCH", "/p", 405, "PATCH is not allowed"}, {"PUT", "/p/-/p-1.0.0.tgz/-rev/1-0", 400, "unsupported"}, {"GET", "/a/b/c/d/e", 404, "error"}, {"GET", "//missing", 404, "error"},
	} {
		res := h.do(test.method, test.path, "", nil)
		require.Equal(t, test.status, res.Status, test.path)
		require.Contains(t, string(res.Body), test.has, test.path)
	}
	var out bytes.Buffer
	require.NoError(t, Routes(&out))
	require.Equal(t, len(table), strings.Count(out.String(), "\n"))
}

// TestChangesFromElsewhere edits a document behind the registry's back.
func TestChangesFromElsewhere(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 404, h.do("GET", "/q", "", nil).Status, "known not to be")
	doc := h.do("GET", "/p", "", nil).JSON()
	doc["description"] = "from elsewhere"
	delete(doc, "_attachments")
	_, err := h.client.DB(Database).Put(t.Context(), "p", doc)
	require.NoError(t, err)
	delete(doc, "_rev")
	doc["_id"], doc["name"] = "q", "q"
	_, err = h.client.DB(Database).Put(t.Context(), "q", doc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return h.do("GET", "/p", "", nil).JSON()["description"] == "from elsewhere" && h.do("GET", "/q", "", nil).Status == 200
	}, time.Minute, 2*time.Millisecond)
}
