package dial

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInside(t *testing.T) {
	for _, text := range []string{
		"127.0.0.1", "127.255.1.2", "::1", "0.0.0.0", "0.1.2.3", "::", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "224.0.0.1", "239.1.1.1", "ff02::1", "255.255.255.255",
		"240.0.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.9", "2001:db8::1", "2001::1", "100::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:c0a8:101::1",
		"64:ff9b:1:7f00:0:100::", "64:ff9b:1::808:808", "::ffff:0:7f00:1", "::ffff:0:a9fe:a9fe", "2001:0:808:808::", "2001:10::1", "3fff::1", "fdff::1", "febf::1", "172.31.0.1", "169.254.170.2",
	} {
		require.True(t, Inside(netip.MustParseAddr(text)), text)
	}
	require.True(t, Inside(netip.Addr{}))
	for _, text := range []string{"1.1.1.1", "172.32.0.1", "172.15.0.1", "192.167.1.1", "100.128.0.1", "11.0.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:200::1", "::ffff:0:808:808", "192.169.0.1", "223.255.255.255"} {
		require.False(t, Inside(netip.MustParseAddr(text)), text)
	}
}

// TestNothingInsideIsReached asks a server that is there, by its address in many spellings, by a name and by a redirect.
func TestNothingInsideIsReached(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked++
		if q.URL.Path == "/away" {
			http.Redirect(w, q, "http://localhost:"+q.URL.Port(), http.StatusFound)
		}
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DialContext: Public(nil)}}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "0"} {
		_, err := client.Get("http://" + host + ":" + port)
		require.Error(t, err, host)
		if host != "0" { // which some resolvers do not know
			require.ErrorIs(t, err, ErrInside, host)
		}
	}
	require.Zero(t, asked)

	allowed := &http.Client{Transport: &http.Transport{DialContext: Public([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})}}
	res, err := allowed.Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 1, asked)
	_, err = allowed.Get("http://127.0.0.2:" + port)
	require.ErrorIs(t, err, ErrInside)
}

func TestOnlyTCP(t *testing.T) {
	for _, network := range []string{"udp", "unix"} {
		_, err := Public(nil)(context.Background(), network, "127.0.0.1:9")
		require.ErrorIs(t, err, ErrInside, network)
	}
}
