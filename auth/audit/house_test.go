package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/fixtures/engine"
	"settee/views"
)

// node is a store of its own, the log's database in it.
type node struct {
	engine.Engine
	t  testing.TB
	db *kivik.DB
}

func newNode(t testing.TB, settings ...func(*couch.Options, *views.Options)) *node {
	e := engine.Open(t, settings...)
	return &node{e, t, e.DB(Database)}
}

// logbook is what a logger wrote.
type logbook struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func start(t testing.TB, db *kivik.DB, o Options) *Log {
	if o.Region == "" {
		o.Region = "eu"
	}
	l, err := Open(context.Background(), db, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// write appends n entries in a chain of its own, and closes it.
func write(t testing.TB, db *kivik.DB, n int) (chain string) {
	l := start(t, db, Options{})
	for i := range n {
		require.NoError(t, l.Append(context.Background(), sample(i)))
	}
	require.NoError(t, l.Close())
	return l.chain
}

func sample(i int) Entry {
	return Entry{
		Act: []Act{PackagePublish, PackageTag, LoginFailed, OrgMember}[i%4], By: []string{"ada", "bob", ""}[i%3], From: "192.0.2.7",
		Token: "npm_abcd…", Package: fmt.Sprintf("pkg-%d", i%5), Version: fmt.Sprintf("1.0.%d", i), OK: i%7 != 0,
		Details: map[string]string{"tag": "latest", "of": fmt.Sprint(i)},
	}
}

// verify is the report, and the problems as FAULT ID.
func verify(t testing.TB, db *kivik.DB, heads ...Head) (Report, []string) {
	var problems []string
	report, err := Verify(context.Background(), db, VerifyOptions{Heads: heads, Found: func(p Problem) {
		require.NotEmpty(t, p.Text)
		problems = append(problems, string(p.Fault)+" "+p.ID)
	}})
	require.NoError(t, err)
	require.Equal(t, report.Problems, int64(len(problems)))
	return report, problems
}

func sound(t testing.TB, db *kivik.DB, heads ...Head) Report {
	t.Helper()
	report, problems := verify(t, db, heads...)
	require.Empty(t, problems)
	return report
}

// document reads one as it is stored.
func document(t testing.TB, db *kivik.DB, id string) map[string]any {
	var doc map[string]any
	require.NoError(t, db.Get(context.Background(), id).ScanDoc(&doc))
	return doc
}

func put(t testing.TB, db *kivik.DB, doc map[string]any) {
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	_, err = db.Put(context.Background(), doc["_id"].(string), json.RawMessage(raw))
	require.NoError(t, err)
}

// forge writes a document as its first revision, in the place of what was there.
func forge(t testing.TB, db *kivik.DB, doc map[string]any) {
	purge(t, db, doc["_id"].(string))
	delete(doc, "_rev")
	put(t, db, doc)
}

// purge removes a document so that nothing is left of it.
func purge(t testing.TB, db *kivik.DB, id string) {
	doc := document(t, db, id)
	_, err := db.Purge(context.Background(), map[string][]string{id: {doc["_rev"].(string)}})
	require.NoError(t, err)
}

// moment is a time that goes on by a second an entry.
func moments() func() time.Time {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}
