package registry

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth/limit"
)

// through is the house behind another registry of its databases.
func (h *house) through(r http.Handler) *house {
	server := httptest.NewServer(r)
	h.t.Cleanup(server.Close)
	there := *h
	there.url = server.URL
	return &there
}

func editedIsFresh(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	kept := h.do("GET", "/p", h.bob, nil)
	fresh := h.do("GET", "/p?write=true", h.bob, nil)
	require.NotEqual(t, kept.Header.Get("Etag"), fresh.Header.Get("Etag"))
	require.Contains(t, fresh.Header.Get("Etag"), fresh.JSON()["_rev"])
	require.Contains(t, fresh.Header.Get("Cache-Control"), "no-cache")
	require.Contains(t, fresh.Header.Get("Cache-Control"), "private")
	require.Empty(t, fresh.Header.Get("Last-Modified"))
	require.Equal(t, 200, h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", kept.Header.Get("Etag")).Status)
	require.Equal(t, 200, h.do("GET", "/p?write=true", h.bob, nil, "If-Modified-Since", kept.Header.Get("Last-Modified")).Status)
	require.Equal(t, 304, h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", fresh.Header.Get("Etag")).Status)
	require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/beta", h.bob, "1.0.0").Status)
	again := h.do("GET", "/p?write=true", h.bob, nil, "If-None-Match", fresh.Header.Get("Etag"))
	require.Equal(t, 200, again.Status)
	require.NotEqual(t, fresh.JSON()["_rev"], again.JSON()["_rev"])
	require.Equal(t, 200, h.do("GET", "/p", "", nil, "If-None-Match", kept.Header.Get("Etag")).Status, "a tag is a change")
	require.Equal(t, "application/json", h.do("GET", "/p?write=true", h.bob, nil, "Accept", abbreviatedAccept).Header.Get("Content-Type"), "whatever form is accepted")

	stale := fresh.JSON()
	at(t, stale, "versions", "1.0.0").(dict)["deprecated"] = "old"
	require.Equal(t, 409, h.do("PUT", "/p", h.bob, stale).Status)
	there, l := h.remote(Options{ReadOnly: true, MaxStale: time.Hour})
	require.Equal(t, 200, there.do("GET", "/p", "", nil).Status)
	l.cutFeed(true) // it hears of nothing any more
	require.Equal(t, 201, h.do("PUT", "/-/package/p/dist-tags/gamma", h.bob, "1.0.0").Status)
	doc := there.do("GET", "/p?write=true", h.bob, nil).JSON()
	require.Contains(t, doc["dist-tags"], "gamma")
	at(t, doc, "versions", "1.0.0").(dict)["deprecated"] = "old"
	require.Equal(t, 201, there.do("PUT", "/p", h.bob, doc).Status, "so who edits it does not go round in conflicts")
}

func codedETags(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	seen := map[string]string{}
	for _, path := range []string{"/p", "/p?write=true", "/p/latest"} {
		for _, accept := range []string{"application/json", abbreviatedAccept} {
			for c := range codings {
				ask := func(headers ...string) reply {
					return h.do("GET", path, h.bob, nil, append([]string{"Accept", accept, "Accept-Encoding", codings[c].name}, headers...)...)
				}
				res := ask()
				etag := res.Header.Get("Etag")
				require.Regexp(t, `^"[^"]+"$`, etag)
				body := string(res.Body)
				if before, known := seen[etag]; known {
					require.Equal(t, before, body, "one ETag is one text")
				}
				seen[etag] = body
				require.Empty(t, res.Header.Get("Accept-Ranges"))
				for _, match := range []string{etag, "W/" + etag, `"other", W/` + etag, etag + `,"other"`, "*"} {
					again := ask("If-None-Match", match)
					require.Equal(t, 304, again.Status, "%s %s", path, match)
					require.Empty(t, again.Body)
					for _, name := range []string{"Etag", "Vary", "Cache-Control"} {
						require.Equal(t, res.Header[name], again.Header[name], "%s of 304", name)
					}
				}
				for _, match := range []string{`"other"`, `W/"other"`, strings.Trim(etag, `"`), `""`} {
					require.Equal(t, 200, ask("If-None-Match", match).Status, match)
				}
				require.Equal(t, 200, ask("If-None-Match", `"other"`, "If-Modified-Since", res.Header.Get("Last-Modified")).Status, "a date counts where there is no ETag")
			}
		}
	}
	require.Len(t, seen, 4*4, "four texts: full, abbreviated, to be edited, one version")
	tarball := h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Header.Get("Etag")
	for _, match := range []string{tarball, "W/" + tarball, `"other", ` + tarball, "*"} {
		require.Equal(t, 304, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil, "If-None-Match", match).Status, match)
	}
	require.Equal(t, 206, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil, "Range", "bytes=0-9", "If-Range", tarball).Status)
	require.Equal(t, 200, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil, "Range", "bytes=0-9", "If-Range", "W/"+tarball).Status, "parts need a strong one")
}

