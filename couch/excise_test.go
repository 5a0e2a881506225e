package couch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bits that flip in tables lose what was in their blocks and no more: readers of
// other documents go on, records are made anew from what is left, only bodies
// are lost, unless several blocks held what tells of each other. A table that
// cannot be read at all is told of.
func TestRepairBlocks(t *testing.T) {
	r := random(t)
	rounds := 40
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	rewrite(t, db, 3000, 1, 300)
	require.NoError(t, db.Compact(ctx))
	docs := []*Document{}
	for i := range 100 {
		docs = append(docs, &Document{ID: DocID(fmt.Sprint("doc", i*31, "more"))})
	}
	_, err = db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(t, err)
	require.NoError(t, s.pebble.Flush())
	want := othersOf(t, db, "")
	require.NoError(t, s.Close())
	for range rounds {
		harmed := t.TempDir()
		require.NoError(t, os.CopyFS(harmed, os.DirFS(dir)))
		flips := flip(t, r, harmed)
		s, err := Open(harmed, Options{})
		if err != nil {
			require.ErrorContains(t, err, "damaged")
			continue
		}
		before, err := s.Check(ctx, nil)
		require.NoError(t, err)
		report, err := s.Repair(ctx, func(SetAside) error { return nil }, nil)
		require.NoError(t, err)
		if len(report.Problems) > 0 {
			t.Log("beyond repair:", report.Problems[0])
			require.ErrorContains(t, errors.New(report.Problems[0]), "The store is damaged.")
			require.NoError(t, s.Close())
			continue
		}
		whole(t, s)
		db, err := s.DB("db")
		require.NoError(t, err)
		lost, bodies := 0, 0
		have := othersOf(t, db, "")
		for id, doc := range want {
			if have[id] == "" {
				lost++
			} else if tail := func(s string) string { return s[strings.IndexByte(s, '{'):] }; tail(doc) != tail(have[id]) {
				require.Fail(t, "a document is another", "%s: %s", doc, have[id])
			}
		}
		for _, text := range report.Mended {
			if strings.Contains(text, "has no body that can be read") {
				bodies++
			}
		}
		if flips == 1 {
			require.Equal(t, bodies, lost, "only documents whose bodies were lost are")
		}
		t.Logf("%d problems, %d mended, %d of %d documents lost", len(before.Problems), len(report.Mended), lost, len(want))
		live(t, db)
		require.NoError(t, s.Close())
	}
}

// flip flips a few bits in the tables of a folder, and tells how many.
func flip(t *testing.T, r *rand.Rand, dir string) (flips int) {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	for range 1 + r.IntN(3) {
		name := tables[r.IntN(len(tables))]
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		if len(raw) < 100_000 && r.IntN(4) > 0 {
			continue // a small table has little but what it cannot be read without
		}
		raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		require.NoError(t, os.WriteFile(name, raw, 0o600))
		flips++
	}
	return flips
}

// Who reads what is damaged gets an error; the store goes on, and who reads
// something else does not notice.
func TestDamageEndsNothing(t *testing.T) {
	dir := t.TempDir()
	o := Options{Fatal: func(err error) { t.Errorf("the process ended: %v", err) }}
	s, err := Open(dir, o)
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	rewrite(t, db, 3000, 1, 300)
	require.NoError(t, db.Compact(ctx))
	require.NoError(t, s.Close())
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	for _, name := range tables {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		if len(raw) > 100_000 {
			raw[len(raw)/3] ^= 1 // in the bodies, which are three quarters of all
		}
		require.NoError(t, os.WriteFile(name, raw, 0o600))
	}
	s, err = Open(dir, o)
	require.NoError(t, err)
	db, err = s.DB("db")
	require.NoError(t, err)
	damaged := 0
	for i := range 3000 {
		if _, err := db.Get(ctx, DocID(fmt.Sprint("doc", i)), GetOptions{}); err != nil {
			require.ErrorIs(t, err, &Error{Kind: Internal, Reason: "The store is damaged."})
			require.NotContains(t, err.Error(), "\n")
			damaged++
		}
	}
	require.Positive(t, damaged)
	require.Less(t, damaged, 100)
	put(t, db, `{"_id":"more"}`)
	require.NoError(t, s.Close())
}
