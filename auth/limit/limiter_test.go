package limit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)} }

func TestRates(t *testing.T) {
	for s, want := range map[string]string{"60/1m": "60/1m0s", "60/m": "60/1m0s", "6000/1h": "6000/1h0m0s", "1/30s": "1/30s", "off": "off"} {
		r, err := ParseRate(s)
		require.NoError(t, err, s)
		require.Equal(t, want, r.String())
	}
	for _, s := range []string{"", "60", "/m", "60/", "0/m", "-1/m", "60/0s", "60/ms", "60/25h", "9999999999/s", "x/m", "60/-1m", "Off"} {
		_, err := ParseRate(s)
		require.Error(t, err, s)
	}
}

func TestBuckets(t *testing.T) {
	c := newClock()
	l := New(Rates{Login: Rate{3, time.Minute}}, c.Now)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 3 {
		require.Zero(t, l.Address(Login, a))
	}
	require.Equal(t, 20*time.Second, l.Address(Login, a))
	require.Zero(t, l.Address(Login, b), "another address has a bucket of its own")
	require.Zero(t, l.Address(Write, a), "and so has another class; this one has no limit")
	require.Zero(t, l.Address(Login, netip.MustParseAddr("127.0.0.1")))
	c.now = c.now.Add(20 * time.Second)
	require.Zero(t, l.Address(Login, a), "a third of the period gives one of three back")
	require.Equal(t, 20*time.Second, l.Address(Login, a))
	c.now = c.now.Add(time.Hour)
	for range 3 {
		require.Zero(t, l.Address(Login, a), "no more than the bucket holds")
	}
	require.NotZero(t, l.Address(Login, a))

	for i := range 3 {
		require.Zero(t, l.Address(Login, netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i))))
	}
	require.NotZero(t, l.Address(Login, netip.MustParseAddr("2001:db8::ffff:1")), "a /64 is one client")
	require.Zero(t, l.Address(Login, netip.MustParseAddr("2001:db8:0:1::1")))
	for range 3 {
		require.Zero(t, l.Address(Login, netip.Addr{}), "those whom nobody knows are one")
	}
	require.NotZero(t, l.Address(Login, netip.Addr{}))

	for i := range 3 {
		require.Zero(t, l.Identity(Login, b, "ada", fmt.Sprint("token ", i)))
	}
	require.NotZero(t, l.Identity(Login, b, "ada", "token 9"), "a user with many tokens")
	for range 3 {
		require.Zero(t, l.Identity(Login, b, "", "token"))
	}
	require.NotZero(t, l.Identity(Login, b, "", "token"))
	require.Zero(t, l.Identity(Login, b, "", ""))
	require.Nil(t, New(Rates{}, nil))
	require.Zero(t, (*Limiter)(nil).Address(Login, a))
}

// TestFloodOfAddresses holds the bound on memory, and that who is in use keeps his bucket.
func TestFloodOfAddresses(t *testing.T) {
	c := newClock()
	l := New(Rates{Read: Rate{1, time.Hour}}, c.Now)
	victim := netip.MustParseAddr("203.0.113.5")
	require.Zero(t, l.Address(Read, victim))
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 100_000 {
				l.Address(Read, netip.AddrFrom4([4]byte{byte(w), byte(i >> 16), byte(i >> 8), byte(i)}))
			}
		})
	}
	all.Wait()
	n := 0
	for i := range l.classes[Read].shards {
		s := &l.classes[Read].shards[i]
		require.LessOrEqual(t, len(s.mu.young), shardBound)
		require.LessOrEqual(t, len(s.mu.old), shardBound)
		n += len(s.mu.young) + len(s.mu.old)
	}
	require.LessOrEqual(t, n, 2*shards*shardBound)
	require.Zero(t, l.Address(Read, victim), "what is forgotten is given back, never taken")
}

func TestClasses(t *testing.T) {
	for line, want := range map[string]Class{
		"GET /left": Read, "HEAD /left": Read, "PUT /left": Write, "PUT /@a%2fb": Write, "DELETE /left/-rev/1-a": Write,
		"PUT /-/user/org.couchdb.user:ada": Login, "POST /-/v1/login": Login, "POST /-/npm/v1/tokens": Login, "POST /-/npm/v1/user": Login,
		"DELETE /-/npm/v1/tokens/token/x": Login, "GET /-/npm/v1/tokens": Read, "PUT /-/org/acme/user": Write,
		"POST /-/npm/v1/security/advisories/bulk": Read, "POST /-/npm/v1/security/audits/quick": Read,
		"POST /_session": Login, "GET /_session": Read, "PUT /db": Write, "PUT /db/doc": Write, "POST /db": Write, "POST /db/_bulk_docs": Write,
		"POST /db/_all_docs": Read, "POST /db/_bulk_get": Read, "POST /db/_design/d/_view/v": Read, "POST /db/_design/d/_view/v/queries": Read,
		"POST /db/_find": Read, "POST /db/_index": Write, "PUT /db/_find": Write, "POST /_replicate": Write, "PUT /db/_local/x": Write,
		"PUT //-/user/org.couchdb.user:ada": Login, "POST /-///v1/login": Login, "POST //_session": Login, "POST //-//npm/v1/security/audits": Read,
		"PUT /-/user/v1/star": Write, "DELETE //-/user/v1/star": Write, "POST /-/package/left/dist-tags/_find": Write, "POST /-/stage/package/left": Write,
		"POST /db/_design/d/_update/f/_find": Write, "POST /db/_design/d/_rewrite/_view": Write, "POST /_changes": Read,
	} {
		method, path, _ := strings.Cut(line, " ")
		require.Equal(t, want, ClassOf(httptest.NewRequest(method, path, nil)), line)
	}
}

