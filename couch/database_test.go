package couch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestDatabaseNames(t *testing.T) {
	s := opened(t, Options{})
	for _, name := range []string{"a", "a/b", "_users", "x_$()+-/9", "_replicator"} {
		_, err := s.Create(ctx, name)
		require.NoError(t, err, name)
		_, err = s.Create(ctx, name)
		require.ErrorIs(t, err, ErrDatabaseExists)
	}
	for _, name := range []string{"", "A", "1a", "_x", "a b", "../x", "a.b"} {
		_, err := s.Create(ctx, name)
		require.ErrorIs(t, err, &Error{Kind: IllegalDBName}, name)
	}
	_, err := s.Create(ctx, strings.Repeat("a", 239))
	require.ErrorIs(t, err, &Error{Kind: DBNameTooLong})
	names, err := s.Databases(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"_replicator", "_users", "a", "a/b", "x_$()+-/9"}, names)
}

func TestDeleteDatabase(t *testing.T) {
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	put(t, db, `{"_id":"a"}`)
	waiting := make(chan error)
	go func() { waiting <- db.WaitSeq(ctx, 1) }()
	require.NoError(t, s.Delete(ctx, "db"))
	require.ErrorIs(t, <-waiting, ErrNoDatabase)
	_, err = db.Get(ctx, "a", GetOptions{})
	require.ErrorIs(t, err, ErrNoDatabase)
	_, err = db.Put(ctx, parsed(t, `{"_id":"a"}`), WriteOptions{})
	require.ErrorIs(t, err, ErrNoDatabase)
	require.ErrorIs(t, s.Delete(ctx, "db"), ErrNoDatabase)
	again, err := s.Create(ctx, "db")
	require.NoError(t, err)
	require.NotEqual(t, db.FormatSeq(0), again.FormatSeq(0))
	require.Empty(t, feed(t, again, ChangesOptions{Limit: -1}))
}

func TestWaitSeq(t *testing.T) {
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	woken := make(chan error)
	for range 100 {
		go func() { woken <- db.WaitSeq(ctx, 0) }()
	}
	put(t, db, `{"_id":"a"}`)
	for range 100 {
		require.NoError(t, <-woken)
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	require.ErrorIs(t, db.WaitSeq(short, 1), context.DeadlineExceeded)
	go func() { woken <- db.WaitSeq(ctx, 1) }()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-woken, ErrClosed)
}

func TestSeq(t *testing.T) {
	db := database(t, Options{})
	put(t, db, `{"_id":"a"}`)
	for in, want := range map[string]Seq{"0": 0, "7": 7, `"3"`: 3, "now": 1, db.FormatSeq(5): 5, `"` + db.FormatSeq(6) + `"`: 6, "7-x-y": 0, `"3-a"`: 0, "7-": 0} {
		got, err := db.ParseSeq(in)
		require.NoError(t, err)
		require.Equal(t, want, got, in)
	}
	for _, in := range []string{"", "x", "-1", "1.5"} {
		_, err := db.ParseSeq(in)
		require.ErrorIs(t, err, &Error{Kind: BadRequest, Reason: "Malformed sequence supplied in 'since' parameter."}, in)
	}
}

func TestBulk(t *testing.T) {
	db := database(t, Options{})
	docs := []*Document{parsed(t, `{"_id":"a"}`), parsed(t, `{"_id":"a","x":1}`), parsed(t, `{"_id":"_local/l","v":1}`), parsed(t, `{"_id":"b"}`)}
	rows, err := db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(t, err)
	require.NoError(t, rows[0].Err)
	require.ErrorIs(t, rows[1].Err, ErrConflict, "the first edit wins")
	require.Equal(t, "0-1", rows[2].Rev.String())
	require.NoError(t, rows[3].Err)

	// Two revisions of one document replicate in one batch and take one sequence.
	rows, err = db.Bulk(ctx, []*Document{
		parsed(t, `{"_id":"c","_revisions":{"start":1,"ids":["x"]}}`),
		parsed(t, `{"_id":"c","_revisions":{"start":2,"ids":["y","x"]}}`),
		parsed(t, `{"_id":"c","_revisions":{"start":2,"ids":["z","x"]},"_deleted":true}`),
		parsed(t, `{"_id":"d"}`)}, WriteOptions{Replicated: true})
	require.NoError(t, err)
	require.ErrorIs(t, rows[3].Err, &Error{Kind: BadRequest})
	require.Equal(t, []string{"3 c 2-y 2-z"}, feed(t, db, ChangesOptions{Limit: -1, Since: 2, AllLeaves: true}))
	require.Equal(t, `{"_id":"c","_rev":"2-y","_deleted_conflicts":["2-z"]}`, got(t, db, "c", GetOptions{DeletedConflicts: true}))
}

