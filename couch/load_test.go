package couch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// pairs lists what a space holds.
func pairs(t *testing.T, s *Space) (all []string) {
	t.Helper()
	snapshot, err := s.Snapshot()
	require.NoError(t, err)
	defer snapshot.Close()
	it, err := snapshot.Iter(nil, nil)
	require.NoError(t, err)
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.Value()
		require.NoError(t, err)
		all = append(all, fmt.Sprintf("%s=%s", it.Key(), v))
	}
	require.NoError(t, it.Err())
	return all
}

func table(t *testing.T, l *SpaceLoad, keys ...string) {
	t.Helper()
	tab, err := l.Table()
	require.NoError(t, err)
	for _, key := range keys {
		if name, gone := strings.CutPrefix(key, "-"); gone {
			require.NoError(t, tab.Delete([]byte(name)))
		} else {
			require.NoError(t, tab.Set([]byte(key), []byte("v"+key)))
		}
	}
	require.NoError(t, tab.Close())
}

func TestLoad(t *testing.T) {
	fs := vfs.NewMem()
	s, err := Open("data", Options{FS: fs})
	require.NoError(t, err)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	space := db.Space("x")
	b := space.Batch()
	b.Set([]byte("a"), []byte("old"))
	b.Set([]byte("b"), []byte("old"))
	b.Set([]byte("c"), []byte("old"))
	require.NoError(t, b.Commit())
	before, err := space.Snapshot()
	require.NoError(t, err)

	l, err := space.Load(ctx, 100)
	require.NoError(t, err)
	table(t, l, "d", "e")
	table(t, l, "a", "-b")
	table(t, l)
	require.Equal(t, []string{"a=old", "b=old", "c=old"}, pairs(t, space), "nothing shows before the end")
	require.NoError(t, l.Commit())
	l.Close()
	require.Equal(t, []string{"a=va", "c=old", "d=vd", "e=ve"}, pairs(t, space))
	old, err := before.Get([]byte("b"))
	require.NoError(t, err, "a snapshot stays what it was")
	require.Equal(t, "old", string(old))
	require.NoError(t, before.Close())

	l, err = space.Load(ctx, 100)
	require.NoError(t, err)
	table(t, l, "z")
	l.Close()
	require.Len(t, pairs(t, space), 4, "what was not committed is not there")

	l, err = space.Load(ctx, 100)
	require.NoError(t, err)
	tab, err := l.Table()
	require.NoError(t, err)
	require.NoError(t, tab.Set([]byte("b"), nil))
	require.Error(t, tab.Set([]byte("a"), nil), "keys ascend")
	l.Close()

	l, err = space.Load(ctx, 100)
	require.NoError(t, err)
	table(t, l, "z")
	require.NoError(t, s.Delete(ctx, "db"))
	require.ErrorIs(t, l.Commit(), ErrNoDatabase)
	l.Close()
	names, err := fs.List("data")
	require.NoError(t, err)
	for _, name := range names {
		require.NotContains(t, name, loadPrefix)
	}
	require.NoError(t, s.Close())
}

// A load is there whole or not at all, after what came before it, and leaves no file behind.
func TestLoadCrash(t *testing.T) {
	r := random(t)
	fs := vfs.NewCrashableMem()
	possible := [][]string{nil}
	for life := range 20 {
		s, err := Open("data", Options{FS: fs})
		require.NoError(t, err)
		names, err := fs.List("data")
		require.NoError(t, err)
		require.NotContains(t, strings.Join(names, " "), loadPrefix)
		db, err := s.DB("db")
		if err != nil {
			db, err = s.Create(ctx, "db")
			require.NoError(t, err)
		}
		space := db.Space("x")
		found := pairs(t, space)
		require.Contains(t, possible, found)

		b := space.Batch()
		b.DeleteRange(nil, nil)
		b.Set([]byte("!"), nil)
		require.NoError(t, b.Commit())
		l, err := space.Load(ctx, 100)
		require.NoError(t, err)
		table(t, l, "-!", fmt.Sprint("a", life), "b")
		table(t, l, "c", "d")
		possible = [][]string{found, {"!="}} // nothing waited for the disk
		if r.IntN(2) == 0 {
			require.NoError(t, l.Commit())
			possible = [][]string{{fmt.Sprintf("a%d=va%d", life, life), "b=vb", "c=vc", "d=vd"}}
		}
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(life), r.Uint64()))})
		l.Close()
		require.NoError(t, s.Close())
		fs = after
	}
}
