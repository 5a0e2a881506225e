package couch

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch/revtree"
)

// bothPlaces are options under which small bodies are current ones, and none is; and under which all are in pieces.
var bothPlaces = []Options{{}, {currentLimit: -1}, {currentLimit: -1, piecedFrom: 8}}

// bodyKeys counts the bodies that have keys of their own, and the current ones.
func bodyKeys(t *testing.T, db *DB, id DocID) (own, current int) {
	snap, err := db.snapshot(ctx)
	require.NoError(t, err)
	defer snap.release()
	require.NoError(t, snap.each(ctx, kindBody, func(key, value []byte) error {
		of, _, _, ok := bodyIn(key, value)
		require.True(t, ok)
		if of == id && isCurrent(key) {
			current++
		} else if of == id {
			own++
		}
		return nil
	}))
	return own, current
}

// graft stores a revision with its ancestors, newest first.
func graft(t *testing.T, db *DB, id DocID, body string, deleted bool, path ...string) {
	t.Helper()
	doc := parsed(t, body)
	doc.ID, doc.Deleted = id, deleted
	for _, name := range path {
		rev, err := revtree.Parse(name)
		require.NoError(t, err)
		doc.Revisions = append(doc.Revisions, rev)
	}
	doc.Rev = doc.Revisions[0]
	results, err := db.Bulk(ctx, []*Document{doc}, WriteOptions{Replicated: true})
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
}

