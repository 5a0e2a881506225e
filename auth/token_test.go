package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := newSecret()
		require.Regexp(t, `^npm_[0-9A-Za-z]{36}$`, s)
		require.True(t, wellFormed(s))
		require.False(t, seen[s])
		seen[s] = true
		swapped := s[:10] + s[11:12] + s[10:11] + s[12:]
		require.Equal(t, swapped == s, wellFormed(swapped))
	}
	s := newSecret()
	for _, bad := range []string{"", "npm_", s[:39], s + "0", "NPM_" + s[4:], strings.ToLower(s), s[4:] + "npm_"} {
		require.False(t, wellFormed(bad), bad)
	}
	require.Len(t, tokenKey(s), 128)
	require.Equal(t, s[:8]+"…", redact(s))
}

// Every character is as likely as any other: 300,000 draws, each within a fifth of its share.
func TestSecretsAreEven(t *testing.T) {
	counts := map[rune]int{}
	for range 10_000 {
		for _, c := range newSecret()[4:34] {
			counts[c]++
		}
	}
	require.Len(t, counts, 62)
	for c, n := range counts {
		require.InDelta(t, 300_000/62, n, 300_000/62/5, string(c))
	}
}

func TestTokenAddresses(t *testing.T) {
	for _, c := range []struct {
		cidr []string
		addr string
		ok   bool
	}{
		{nil, "192.0.2.1", true},
		{nil, "", true},
		{[]string{"10.0.0.0/8"}, "10.255.0.1", true},
		{[]string{"10.0.0.0/8"}, "11.0.0.1", false},
		{[]string{"10.0.0.0/8"}, "::ffff:10.1.1.1", true},
		{[]string{"10.9.9.9/8"}, "10.1.1.1", true},
		{[]string{"192.0.2.7"}, "192.0.2.7", true},
		{[]string{"192.0.2.7"}, "192.0.2.8", false},
		{[]string{"10.0.0.0/8", "2001:db8::/32"}, "2001:db8::1", true},
		{[]string{"2001:db8::/32"}, "2001:db9::1", false},
		{[]string{"fe80::/10"}, "fe80::1%eth0", true},
		{[]string{"0.0.0.0/0"}, "2001:db8::1", false},
		{[]string{"0.0.0.0/0"}, "", false},
	} {
		prefixes, err := parsePrefixes(c.cidr)
		require.NoError(t, err)
		addr, _ := netip.ParseAddr(c.addr) // "" stands for an address that is not known
		require.Equal(t, c.ok, (&token{from: prefixes}).allows(addr), "%v %s", c.cidr, c.addr)
	}
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	for _, bad := range []string{"", "10.0.0.0/33", "10.0.0/8", "localhost", "fe80::1%eth0", "10.0.0.0/8 ", "10.0.0.0/-1"} {
		_, err := a.IssueToken(context.Background(), "root", Token{CIDR: []string{bad}})
		require.ErrorIs(t, err, &Error{Kind: BadRequest}, bad)
	}
}

func TestRevokeToken(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	secret, err := a.IssueToken(ctx, "root", Token{Expires: now.Now().Add(time.Hour)})
	require.NoError(t, err)
	other, err := a.IssueToken(ctx, "root", Token{})
	require.NoError(t, err)
	id, err := a.Authenticate(bearer(secret))
	require.NoError(t, err)
	require.Equal(t, now.Now().Add(time.Hour), id.Token.Expires)

	for _, unknown := range []string{"", "x", newSecret(), "_design/x"} {
		require.NoError(t, a.RevokeToken(ctx, unknown))
		require.NoError(t, a.RevokeKey(ctx, unknown))
	}
	for range 2 {
		require.NoError(t, a.RevokeToken(ctx, secret))
		_, err = a.Authenticate(bearer(secret))
		require.ErrorIs(t, err, ErrToken)
	}
	_, err = a.Authenticate(bearer(other))
	require.NoError(t, err)
	now.Pass(59 * time.Minute)
	_, err = a.Authenticate(bearer(other))
	require.NoError(t, err)
	_, err = a.IssueToken(ctx, "nobody", Token{})
	require.ErrorIs(t, err, errNoUser)
}

// Documents that another hand spoilt let nobody in.
func TestSpoiltTokens(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(newClock()))
	for _, doc := range []string{
		`{}`, `{"user":""}`, `{"user":7}`, `{"User":"root"}`, `{"user":"root","cidr":["x"]}`, `{"user":"root","expires":"soon"}`,
		`{"user":"root","account_created":"2020-01-01T00:00:00.000Z"}`, `{"user":"org.couchdb.user:root"}`,
		`{"user":"root","cidr":"10.0.0.0/8"}`, `{"user":"root","cidr":[null]}`, `{"user":"root","expires":7}`, `{"user":"root","readonly":"yes"}`,
	} {
		secret := newSecret()
		_, err := client.DB("tokens").Put(ctx, tokenKey(secret), json.RawMessage(doc))
		require.NoError(t, err)
		id, err := a.Authenticate(bearer(secret))
		require.Error(t, err, doc)
		require.Zero(t, id)
	}
}

func FuzzAuthenticate(f *testing.F) {
	client := engine.Open(f).Client
	a := openAuth(f, client, testOptions(newClock()))
	secret, err := a.IssueToken(context.Background(), "root", Token{})
	require.NoError(f, err)
	good := base64.StdEncoding.EncodeToString([]byte("root:toor toor"))
	for _, s := range []string{"", " ", "Basic", "Basic " + good, "bAsIc  " + good + "==", "Bearer " + secret, "Bearer", "Basic Og==", "Basic Xzpf", "Digest x", "Bearer npm_"} {
		f.Add(s, "")
		f.Add("", s)
	}
	f.Fuzz(func(t *testing.T, header, cookie string) {
		r := request()
		if header != "" {
			r.Header["Authorization"] = []string{header}
		}
		if cookie != "" {
			r.Header["Cookie"] = []string{"AuthSession=" + cookie}
		}
		id, err := a.Authenticate(r)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Zero(t, id)
			return
		}
		if id.Anonymous() {
			require.Zero(t, id)
			return
		}
		require.Equal(t, "root", id.Name)
		require.True(t, strings.Contains(header, secret) || strings.Contains(header, good[:len(good)-3]), header)
	})
}

func FuzzSecret(f *testing.F) {
	f.Add(newSecret())
	f.Add("npm_")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if !wellFormed(s) {
			return
		}
		// A checksum of 32 bits sees every change of up to 32 neighbouring bits.
		for i := range len(s) {
			b := []byte(s)
			b[i] ^= 1
			require.False(t, wellFormed(string(b)), "bit 0 of byte %d", i)
		}
	})
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[{}]}`, `{"password":"x","salt":""}`, `{"a" :1 , "\u0061":2}`, `{"a":}`, `{"é":"\ud800"}`, `{} x`} {
		f.Add([]byte(s))
	}
	a := openAuth(f, engine.Open(f).Client, Options{Iterations: 1})
	f.Fuzz(func(t *testing.T, doc []byte) {
		_ = UserEdit{Doc: doc, Old: doc}.Validate()
		hashed, err := a.HashPassword(context.Background(), doc)
		if err != nil {
			return
		}
		before, err := parseObject(doc)
		require.NoError(t, err)
		after, err := parseObject(hashed)
		require.NoError(t, err)
		keep := func(o object) (kept object) {
			for _, m := range o {
				if !slices.Contains(passwordMembers, m.name) {
					kept = append(kept, m)
				}
			}
			return kept
		}
		require.Equal(t, keep(before), keep(after))
	})
}
