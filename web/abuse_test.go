package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

// cookie is the value of the session's.
func (b *browser) cookie() string {
	at, _ := url.Parse(b.h.url)
	for _, c := range b.http.Jar.Cookies(at) {
		if c.Name == cookieName {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(value string) {
	at, _ := url.Parse(b.h.url)
	b.http.Jar.SetCookies(at, []*http.Cookie{{Name: cookieName, Value: value, Path: "/"}})
}

// Whatever another site has a browser send, nothing is done.
func TestForeignForms(t *testing.T) {
	h := open(t)
	paths := []string{}
	for _, row := range table {
		if row.method == http.MethodPost {
			paths = append(paths, strings.NewReplacer("{ticket}", "AAAA", "{org}", "acme", "{team}", "docs").Replace(strings.TrimPrefix(row.path, "/")))
		}
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"another site":             {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		"a neighbour":              {[]string{"Origin", "http://other.127.0.0.1", "Sec-Fetch-Site", "same-site"}, 403},
		"another port":             {[]string{"Origin", "http://127.0.0.1:1"}, 403},
		"a page without an origin": {[]string{"Origin", "null"}, 403},
		"nobody says":              {nil, 403},
		"Origin is empty":          {[]string{"Origin", ""}, 403},
		"a typed address":          {[]string{"Sec-Fetch-Site", "none"}, 0}, // no page can send that
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths {
				b := h.browser().signIn("ada")
				req, err := http.NewRequest("POST", h.url+Root+path, strings.NewReader("email=evil@example.com"))
				require.NoError(t, err)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for i := 0; i < len(c.headers); i += 2 {
					req.Header.Set(c.headers[i], c.headers[i+1])
				}
				if r := b.do(req); c.status != 0 {
					r.is(c.status, "Not from here")
				} else {
					require.NotContains(t, r.Body, "Not from here")
				}
			}
		})
	}
	a, err := h.auth.Account(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, "evil@example.com", a.Email, "the typed address counts, or this test tells nothing")
}

func TestForms(t *testing.T) {
	h := open(t)
	b := h.browser()
	for name, c := range map[string]struct {
		kind, body string
		status     int
	}{
		"JSON":          {"application/json", `{"name":"ada"}`, 415},
		"text":          {"text/plain", "name=ada", 415},
		"parts":         {"multipart/form-data; boundary=x", "--x--", 415},
		"no kind":       {"", "name=ada", 415},
		"too large":     {"application/x-www-form-urlencoded", "name=" + strings.Repeat("a", mostForm), 413},
		"twice":         {"application/x-www-form-urlencoded", "name=ada&name=eve", 400},
		"no UTF-8":      {"application/x-www-form-urlencoded", "name=%ff", 400},
		"a zero":        {"application/x-www-form-urlencoded", "name=ada%00", 400},
		"bad escape":    {"application/x-www-form-urlencoded", "name=%zz", 400},
		"semicolons":    {"application/x-www-form-urlencoded", "name=a;b=c", 400},
		"a long name":   {"application/x-www-form-urlencoded", "name=" + strings.Repeat("a", 5000) + "&password=x", 401},
		"a markup name": {"application/x-www-form-urlencoded", "name=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&password=x", 401},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("POST", h.url+Root+"signin", strings.NewReader(c.body))
			require.NoError(t, err)
			req.Header.Set("Origin", h.url)
			if c.kind != "" {
				req.Header.Set("Content-Type", c.kind)
			}
			res, err := b.http.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, c.status, res.StatusCode)
			var page strings.Builder
			require.NoError(t, res.Write(&page))
			require.NotContains(t, page.String(), "<script")
		})
	}
	// The address is no part of a form.
	req, err := http.NewRequest("POST", h.url+Root+"signin?name=ada&password="+password, strings.NewReader(""))
	require.NoError(t, err)
	req.Header.Set("Origin", h.url)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.do(req).is(401)
}

// A sign-in leads to pages of ours, whatever it was asked to.
func TestOpenRedirects(t *testing.T) {
	h := open(t)
	for _, to := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "../../", "..", "./sessions", "account/", "account?x", "account#x",
		"login/AAAA", "login/" + strings.Repeat("A", 26) + "/approve", "login/" + strings.Repeat("A", 25) + "/", "account\r\nSet-Cookie: x=y", "%2f%2fevil.example", "signin", "signout", "orgs/../account", "orgs/.", "orgs/a\nb", "tokens\x00", "Account", strings.Repeat("a", 9999),
	} {
		b := h.browser()
		require.Equal(t, home, parseTarget(to), to)
		b.get("signin?for="+url.QueryEscape(to)).is(200, `name="for" value="account"`)
		if !strings.ContainsRune(to, 0) {
			b.post("signin", "name", "ada", "password", password, "for", to).leads("account")
			b.get("signin?for=" + url.QueryEscape(to)).leads("account")
			b.post("signout", "for", to).leads("signin?for=account")
		}
	}
	for _, to := range []target{"account", "password", "factor", "tokens", "sessions", "orgs", "orgs/acme", "orgs/a.b-c_d", target("login/" + strings.Repeat("A", 26)), target("challenge/" + strings.Repeat("7", 26))} {
		require.Equal(t, to, parseTarget(string(to)))
	}
}

