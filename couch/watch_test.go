package couch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A database is told of once, and again after Heed.
func TestWatch(t *testing.T) {
	s := opened(t, Options{})
	var told []string
	s.Watch(func(db *DB) {
		seq, err := db.UpdateSeq()
		require.NoError(t, err)
		told = append(told, fmt.Sprint(db.Name(), seq))
	})
	a, err := s.Create(ctx, "a")
	require.NoError(t, err)
	b, err := s.Create(ctx, "b")
	require.NoError(t, err)
	require.Empty(t, told)
	rev := put(t, a, `{"_id":"x"}`)
	put(t, a, `{"_id":"y"}`)
	put(t, b, `{"_id":"x"}`)
	require.Equal(t, []string{"a1", "b1"}, told)
	a.Heed()
	require.Len(t, told, 2)
	_, err = a.Purge(ctx, []RevsQuery{{ID: "x", Revs: []Rev{rev}}})
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "b1", "a3"}, told)
}

func TestDesigned(t *testing.T) {
	s := opened(t, Options{})
	for name, docs := range map[string][]string{"a": {`{"_id":"_design/x"}`}, "b": {`{"_id":"_desigo"}`, `{"_id":"z"}`}, "c": {}, "d": {`{"_id":"A"}`, `{"_id":"_design/\uffff"}`}} {
		db, err := s.Create(ctx, name)
		require.NoError(t, err)
		for _, doc := range docs {
			if p, err := ParseDocument([]byte(doc)); err == nil {
				_, err = db.Bulk(ctx, []*Document{p}, WriteOptions{})
				require.NoError(t, err)
			}
		}
	}
	names, err := s.Designed(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "d"}, names)
}
