package hooks

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/database"
	"settee/fixtures/engine"
)

type dict = map[string]any

// house is packuments on the real engine, and hooks that follow them.
type house struct {
	*Hooks
	t      testing.TB
	client *kivik.Client
	db     *kivik.DB
	o      Options
	made   *atomic.Int32 // payloads; nil: nobody counts

	mu     sync.Mutex
	hidden map[string]bool // packages that nobody may read
}

func (h *house) hide(name string, hidden bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hidden[name] = hidden
}

// Readable, Payload and Maintained implement Packages.
func (h *house) Readable(_ context.Context, _ *Hook, name string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.hidden[name], nil
}

func (h *house) Payload(ctx context.Context, name string) (json.RawMessage, error) {
	if h.made != nil {
		h.made.Add(1)
	}
	return database.Text(ctx, h.db, name)
}

func (h *house) Maintained(ctx context.Context, user string) (names []string, err error) {
	rows := h.db.AllDocs(ctx, kivik.IncludeDocs())
	defer rows.Close()
	for rows.Next() {
		var raw json.RawMessage
		id, _ := rows.ID()
		if err := rows.ScanDoc(&raw); err != nil {
			return nil, err
		}
		if s, err := stateOf(raw); err == nil && s.Owners[user] {
			names = append(names, id)
		}
	}
	return names, rows.Err()
}

func begin(t testing.TB, set ...func(*Options)) *house {
	client := engine.Open(t).Client
	require.NoError(t, client.CreateDB(context.Background(), "registry"))
	h := &house{t: t, client: client, db: client.DB("registry"), hidden: map[string]bool{}}
	h.o = Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Pauses: []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 40 * time.Millisecond}, Checkpoint: time.Hour}
	for _, s := range set {
		s(&h.o)
	}
	h.open()
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func (h *house) open() {
	var err error
	h.Hooks, err = Open(context.Background(), h.client, h.o)
	require.NoError(h.t, err)
	h.Start(h)
}

// crash ends deliveries at once, and begins anew from what is written down: the checkpoint is not.
func (h *house) crash() {
	require.NoError(h.t, h.Close())
	var mark struct {
		Rev string `json:"_rev"`
	}
	if h.db.Get(context.Background(), "_local/follower-hooks").ScanDoc(&mark) == nil {
		_, err := h.db.Delete(context.Background(), "_local/follower-hooks", mark.Rev)
		require.NoError(h.t, err)
	}
	h.open()
}

var account = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (h *house) hook(typ Type, name, endpoint string) *Hook {
	h.t.Helper()
	made, err := h.Create(context.Background(), Hook{Type: typ, Name: name, Username: "ada", Account: account, Endpoint: endpoint, Secret: "s3cret"})
	require.NoError(h.t, err)
	return made
}

// edit changes a packument, or makes it.
func (h *house) edit(name string, change func(doc dict)) {
	h.t.Helper()
	doc := dict{"name": name, "versions": dict{}, "dist-tags": dict{}, "time": dict{}, "maintainers": []any{dict{"name": "ada"}}}
	if err := h.db.Get(context.Background(), name).ScanDoc(&doc); kivik.HTTPStatus(err) != 404 {
		require.NoError(h.t, err)
	}
	change(doc)
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	doc["time"].(dict)["modified"] = now
	_, err := h.db.Put(context.Background(), name, doc)
	require.NoError(h.t, err)
}

func (h *house) publish(name, version string) {
	h.t.Helper()
	h.edit(name, func(doc dict) {
		doc["versions"].(dict)[version] = dict{"name": name, "version": version}
		doc["dist-tags"].(dict)["latest"] = version
		doc["time"].(dict)[version] = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	})
}

// receiver is an endpoint that keeps what it got.
type receiver struct {
	*httptest.Server
	t   testing.TB
	mu  sync.Mutex
	got []received
	say func(n int, w http.ResponseWriter, r *http.Request) // n is which request, from 0
}

type received struct {
	id, signature string
	body          []byte
	notification
}

func receive(t testing.TB, say func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	r := &receiver{t: t, say: say}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return // cut off
		}
		got := received{id: q.Header.Get("X-Settee-Delivery"), signature: q.Header.Get("X-Npm-Signature"), body: body}
		if json.Unmarshal(body, &got.notification) != nil {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		r.mu.Lock()
		n := len(r.got)
		r.got = append(r.got, got)
		r.mu.Unlock()
		if r.say != nil {
			r.say(n, w, q)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

// told waits until this many arrived and gives "event name@version" of each.
func (r *receiver) told(n int) (lines []string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return len(r.all()) >= n }, 20*time.Second, 2*time.Millisecond, "%d of %d", len(r.all()), n)
	for _, g := range r.all() {
		lines = append(lines, string(g.Event)[len("package:"):]+" "+g.Name+"@"+g.Version)
	}
	return lines
}

// empty waits until nothing is queued.
func (h *house) empty() {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		id, err := h.next(queuePrefix)
		return err == nil && id == ""
	}, 20*time.Second, 2*time.Millisecond)
}
