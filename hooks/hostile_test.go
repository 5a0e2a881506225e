package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"settee/dial"
)

// TestHostileReceivers has endpoints that answer for ever, never, or with too much: the delivery ends, and what is queued for others goes by.
func TestHostileReceivers(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(w http.ResponseWriter, q *http.Request)
		code int
		says string
	}{
		"an endless answer": {func(w http.ResponseWriter, q *http.Request) {
			for q.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 32<<10)); err != nil {
					return
				}
			}
		}, 200, ""},
		"a slow answer": {func(w http.ResponseWriter, q *http.Request) {
			w.(http.Flusher).Flush()
			for q.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, 200, ""},
		"no answer":     {func(w http.ResponseWriter, q *http.Request) { <-q.Context().Done() }, 0, "took too long"},
		"large headers": {func(w http.ResponseWriter, q *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) }, 0, "header"},
		"a redirect inside": {func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		}, 307, ""},
		"no HTTP": {func(w http.ResponseWriter, q *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("SSH-2.0-x\r\n"))
				_ = conn.Close()
			}
		}, 0, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := begin(t, func(o *Options) { o.Patience, o.Pauses = 200*time.Millisecond, []time.Duration{time.Hour} })
			bad := receive(t, func(_ int, w http.ResponseWriter, q *http.Request) { c.say(w, q) })
			hook, well := h.hook(Package, "left", bad.URL+"/a-path-that-is-a-secret"), receive(t, nil)
			h.hook(Package, "left", well.URL)
			h.publish("left", "1.0.0")
			require.Equal(t, []string{"publish left@1.0.0"}, well.told(1))
			var j *Journal
			require.Eventually(t, func() bool {
				var err error
				j, err = h.Journal(context.Background(), hook.ID)
				return err == nil && len(j.Attempts) == 1
			}, 20*time.Second, 5*time.Millisecond)
			require.Equal(t, c.code, j.Attempts[0].Code)
			require.Contains(t, j.Attempts[0].Error, c.says)
			require.NotContains(t, j.Attempts[0].Error, "secret")
			require.Equal(t, c.code == 200, j.Attempts[0].Next.IsZero())
		})
	}
}

// TestRebinding has a name that leads outside when it is looked at, and inside when it is connected to.
func TestRebinding(t *testing.T) {
	var asked atomic.Int32
	resolving(t, func(string) [4]byte {
		if asked.Add(1) == 1 {
			return [4]byte{93, 184, 216, 34}
		}
		return [4]byte{127, 0, 0, 1}
	})
	outside, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip4", "rebinds.example")
	require.NoError(t, err)
	require.Equal(t, "93.184.216.34", outside[0].String(), "as a check of the name would see it")

	h := begin(t, func(o *Options) { o.Allow, o.Pauses = nil, []time.Duration{time.Hour} })
	r := receive(t, nil)
	u, err := url.Parse(r.URL)
	require.NoError(t, err)
	hook := h.hook(Package, "left", "http://rebinds.example:"+u.Port()+"/")
	h.publish("left", "1.0.0")
	var j *Journal
	require.Eventually(t, func() bool {
		j, err = h.Journal(context.Background(), hook.ID)
		return err == nil && len(j.Attempts) == 1
	}, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, "the endpoint is inside the registry's own network", j.Attempts[0].Error)
	require.Empty(t, r.all())
	require.Greater(t, asked.Load(), int32(1))
}

// resolving has every name looked up in a server of the test.
func resolving(t *testing.T, address func(name string) [4]byte) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	go serveNames(server, address)
	was := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = was
		_ = server.Close()
	})
}

// serveNames answers each question for an IPv4 address; of others there is none.
func serveNames(server net.PacketConn, address func(name string) [4]byte) {
	buf := make([]byte, 1500)
	for {
		n, from, err := server.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		m.Response, m.Additionals = true, nil
		if q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: address(q.Name.String())}}}
		}
		if raw, err := m.Pack(); err == nil {
			_, _ = server.WriteTo(raw, from)
		}
	}
}