// A winner's body is the current one while it is small; whatever takes its place,
// it stays readable under its own key until a compaction.
func TestWhereBodiesLie(t *testing.T) {
	small := func(s string) string { return `{"is":"` + s + `"}` }
	large := func(s string) string { return `{"is":"` + s + `","pad":"` + strings.Repeat("x", currentLimit) + `"}` }
	type step struct {
		do           func(t *testing.T, db *DB)
		own, current int
		bodies       map[string]string // by revision; "": not there
	}
	put := func(body string, deleted bool, path ...string) func(*testing.T, *DB) {
		return func(t *testing.T, db *DB) { graft(t, db, "a", body, deleted, path...) }
	}
	purge := func(name string) func(*testing.T, *DB) {
		return func(t *testing.T, db *DB) {
			rev, err := revtree.Parse(name)
			require.NoError(t, err)
			require.Equal(t, []Rev{rev}, purged(t, db, "a", rev))
		}
	}
	compact := func(t *testing.T, db *DB) { require.NoError(t, db.Compact(ctx)) }
	stem := func(n int) func(*testing.T, *DB) {
		return func(t *testing.T, db *DB) { require.NoError(t, db.SetRevsLimit(ctx, n)) }
	}
	for name, steps := range map[string][]step{
		"grows and shrinks": {
			{put(small("1"), false, "1-a"), 0, 1, nil},
			{put(large("2"), false, "2-a", "1-a"), 2, 0, map[string]string{"1-a": small("1"), "2-a": large("2")}},
			{put(large("3"), false, "3-a", "2-a"), 3, 0, nil},
			{put(small("4"), false, "4-a", "3-a"), 3, 1, map[string]string{"3-a": large("3"), "4-a": small("4")}},
			{put(small("5"), false, "5-a", "4-a"), 4, 1, map[string]string{"4-a": small("4"), "5-a": small("5")}},
			{compact, 0, 1, map[string]string{"4-a": "", "5-a": small("5")}},
			{put(small("6"), true, "6-a", "5-a"), 1, 1, map[string]string{"5-a": small("5"), "6-a": small("6")}},
		},
		"the winner changes": {
			{put(small("b"), false, "1-b"), 0, 1, nil},
			{put(small("a"), false, "1-a"), 1, 1, map[string]string{"1-a": small("a"), "1-b": small("b")}},
			{put(small("c"), false, "1-c"), 2, 1, map[string]string{"1-b": small("b"), "1-c": small("c")}},
			{put(small("d"), true, "2-d", "1-c"), 4, 0, map[string]string{"1-c": small("c"), "2-d": small("d"), "1-b": small("b")}},
			{compact, 3, 0, map[string]string{"1-c": "", "1-b": small("b"), "1-a": small("a")}},
			{purge("1-b"), 2, 0, map[string]string{"1-a": small("a")}},
			{put(small("e"), false, "2-e", "1-a"), 2, 1, map[string]string{"1-a": small("a"), "2-e": small("e")}},
		},
		"purged": {
			{put(small("1"), false, "1-a"), 0, 1, nil},
			{put(small("2"), false, "2-a", "1-a"), 1, 1, nil},
			{put(small("b"), false, "2-b", "1-a"), 2, 1, nil},
			{purge("2-b"), 2, 0, map[string]string{"1-a": small("1"), "2-a": small("2")}},
			{put(small("again"), false, "2-b", "1-a"), 2, 1, map[string]string{"2-b": small("again"), "2-a": small("2")}},
			{purge("2-a"), 1, 1, map[string]string{"2-b": small("again"), "1-a": small("1")}},
			{purge("2-b"), 0, 0, nil},
		},
		"an ancestor's body comes late": {
			{put(small("3"), false, "3-a", "2-a", "1-a"), 0, 1, nil},
			{put(small("2"), false, "2-a", "1-a"), 1, 1, map[string]string{"2-a": small("2"), "3-a": small("3")}},
			{put(small("2 again"), false, "2-a", "1-a"), 1, 1, map[string]string{"2-a": small("2")}},
			{put(small("3 again"), false, "3-a", "2-a"), 1, 1, map[string]string{"3-a": small("3")}},
			{compact, 0, 1, map[string]string{"2-a": "", "3-a": small("3")}},
			{put(large("2"), false, "2-a", "1-a"), 1, 1, map[string]string{"2-a": large("2"), "3-a": small("3")}},
		},
		"stemmed": {
			{stem(1), 0, 0, nil},
			{put(small("1"), false, "1-a"), 0, 1, nil},
			{put(small("2"), false, "2-a", "1-a"), 0, 1, map[string]string{"1-a": "", "2-a": small("2")}},
			{put(small("1"), false, "1-a"), 1, 1, map[string]string{"1-a": small("1"), "2-a": small("2")}},
			{put(small("3"), true, "3-a", "2-a"), 2, 0, map[string]string{"1-a": small("1"), "2-a": "", "3-a": small("3")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, Options{})
			for i, s := range steps {
				s.do(t, db)
				own, current := bodyKeys(t, db, "a")
				require.Equal(t, []int{s.own, s.current}, []int{own, current}, "step %d", i)
				for name, body := range s.bodies {
					rev, err := revtree.Parse(name)
					require.NoError(t, err)
					doc, err := db.Get(ctx, "a", GetOptions{Rev: rev})
					if body == "" {
						require.ErrorIs(t, err, ErrMissing, "step %d: %s", i, name)
						continue
					}
					require.NoError(t, err, "step %d: %s", i, name)
					require.Equal(t, body, string(doc.Body), "step %d: %s", i, name)
				}
				whole(t, db.store)
			}
		})
	}
}

// Edits of one batch follow each other, in whatever order their winner comes.
func TestBodiesOfOneBatch(t *testing.T) {
	db := database(t, Options{})
	graft(t, db, "a", `{"is":"1"}`, false, "1-a")
	docs := []*Document{}
	for _, path := range [][]Rev{
		{{Pos: 2, ID: "a"}, {Pos: 1, ID: "a"}}, {{Pos: 1, ID: "a"}}, {{Pos: 3, ID: "a"}, {Pos: 2, ID: "a"}}, {{Pos: 3, ID: "0"}, {Pos: 2, ID: "a"}}, {{Pos: 2, ID: "a"}, {Pos: 1, ID: "a"}},
	} {
		docs = append(docs, &Document{ID: "a", Rev: path[0], Revisions: path, Body: fmt.Appendf(nil, `{"is":"%s"}`, path[0])})
	}
	docs[1].Deleted = true // as if a known revision could still be deleted
	_, err := db.Bulk(ctx, docs, WriteOptions{Replicated: true})
	require.NoError(t, err)
	winner, err := db.Get(ctx, "a", GetOptions{RevsInfo: true})
	require.NoError(t, err)
	require.Equal(t, RevInfo{Rev{Pos: 1, ID: "a"}, "available"}, winner.RevsInfo[2])
	own, current := bodyKeys(t, db, "a")
	require.Equal(t, []int{3, 1}, []int{own, current})
	for rev, body := range map[Rev]string{
		{Pos: 1, ID: "a"}: `{"is":"1"}`, {Pos: 2, ID: "a"}: `{"is":"2-a"}`, {Pos: 3, ID: "a"}: `{"is":"3-a"}`, {Pos: 3, ID: "0"}: `{"is":"3-0"}`,
	} {
		doc, err := db.Get(ctx, "a", GetOptions{Rev: rev})
		require.NoError(t, err)
		require.Equal(t, body, string(doc.Body))
	}
}

