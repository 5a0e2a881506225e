package registry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth/limit"
	"settee/couch"
)

// askedBy reads a path as a client that reached the server by some host, and perhaps through proxies.
func askedBy(t *testing.T, server, path, host string, headers ...string) string {
	req, err := http.NewRequest("GET", server+path, nil)
	require.NoError(t, err)
	req.Host = host
	req.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(decoded(t, req.Header.Get("Accept-Encoding"), raw))
}

func linksOfOrigin(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	for range 2 { // what is kept for one host is not given to another
		for _, host := range []string{"one.example:1", "two.example", "[::1]:4873"} {
			for c := range codings {
				for _, accept := range []string{"application/json", abbreviatedAccept} {
					require.Contains(t, askedBy(t, h.url, "/p", host, "Accept-Encoding", codings[c].name, "Accept", accept), `"http://`+host+`/p/-/p-1.0.0.tgz"`)
				}
			}
			for _, path := range []string{"/p/latest", "/p/1.0.0", "/p?write=true"} {
				require.Contains(t, askedBy(t, h.url, path, host), `"http://`+host+`/p/-/p-1.0.0.tgz"`)
			}
		}
	}
	for _, header := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-Prefix"} { // who speaks to us directly is no proxy
		require.NotContains(t, string(h.do("GET", "/p", "", nil, header, "evil.example").Body), "evil")
	}
	require.Contains(t, string(h.stored1("p")), `"tarball":"/p/-/p-1.0.0.tgz"`, "what is stored has no host")
	require.NotContains(t, string(h.stored1("p")), h.url)
	require.NotContains(t, string(h.stored1("p")), "localhost:4873", "nor the one that npm sent")

	for trusted, want := range map[string]string{"127.0.0.0/8": "https://npm.example:8443", "10.0.0.0/8": "http://inner.example"} {
		door := &limit.Door{Trusted: limit.Networks{netip.MustParsePrefix(trusted)}}
		front := httptest.NewServer(door.Wrap(limit.NPM, h.Registry))
		for _, forwarded := range [][]string{
			{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "npm.example:8443", "X-Forwarded-For", "192.0.2.1"},
			{"Forwarded", `for=192.0.2.1;proto=https;host="npm.example:8443"`},
		} {
			require.Contains(t, askedBy(t, front.URL, "/p", "inner.example", forwarded...), `"`+want+`/p/-/p-1.0.0.tgz"`)
		}
		front.Close()
	}

	public := open(t, func(_ *couch.Options, o *Options) { o.PublicURL = "https://npm.example/registry/" })
	public.publish(public.bob, "@bob/n", "1.0.0")
	for _, path := range []string{"/@bob%2fn", "/@bob%2fn/latest", "/@bob%2fn?write=true"} {
		require.Contains(t, askedBy(t, public.url, path, "inner.example"), `"https://npm.example/registry/@bob/n/-/n-1.0.0.tgz"`)
	}
	begun := public.do("POST", "/-/v1/login", "", dict{}).JSON()
	for _, member := range []string{"loginUrl", "doneUrl"} {
		require.Regexp(t, "^https://npm.example/registry/-/", begun[member])
	}
}

