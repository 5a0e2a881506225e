package couch

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"settee/fixtures"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func random(t testing.TB) *rand.Rand { return fixtures.Dice(t) }

var ctx = context.Background()

// open opens a store that is proved and closed when the test ends.
func opened(t testing.TB, o Options) *Store {
	t.Helper()
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	s, err := Open("data", o)
	require.NoError(t, err)
	t.Cleanup(func() {
		if s.gate.isShut() {
			return
		}
		whole(t, s)
		require.NoError(t, s.Close())
	})
	return s
}

func whole(t testing.TB, s *Store) CheckReport {
	t.Helper()
	report, err := s.Check(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	return report
}

func database(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := opened(t, o).Create(ctx, "db")
	require.NoError(t, err)
	return db
}

func put(t testing.TB, db *DB, json string) Rev {
	t.Helper()
	rev, err := db.Put(ctx, parsed(t, json), WriteOptions{})
	require.NoError(t, err, json)
	return rev
}

func got(t testing.TB, db *DB, id DocID, o GetOptions) string {
	t.Helper()
	doc, err := db.Get(ctx, id, o)
	require.NoError(t, err)
	return string(doc.AppendJSON(nil))
}

func feed(t testing.TB, db *DB, o ChangesOptions) []string {
	t.Helper()
	c, err := db.Changes(ctx, o)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	rows := []string{}
	for c.Next() {
		row := c.Change()
		s := fmt.Sprint(row.Seq, " ", row.ID)
		for _, r := range row.Revs {
			s += " " + r.String()
		}
		if row.Deleted {
			s += " deleted"
		}
		rows = append(rows, s)
	}
	require.NoError(t, c.Err())
	return rows
}

func TestEdit(t *testing.T) {
	db := database(t, Options{})
	first := put(t, db, `{"_id":"a"}`)
	require.Equal(t, "1-967a00dff5e02add41819138abb3284d", first.String())
	_, err := db.Put(ctx, parsed(t, `{"_id":"a"}`), WriteOptions{})
	require.ErrorIs(t, err, ErrConflict)
	second := put(t, db, `{"_id":"a","_rev":"1-967a00dff5e02add41819138abb3284d"}`)
	require.Equal(t, "2-7051cbe5c8faecd085a3fa619e6e6337", second.String())
	_, err = db.Put(ctx, parsed(t, `{"_id":"a","_rev":"1-967a00dff5e02add41819138abb3284d"}`), WriteOptions{})
	require.ErrorIs(t, err, ErrConflict)
	require.Equal(t, `{"_id":"a","_rev":"2-7051cbe5c8faecd085a3fa619e6e6337"}`, got(t, db, "a", GetOptions{}))
	require.Equal(t, []string{"2 a 2-7051cbe5c8faecd085a3fa619e6e6337"}, feed(t, db, ChangesOptions{Limit: -1}))

	gone := put(t, db, `{"_id":"a","_rev":"2-7051cbe5c8faecd085a3fa619e6e6337","_deleted":true}`)
	_, err = db.Get(ctx, "a", GetOptions{})
	require.ErrorIs(t, err, ErrDeleted)
	require.Equal(t, []string{"3 a " + gone.String() + " deleted"}, feed(t, db, ChangesOptions{Limit: -1}))
	again := put(t, db, `{"_id":"a","x":1}`)
	require.EqualValues(t, 4, again.Pos, "a new document follows the tombstone")
	_, err = db.Put(ctx, parsed(t, `{"_id":"b","_rev":"1-abc"}`), WriteOptions{})
	require.ErrorIs(t, err, ErrConflict)
	_, err = db.Get(ctx, "b", GetOptions{})
	require.ErrorIs(t, err, ErrMissing)
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.Equal(t, []int64{1, 0, 4}, []int64{info.Docs, info.Deleted, int64(info.UpdateSeq)})
}

func TestReopen(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	put(t, db, `{"_id":"a","v":1.0}`)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = db.Get(ctx, "a", GetOptions{})
	require.ErrorIs(t, err, ErrClosed)
	again := opened(t, Options{FS: fs})
	require.Equal(t, s.UUID(), again.UUID())
	db2, err := again.DB("db")
	require.NoError(t, err)
	require.Equal(t, db.FormatSeq(1), db2.FormatSeq(1))
	require.Contains(t, got(t, db2, "a", GetOptions{}), `"v":1.0}`)
	put(t, db2, `{"_id":"b"}`)
	require.Len(t, feed(t, db2, ChangesOptions{Limit: -1, Since: 1}), 1)
}

// A document's record stays small whatever its history, and the whole history
// up to the limit is there.
func TestLongHistory(t *testing.T) {
	db := database(t, Options{})
	require.NoError(t, db.SetRevsLimit(ctx, 300))
	rev := put(t, db, `{"_id":"a"}`)
	all := []Rev{rev}
	for i := range 1000 {
		rev = put(t, db, fmt.Sprintf(`{"_id":"a","_rev":"%s","n":%d}`, rev, i))
		all = append([]Rev{rev}, all...)
	}
	v, err := read(db.store.pebble, db.idKey("a"))
	require.NoError(t, err)
	require.Less(t, len(v), 3000)
	doc, err := db.Get(ctx, "a", GetOptions{Revs: true})
	require.NoError(t, err)
	require.Equal(t, all[:300], doc.Revisions)
	whole(t, db.store)

	// A path that joins deep in the trunk.
	doc, err = ParseDocument([]byte(`{"_id":"a","conflict":true}`))
	require.NoError(t, err)
	at := all[250]
	doc.Revisions = []Rev{{Pos: at.Pos + 1, ID: "zz"}, at}
	doc.Rev = doc.Revisions[0]
	_, err = db.Put(ctx, doc, WriteOptions{Replicated: true})
	require.NoError(t, err)
	whole(t, db.store)
	answers, err := db.RevsDiff(ctx, []RevsQuery{{ID: "a", Revs: []Rev{all[260], all[100], {Pos: 5, ID: "x"}}}})
	require.NoError(t, err)
	require.Equal(t, []Rev{{Pos: 5, ID: "x"}}, answers[0].Missing)
	require.NoError(t, db.Compact(ctx))
}

// unlockable is a folder that its user may only read.
type unlockable struct {
	vfs.FS
	err error
}

func (u unlockable) Lock(name string) (io.Closer, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: u.err}
}

func TestOpenReadOnly(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EACCES, syscall.EROFS} {
		_, err := Open("store", Options{FS: unlockable{vfs.NewMem(), errno}})
		require.ErrorContains(t, err, "may not be written by this user")
	}
	_, err := Open("store", Options{FS: unlockable{vfs.NewMem(), syscall.EAGAIN}})
	require.ErrorContains(t, err, "in use by another process")
}
