package registry

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// largeAnswers reads a packument of some megabytes, of 20 where there is time: it comes whole in each coding, is made once for all who
// ask, costs nothing to ask for again, and has a publish in it at once.
func largeAnswers(t *testing.T) {
	h := open(t)
	shape := fixtures.Largest
	if testing.Short() {
		shape.Versions /= 10
	}
	p := parsePackument("big", fixtures.Packument(1, "big", shape))
	p.set("maintainers", []byte(`[{"name":"bob"}]`))
	h.overwrite("big", json.RawMessage(p.encode()))
	require.Eventually(t, func() bool { return strings.Contains(string(h.stored1("big")), `"signatures"`) }, 20*time.Second, 20*time.Millisecond) // else it changes meanwhile
	for round := range 2 {
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			var plain []byte
			for c := range codings {
				ask := func(method string, headers ...string) reply {
					return h.do(method, "/big", "", nil, append([]string{"Accept", accept, "Accept-Encoding", codings[c].name}, headers...)...)
				}
				res := ask("GET")
				require.Equal(t, 200, res.Status)
				require.Equal(t, fmt.Sprint(len(res.Body)), res.Header.Get("Content-Length"))
				body := decoded(t, codings[c].name, res.Body)
				if plain == nil {
					plain = body
				}
				require.True(t, string(plain) == string(body), "%s %s", accept, codings[c].name)
				made := h.madeForms("big")
				require.Equal(t, 200, ask("HEAD").Status)
				require.Equal(t, 200, ask("GET").Status)
				require.Equal(t, 304, ask("GET", "If-None-Match", res.Header.Get("Etag")).Status)
				require.Equal(t, made, h.madeForms("big"), "nothing is made for a request")
			}
			require.Equal(t, round == 1, strings.Contains(string(plain), `"99.0.0"`))
		}
		h.publish(h.bob, "big", fmt.Sprint("99.", round, ".0"))
	}
}

// madeForms are the representations of a package that are kept.
func (h *house) madeForms(name PackageName) map[form]*rendering {
	e := h.cache.peek(name)
	require.NotNil(h.t, e)
	e.mu.Lock()
	defer e.mu.Unlock()
	made := map[form]*rendering{}
	for f, r := range e.forms {
		made[f] = r
	}
	return made
}

// timesOfVersions reads time in both forms, of packages here and of those of a registry that tells of none or of some.
func timesOfVersions(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.1.0")
	require.Equal(t, 201, h.unpublishVersion(h.bob, "p", "1.1.0").Status)
	timed := func(name string, numbers ...string) {
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			doc := h.json("/"+name, "Accept", accept)
			times, ok := doc["time"].(dict)
			require.True(t, ok, "%s of %s has time", accept, name)
			for _, number := range numbers {
				require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, times[number], "%s %s", name, number)
			}
			for number := range doc["versions"].(dict) {
				require.Contains(t, times, number)
			}
		}
	}
	timed("p", "created", "modified", "1.0.0", "1.1.0")
	require.NotContains(t, h.json("/p")["versions"], "1.1.0")
	require.Equal(t, at(t, h.json("/p"), "time", "modified"), h.json("/p", "Accept", abbreviatedAccept)["modified"])

	o.publish("partial", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("a")}, farVersion{"2.0.0", time.Hour, []byte("b")})
	o.edit("partial", func(doc dict) { delete(doc["time"].(dict), "2.0.0") })
	timed("partial", "1.0.0", "2.0.0")
	o.publish("timeless", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("a")})
	o.edit("timeless", func(doc dict) { delete(doc, "time") })
	timed("timeless", "1.0.0")
}

// edit changes what another registry tells of a package.
func (o *other) edit(name string, change func(doc dict)) {
	path := "/" + strings.Replace(name, "/", "%2f", 1)
	o.mu.Lock()
	answer := o.has[path]
	o.mu.Unlock()
	w := httptest.NewRecorder()
	answer(w, nil)
	var doc dict
	_ = json.Unmarshal(w.Body.Bytes(), &doc)
	change(doc)
	raw, _ := json.Marshal(doc)
	o.gives(path, "application/json", raw)
}