// Who reads while a winner's body grows, shrinks and moves finds one.
func TestReadWhileBodiesMove(t *testing.T) {
	db := database(t, Options{currentLimit: middling})
	first := put(t, db, `{"_id":"a","n":1}`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		rev := first
		for i := range 300 {
			doc := &Document{ID: "a", Rev: rev, Body: fmt.Appendf(nil, `{"n":"%s"}`, strings.Repeat("x", i%3*8))}
			var err error
			if rev, err = db.Put(ctx, doc, WriteOptions{}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		doc, err := db.Get(ctx, "a", GetOptions{})
		require.NoError(t, err)
		body, err := db.readBody(db.store.pebble, "a", doc.Rev)
		require.NoError(t, err)
		require.Equal(t, doc.Body, body.json)
		_, err = db.readBody(db.store.pebble, "a", first)
		require.NoError(t, err)
	}
}

// A compaction that began before spares the body of a revision that had been
// stemmed away and comes back from a replica.
func TestCompactionAfterStemming(t *testing.T) {
	for _, o := range bothPlaces {
		db := database(t, o)
		graft(t, db, "a", `{"is":"1"}`, false, "1-a")
		graft(t, db, "a", `{"is":"2"}`, false, "2-a", "1-a")
		require.NoError(t, db.SetRevsLimit(ctx, 1))
		graft(t, db, "a", `{"is":"3"}`, false, "3-a", "2-a")
		snap, err := db.beginCompaction(ctx)
		require.NoError(t, err)
		graft(t, db, "a", `{"is":"1"}`, false, "1-a")
		_, err = (&compaction{db: db}).dropBodies(ctx, snap)
		require.NoError(t, err)
		db.endCompaction()
		snap.release()
		whole(t, db.store)
		doc, err := db.Get(ctx, "a", GetOptions{Rev: Rev{Pos: 1, ID: "a"}})
		require.NoError(t, err)
		require.Equal(t, `{"is":"1"}`, string(doc.Body))
	}
}

// A store of an older format becomes one of this when it is opened, and its
// documents have current bodies from their next edit on.
func TestOlderFormats(t *testing.T) {
	for _, format := range []byte{formatApart, formatWhole} {
		t.Run(fmt.Sprint(format), func(t *testing.T) { opensOlder(t, format) })
	}
}

func opensOlder(t *testing.T, older byte) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs, currentLimit: -1})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	rev := put(t, db, `{"_id":"a","n":1}`)
	put(t, db, `{"_id":"b","n":1}`)
	require.NoError(t, s.pebble.Set(formatKey, []byte{older}, pebble.Sync))
	require.NoError(t, s.Close())

	s = opened(t, Options{FS: fs})
	v, err := read(s.pebble, formatKey)
	require.NoError(t, err)
	require.Equal(t, []byte{format}, v, "older programs refuse it")
	db, err = s.DB("db")
	require.NoError(t, err)
	whole(t, s)
	require.Equal(t, `{"_id":"a","_rev":"`+rev.String()+`","n":1}`, got(t, db, "a", GetOptions{}))
	put(t, db, `{"_id":"a","_rev":"`+rev.String()+`","n":2}`)
	own, current := bodyKeys(t, db, "a")
	require.Equal(t, []int{1, 1}, []int{own, current})
	require.Equal(t, `{"_id":"a","_rev":"`+rev.String()+`","n":1}`, got(t, db, "a", GetOptions{Rev: rev}))
	require.NoError(t, db.Compact(ctx))
}

