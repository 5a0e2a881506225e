package registry

import (
	"bytes"
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

// The tests of this file are named after the numbers of section 8 of reference/npm-api.md: what went wrong in registries that
// were there before.

func (h *house) json(path string, headers ...string) dict {
	res := h.do("GET", path, "", nil, headers...)
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	return res.JSON()
}

func TestPitfall07Latest(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	doc := publishing("p", "2.0.0-rc.1", sampleTarball(t, "p", "2.0.0-rc.1", 5))
	doc["dist-tags"] = dict{"next": "2.0.0-rc.1"}
	sent := at(t, doc, "versions", "2.0.0-rc.1").(dict)
	sent["readme"], sent["description"] = "# the next", "the next"
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, doc).Status)
	full := h.json("/p")
	require.Equal(t, dict{"latest": "1.0.0", "next": "2.0.0-rc.1"}, full["dist-tags"])
	require.Equal(t, "# p", full["readme"], "another tag leaves the readme")
	require.Equal(t, "a sample", full["description"])

	h.publish(h.bob, "p", "1.5.0")
	h.publish(h.bob, "p", "1.4.9", "lts") // a backport
	require.Equal(t, "1.5.0", at(t, h.json("/p"), "dist-tags", "latest"))
	require.Equal(t, 201, h.unpublishVersion(h.bob, "p", "1.5.0").Status)
	require.Equal(t, "1.4.9", at(t, h.json("/p"), "dist-tags", "latest"), "the highest that is no prerelease")
	require.Equal(t, 403, h.do("DELETE", "/-/package/p/dist-tags/latest", h.bob, nil).Status)
	for _, tag := range []string{"1.x", "^2", "v1", "*", "1.2.3", ">=1"} {
		require.Equal(t, 400, h.do("PUT", "/-/package/p/dist-tags/"+strings.ReplaceAll(tag, ">", "%3E"), h.bob, "1.0.0").Status, tag)
	}
}

func TestPitfall08Races(t *testing.T) {
	h := open(t)
	body := publishDoc(t, "p", "1.0.0", sampleTarball(t, "p", "1.0.0", 10))
	var all sync.WaitGroup
	for range 8 { // one publish, sent again before the first was answered
		all.Go(func() {
			if res := h.do("PUT", "/p", h.bob, body); res.Status != 201 {
				t.Errorf("%d %s", res.Status, res.Body)
			}
		})
	}
	all.Wait()
	require.Regexp(t, "^1-", h.json("/p?write=true")["_rev"], "written once")
	require.Equal(t, 1, h.stored())
}

func TestPitfall11Integrity(t *testing.T) {
	h := open(t)
	tgz := sampleTarball(t, "p", "1.0.0", 500)
	for i, dist := range []dict{{}, {"shasum": ""}, {"integrity": "sha1-AAAA"}} {
		name := fmt.Sprintf("p%d", i)
		tgz := sampleTarball(t, name, "1.0.0", 500)
		doc := publishing(name, "1.0.0", tgz)
		at(t, doc, "versions", "1.0.0").(dict)["dist"] = dist
		res := h.do("PUT", "/"+name, h.bob, doc)
		if i == 1 {
			require.Equal(t, 400, res.Status, "a sum that is sent must be right")
			continue
		}
		require.Equal(t, 201, res.Status, "%s", res.Body)
		kept := at(t, h.json("/"+name), "versions", "1.0.0", "dist").(dict)
		require.Regexp(t, "^sha512-", kept["integrity"])
		require.Len(t, kept["shasum"], 40)
		served := h.do("GET", "/"+name+"/-/"+name+"-1.0.0.tgz", "", nil)
		require.Equal(t, tgz, served.Body)
		require.Equal(t, fmt.Sprint(len(tgz)), served.Header.Get("Content-Length"))
	}
	res := h.do("PUT", "/p", h.bob, publishDoc(t, "p", "1.0.0", tgz))
	require.Equal(t, 201, res.Status)
	other := sampleTarball(t, "p", "1.0.0", 501)
	require.Equal(t, 403, h.do("PUT", "/p", h.bob, publishDoc(t, "p", "1.0.0", other)).Status)
	require.Equal(t, tgz, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Body, "other bytes never take a number's place")
}

