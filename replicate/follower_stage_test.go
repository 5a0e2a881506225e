package replicate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/driver"
	"github.com/stretchr/testify/require"
)

// stage is a Kivik driver of one database with what a follower uses of it, and with
// the faults that no real store gives on demand. It has no goroutines, so that
// clocks can stand still around it.
type stage struct {
	mu       sync.Mutex
	last     map[string]int // the sequence of each document's last change
	log      []string       // the document of each sequence, from 1
	gone     bool
	purges   int
	instance int
	kind     string // what stands behind the number of a sequence
	local    json.RawMessage
	deaf     bool // feeds neither tell nor end, as over a dead connection
	sequence int  // of calls
	changed  chan struct{}

	fail func(call int, what string) error // asked by each call, after what it does if it is a put
}

var stages sync.Map // test name -> *stage

var registerStage = sync.OnceFunc(func() { kivik.Register("replicate-stage", stageDriver{}) })

func newStage(t testing.TB) (*stage, *kivik.DB) {
	t.Helper()
	registerStage()
	s := &stage{last: map[string]int{}, kind: "-a", instance: 1, changed: make(chan struct{})}
	stages.Store(t.Name(), s)
	c, err := kivik.New("replicate-stage", t.Name())
	require.NoError(t, err)
	return s, c.DB("db")
}

type stageDriver struct{}

func (stageDriver) NewClient(name string, _ driver.Options) (driver.Client, error) {
	s, _ := stages.Load(name)
	return stageClient{stage: s.(*stage)}, nil
}

// The interfaces' rest is nil and panics: a follower needs no more.
type stageClient struct {
	driver.Client
	*stage
}

func (c stageClient) DB(string, driver.Options) (driver.DB, error) {
	return stageDB{stage: c.stage}, nil
}

type stageDB struct {
	driver.DB
	*stage
}

type status int

func (s status) Error() string   { return http.StatusText(int(s)) }
func (s status) HTTPStatus() int { return int(s) }

// write changes documents.
func (s *stage) write(ids ...string) {
	s.with(func() {
		for _, id := range ids {
			s.log = append(s.log, id)
			s.last[id] = len(s.log)
		}
	})
}

// with does something to the stage and wakes the feeds that wait.
func (s *stage) with(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stage) seq(n int) string { return strconv.Itoa(n) + s.kind }

// call counts a call; s.mu is held.
func (s *stage) call(what string) error {
	if s.gone {
		return status(http.StatusNotFound)
	}
	s.sequence++
	if s.fail == nil {
		return nil
	}
	return s.fail(s.sequence-1, what)
}

func (d stageDB) Stats(context.Context) (*driver.DBStats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("stats"); err != nil {
		return nil, err
	}
	return &driver.DBStats{UpdateSeq: d.seq(len(d.log)),
		RawResponse: fmt.Appendf(nil, `{"purge_seq":"%d-x","instance_start_time":"%d"}`, d.purges, d.instance)}, nil
}

func (d stageDB) Get(context.Context, string, driver.Options) (*driver.Document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.call("get"); err != nil {
		return nil, err
	}
	if d.local == nil {
		return nil, status(http.StatusNotFound)
	}
	return &driver.Document{Body: io.NopCloser(bytes.NewReader(d.local))}, nil
}

func (d stageDB) Put(_ context.Context, _ string, doc any, _ driver.Options) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.local, err = json.Marshal(doc); err == nil {
		err = d.call("put") // stored, but the answer is lost
	}
	return "0-1", err
}

func (d stageDB) Changes(ctx context.Context, options driver.Options) (driver.Changes, error) {
	o := map[string]any{}
	options.Apply(o)
	number, kind, _ := strings.Cut(fmt.Sprint(o["since"]), "-")
	since, _ := strconv.Atoi(number)
	var timeout <-chan time.Time
	if ms, ok := o["timeout"].(int); ok {
		timeout = time.After(time.Duration(ms) * time.Millisecond)
	}
	for {
		d.mu.Lock()
		err, deaf, changed := d.call("changes"), d.deaf, d.changed
		if kind != "" && "-"+kind != d.kind {
			err = status(http.StatusBadRequest)
		}
		feed := &stageFeed{stage: d.stage, ctx: ctx, at: since, end: len(d.log)}
		d.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if feed.limit, _ = o["limit"].(int); feed.limit == 0 {
			feed.limit = 1 << 30
		}
		if ids, ok := o["doc_ids"].(json.RawMessage); ok {
			feed.only, feed.at = string(ids), 0
			return feed, nil
		}
		if !deaf && (feed.end > since || o["feed"] == "normal") {
			return feed, nil
		}
		if deaf {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		select {
		case <-changed:
			d.mu.Lock()
			d.sequence-- // the same call
			d.mu.Unlock()
		case <-timeout:
			return feed, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

type stageFeed struct {
	*stage
	ctx     context.Context
	only    string
	at, end int
	limit   int
}

func (f *stageFeed) Next(c *driver.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.at < f.end && f.limit > 0 {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		f.at++
		id := f.log[f.at-1]
		if f.last[id] != f.at || f.only != "" && !strings.Contains(f.only, strconv.Quote(id)) {
			continue
		}
		if err := f.call("row"); err != nil {
			return err
		}
		f.limit--
		c.ID, c.Seq, c.Changes = id, f.seq(f.at), append(c.Changes, fmt.Sprintf("%d-x", f.at))
		return nil
	}
	return io.EOF
}

func (f *stageFeed) Close() error    { return nil }
func (f *stageFeed) LastSeq() string { return f.seq(f.at) }
func (f *stageFeed) Pending() int64  { return int64(f.end - f.at) }
func (f *stageFeed) ETag() string    { return "" }
