package httpd_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// couchapp is the design document of a folder: a file is a member by its name, a
// folder an object; what is not JSON is a text.
func couchapp(t *testing.T, dir string) string {
	files := os.DirFS(dir)
	design := map[string]any{"language": "javascript"}
	require.NoError(t, fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		at := design
		for folder := range strings.SplitSeq(path.Dir(name), "/") {
			if folder == "." {
				continue
			}
			if at[folder] == nil {
				at[folder] = map[string]any{}
			}
			at = at[folder].(map[string]any)
		}
		base, isJSON := strings.CutSuffix(path.Base(name), ".json")
		if isJSON {
			at[base] = json.RawMessage(raw)
		} else {
			at[strings.TrimSuffix(base, ".js")] = string(raw)
		}
		return nil
	}))
	body, err := json.Marshal(design)
	require.NoError(t, err)
	return string(body)
}

// account signs somebody up and tells their credentials.
func account(t *testing.T, base *url.URL, name string) string {
	name += fmt.Sprint(time.Now().UnixNano())
	where := "/_users/org.couchdb.user:" + name
	status, _, body := do(t, base, "", "PUT", where, "", `{"name":"`+name+`","type":"user","roles":[],"password":"pw"}`)
	require.Equal(t, 201, status, body)
	t.Cleanup(func() {
		_, header, _ := do(t, base, "", "HEAD", where, "", "")
		do(t, base, "", "DELETE", where+"?rev="+strings.Trim(header.Get("Etag"), `"`), "", "")
	})
	return name + ":pw"
}

