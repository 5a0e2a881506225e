package couch

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestPartitionOfID(t *testing.T) {
	for id, want := range map[DocID]string{
		"a:b": "a", "a:b:c": "a", "a: ": "a", "é:x": "é", "_design/x": "", "_local/x": "", "_design/a:b": "",
	} {
		name, err := id.Partition()
		require.NoError(t, err)
		require.Equal(t, want, name, id)
	}
	for id, want := range map[DocID]Kind{
		"": IllegalDocID, "a": IllegalDocID, "a:": IllegalDocID, ":b": IllegalPartition, "_a:b": IllegalDocID, "a:_b": IllegalDocID, "_design": IllegalDocID,
	} {
		_, err := id.Partition()
		require.ErrorIs(t, err, &Error{Kind: want}, id)
	}
}

// A partition is a range of its own, whatever its neighbours are called, and
// that a database is partitioned outlives the process.
func TestPartition(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	db, err := s.CreatePartitioned(ctx, "db")
	require.NoError(t, err)
	for _, name := range []string{"a", "a!", "a;", "a\x00", "b"} {
		for i := range 3 {
			_, err := db.Put(ctx, &Document{ID: DocID(fmt.Sprint(name, ":", i)), Body: fmt.Appendf(nil, `{"n":%d}`, i)}, WriteOptions{})
			require.NoError(t, err)
		}
	}
	put(t, db, `{"_id":"_design/d"}`)
	put(t, db, `{"_id":"_local/l"}`)
	doc := parsed(t, `{"_id":"a:9","_deleted":true}`)
	doc.Rev = Rev{Pos: 1, ID: "x"}
	_, err = db.Put(ctx, doc, WriteOptions{Replicated: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = opened(t, Options{FS: fs})
	db, err = s.DB("db")
	require.NoError(t, err)
	require.True(t, db.Partitioned())

	info, err := db.PartitionInfo(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, PartitionInfo{Docs: 3, Deleted: 1, External: 23, Active: info.Active}, info)
	info, err = db.PartitionInfo(ctx, "none")
	require.NoError(t, err)
	require.Zero(t, info)
	_, err = db.PartitionInfo(ctx, "a:b")
	require.ErrorIs(t, err, &Error{Kind: IllegalPartition})

	_, err = db.Bulk(ctx, []*Document{{ID: "c:1"}, {ID: "c"}}, WriteOptions{})
	require.ErrorIs(t, err, &Error{Kind: IllegalDocID})
	_, err = db.Get(ctx, "c:1", GetOptions{})
	require.ErrorIs(t, err, ErrMissing, "all or none")
	_, err = db.Get(ctx, "c", GetOptions{})
	require.ErrorIs(t, err, &Error{Kind: IllegalDocID})

	plain, err := s.Create(ctx, "plain")
	require.NoError(t, err)
	require.False(t, plain.Partitioned())
	_, err = plain.PartitionInfo(ctx, "a")
	require.ErrorIs(t, err, errNotPartitioned)
}

// An id that has a partition lies in its range, and in no other's.
func FuzzPartition(f *testing.F) {
	for _, id := range []string{"a:b", "a", ":", "a:", ":b", "_a:b", "a:_b", "_design/x", "a;:b", "a\x00:b", "é:\xff"} {
		f.Add(id, "a")
	}
	f.Fuzz(func(t *testing.T, id, other string) {
		name, err := DocID(id).Partition()
		if err != nil || name == "" {
			return
		}
		require.NoError(t, CheckPartition(name))
		for _, p := range []string{name, other} {
			if CheckPartition(p) != nil {
				continue
			}
			start, last := PartitionRange(p)
			require.Equal(t, p == name, start <= DocID(id) && DocID(id) < last, "%q %q", id, p)
		}
	})
}

// BenchmarkPartition reads partitions of twenty documents among few and many others.
func BenchmarkPartition(b *testing.B) {
	for _, partitions := range []int{50, 5000} {
		s := opened(b, Options{})
		db, err := s.CreatePartitioned(ctx, "db")
		require.NoError(b, err)
		for p := range partitions {
			docs := make([]*Document, 20)
			for i := range docs {
				docs[i] = &Document{ID: DocID(fmt.Sprintf("p%d:%d", p, i)), Body: []byte(`{"n":1}`)}
			}
			_, err := db.Bulk(ctx, docs, WriteOptions{})
			require.NoError(b, err)
		}
		at := 0
		next := func() string { at += 7; return fmt.Sprint("p", at%partitions) }
		b.Run(fmt.Sprintf("info/%d", partitions), func(b *testing.B) {
			for b.Loop() {
				info, err := db.PartitionInfo(ctx, next())
				require.NoError(b, err)
				require.EqualValues(b, 20, info.Docs)
			}
		})
		b.Run(fmt.Sprintf("all_docs/%d", partitions), func(b *testing.B) {
			for b.Loop() {
				start, last := PartitionRange(next())
				rows, err := db.AllDocs(ctx, AllDocsOptions{Start: &start, End: &last, ExclusiveEnd: true, Limit: -1})
				require.NoError(b, err)
				n := 0
				for rows.Next() {
					n++
				}
				require.Equal(b, 20, n)
				_ = rows.Offset()
				require.NoError(b, rows.Close())
			}
		})
	}
}