func lockedLinks(t *testing.T) {
	h := open(t)
	tgz := h.publish(h.bob, "p", "1.0.0")
	scoped := h.publish(h.bob, "@bob/n", "1.0.0")
	built := h.publish(h.bob, "p", "2.0.0+build.7")
	variants := map[string][]byte{
		"/p/-/p-1.0.0.tgz": tgz, "/p/-/p-1.0.0.tgz?cache=1": tgz, "//p/-/p-1.0.0.tgz": tgz,
		"/npm/public/registry/p/_attachments/p-1.0.0.tgz": tgz, "/npm/public/registry/p/p/_attachments/p-1.0.0.tgz": tgz,
		"/@bob/n/-/n-1.0.0.tgz": scoped, "/@bob%2fn/-/n-1.0.0.tgz": scoped, "/@bob%2Fn/-/n-1.0.0.tgz": scoped, "/%40bob/n/-/n-1.0.0.tgz": scoped,
		"/@bob/n/-/@bob/n-1.0.0.tgz": scoped, "/@bob%2fn/-/@bob%2fn-1.0.0.tgz": scoped,
		"/p/-/p-2.0.0+build.7.tgz": built, "/p/-/p-2.0.0%2Bbuild.7.tgz": built, "/p/-/p-2.0.0%2bbuild.7.tgz": built,
	}
	every := func() {
		for path, want := range variants {
			res := h.do("GET", path, "", nil)
			require.Equal(t, 200, res.Status, path)
			require.Equal(t, want, res.Body, path)
		}
	}
	every()
	h.publish(h.bob, "p", "3.0.0")
	require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/old", h.bob, "1.0.0").Status)
	h.reopen(newOther(t)) // another host, another process
	every()

	doc := foreign("moved", func(dists map[string]dict) { // from a registry whose files had other names
		for number, dist := range dists {
			dist["tarball"] = "http://old.example:8080/nexus/moved/-/moved_" + number + ".tgz"
		}
		dists["1.0.0"]["integrity"] = at(t, h.json("/p"), "versions", "1.0.0", "dist", "integrity")
	})
	h.overwrite("moved", doc)
	require.Eventually(t, func() bool { return h.do("GET", "/moved", "", nil).Status == 200 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, h.url+"/moved/-/moved_1.0.0.tgz", at(t, h.json("/moved"), "versions", "1.0.0", "dist", "tarball"))
	for _, file := range []string{"moved_1.0.0.tgz", "moved-1.0.0.tgz"} {
		require.Equal(t, tgz, h.do("GET", "/moved/-/"+file, "", nil).Body, file)
	}
}

func scopedFiles(t *testing.T) {
	h := open(t)
	for i, key := range []string{"@bob/n-%s.tgz", "n-%s.tgz", "package.tgz"} {
		number := fmt.Sprintf("1.%d.0", i)
		tgz := sampleTarball(t, "@bob/n", number, 50)
		doc := publishing("@bob/n", number, tgz)
		attachments := doc["_attachments"].(dict)
		file := attachments["@bob/n-"+number+".tgz"]
		delete(attachments, "@bob/n-"+number+".tgz")
		if strings.Contains(key, "%s") {
			key = fmt.Sprintf(key, number)
		}
		attachments[key] = file
		require.Equal(t, 201, h.do("PUT", "/@bob%2fn", h.bob, doc).Status, key)
		for _, accept := range []string{abbreviatedAccept, "application/json"} {
			require.Equal(t, h.url+"/@bob/n/-/n-"+number+".tgz", at(t, h.json("/@bob%2fn", "Accept", accept), "versions", number, "dist", "tarball"), key)
		}
		require.Equal(t, h.url+"/@bob/n/-/n-"+number+".tgz", at(t, h.json("/@bob%2fn/"+number), "dist", "tarball"))
		for _, path := range []string{"/@bob/n/-/n-", "/@bob%2fn/-/n-"} { // npm 6 guesses, and berry asks before it has read the link
			require.Equal(t, tgz, h.do("GET", path+number+".tgz", "", nil).Body)
		}
	}
}

func encodedSlashes(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "@bob/n", "1.0.0")
	for _, name := range []string{"@bob%2fn", "@bob%2Fn", "%40bob%2fn", "%40bob%2Fn", "@bob/n", "%40bob/n"} {
		for _, path := range []string{"/" + name, "//" + name, "/" + name + "/", "/" + name + "/latest", "/" + name + "//1.0.0", "/-/package/" + name + "/dist-tags",
			"/-/package/" + name + "/visibility", "/-/package/" + name + "/access", "/-/settee/package/" + name + "/quality"} {
			require.Equal(t, 200, h.do("GET", path, "", nil).Status, path)
		}
		require.Equal(t, 200, h.do("GET", "/-/package/"+name+"/trust", h.bob, nil).Status, name)
		require.Equal(t, 200, h.do("GET", "/-/package/"+name+"/collaborators", h.bob, nil).Status, name)
		require.Equal(t, 404, h.do("GET", "/-/npm/v1/attestations/"+name+"@1.0.0", "", nil).Status, name)
		require.Equal(t, 409, h.do("PUT", "/"+name+"/-rev/1-0", h.bob, dict{"_id": "@bob/n", "maintainers": []any{dict{"name": "bob"}}}).Status, name)
		require.Equal(t, 403, h.do("PUT", "/"+name, h.bob, publishDoc(t, "@bob/n", "1.0.0", sampleTarball(t, "@bob/n", "1.0.0", 7))).Status, name)
		staged := publishing("@bob/n", "2.0.0", sampleTarball(t, "@bob/n", "2.0.0", 7))
		res := h.do("POST", "/-/stage/package/"+name, h.bob, staged)
		require.Equal(t, 201, res.Status, name)
		require.Equal(t, 204, h.do("DELETE", "/-/stage/"+res.JSON()["stageId"].(string), h.bob, nil).Status)
		require.Contains(t, []int{400, 401, 404}, h.do("POST", "/-/npm/v1/oidc/token/exchange/package/"+name, "x", nil).Status, name)
	}
	for _, path := range []string{"/@bob%252fn", "/@bob%5cn", "/%40bob", "/@bob", "/@/n", "/@bob/n/../p", "/%2e%2e/p", "/@bob%2f..%2fp", "/@bob%2fn%2f..%2fn", "/@bob%2fn%00"} {
		require.Equal(t, 404, h.do("GET", path, "", nil).Status, path)
	}
	_, answer := h.raw("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n")
	res, _ := answer()
	require.Equal(t, 400, res.StatusCode)
}