// TestInsideByDefault makes hooks whose endpoint is a server of this machine, in every spelling that leads there: what is an address
// is refused at once, what is a name when it is connected to. Resolvers read some figures as addresses, as the one here does.
func TestInsideByDefault(t *testing.T) {
	resolving(t, func(string) [4]byte { return [4]byte{127, 0, 0, 1} })
	h := begin(t, func(o *Options) { o.Allow, o.Pauses, o.Patience = nil, []time.Duration{time.Hour}, 5*time.Second })
	r := receive(t, nil)
	u, err := url.Parse(r.URL)
	require.NoError(t, err)
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::127.0.0.1]",
		"[2002:7f00:1::]", "[2001::1]", "[fe80::1%25lo]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[fd00:ec2::254]", "100.64.0.1", "100.100.100.200", "192.0.0.192",
		"198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
	} {
		_, err := h.Create(context.Background(), Hook{Type: Package, Name: "left", Username: "ada", Account: account, Endpoint: "http://" + host + ":" + u.Port() + "/", Secret: "s"})
		require.EqualError(t, err, "the endpoint is an address inside the registry's own network", host)
	}
	var hooks []*Hook
	for _, host := range []string{
		"localhost", "LOCALHOST", "localhost.", "inside.example", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.1.", "0", "127.0.0.1.nip.example",
	} {
		endpoint := "http://" + host + ":" + u.Port() + "/"
		made, err := h.Create(context.Background(), Hook{Type: Package, Name: "left", Username: "ada", Account: account, Endpoint: endpoint, Secret: "s"})
		if err != nil {
			require.ErrorAs(t, err, new(Invalid), host)
			continue
		}
		hooks = append(hooks, made)
	}
	require.Greater(t, len(hooks), 5)
	h.publish("left", "1.0.0")
	for _, hook := range hooks {
		var j *Journal
		require.Eventually(t, func() bool {
			j, err = h.Journal(context.Background(), hook.ID)
			return err == nil && len(j.Attempts) == 1
		}, 20*time.Second, 5*time.Millisecond, hook.Endpoint)
		require.Zero(t, j.Attempts[0].Code, hook.Endpoint)
		require.NotEmpty(t, j.Attempts[0].Error, hook.Endpoint)
	}
	require.Empty(t, r.all())
	made, err := h.Get(context.Background(), "ada", account, hooks[0].ID)
	require.NoError(t, err)
	for _, endpoint := range []string{"http://127.0.0.1/", "http://[::ffff:10.0.0.1]/"} {
		_, err := h.Update(context.Background(), "ada", account, made.ID, endpoint, "s")
		require.ErrorAs(t, err, new(Invalid), "nor is it changed to one")
	}
}

// FuzzEndpoint takes endpoints: none that is an address inside, however it is written.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{"https://example.com/x?y=z", "http://[::ffff:127.0.0.1]:80/", "http://0x7f.1/", "http://127.0.0.1%2f@example.com/", "//x", "http://[fe80::1%25eth0]/", "http://例え.example/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		if checkEndpoint(endpoint, nil) != nil {
			return
		}
		q, err := http.NewRequest(http.MethodPost, endpoint, nil)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, q.URL.Scheme)
		if ip, err := netip.ParseAddr(q.URL.Hostname()); err == nil {
			require.False(t, dial.Inside(ip))
		}
	})
}

// FuzzState reads foreign packuments, and tells what they came to from nothing and from one another: afterwards nothing more.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"_rev":"1-a","versions":{"1.0.0":{"deprecated":"x"},"2":{}},"dist-tags":{"latest":"1.0.0"},"maintainers":[{"name":"ada"}],"users":{"eve":true},"time":{"1.0.0":"2024-01-01T00:00:00Z","modified":"x"}}`), []byte(`{}`))
	f.Add([]byte(`{"versions":{"1.0.0":{"deprecated":false}},"dist-tags":{"latest":1},"time":{"unpublished":{}}}`), []byte(`{"versions":{"1.0.0":{}}}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, err := stateOf(a)
		if err != nil {
			return
		}
		require.Empty(t, x.since(x))
		_ = x.since(x.before([]*Hook{{Type: Owner, Name: "ada"}}))
		y, err := stateOf(b)
		if err != nil {
			return
		}
		for _, e := range x.since(y) {
			raw, err := json.Marshal(e)
			require.NoError(t, err)
			require.Contains(t, string(raw), `"event":"package:`)
		}
	})
}

// TestPayloadsAreBounded has more hooks than places, and endpoints that do not answer: no more payloads are made than there are places.
func TestPayloadsAreBounded(t *testing.T) {
	var made atomic.Int32
	h := begin(t, func(o *Options) { o.Patience = time.Minute })
	h.made = &made
	answer := make(chan struct{})
	release := sync.OnceFunc(func() { close(answer) })
	defer release()
	r := receive(t, func(int, http.ResponseWriter, *http.Request) { <-answer })
	const hooks = 3 * mostAtOnce
	for range hooks {
		h.hook(Package, "large", r.URL)
	}
	h.publish("large", "1.0.0")
	r.told(mostAtOnce)
	require.Eventually(t, func() bool { // all have come as far as they do
		h.lanes.mu.Lock()
		defer h.lanes.mu.Unlock()
		return len(h.lanes.busy) == hooks
	}, 20*time.Second, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	require.LessOrEqual(t, int(made.Load()), mostAtOnce)
	h.hide("large", true) // before the others have a place
	release()
	h.empty()
	require.Len(t, r.all(), mostAtOnce, "who may read is asked when there is a place")
}

func TestTold(t *testing.T) {
	for want, err := range map[string]error{
		"": nil,
		"the endpoint's name cannot be looked up": &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "db.corp", Server: "10.0.0.53:53"}},
		"connection reset by peer": &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 4321},
			Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: errors.New("connection reset by peer")},
		"malformed": errors.New("malformed"),
		"the endpoint is inside the registry's own network": &net.OpError{Op: "dial", Net: "tcp", Err: dial.ErrInside},
	} {
		require.Equal(t, want, told(err))
	}
}
