package limit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func networks(t testing.TB, list ...string) (n Networks) {
	for _, s := range list {
		p, err := ParseNetwork(s)
		require.NoError(t, err)
		n = append(n, p)
	}
	return n
}

// request comes from an address, with headers in pairs.
func request(from string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/left", nil)
	r.RemoteAddr, r.Host = from, "registry.example"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const (
	proxy  = "10.0.0.1:999"
	client = "192.0.2.7"
)

func TestOrigin(t *testing.T) {
	trusted := networks(t, "10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1")
	const nobody = "invalid IP"
	for name, c := range map[string]struct {
		from    string
		headers []string
		addr    string
		base    string // default http://registry.example
	}{
		"no proxy":           {from: client + ":1", addr: client},
		"no proxy, forged":   {from: client + ":1", headers: []string{"X-Forwarded-For", "10.0.0.9", "Forwarded", "for=10.0.0.9;proto=https", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https", "X-Real-Ip", "10.0.0.9"}, addr: client},
		"a proxy for itself": {from: proxy, addr: "10.0.0.1"},
		"one hop":            {from: proxy, headers: []string{"X-Forwarded-For", client, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "npm.example:8443"}, addr: client, base: "https://npm.example:8443"},
		"an address that the client wrote before": {from: proxy, headers: []string{"X-Forwarded-For", "127.0.0.1, 10.0.0.7, " + client}, addr: client},
		"in a line of its own":                    {from: proxy, headers: []string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", client}, addr: client},
		"two proxies":                             {from: proxy, headers: []string{"X-Forwarded-For", "203.0.113.1, " + client + ", 10.0.0.2"}, addr: client},
		"two proxies in two lines":                {from: proxy, headers: []string{"X-Forwarded-For", "203.0.113.1, " + client, "X-Forwarded-For", "10.0.0.2"}, addr: client},
		"only proxies":                            {from: proxy, headers: []string{"X-Forwarded-For", "10.0.0.3, 10.0.0.2"}, addr: "10.0.0.3"},
		"a port":                                  {from: proxy, headers: []string{"X-Forwarded-For", client + ":5555"}, addr: client},
		"IPv6":                                    {from: proxy, headers: []string{"X-Forwarded-For", "2001:db8::7"}, addr: "2001:db8::7"},
		"IPv6, port":                              {from: proxy, headers: []string{"X-Forwarded-For", "[2001:db8::7]:443"}, addr: "2001:db8::7"},
		"IPv6, brackets":                          {from: proxy, headers: []string{"X-Forwarded-For", "[2001:db8::7]"}, addr: "2001:db8::7"},
		"IPv6, zone":                              {from: proxy, headers: []string{"X-Forwarded-For", "fe80::1%eth0"}, addr: "fe80::1"},
		"a zone does not hide a proxy":            {from: proxy, headers: []string{"X-Forwarded-For", client + ", 2001:db8:1::5%x"}, addr: client},
		"IPv4 in IPv6":                            {from: "[::ffff:10.0.0.1]:999", headers: []string{"X-Forwarded-For", "::ffff:" + client}, addr: client},
		"IPv4 in brackets":                        {from: proxy, headers: []string{"X-Forwarded-For", "[" + client + "]"}, addr: nobody},
		"unknown":                                 {from: proxy, headers: []string{"X-Forwarded-For", client + ", unknown"}, addr: nobody},
		"obfuscated":                              {from: proxy, headers: []string{"Forwarded", `for="_hidden"`}, addr: nobody},
		"a name":                                  {from: proxy, headers: []string{"X-Forwarded-For", "localhost"}, addr: nobody},
		"octal":                                   {from: proxy, headers: []string{"X-Forwarded-For", "010.0.0.1"}, addr: nobody},
		"a number":                                {from: proxy, headers: []string{"X-Forwarded-For", "167772161"}, addr: nobody},
		"a bad port":                              {from: proxy, headers: []string{"X-Forwarded-For", client + ":99999"}, addr: nobody},
		"empty elements":                          {from: proxy, headers: []string{"X-Forwarded-For", " , " + client + " ,, "}, addr: client},
		"an empty header":                         {from: proxy, headers: []string{"X-Forwarded-For", ""}, addr: "10.0.0.1"},
		"too many hops":                           {from: proxy, headers: []string{"X-Forwarded-For", client + strings.Repeat(", 10.0.0.2", mostHops)}, addr: nobody},
		"Forwarded":                               {from: proxy, headers: []string{"Forwarded", `For="[2001:db8::7]:4711";Proto=https;Host=npm.example;by=10.0.0.1`}, addr: "2001:db8::7", base: "https://npm.example"},
		"Forwarded, forged before":                {from: proxy, headers: []string{"Forwarded", `for=127.0.0.1;proto=https;host=evil, for=` + client}, addr: client},
		"Forwarded, two proxies":                  {from: proxy, headers: []string{"Forwarded", `for=1.1.1.1;host=evil, for=` + client + `;host=npm.example;proto=https, for=10.0.0.2;host=inner`}, addr: client, base: "https://npm.example"},
		"Forwarded, a quoted comma":               {from: proxy, headers: []string{"Forwarded", `for="` + client + `, for=127.0.0.1"`}, addr: nobody},
		"Forwarded, an open quote":                {from: proxy, headers: []string{"Forwarded", `for=127.0.0.1;x="`, "Forwarded", "for=" + client}, addr: nobody},
		"Forwarded, twice for":                    {from: proxy, headers: []string{"Forwarded", "for=" + client + ";for=127.0.0.1"}, addr: nobody},
		"Forwarded, no for":                       {from: proxy, headers: []string{"Forwarded", "proto=https"}, addr: nobody, base: "https://registry.example"},
		"Forwarded, escapes":                      {from: proxy, headers: []string{"Forwarded", `for="\1\9\2.0.2.7"`}, addr: client},
		"both headers, agreed":                    {from: proxy, headers: []string{"X-Forwarded-For", client, "Forwarded", "for=" + client + ";proto=https"}, addr: client, base: "https://registry.example"},
		"X-Real-Ip":                               {from: proxy, headers: []string{"X-Real-Ip", "127.0.0.1", "X-Forwarded-For", client}, addr: client},
		"schemes and hosts, one a proxy":          {from: proxy, headers: []string{"X-Forwarded-For", client + ", 10.0.0.2", "X-Forwarded-Proto", "gopher, https, http", "X-Forwarded-Host", "evil, npm.example, inner"}, addr: client, base: "https://npm.example"},
		"scheme and host, the last":               {from: proxy, headers: []string{"X-Forwarded-For", client, "X-Forwarded-Proto", "http, HTTPS", "X-Forwarded-Host", "evil, npm.example"}, addr: client, base: "https://npm.example"},
		"a host that is none":                     {from: proxy, headers: []string{"X-Forwarded-For", client, "X-Forwarded-Host", "a/b@c?d#e"}, addr: client},
		"a host with a line's end":                {from: proxy, headers: []string{"X-Forwarded-For", client, "X-Forwarded-Host", "a\r\nb"}, addr: client},
		"a scheme that is none":                   {from: proxy, headers: []string{"X-Forwarded-For", client, "X-Forwarded-Proto", "javascript"}, addr: client},
		"no address":                              {from: "@", headers: []string{"X-Forwarded-For", "10.0.0.1"}, addr: nobody},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(c.from, c.headers...)
			d := Door{Trusted: trusted}
			addr, refusal := d.admit(r)
			require.Nil(t, refusal)
			require.Equal(t, c.addr, addr.String())
			if c.base == "" {
				c.base = "http://registry.example"
			}
			require.Equal(t, c.base, Base(r))
			if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
				require.Equal(t, c.addr, at.Addr().Unmap().String(), "what lies behind the door sees the client")
			} else {
				require.Equal(t, nobody, c.addr)
			}
			for _, name := range forwarding {
				if name != "X-Forwarded-Proto" || c.base[:5] != "https" {
					require.NotContains(t, r.Header, name)
				}
			}
		})
	}
	_, refusal := (&Door{Trusted: trusted}).admit(request(proxy, "X-Forwarded-For", client, "Forwarded", "for=10.9.9.9"))
	require.Equal(t, 400, refusal.Status)
}

func TestHosts(t *testing.T) {
	for _, s := range []string{"a", "npm.example.com:443", "[::1]", "[2001:db8::1]:80", "10.0.0.1:1", "a_b"} {
		require.True(t, isHost(s), s)
	}
	for _, s := range []string{"", ":80", "a:", "a:b", "a:123456", "a b", "a/b", "user@a", "[::1", "[::1]x", "[::1]:", "[10.0.0.1]", "[fe80::1%a]", "[]", "::1", "ü", strings.Repeat("a", 256)} {
		require.False(t, isHost(s), s)
	}
}

// FuzzOrigin holds that no header makes a client out of nothing: what a client sends through a proxy that
// appends its address changes neither the address nor, where the proxy sets them, scheme and host.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"", "127.0.0.1", "10.0.0.1, 10.0.0.1", "for=10.0.0.1", `for="`, `"`, ",,,", "unknown", "[::1%x]:1", ";=", "\\"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, mine, forwarded string) {
		d := Door{Trusted: Networks{netip.MustParsePrefix("10.0.0.0/8")}}
		r := request(proxy, "X-Forwarded-For", mine, "X-Forwarded-For", client, "X-Forwarded-Host", "npm.example", "X-Forwarded-Proto", "https")
		addr, refusal := d.admit(r)
		require.Nil(t, refusal)
		require.Equal(t, client, addr.String())
		require.Equal(t, "https://npm.example", Base(r))

		appended := strings.TrimLeft(mine+", "+client, ", ")
		addr, _ = d.admit(request(proxy, "X-Forwarded-For", appended))
		require.Equal(t, client, addr.String())

		addr, refusal = d.admit(request(proxy, "X-Forwarded-For", client, "Forwarded", forwarded))
		require.True(t, refusal != nil || addr.String() == client, "a header that a proxy lets through is believed beside its own")

		addr, _ = d.admit(request(proxy, "Forwarded", forwarded, "Forwarded", "for="+client))
		require.True(t, !addr.IsValid() || addr.String() == client)
		addr, _ = d.admit(request(client+":1", "X-Forwarded-For", mine, "Forwarded", forwarded, "X-Forwarded-Host", mine))
		require.Equal(t, client, addr.String())
	})
}