func latestMoves(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "first", "1.0.0-rc.1", "next")
	require.Equal(t, dict{"next": "1.0.0-rc.1", "latest": "1.0.0-rc.1"}, h.json("/-/package/first/dist-tags"), "without latest an install by name fails")
	require.Equal(t, "# first", h.json("/first")["readme"])

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
	for _, spec := range []string{"*", "latest", "^1.0.0", ">=1"} {
		require.Equal(t, "1.5.0", h.json("/p/" + strings.NewReplacer("^", "%5E", ">", "%3E").Replace(spec))["version"], spec)
	}
	require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/latest", h.bob, "1.4.9").Status)
	require.Equal(t, "1.4.9", h.json("/p/%5E1.0.0")["version"], "latest is preferred where it fits")
	require.Equal(t, "2.0.0-rc.1", h.json("/p/2.0.0-rc.1")["version"])

	require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/latest", h.bob, "1.5.0").Status)
	gone := h.do("GET", "/p?write=true", h.bob, nil).JSON()
	delete(gone["versions"].(dict), "1.5.0")
	gone["dist-tags"].(dict)["latest"] = "2.0.0-rc.1" // npm takes the highest there is
	require.Equal(t, 201, h.do("PUT", "/p/-rev/"+gone["_rev"].(string), h.bob, gone).Status)
	require.Equal(t, "1.4.9", at(t, h.json("/p"), "dist-tags", "latest"), "the highest that is no prerelease")
	require.Equal(t, 403, h.do("DELETE", "/-/package/p/dist-tags/latest", h.bob, nil).Status)
	for _, tag := range []string{"1.x", "^2", "v1", "*", "1.2.3", ">=1"} {
		require.Equal(t, 400, h.do("PUT", "/-/package/p/dist-tags/"+strings.ReplaceAll(tag, ">", "%3E"), h.bob, "1.0.0").Status, tag)
	}
}

// oddFields sends what old packages have, of types that nobody expects, and finds it unchanged in both forms, be it published
// here or read through.
func oddFields(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	for i, fields := range []dict{
		{"bundleDependencies": false, "bin": "x.js", "directories": dict{"bin": "bin"}, "deprecated": "", "engines": []any{"node >= 0.8"}, "os": "linux", "cpu": []any{"!arm"}, "libc": "glibc"},
		{"bundleDependencies": true, "deprecated": false, "engines": "node", "os": []any{"linux"}, "peerDependencies": dict{"a": "*"}, "peerDependenciesMeta": dict{"a": dict{"optional": true}}, "funding": []any{"https://example.com"}},
		{"bundleDependencies": []any{"a"}, "acceptDependencies": dict{"a": "1"}, "optionalDependencies": dict{"a": "1"}, "devDependencies": dict{"b": "1"}, "bin": dict{"x": "x.js"}, "engines": dict{"node": "*"}},
		{"dependencies": []any{}, "bin": []any{"odd"}, "os": dict{}, "engines": 7.0, "cpu": nil, "funding": true, "directories": "lib"},
	} {
		name := fmt.Sprintf("fields%d", i)
		res := h.send(h.bob, name, "1.0.0", fields)
		require.Equal(t, 201, res.Status, "%s", res.Body)
		far := "far-" + name
		o.publish(far, h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte(far)})
		o.edit(far, func(doc dict) {
			for field, value := range fields {
				at(t, doc, "versions", "1.0.0").(dict)[field] = value
			}
		})
		for _, name := range []string{name, far} {
			full := at(t, h.json("/"+name), "versions", "1.0.0").(dict)
			short := at(t, h.json("/"+name, "Accept", abbreviatedAccept), "versions", "1.0.0").(dict)
			for field, value := range fields {
				require.Contains(t, full, field)
				require.Equal(t, value, full[field], "%s %s", name, field)
				require.Equal(t, value, short[field], "%s %s", name, field)
			}
		}
	}
	require.Equal(t, 201, h.send(h.bob, "scripted", "1.0.0", dict{"scripts": dict{"postinstall": "x"}}).Status)
	require.Equal(t, true, at(t, h.json("/scripted", "Accept", abbreviatedAccept), "versions", "1.0.0", "hasInstallScript"))
	o.publish("far-scripted", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("s")})
	o.edit("far-scripted", func(doc dict) { at(t, doc, "versions", "1.0.0").(dict)["scripts"] = dict{"postinstall": "x"} })
	require.Equal(t, true, at(t, h.json("/far-scripted", "Accept", abbreviatedAccept), "versions", "1.0.0", "hasInstallScript"))
}