func TestPitfall14Limits(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.MaxBody = 30 << 20 })
	big := publishDoc(t, "big", "1.0.0", sampleTarball(t, "big", "1.0.0", 12<<20))
	require.Greater(t, len(big), 15<<20)
	require.Equal(t, 201, h.do("PUT", "/big", h.bob, big).Status, "ten megabytes are no limit")

	req, err := http.NewRequest("PUT", h.url+"/endless", io.LimitReader(endless{}, 64<<20))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+h.bob)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err, "who writes before it reads sees the refusal, not a reset connection")
	defer res.Body.Close()
	require.Equal(t, 413, res.StatusCode)
	require.True(t, res.Close, "Connection: close")
	require.Equal(t, 1, h.stored())
}

// endless is a publish whose metadata has no end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	copy(p, bytes.Repeat([]byte(" "), len(p)))
	return len(p), nil
}

// TestPitfall20Fields sends what old packages have, of types that nobody expects, and finds it unchanged in both forms.
func TestPitfall20Fields(t *testing.T) {
	h := open(t)
	for i, fields := range []dict{
		{"bundleDependencies": false, "bin": "x.js", "directories": dict{"bin": "bin"}, "deprecated": "", "engines": []any{"node >= 0.8"}, "os": "linux", "cpu": []any{"!arm"}, "libc": "glibc"},
		{"bundleDependencies": true, "deprecated": false, "engines": "node", "os": []any{"linux"}, "peerDependencies": dict{"a": "*"}, "peerDependenciesMeta": dict{"a": dict{"optional": true}}, "funding": []any{"https://example.com"}},
		{"bundleDependencies": []any{"a"}, "acceptDependencies": dict{"a": "1"}, "optionalDependencies": dict{"a": "1"}, "bin": dict{"x": "x.js"}, "engines": dict{"node": "*"}},
		{"dependencies": []any{}, "bin": []any{"odd"}, "os": dict{}, "engines": 7.0, "cpu": nil, "funding": true, "directories": "lib"},
	} {
		name := fmt.Sprintf("fields%d", i)
		res := h.send(h.bob, name, "1.0.0", fields)
		require.Equal(t, 201, res.Status, "%s", res.Body)
		full := at(t, h.json("/"+name), "versions", "1.0.0").(dict)
		short := at(t, h.json("/"+name, "Accept", abbreviatedAccept), "versions", "1.0.0").(dict)
		for field, value := range fields {
			require.Equal(t, value, full[field], "%s %s", name, field)
			require.Equal(t, value, short[field], "%s %s", name, field)
		}
	}
	require.Equal(t, 201, h.send(h.bob, "scripted", "1.0.0", dict{"scripts": dict{"postinstall": "x"}}).Status)
	require.Equal(t, true, at(t, h.json("/scripted", "Accept", abbreviatedAccept), "versions", "1.0.0", "hasInstallScript"))
}