// refusals asks for everything in the table as nobody, and tells those who are somebody what they may know.
func refusals(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	doc := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	doc["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fsecret", h.bob, doc).Status)
	asked := 0
	for i := range table {
		method := table[i].method
		if method == "" {
			method = "GET"
		}
		res := h.do(method, sampled(table[i].pattern), "", []byte("{}"))
		if res.Status != 401 {
			require.Empty(t, res.Header.Get("Www-Authenticate"), table[i].pattern)
			continue
		}
		asked++
		require.Equal(t, challenge, res.Header.Get("Www-Authenticate"), table[i].pattern)
	}
	require.Greater(t, asked, 20)
	for _, word := range []string{"otp", "ipaddress"} {
		require.NotContains(t, strings.ToLower(challenge), word)
	}
	for _, path := range []string{"/@bob%2fsecret", "/@bob%2fsecret/latest", "/@bob/secret/-/secret-1.0.0.tgz", "/-/package/@bob%2fsecret/dist-tags", "/-/package/@bob%2fsecret/visibility", "/@bob%2fsecret?write=true"} {
		absent := h.do("GET", strings.ReplaceAll(path, "secret", "nothing"), h.ann, nil)
		for _, who := range []string{"", h.ann} {
			res := h.do("GET", path, who, nil)
			require.Equal(t, 404, res.Status, path)
			require.Equal(t, strings.ReplaceAll(string(absent.Body), "nothing", "secret"), string(res.Body), "as if it were not there")
		}
		bad := h.do("GET", path, "npm_000000000000000000000000000000000000", nil)
		require.Equal(t, 401, bad.Status, "a token that is none is told of")
	}
	require.Equal(t, 401, h.do("GET", "/p", "npm_000000000000000000000000000000000000", nil).Status, "of what is public, too")
	for name, words := range map[string]string{"p": `You do not have permission to publish "p"`, "@bob/new": `You do not have permission to publish "@bob/new"`, "@root/new": "permission"} {
		res := h.do("PUT", "/"+strings.Replace(name, "/", "%2f", 1), h.ann, publishDoc(t, name, "2.0.0", sampleTarball(t, name, "2.0.0", 5)))
		require.Equal(t, 403, res.Status, "%s: %s", name, res.Body)
		require.Contains(t, res.JSON()["error"], words)
		require.Empty(t, res.Header.Get("Www-Authenticate"))
	}
	o := newOther(t)
	h.reopen(o)
	o.publish("@bob/secret", h.clock.Now(), farVersion{"9.9.9", time.Hour, []byte("evil")})
	o.publish("@bob/unheard-of", h.clock.Now(), farVersion{"9.9.9", time.Hour, []byte("evil")})
	for _, name := range []string{"@bob/secret", "@bob/unheard-of"} {
		require.Equal(t, 404, h.do("GET", "/"+name, "", nil).Status, "no other registry stands in for a scope of ours")
	}
	require.Empty(t, o.seen())
}

// successes are looked at in all tests (see house.do): no answer of success has an error. Those that yarn 1 and berry read are JSON.
func successes(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	rev := func() string { return h.rev("p") }
	for i, res := range []reply{
		h.do("GET", "/-/package/p/dist-tags", "", nil),
		h.do("PUT", "/-/package/p/dist-tags/beta", h.bob, "1.0.0"),
		h.do("DELETE", "/-/package/p/dist-tags/beta", h.bob, nil, "Content-Length", "0"),
		h.do("PUT", "/-/package/p/dist-tags", h.bob, dict{"latest": "1.0.0"}),
		h.do("POST", "/-/package/p/dist-tags", h.bob, dict{"old": "1.0.0"}),
		h.do("PUT", "/p/-rev/"+rev(), h.bob, dict{"_id": "p", "_rev": rev(), "maintainers": []any{dict{"name": "bob"}, dict{"name": "ann"}}}),
		h.tryVersion("p", "1.1.0"),
		h.do("PUT", "/p", h.ann, dict{"_id": "p", "users": dict{"ann": true}}),
		h.unpublishVersion(h.bob, "p", "1.1.0"),
		h.do("DELETE", "/p/-/p-1.1.0.tgz/-rev/"+rev(), h.bob, nil),
		h.unpublish(h.root, "p"),
		h.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "secret-bob"}),
	} {
		require.Less(t, res.Status, 300, "%d: %s", i, res.Body)
		require.NotEqual(t, 204, res.Status, i)
		require.NotEmpty(t, res.JSON(), i)
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
		if i > 0 {
			require.NotEmpty(t, res.JSON()["ok"], "%d: yarn 1 needs it", i)
		}
		if i > 0 && i < 9 {
			require.Equal(t, true, res.JSON()["success"], "%d: yarn 1 and bun need it", i)
		}
	}
}