func deprecations(t *testing.T) {
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
	require.Equal(t, "all of it", h.json("/p/latest")["deprecated"])
	require.Equal(t, 200, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Status, "it is installed still")
	for _, v := range edit("")["versions"].(dict) {
		require.NotContains(t, v, "deprecated")
	}
}

func tombstones(t *testing.T) {
	h := open(t, searching(t))
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.unpublish(h.bob, "p").Status)
	for _, path := range []string{"/p", "/p/latest", "/p/1.0.0", "/p/-/p-1.0.0.tgz", "/-/package/p/dist-tags", "/-/settee/package/p/quality", "/p?write=true"} {
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			res := h.do("GET", path, h.bob, nil, "Accept", accept)
			require.Equal(t, 404, res.Status, path)
			require.NotContains(t, res.JSON(), "versions")
		}
	}
	require.Contains(t, h.json404("/p")["time"], "unpublished")
	require.Contains(t, h.json404("/p")["time"], "1.0.0")
	require.Equal(t, 404, h.do("DELETE", "/p/-rev/1-0", h.bob, nil).Status, "which clients take for success")
	h.found()
	require.Empty(t, h.finding("", "text=p"))
}

func (h *house) json404(path string) dict {
	res := h.do("GET", path, "", nil)
	require.Equal(h.t, 404, res.Status)
	return res.JSON()
}

// modifiedMoves makes every change that readers see, on a clock that stands still, and goes back.
func modifiedMoves(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "@bob/p", "1.0.0")
	h.publish(h.bob, "@bob/p", "1.1.0")
	modified := func() string {
		full, short := at(t, h.do("GET", "/@bob%2fp", h.bob, nil).JSON(), "time", "modified"), h.do("GET", "/@bob%2fp", h.bob, nil, "Accept", abbreviatedAccept).JSON()["modified"]
		require.Equal(t, full, short)
		return full.(string)
	}
	last := modified()
	edited := func(change func(doc dict)) reply {
		d := h.do("GET", "/@bob%2fp?write=true", h.bob, nil).JSON()
		change(d)
		return h.do("PUT", "/@bob%2fp", h.bob, d)
	}
	const tags = "/-/package/@bob%2fp/dist-tags/"
	for i, change := range []func() reply{
		func() reply { return h.do("PUT", tags+"old", h.bob, "1.0.0") },
		func() reply { return h.do("PUT", tags+"latest", h.bob, "1.0.0") },
		func() reply { return h.do("DELETE", tags+"old", h.bob, nil) },
		func() reply {
			return edited(func(d dict) { at(t, d, "versions", "1.0.0").(dict)["deprecated"] = "old" })
		},
		func() reply { return edited(func(d dict) { at(t, d, "versions", "1.0.0").(dict)["deprecated"] = "" }) },
		func() reply { return h.do("PUT", "/-/package/@bob%2fp/owners", h.bob, dict{"user": "ann"}) },
		func() reply { return h.do("DELETE", "/-/package/@bob%2fp/owners/ann", h.bob, nil) },
		func() reply {
			return h.do("PUT", "/@bob%2fp", h.ann, dict{"_id": "@bob/p", "users": dict{"ann": true}})
		},
		func() reply { return h.do("PUT", "/@bob%2fp", h.ann, dict{"_id": "@bob/p", "users": dict{}}) },
		func() reply { return h.do("POST", "/-/package/@bob%2fp/access", h.bob, dict{"access": "restricted"}) },
		func() reply { return h.unpublishVersion(h.bob, "@bob%2fp", "1.1.0") },
		func() reply { return h.tryVersion("@bob/p", "1.2.0") },
	} {
		if i%3 == 2 {
			h.clock.Pass(-time.Second)
		}
		res := change()
		require.Less(t, res.Status, 300, "%d: %s", i, res.Body)
		require.Greater(t, modified(), last, "change %d", i)
		last = modified()
	}
	require.Equal(t, 404, h.do("DELETE", tags+"nothing", h.bob, nil).Status)
	require.Equal(t, last, modified(), "nothing changed")
}
