package web

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/pquerna/otp"
	authenticator "github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/fixtures"
	"settee/fixtures/engine"
)

const password = "correct-horse-battery"

// house is the pages on real accounts, and a clock that tests move.
type house struct {
	*Site
	*fixtures.Clock
	t      testing.TB
	client *kivik.Client
	url    string
	logs   bytes.Buffer
}

func open(t testing.TB, settings ...func(*Options, *auth.Options)) *house {
	h := &house{Clock: fixtures.ClockAt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), t: t, client: engine.Open(t).Client}
	log := slog.New(slog.NewTextHandler(&h.logs, nil))
	o := Options{Now: h.Now, Logger: log}
	record, err := audit.Open(t.Context(), h.client.DB(audit.Database), audit.Options{Now: h.Now})
	require.NoError(t, err)
	accounts := auth.Options{AdminName: "root", AdminPassword: "secret-root", Iterations: 10, Audit: record, Now: h.Now, Logger: log}
	for _, set := range settings {
		set(&o, &accounts)
	}
	a, err := auth.Open(t.Context(), h.client, accounts)
	require.NoError(t, err)
	h.Site, err = New(a, o)
	require.NoError(t, err)
	server := httptest.NewServer(h)
	h.url = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, a.Close())
		require.NoError(t, record.Close())
		require.NotContains(t, h.logs.String(), "level=ERROR")
	})
	for _, name := range []string{"ada", "eve"} {
		_, err = a.Register(t.Context(), name, password, name+"@example.com")
		require.NoError(t, err)
	}
	return h
}

// browser keeps cookies as a browser does, and sends forms as one.
type browser struct {
	h    *house
	http *http.Client
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(h.t, err)
	return &browser{h, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is an answer, read to its end.
type reply struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
	To     string // Location behind Root
}

func (b *browser) do(req *http.Request) reply {
	b.h.t.Helper()
	res, err := b.http.Do(req)
	require.NoError(b.h.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(b.h.t, err)
	to := res.Header.Get("Location")
	if to != "" {
		var ours bool
		to, ours = strings.CutPrefix(to, Root)
		require.True(b.h.t, ours, "leads away: %s", res.Header.Get("Location"))
	}
	return reply{b.h.t, res.StatusCode, res.Header, html.UnescapeString(string(raw)), to}
}

func (b *browser) get(path string) reply {
	b.h.t.Helper()
	req, err := http.NewRequest("GET", b.h.url+Root+path, nil)
	require.NoError(b.h.t, err)
	return b.do(req)
}

// post sends a form given as name, value, …
func (b *browser) post(path string, form ...string) reply {
	b.h.t.Helper()
	v := url.Values{}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	req, err := http.NewRequest("POST", b.h.url+Root+path, strings.NewReader(v.Encode()))
	require.NoError(b.h.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", b.h.url)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

// is requires a status and words.
func (r reply) is(status int, words ...string) reply {
	r.t.Helper()
	require.Equal(r.t, status, r.Status, "%s", r.Body)
	for _, w := range words {
		require.Contains(r.t, r.Body, w)
	}
	return r
}

// leads requires a redirect to a page.
func (r reply) leads(to string) reply {
	r.t.Helper()
	require.Equal(r.t, http.StatusSeeOther, r.Status, "%s", r.Body)
	require.Equal(r.t, to, r.To)
	return r
}

// field is the value of an input of the page.
func (r reply) field(name string) string {
	r.t.Helper()
	m := regexp.MustCompile(`name="` + name + `"[^>]*value="([^"]*)"`).FindStringSubmatch(r.Body)
	require.NotNil(r.t, m, "no field %s: %s", name, r.Body)
	return m[1]
}

// signIn signs in by a password.
func (b *browser) signIn(name string) *browser {
	b.h.t.Helper()
	b.post("signin", "name", name, "password", password).leads("account")
	return b
}

// authenticates gives an account a second factor and returns what makes its codes.
func (h *house) authenticates(name string) (code func() string, recovery []string) {
	at, err := h.auth.EnrolTOTP(context.Background(), name, auth.AuthAndWrites, "npm.example.com")
	require.NoError(h.t, err)
	key, err := otp.NewKeyFromURL(at)
	require.NoError(h.t, err)
	code = func() string {
		h.Pass(30 * time.Second)
		c, err := authenticator.GenerateCode(key.Secret(), h.Now())
		require.NoError(h.t, err)
		return c
	}
	recovery, err = h.auth.ConfirmTOTP(context.Background(), name, code())
	require.NoError(h.t, err)
	return code, recovery
}

// from has the requests come from where the header X-From says.
func from(_ *Options, a *auth.Options) {
	a.ClientAddr = func(r *http.Request) netip.Addr {
		if addr, err := netip.ParseAddr(r.Header.Get("X-From")); err == nil {
			return addr
		}
		return netip.MustParseAddr("127.0.0.1")
	}
}