// keptConnections are kept beside errors too. For how long is shown of the port, in cmd/settee.
func keptConnections(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	for range 15 { // as many as npm opens
		_, answer := h.raw(strings.Repeat("GET /p HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\nPUT /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 3))
		for range 3 {
			for _, status := range []int{200, 404, 401} {
				res, _ := answer()
				require.Equal(t, status, res.StatusCode)
				require.False(t, res.Close)
			}
		}
	}
}

func webLogins(t *testing.T) {
	h := open(t)
	for _, sent := range []any{nil, []byte("null"), []byte(""), dict{}, dict{"create": true}, dict{"hostname": "laptop"}} {
		for _, token := range []string{"", "npm_expired", h.bob} {
			res := h.do("POST", "/-/v1/login", token, sent, "npm-auth-type", "web", "npm-command", "login")
			require.Equal(t, 200, res.Status)
			require.Equal(t, "application/json", res.Header.Get("Content-Type"))
			for _, member := range []string{"loginUrl", "doneUrl"} {
				require.Regexp(t, "^"+h.url+"/-/", res.JSON()[member])
			}
		}
	}
	for _, path := range []string{"/-/v2/login", "/-/npm/v1/nothing", "/-/v1/login/nothing"} {
		res := h.do("POST", path, "", dict{})
		require.Contains(t, []int{404, 405}, res.Status, "%s: what pnpm does without", path)
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
	}
}

func anonymous(t *testing.T) {
	h := open(t)
	res := h.do("GET", "/-/whoami", "", nil)
	require.Equal(t, 401, res.Status)
	require.NotContains(t, res.JSON(), "username")
	require.Equal(t, dict{"username": "bob"}, h.do("GET", "/-/whoami", h.bob, nil).JSON())
	require.Equal(t, 401, h.do("GET", "/-/whoami", "npm_expired", nil).Status)
}

func comingAgain(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "q", "1.0.0")
	there, l := h.remote(Options{ReadOnly: true, MaxStale: time.Hour})
	served := there.do("GET", "/p", "", nil)
	require.Equal(t, 200, served.Status)
	require.Eventually(t, there.cache.believed, 10*time.Second, time.Millisecond, "the feed was heard")
	l.plan(0, before)
	require.Equal(t, served.Body, there.do("GET", "/p", "", nil).Body, "what is known is served while the database is away")
	require.False(t, l.reached())
	again := func(status int, res reply) {
		require.Equal(t, status, res.Status, "%s", res.Body)
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		require.NoError(t, err, "%d has Retry-After", status)
		require.Positive(t, seconds)
	}
	again(500, there.do("GET", "/q", "", nil))
	l.plan(-1, none)
	require.Equal(t, 200, there.do("GET", "/q", "", nil).Status)

	o := newOther(t)
	h.reopen(o)
	o.publish("far", h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte("far")})
	require.Equal(t, 200, h.do("GET", "/far", "", nil).Status)
	o.gives("/far/-/far-1.0.0.tgz", "application/octet-stream", []byte("not it"))
	again(502, h.do("GET", "/far/-/far-1.0.0.tgz", "", nil))
	o.Close()
	again(503, h.do("GET", "/unheard-of", "", nil))
	h.clock.Pass(48 * time.Hour)
	require.Equal(t, 200, h.do("GET", "/far", "", nil).Status, "what is kept of another registry is served while that is away")
	door := &limit.Door{Trusted: limit.Networks{netip.MustParsePrefix("127.0.0.0/8")}, Limiter: limit.New(limit.Rates{Login: limit.Rate{N: 2, Per: time.Hour}}, nil)}
	front := h.through(door.Wrap(limit.NPM, h.Registry))
	for range 2 { // to guess a password
		require.Equal(t, 401, front.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "wrong-password"}, "X-Forwarded-For", "192.0.2.7").Status)
	}
	again(429, front.do("PUT", "/-/user/org.couchdb.user:bob", "", dict{"name": "bob", "password": "wrong-password"}, "X-Forwarded-For", "192.0.2.7"))
}