// publication is what a client of npm's first registry put to publish.
func publication(name, version, maintainer string) string {
	b, err := json.Marshal(map[string]any{
		"_id": name, "name": name, "maintainers": []any{map[string]string{"name": maintainer, "email": maintainer + "@example.com"}},
		"dist-tags":    map[string]string{"latest": version},
		"versions":     map[string]any{version: map[string]any{"name": name, "version": strings.TrimPrefix(version, "v"), "description": "The " + name, "dist": map[string]string{"shasum": "abc" + version, "file": name + ".tgz"}}},
		"_attachments": map[string]any{name + ".tgz": map[string]string{"content_type": "application/octet-stream", "data": "dGFy"}},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// An application in the style of npm's first registry: clients speak to its
// rewrites alone.
func TestCouchapp(t *testing.T) {
	base := open(t)
	alice, bob := account(t, base, "alice"), account(t, base, "bob")
	aliceName, _, _ := strings.Cut(alice, ":")
	const r = "/db/_design/app/_rewrite"
	withBody := func(what string) string { return `{"error":"forbidden","reason":"` + what + `"}` }
	conformOn(t, base, map[string][]step{"couchapp": {
		{do: "PUT /db/_design/app", send: couchapp(t, "testdata/couchapp"), status: 201},
		{do: "PUT /db/_security", send: `{"members":{"roles":[]}}`, status: 200},
		{do: "GET " + r + "/", status: 200, want: `{"instance_start_time":…`},

		{do: "PUT " + r + "/pkg", as: "-", send: publication("pkg", "1.0.0", aliceName), status: 401, want: problem("unauthorized", "Please log in before writing to the db")},
		{do: "PUT " + r + "/pkg", as: alice, send: publication("pkg", "1.0.0", aliceName), status: 201, want: `{"ok":"published"}`, got: "X-Couch-Id: pkg\nContent-Type: application/json"},
		{do: "PUT " + r + "/pkg", as: alice, send: publication("pkg", "1.0.0", aliceName), status: 403, want: withBody("You cannot publish over the version 1.0.0")},
		{do: "PUT " + r + "/pkg", as: bob, send: publication("pkg", "1.0.1", "bob"), status: 403, want: withBody("You do not maintain pkg")},
		{do: "PUT " + r + "/pkg", as: alice, send: "{", status: 403, want: withBody("The body is no JSON")},
		{do: "PUT " + r + "/pkg", as: alice, send: publication("pkg", "one", aliceName), status: 403, want: withBody("Invalid version: one")},
		{do: "PUT " + r + "/Pkg", as: alice, send: publication("Pkg", "1.0.0", aliceName), status: 403, want: `{"error":"forbidden","reason":"Invalid package id: \"Pkg\""}`},
		{do: "PUT " + r + "/pkg/v1.2.0-beta", as: alice, send: `{"name":"pkg","version":"1.2.0-beta","dist":{"shasum":"x","file":"b.tgz"}}`, status: 201, want: `{"ok":"published"}`},
		{do: "PUT " + r + "/pkg", as: alice, send: `{"dist-tags":{"latest":"1.0.0"}}`, status: 201, want: `{"ok":"updated"}`},
		{do: "PUT /db/direct", as: alice, send: `{"name":"direct","maintainers":[]}`, status: 403, want: withBody("No maintainers")},
		{do: "PUT /db/direct", as: alice, send: `{"name":"other"}`, status: 403, want: withBody("The name must be the id")},
		{do: "PUT " + r + "/@scope%2Fpkg", as: bob, send: publication("@scope/pkg", "0.1.0", "bob"), status: 201, got: "X-Couch-Id: %40scope%2Fpkg"},

		{do: "GET " + r + "/pkg", status: 200, got: "Content-Type: application/json", want: `{"_id":"pkg","_rev":"3-…","name":"pkg",…"versions":{"1.0.0":{…"dist":{…"tarball":"http://$HOST/…/_design/app/_rewrite/pkg/-/pkg.tgz"…},…"_npmUser":{"name":"` + aliceName + `"},…},"1.2.0-beta":{…},…"dist-tags":{"latest":"1.0.0"},…`},
		{do: "GET " + r + "/pkg/latest", status: 200, want: `{…"version":"1.0.0",…}`},
		{do: "GET " + r + "/pkg/1.2.0-beta", status: 200, want: `{"name":"pkg","version":"1.2.0-beta",…}`},
		{do: "GET " + r + "/pkg/9.9.9", status: 404, want: `{"error":"not_found","reason":"no such version: 9.9.9"}`},
		{do: "GET " + r + "/none", status: 404, want: `{"error":"not_found","reason":"no such package: none"}`},
		{do: "GET " + r + "/@scope%2Fpkg", status: 200, want: `{"_id":"@scope/pkg",…`},
		{do: "GET " + r + "/pkg/-/pkg.tgz", status: 200, want: "tar", got: "Content-Type: application/octet-stream"},

		{do: "GET " + r + "/-/package/pkg/dist-tags", status: 200, want: `{"latest":"1.0.0"}`},
		{do: "PUT " + r + "/-/package/pkg/dist-tags/next", as: alice, send: `"1.2.0-beta"`, status: 201, want: `{"latest":"1.0.0","next":"1.2.0-beta"}`},
		{do: "PUT " + r + "/-/package/pkg/dist-tags/next", as: bob, send: `"1.0.0"`, status: 403, want: withBody("You do not maintain pkg")},
		{do: "PUT " + r + "/-/package/pkg/dist-tags/next", as: alice, send: `"7.0.0"`, status: 403, want: withBody("There is no version 7.0.0")},
		{do: "PUT " + r + "/-/package/pkg/dist-tags/2.0.0", as: alice, send: `"1.0.0"`, status: 403, want: withBody("A tag must not look like a version: 2.0.0")},
		{do: "DELETE " + r + "/-/package/pkg/dist-tags/next", as: alice, status: 201, want: `{"latest":"1.0.0"}`},
		{do: "DELETE " + r + "/-/package/pkg/dist-tags/latest", as: alice, status: 403, want: withBody("latest is always there")},
		{do: "DELETE " + r + "/-/package/none/dist-tags/x", as: alice, status: 404, want: `{"error":"not_found","reason":"no such package"}`},

		{do: "PUT " + r + "/-/star/pkg", as: bob, status: 201, want: `["bob…"]`},
		{do: "PUT " + r + "/-/star/pkg", as: alice, status: 201, want: `["bob…","alice…"]`},
		{do: "DELETE " + r + "/-/star/pkg", as: bob, status: 201, want: `["alice…"]`},

		{do: "GET " + r + "/-/all?stamp=7", status: 200, got: "Content-Type: application/json", want: `{"_updated":7,"@scope/pkg":{"description":"The @scope/pkg","versions":1},"pkg":{"description":"The pkg","versions":2}}`},
		{do: "GET " + r + `/-/all?startkey="p"&limit=1`, status: 200, want: `{"_updated":0,"pkg":{…}}`},
		{do: "GET " + r + "/-/news", header: "Accept: application/atom+xml", status: 200, want: "<feed><entry>@scope/pkg</entry><entry>pkg</entry></feed>", got: "Content-Type: application/atom+xml"},
		{do: "GET " + r + "/-/news", header: "Accept: text/plain", status: 200, want: "@scope/pkg\npkg\n2 of 2"},
		{do: "GET " + r + "/-/by/bob", status: 200, want: `{"bob":["@scope/pkg"]}`},
		{do: "GET " + r + "/-/by/nobody", status: 404, want: `{}`},
		{do: "GET " + r + "/-/whoami", as: alice, header: "Accept: application/json", status: 200, want: `{"username":"` + aliceName + `"}`},
		{do: "GET " + r + "/-/whoami", as: "-", header: "Accept: text/html", status: 200, want: "<p>null"},
		{do: "GET " + r + "/-/whoami", as: alice, header: "Accept: application/vnd.npm.whoami", status: 200, want: "npm " + aliceName, got: "Content-Type: application/vnd.npm.whoami"},

		{do: "GET /db/pkg", status: 200, want: `{"_id":"pkg","_rev":"8-…","name":"pkg",…}`},
		{do: "DELETE " + r + "/pkg/-rev/1-x", as: alice, status: 409, want: `{"error":"conflict","is":"…"}`},
		{do: "PUT /db/rev", as: "", send: `{}`, status: 403},
		{do: "POST /db/_bulk_docs", as: bob, send: `{"docs":[{"_id":"x"},{"_id":"ok","name":"ok","maintainers":[{"name":"b","email":"b"}],"versions":{},"dist-tags":{},"time":{}}]}`, status: 201, want: `[{"id":"x","error":"forbidden","reason":"The name must be the id"},{"ok":true,"id":"ok","rev":"…"}]`},
		{do: "DELETE /db/ok?rev=$LAST", as: alice, status: 403, want: withBody("You do not maintain ok")},
		{do: "DELETE " + r + "/ok/-rev/$LAST", as: alice, status: 403, want: withBody("You do not maintain ok")},
		{do: "DELETE " + r + "/ok/-rev/$LAST", status: 201, want: `{"ok":"deleted"}`},
		{do: "GET " + r + "/ok", status: 404},
	}})
}