// What is wrong with current bodies alone.
var currentDamages = []damage{
	{name: "a current body of another leaf", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.currentKey("forked"), bodyAt(db.currentKey("forked"), Rev{Pos: 2, ID: "a"}, "\x00\x00{}"))
	}, problem: `"forked": leaf 2-b has no body`, mended: "the leaf was set aside", doc: "forked", kept: true, aside: 2},
	{name: "a current body that the record does not know", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		r := record(t, db, "short")
		r.current = false
		set(b, db.idKey("short"), r.append(nil))
	}, problem: `"short": its current body is that of 3-\w+, which its record does not say`, mended: "it has a key of its own now", doc: "short", kept: true, aside: 1},
	{name: "a current body that has a key of its own", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		r := record(t, db, "short")
		_, body, err := splitCurrent(value(t, db, db.currentKey("short")))
		require.NoError(t, err)
		set(b, db.bodyKey("short", r.winner.Rev), body)
		_ = b.Delete(db.currentKey("short"), nil)
	}, problem: `"short": its winner's body is not the current one`, mended: "its record says so now", doc: "short", kept: true},
	{name: "a current body of an old revision", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		r := record(t, db, "long")
		old := r.tree.Path(r.winner.Rev)[5].Rev
		_, body, err := splitCurrent(value(t, db, db.currentKey("long")))
		require.NoError(t, err)
		set(b, db.bodyKey("long", r.winner.Rev), body)
		set(b, db.currentKey("long"), bodyAt(db.currentKey("long"), old, "\x00\x00{}"))
	}, problem: `"long": its winner's body is not the current one`, mended: "its record says so now", doc: "long", kept: true, aside: 1},
	{name: "a current body unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.currentKey("short"), []byte{0xff})
	}, problem: `"short": leaf 3-\w+ has no body`, mended: "a body's key is damaged: set aside", doc: "short", aside: 3},
	{name: "a current body of nobody", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.currentKey("nobody"), bodyAt(db.currentKey("nobody"), Rev{Pos: 7, ID: "x"}, "\x00\x00{}"))
	}, problem: `the body of "nobody" 7-x has no document`, mended: "made anew from its leaves", doc: "nobody", kept: true},
	{name: "record and row of one with a history lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.seqKey(record(t, db, "short").seq), nil)
		_ = b.Delete(db.idKey("short"), nil)
	}, problem: `the body of "short" 3-\w+ has no document`, mended: "made anew from its leaves", doc: "short", kept: true},
}

func TestRepairCurrent(t *testing.T) {
	for _, d := range currentDamages {
		t.Run(d.name, func(t *testing.T) { d.repaired(t, patient(t, Options{})) })
	}
}

// A repair brings the newest revision back when nothing but the bodies is left.
func TestRepairFindsTheCurrentBody(t *testing.T) {
	db := patient(t, Options{})
	want := got(t, db, "short", GetOptions{})
	b := db.store.pebble.NewBatch()
	_ = b.Delete(db.seqKey(record(t, db, "short").seq), nil)
	_ = b.Delete(db.idKey("short"), nil)
	require.NoError(t, db.store.commit(b))
	_, err := db.store.Repair(ctx, func(SetAside) error { return errors.New("nothing is set aside") }, nil)
	require.NoError(t, err)
	db, err = db.store.DB("db")
	require.NoError(t, err)
	require.Equal(t, want, got(t, db, "short", GetOptions{}))
}

// A request of more revisions than one batch takes has a result for each, in order.
func TestMoreThanOneBatch(t *testing.T) {
	db := database(t, Options{})
	docs := make([]*Document, 2*mostAtOnce+1)
	for i := range docs {
		docs[i] = &Document{ID: DocID(fmt.Sprintf("d%05d", i%(mostAtOnce+5))), Body: []byte(`{}`)}
	}
	results, err := db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(t, err)
	require.Len(t, results, len(docs))
	for i, r := range results {
		require.Equal(t, docs[i].ID, r.ID)
		if i < mostAtOnce+5 {
			require.NoError(t, r.Err)
		} else {
			require.ErrorIs(t, r.Err, ErrConflict)
		}
	}
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.EqualValues(t, mostAtOnce+5, info.Docs)
	none, err := db.Bulk(ctx, nil, WriteOptions{})
	require.NoError(t, err)
	require.Empty(t, none)
}