func headers(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	for _, path := range []string{"/p", "/p/-/p-1.0.0.tgz", "/-/whoami", "/-/v1/search?text=p", "/", "/-/npm/v1/user"} {
		res := h.do("GET", path, "", nil, "Origin", "https://evil.example")
		for name := range res.Header {
			require.NotContains(t, name, "Access-Control-", path)
		}
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
	}
	require.Equal(t, challenge, h.do("GET", "/-/whoami", "", nil).Header.Get("Www-Authenticate"))
	doc := publishing("noted", "1.0.0", sampleTarball(t, "noted", "1.0.0", 5))
	delete(at(t, doc, "versions", "1.0.0").(dict), "license")
	res := h.do("PUT", "/noted", h.bob, doc)
	require.Equal(t, 201, res.Status)
	require.NotEmpty(t, res.Header["Npm-Notice"])
	for _, line := range res.Header["Npm-Notice"] {
		require.Regexp(t, "^[ -~]+$", line)
	}
}

func audits(t *testing.T) {
	h := open(t)
	empty := map[string]string{
		bulkPath:                          `{}`,
		"/-/npm/v1/security/audits/quick": `{"name":"x","version":"1.0.0","requires":{},"dependencies":{},"install":[],"remove":[],"metadata":{}}`,
		"/-/npm/v1/security/audits":       `{"name":"x","requires":{"a":"1"},"dependencies":{"a":{"version":"1.0.0"}}}`,
	}
	bomb := zippedBody(t, bytes.Repeat([]byte(" "), 64<<20))
	for path, question := range empty {
		for _, zip := range []bool{false, true} {
			body, coding := []byte(question), "identity"
			if zip {
				body, coding = zippedBody(t, body), "gzip"
			}
			res := h.do("POST", path, "", body, "Content-Encoding", coding)
			require.Equal(t, 200, res.Status, "%s: %s", path, res.Body)
			if path == bulkPath {
				require.Equal(t, "{}", string(res.Body))
				continue
			}
			for member, want := range map[string]any{"actions": []any{}, "advisories": dict{}, "muted": []any{}} {
				require.Equal(t, want, res.JSON()[member], path)
			}
			for _, level := range []string{"info", "low", "moderate", "high", "critical"} {
				require.Equal(t, 0.0, at(t, res.JSON(), "metadata", "vulnerabilities", level))
			}
			for _, count := range []string{"dependencies", "devDependencies", "optionalDependencies", "totalDependencies"} {
				require.Contains(t, at(t, res.JSON(), "metadata"), count)
			}
		}
		require.Equal(t, 413, h.do("POST", path, "", bomb, "Content-Encoding", "gzip").Status)
	}
}

func searches(t *testing.T) {
	h := open(t, searching(t))
	h.publish(h.bob, "full", "1.0.0")
	for name, members := range map[string]dict{"bare": {}, "odd": {"keywords": "one two", "maintainers": []any{"x"}, "repository": 7, "license": dict{}, "author": []any{}}} {
		doc := publishing(name, "1.0.0", sampleTarball(t, name, "1.0.0", 5))
		manifest := at(t, doc, "versions", "1.0.0").(dict)
		for _, field := range []string{"keywords", "license", "description", "readme"} {
			delete(manifest, field)
		}
		for field, value := range members {
			manifest[field] = value
		}
		require.Equal(t, 201, h.do("PUT", "/"+name, h.bob, doc).Status, name)
	}
	h.found()
	h.legacy("imported", "1.0.0") // without anybody's address, and without maintainers it says
	h.found()
	for _, name := range []string{"full", "bare", "odd", "imported"} {
		res := h.json("/-/v1/search?text=" + name + "&size=20&from=0&quality=0.65&popularity=0.98&maintenance=0.5")
		require.NotEmpty(t, res["time"])
		objects := res["objects"].([]any)
		require.Len(t, objects, 1, name)
		about := objects[0].(dict)["package"].(dict)
		require.Equal(t, name, about["name"])
		people := about["maintainers"].([]any)
		require.NotEmpty(t, people)
		for _, who := range append(people, about["publisher"]) {
			_, isText := who.(dict)["username"].(string)
			require.True(t, isText, "%s: %v", name, who)
		}
		require.IsType(t, []any{}, about["keywords"], name)
		require.IsType(t, dict{}, about["links"], name)
		require.Contains(t, about["links"], "npm")
		require.Regexp(t, `^\d{4}-\d\d-\d\dT[\d:.]+Z$`, about["date"])
		require.IsType(t, 0.0, at(t, objects[0], "score", "final"))
	}
	require.Equal(t, "ERR_TEXT_MISSING", h.do("GET", "/-/v1/search", "", nil).JSON()["code"])
}