func TestPitfall21Names(t *testing.T) {
	h := open(t)
	for _, name := range []string{"constructor", "hasownproperty", "tostring", "valueof", "@bob/constructor", "then"} {
		h.publish(h.bob, name, "1.0.0")
		require.Equal(t, name, h.json("/" + name)["name"])
		require.Equal(t, dict{"latest": "1.0.0"}, h.json("/-/package/"+strings.ReplaceAll(name, "/", "%2f")+"/dist-tags"))
	}
	for _, path := range []string{"/_design", "/_design%2fregistry", "/_all_docs", "/__proto__"} {
		require.GreaterOrEqual(t, h.tryPublish(h.bob, path[1:]).Status, 400, path)
	}
	legacy := parsePackument("JSONStream", []byte(`{"name":"JSONStream","dist-tags":{"latest":"1.0.0"},"maintainers":[{"name":"bob"}],"time":{"1.0.0":"2011-01-01T00:00:00.000Z"},"versions":{"1.0.0":{"name":"JSONStream","version":"1.0.0","dist":{}}}}`))
	_, err := h.db.Put(t.Context(), "JSONStream", json.RawMessage(legacy.encode()))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.do("GET", "/JSONStream", "", nil).Status == 200 }, 10*time.Second, 5*time.Millisecond)
	h.publish(h.bob, "JSONStream", "2.0.0") // a legacy name goes on
	require.Equal(t, 404, h.do("GET", "/jsonstream", "", nil).Status, "capitals make another name")
	require.Equal(t, 403, h.tryPublish(h.ann, "jsonstream").Status, "which is too similar")
	require.Equal(t, 400, h.tryPublish(h.bob, "NewCapitals").Status)

	long := "1.0.0-" + strings.Repeat("a", 100) + "+" + strings.Repeat("b", 100)
	h.publish(h.bob, "long", long)
	link := at(t, h.json("/long"), "versions", long, "dist", "tarball").(string)
	require.Equal(t, 200, h.do("GET", strings.TrimPrefix(link, h.url), "", nil).Status)
}

func TestPitfall22Deprecations(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.1.0-rc.1")
	edit := func(text any) dict {
		doc := h.do("GET", "/p?write=true", h.bob, nil).JSON()
		for _, v := range doc["versions"].(dict) {
			v.(dict)["deprecated"] = text
		}
		require.Equal(t, 201, h.do("PUT", "/p", h.bob, doc).Status)
		return h.json("/p", "Accept", abbreviatedAccept)
	}
	for _, v := range edit("all of it")["versions"].(dict) {
		require.Equal(t, "all of it", v.(dict)["deprecated"], "prereleases too")
	}
	for _, v := range edit("")["versions"].(dict) {
		require.NotContains(t, v, "deprecated")
	}
}

func TestPitfall27Tombstones(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.unpublish(h.bob, "p").Status)
	for _, path := range []string{"/p", "/p/latest", "/p/1.0.0", "/p/-/p-1.0.0.tgz", "/-/package/p/dist-tags", "/-/settee/package/p/quality"} {
		res := h.do("GET", path, "", nil)
		require.Equal(t, 404, res.Status, path)
		require.NotContains(t, res.JSON(), "versions")
	}
	require.Contains(t, h.do("GET", "/p", "", nil).JSON()["time"], "unpublished")
	require.Equal(t, 404, h.do("DELETE", "/p/-rev/1-0", h.bob, nil).Status, "which clients take for success")
}

func TestPitfall30Modified(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.1.0")
	modified := func() any { return at(t, h.json("/p"), "time", "modified") }
	last := modified()
	doc := func() dict { return h.do("GET", "/p?write=true", h.bob, nil).JSON() }
	for name, change := range map[string]func() reply{
		"dist-tag":    func() reply { return h.do("PUT", "/-/package/p/dist-tags/old", h.bob, "1.0.0") },
		"no dist-tag": func() reply { return h.do("DELETE", "/-/package/p/dist-tags/latest2", h.bob, nil) },
		"deprecate": func() reply {
			d := doc()
			at(t, d, "versions", "1.0.0").(dict)["deprecated"] = "old"
			return h.do("PUT", "/p", h.bob, d)
		},
		"unpublish": func() reply { return h.unpublishVersion(h.bob, "p", "1.1.0") },
		"publish":   func() reply { return h.tryVersion("p", "1.2.0") },
	} {
		h.clock.Pass(time.Second)
		res := change()
		if name == "no dist-tag" {
			require.Equal(t, 404, res.Status)
			require.Equal(t, last, modified(), "nothing changed")
			continue
		}
		require.Less(t, res.Status, 300, "%s: %s", name, res.Body)
		require.NotEqual(t, last, modified(), name)
		last = modified()
	}
}

func (h *house) tryVersion(name, version string) reply {
	return h.do("PUT", "/"+name, h.bob, publishDoc(h.t, name, version, sampleTarball(h.t, name, version, 10)))
}