// What every answer tells the browser.
func TestHeaders(t *testing.T) {
	h := open(t)
	b := h.browser().signIn("ada")
	for path, status := range map[string]int{"account": 200, "nothing": 404, "login/AAAA": 404, "signin": 303, "assets/style.css": 200, "assets/": 404} {
		r := b.get(path).is(status)
		policy := r.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			require.Contains(t, policy, part, path)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "DENY", r.Header.Get("X-Frame-Options"))
		require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", r.Header.Get("Referrer-Policy"))
		require.Equal(t, "same-origin", r.Header.Get("Cross-Origin-Opener-Policy"))
		if path != "assets/style.css" {
			require.Equal(t, "no-store", r.Header.Get("Cache-Control"), path)
		}
		require.NotRegexp(t, `(?i)<(style|script)>| style=| on[a-z]+="`, r.Body, path)
	}
}

func TestCookies(t *testing.T) {
	h := open(t, func(o *Options, _ *auth.Options) { o.PublicURL = "https://npm.example.com/registry" })
	b := h.browser()
	b.http.Jar = nil
	send := func(path, cookie string, form ...string) *http.Response {
		v := url.Values{}
		for i := 0; i < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		method := "GET"
		if form != nil {
			method = "POST"
		}
		req, err := http.NewRequest(method, h.url+Root+path, strings.NewReader(v.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://npm.example.com")
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		res, err := b.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res
	}
	res := send("signin", "", "name", "ada", "password", password)
	require.Equal(t, 303, res.StatusCode)
	require.Equal(t, "/registry/-/web/account", res.Header.Get("Location"))
	set := res.Header.Get("Set-Cookie")
	require.Regexp(t, `^__Host-settee=[^;]+; Path=/; HttpOnly; Secure; SameSite=Lax$`, set)
	cookie, _, _ := strings.Cut(set, ";")
	require.Equal(t, 200, send("account", cookie).StatusCode)
	for name, bad := range map[string]string{
		"the plain name":       strings.TrimPrefix(cookie, "__Host-"),
		"a neighbour's beside": cookie + "; __Host-settee=x",
		"cut":                  cookie[:len(cookie)-1],
		"another name":         strings.Replace(cookie, "YWRh", "ZXZl", 1),
		"CouchDB's":            "AuthSession=" + strings.TrimPrefix(cookie, "__Host-settee="),
		"nothing":              "__Host-settee=",
		"long":                 "__Host-settee=" + strings.Repeat("A", 9000),
	} {
		require.Equal(t, 303, send("account", bad).StatusCode, name)
	}
	// A cookie of the pages says nothing to the API, nor a token to the pages.
	token, err := h.auth.IssueToken(t.Context(), "ada", auth.Token{})
	require.NoError(t, err)
	req, err := http.NewRequest("GET", h.url+Root+"account", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := b.http.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 303, resp.StatusCode)
	r, err := http.NewRequest("GET", "/", nil)
	require.NoError(t, err)
	r.Header.Set("Cookie", cookie+"; AuthSession="+strings.TrimPrefix(cookie, "__Host-settee="))
	id, _ := h.auth.Authenticate(r)
	require.True(t, id.Anonymous())
}

// Guessing is counted as on the other ways in.
func TestGuessing(t *testing.T) {
	h := open(t, from)
	send := func(from, path string, form ...string) int {
		v := url.Values{}
		for i := 0; i < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		req, err := http.NewRequest("POST", h.url+Root+path, strings.NewReader(v.Encode()))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", h.url)
		req.Header.Set("X-From", from)
		return h.browser().do(req).Status
	}
	for range 5 {
		require.Equal(t, 401, send("192.0.2.66", "signin", "name", "ada", "password", "a guess"))
	}
	require.Equal(t, 403, send("192.0.2.66", "signin", "name", "ada", "password", password))
	require.Equal(t, 303, send("192.0.2.7", "signin", "name", "ada", "password", password), "the owner is elsewhere, and gets in")

	code, _ := h.authenticates("eve")
	ticket, err := h.auth.IssueTicket(t.Context(), auth.Ticket{Kind: auth.TicketSignIn, User: "eve", Expires: h.Now().Add(time.Hour)})
	require.NoError(t, err)
	for range 5 {
		require.Equal(t, 401, send("192.0.2.66", "signin/factor", "ticket", ticket, "code", "000000"))
	}
	require.Equal(t, 403, send("192.0.2.66", "signin/factor", "ticket", ticket, "code", code()))
	require.Equal(t, 303, send("192.0.2.7", "signin/factor", "ticket", ticket, "code", code()))
}