func redirects(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	paths := []string{"/p/", "//p", "/p//latest", "/./p", "/p/../p", "/-//ping", "/P", "/@bob/n/", "/p/-/p-1.0.0.tgz/", "/favicon.ico", "/index.html", "/-/web", "/-/web/"}
	for i := range table {
		paths = append(paths, sampled(table[i].pattern), sampled(table[i].pattern)+"/")
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
			req, err := http.NewRequest(method, h.url+path, strings.NewReader("{}"))
			require.NoError(t, err)
			res, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.False(t, res.StatusCode >= 300 && res.StatusCode < 400, "%s %s: %d", method, path, res.StatusCode)
		}
	}
}

// sampled is a path that a pattern of the table fits.
func sampled(pattern string) string {
	return strings.NewReplacer("/:p/-/:file", "/p/-/p-1.0.0.tgz", "/:file", "/p-1.0.0.tgz", ":period", "last-week", ":user", "org.couchdb.user:bob", ":rest", "x",
		":p", "p", ":spec", "latest", ":tag", "beta", ":id", "0", ":org", "bob", ":team", "developers", ":token", "x", ":poll", "x", ":rev", "1-0", ":letter", "p").Replace(pattern)
}

func joinedPaths(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/-/ping", "//-/ping", "/-//ping", "///-///ping//"} {
		require.Equal(t, 200, h.do("GET", path, "", nil).Status, path)
	}
	for _, base := range []string{"", "/"} {
		require.Equal(t, 200, h.do("POST", base+"/-/npm/v1/security/audits/quick", "", dict{"name": "x", "requires": dict{}, "dependencies": dict{}}).Status)
		require.Equal(t, 200, h.do("POST", base+bulkPath, "", dict{}).Status)
		require.Equal(t, 200, h.do("POST", base+"/-/v1/login", "", dict{}).Status)
		require.Equal(t, 200, h.do("GET", base+"/-/npm/v1/user", h.bob, nil).Status)
		require.Equal(t, 200, h.do("GET", base+"/-/npm/v1/tokens", h.bob, nil).Status)
	}
}