func TestDoor(t *testing.T) {
	c := newClock()
	d := &Door{
		Trusted: networks(t, "10.0.0.1"), Allow: networks(t, "192.0.2.0/24", "10.0.0.0/8"), AllowWrite: networks(t, "192.0.2.7"),
		Limiter: New(Rates{Login: Rate{2, time.Minute}}, c.Now),
	}
	ask := func(api API, method, path, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.RemoteAddr = proxy
		r.Header.Set("X-Forwarded-For", from)
		w := httptest.NewRecorder()
		d.Wrap(api, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.RemoteAddr)) })).ServeHTTP(w, r)
		return w
	}
	require.Equal(t, client+":0", ask(NPM, "GET", "/left", client).Body.String())
	for _, from := range []string{"203.0.113.1", "unknown", "192.0.2.7, 203.0.113.1", "_10.0.0.1"} {
		require.Equal(t, 403, ask(NPM, "GET", "/left", from).Code, from)
		require.Equal(t, 200, ask(NPM, "GET", "/-/ping", from).Code)
		require.Equal(t, 200, ask(CouchDB, "GET", "/_up", from).Code)
		require.Equal(t, 403, ask(CouchDB, "PUT", "/_up", from).Code)
	}
	require.Equal(t, 200, ask(NPM, "PUT", "/left", client).Code)
	refused := ask(NPM, "PUT", "/left", "192.0.2.8")
	require.Equal(t, 403, refused.Code)
	require.JSONEq(t, `{"error":"From your address this registry can only be read.","message":"From your address this registry can only be read.","code":"E403"}`, refused.Body.String())
	require.Equal(t, 200, ask(NPM, "PUT", "/-/user/org.couchdb.user:a", "192.0.2.8").Code)
	require.Equal(t, 200, ask(NPM, "PUT", "/-/user/org.couchdb.user:a", "192.0.2.8").Code)
	busy := ask(NPM, "PUT", "/-/user/org.couchdb.user:a", "192.0.2.8")
	require.Equal(t, 429, busy.Code)
	require.Equal(t, "30", busy.Header().Get("Retry-After"))
	var body map[string]string
	require.NoError(t, json.Unmarshal(busy.Body.Bytes(), &body))
	require.Equal(t, "Too many requests from your address. Try again in 30 s.", body["error"])
	couch := ask(CouchDB, "POST", "/_session", "192.0.2.8")
	require.JSONEq(t, `{"error":"too_many_requests","reason":"Too many requests from your address. Try again in 30 s."}`, couch.Body.String())
	require.Equal(t, 200, ask(NPM, "PUT", "/-/user/org.couchdb.user:a", "192.0.2.9").Code, "behind one proxy nobody uses up another's")
	forged := httptest.NewRequest("GET", "/left", nil)
	forged.RemoteAddr = "203.0.113.1:5"
	forged.Header.Set("X-Forwarded-For", client)
	w := httptest.NewRecorder()
	d.Wrap(NPM, http.NotFoundHandler()).ServeHTTP(w, forged)
	require.Equal(t, 403, w.Code)
}

// BenchmarkDoor is what a request costs that is let in.
func BenchmarkDoor(b *testing.B) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, headers := range map[string][]string{"direct": nil, "proxied": {"X-Forwarded-For", client, "X-Forwarded-Proto", "https"}} {
		b.Run(name, func(b *testing.B) {
			d := &Door{Trusted: networks(b, "10.0.0.0/8"), Limiter: New(Rates{Read: Rate{mostRate, time.Second}}, nil)}
			h := d.Wrap(NPM, next)
			r := request("203.0.113.9:1", headers...)
			if headers != nil {
				r.RemoteAddr = proxy
			}
			header := r.Header.Clone()
			b.ReportAllocs()
			for b.Loop() {
				if headers != nil {
					r.RemoteAddr = proxy
					for name, lines := range header {
						r.Header[name] = lines
					}
				}
				h.ServeHTTP(nil, r)
			}
		})
	}
}

// BenchmarkIdentity is what a user and a token cost more.
func BenchmarkIdentity(b *testing.B) {
	l := New(Rates{Read: Rate{mostRate, time.Second}}, nil)
	from := netip.MustParseAddr(client)
	b.ReportAllocs()
	for b.Loop() {
		l.Identity(Read, from, "ada", "0123456789abcdef0123456789abcdef")
	}
}