// alwaysAuth is what yarn 1 does without always-auth: it asks for tarballs, and for what is in no scope, as nobody.
func alwaysAuth(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "@bob/n", "1.0.0")
	for _, path := range []string{"/p", "/p/-/p-1.0.0.tgz", "/@bob%2fn", "/@bob/n/-/n-1.0.0.tgz"} {
		require.Equal(t, 200, h.do("GET", path, "", nil).Status, path)
	}
	require.Equal(t, 200, h.do("POST", "/-/package/@bob%2fn/access", h.bob, dict{"access": "restricted"}).Status)
	require.Equal(t, 404, h.do("GET", "/@bob/n/-/n-1.0.0.tgz", "", nil).Status)
	require.Equal(t, 200, h.do("GET", "/@bob/n/-/n-1.0.0.tgz", h.bob, nil).Status)
	require.Equal(t, 200, h.do("GET", "/@bob/n/-/n-1.0.0.tgz", "", nil, "Authorization", "Basic Ym9iOnNlY3JldC1ib2I=").Status)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "always-auth")
}

func webPolls(t *testing.T) {
	h := open(t)
	h.authenticates(h.bob, "secret-bob", "auth-and-writes")
	login := h.do("POST", "/-/v1/login", "", dict{}).JSON()["doneUrl"].(string)
	challenged := h.do("PUT", "/left-hand", h.bob, publishing("left-hand", "1.0.0", sampleTarball(t, "left-hand", "1.0.0", 10)), "npm-auth-type", "web").JSON()["doneUrl"].(string)
	for _, url := range []string{login, challenged} {
		for _, token := range []string{"", h.bob, "npm_expired"} {
			res := h.do("GET", strings.TrimPrefix(url, h.url), token, nil)
			require.Equal(t, 202, res.Status)
			seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, seconds)
			require.Equal(t, dict{}, res.JSON())
			require.Equal(t, "application/json", res.Header.Get("Content-Type"))
			require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		}
	}
}

func dereferenced(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	res := h.do("PUT", "/-/org/acme/user", h.root, dict{"user": "bob", "role": "owner"})
	require.Equal(t, 201, res.Status, "%s", res.Body)
	require.Equal(t, dict{"org": dict{"name": "acme", "size": 1.0}, "user": "bob", "role": "owner"}, res.JSON())
	res = h.do("PUT", "/-/org/acme/user", h.bob, dict{"user": "ann"})
	require.Equal(t, dict{"org": dict{"name": "acme", "size": 2.0}, "user": "ann", "role": "developer"}, res.JSON())
	for _, query := range []string{"", "?page=0&perPage=10"} {
		tokens := h.do("GET", "/-/npm/v1/tokens"+query, h.bob, nil).JSON()
		require.IsType(t, dict{}, tokens["urls"])
		require.IsType(t, []any{}, tokens["objects"])
		for _, each := range tokens["objects"].([]any) {
			for _, member := range []string{"key", "token", "created"} {
				require.IsType(t, "", each.(dict)[member], member)
			}
		}
	}
	require.Equal(t, dict{"latest": "1.0.0"}, h.json("/-/package/p/dist-tags"))
	require.Equal(t, 404, h.do("GET", "/-/package/nothing/dist-tags", "", nil).Status, "never {}")
	require.IsType(t, "", h.do("GET", "/-/whoami", h.bob, nil).JSON()["username"])
	var teams []string
	require.NoError(t, jsonOf(h.do("GET", "/-/org/acme/team?format=cli", h.bob, nil), &teams))
	require.Equal(t, []string{"acme:developers"}, teams, "npm prints an @ and this")
	var users []string
	require.NoError(t, jsonOf(h.do("GET", "/-/team/acme/developers/user?format=cli", h.bob, nil), &users))
	require.Contains(t, users, "ann")
}