func TestLocal(t *testing.T) {
	db := database(t, Options{})
	rev, err := db.PutLocal(ctx, parsed(t, `{"_id":"_local/x","v":1}`))
	require.NoError(t, err)
	require.Equal(t, "0-1", rev.String())
	rev, err = db.PutLocal(ctx, parsed(t, `{"_id":"_local/x","_rev":"0-1","v":2}`))
	require.NoError(t, err)
	require.Equal(t, "0-2", rev.String())
	require.Equal(t, `{"_id":"_local/x","_rev":"0-2","v":2}`, got(t, db, "_local/x", GetOptions{}))
	rows, err := db.LocalDocs(ctx, AllDocsOptions{Limit: -1})
	require.NoError(t, err)
	require.True(t, rows.Next())
	require.Equal(t, DocID("_local/x"), rows.Row().ID)
	require.False(t, rows.Next())
	require.NoError(t, rows.Close())
	require.Empty(t, feed(t, db, ChangesOptions{Limit: -1}))
	require.NoError(t, db.DeleteLocal(ctx, "_local/x"))
	require.ErrorIs(t, db.DeleteLocal(ctx, "_local/x"), ErrMissing)
}

func TestSpace(t *testing.T) {
	s := opened(t, Options{})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	for _, name := range []string{"one", "two"} {
		b := db.Space(name).Batch()
		for i := range 10 {
			b.Set(fmt.Append(nil, i), []byte(name))
		}
		b.Delete([]byte("3"))
		b.DeleteRange([]byte("5"), []byte("8"))
		require.NoError(t, b.Commit())
	}
	names, err := db.Spaces(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "two"}, names)
	snap, err := db.Space("one").Snapshot()
	require.NoError(t, err)
	require.NoError(t, db.Space("one").Drop(ctx))
	it, err := snap.Iter([]byte("1"), nil)
	require.NoError(t, err)
	keys := ""
	for ok := it.First(); ok; ok = it.Next() {
		keys += string(it.Key())
	}
	require.Equal(t, "12489", keys)
	require.True(t, it.SeekLT([]byte("4")))
	require.Equal(t, "2", string(it.Key()))
	require.NoError(t, it.Close())
	v, err := snap.Get([]byte("1"))
	require.NoError(t, err)
	require.Equal(t, "one", string(v))
	_, err = snap.Get([]byte("3"))
	require.ErrorIs(t, err, ErrMissing)
	require.NoError(t, snap.Close())
	names, err = db.Spaces(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"two"}, names)
}

// Check finds what is broken: a test of the test that ends every other one.
func TestCheckFinds(t *testing.T) {
	for name, damage := range map[string]func(db *DB) []byte{
		"by-sequence record": func(db *DB) []byte { return db.seqKey(1) },
		"body":               func(db *DB) []byte { return db.currentKey("a") },
		"by-id record":       func(db *DB) []byte { return db.idKey("a") },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open("data", Options{FS: vfs.NewMem()})
			require.NoError(t, err)
			db, err := s.Create(ctx, "db")
			require.NoError(t, err)
			put(t, db, `{"_id":"a"}`)
			key := damage(db)
			_, err = read(s.pebble, key)
			require.NoError(t, err)
			require.NoError(t, s.pebble.Delete(key, nil))
			report, err := s.Check(ctx, nil)
			require.NoError(t, err)
			require.NotEmpty(t, report.Problems)
			require.NoError(t, s.Close())
		})
	}
}

type refusing struct{ old []string }

func (r *refusing) Validate(_ context.Context, _ *DB, doc, old *Document, user *User) error {
	if old != nil {
		r.old = append(r.old, old.Rev.String())
	}
	if user != nil && user.Name == "mallory" {
		return &Error{Kind: Forbidden, Reason: "no"}
	}
	return nil
}

func TestValidator(t *testing.T) {
	s := opened(t, Options{})
	v := &refusing{}
	s.SetValidator(v)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	rev := put(t, db, `{"_id":"a"}`)
	_, err = db.Put(ctx, parsed(t, `{"_id":"a","_rev":"`+rev.String()+`"}`), WriteOptions{User: &User{Name: "mallory"}})
	require.ErrorIs(t, err, &Error{Kind: Forbidden})
	require.Equal(t, []string{rev.String()}, v.old)
	require.Len(t, feed(t, db, ChangesOptions{Limit: -1}), 1)
}
