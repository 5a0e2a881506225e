package views

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestFindSettings(t *testing.T) {
	h := open(t, Options{})
	h.posts(40)
	docs, found := h.find(`{"selector":{"n":{"$gte":37}}}`)
	require.Len(t, docs, 3)
	require.Contains(t, found.Warning(), "high in proportion")
	docs, _ = h.find(`{"selector":{}}`)
	require.Len(t, docs, 25)
	for _, s := range [][2]string{{"default_limit", "7"}, {"index_scan_warning_threshold", "0"}} {
		_, _, err := h.store.SetSetting("mango", s[0], s[1])
		require.NoError(t, err)
	}
	docs, _ = h.find(`{"selector":{}}`)
	require.Len(t, docs, 7)
	_, found = h.find(`{"selector":{"n":39}}`)
	require.NotContains(t, found.Warning(), "high in proportion")
}

// A search ends with its request, and releases its snapshot.
func TestFindCancelled(t *testing.T) {
	h := open(t, Options{})
	h.posts(500)
	h.indexed(`{"index":{"fields":["n"]}}`)
	for _, body := range []string{`{"selector":{"score":2},"limit":1000}`, `{"selector":{"n":{"$gte":0},"score":2},"limit":1000}`} {
		ctx, cancel := context.WithCancel(h.ctx)
		found, err := h.engine.Find(ctx, h.db, []byte(body), "")
		require.NoError(t, err)
		cancel()
		require.False(t, found.Next())
		require.ErrorIs(t, found.Err(), context.Canceled)
		require.NoError(t, found.Close())
		require.NoError(t, found.Close(), "twice")
	}
}

// What is written while a search runs it does not see, neither in the index nor in documents.
func TestFindReadsASnapshot(t *testing.T) {
	h := open(t, Options{})
	for i := range 10 {
		h.put(fmt.Sprintf("d%d", i), fmt.Sprintf(`{"n":%d,"v":1}`, i))
	}
	h.indexed(`{"index":{"fields":["n"]}}`)
	for _, body := range []string{`{"selector":{"n":{"$gte":0}}}`, `{"selector":{"_id":{"$gte":"d"}}}`} {
		found, err := h.engine.Find(h.ctx, h.db, []byte(body), "")
		require.NoError(t, err)
		require.True(t, found.Next())
		before := string(found.Doc())
		for i := range 10 {
			h.put(fmt.Sprintf("d%d", i), fmt.Sprintf(`{"n":%d,"v":2}`, 20+i))
		}
		count := 1
		for ; found.Next(); count++ {
			require.NotContains(t, string(found.Doc()), `"v":2`, before)
		}
		require.NoError(t, found.Err())
		require.NoError(t, found.Close())
		require.Equal(t, 10, count)
		for i := range 10 {
			h.put(fmt.Sprintf("d%d", i), fmt.Sprintf(`{"n":%d,"v":1}`, i))
		}
	}
}

// update=false takes the index as it is.
func TestFindWithoutUpdate(t *testing.T) {
	h := open(t, Options{})
	h.put("a", `{"n":1}`)
	h.indexed(`{"index":{"fields":["n"]}}`)
	docs, _ := h.find(`{"selector":{"n":{"$gte":0}}}`)
	require.Len(t, docs, 1)
	h.put("b", `{"n":2}`)
	for _, stale := range []string{`"update":false`, `"stale":"ok"`} {
		docs, _ = h.find(`{"selector":{"n":{"$gte":0}},` + stale + `}`)
		require.Len(t, docs, 1)
	}
	docs, _ = h.find(`{"selector":{"n":{"$gte":0}}}`)
	require.Len(t, docs, 2)
}

// Indexes that are made at once in one design document are all there.
func TestIndexesMadeAtOnce(t *testing.T) {
	h := open(t, Options{})
	group := errgroup.Group{}
	for i := range 6 {
		group.Go(func() error {
			_, _, created, err := h.engine.CreateIndex(h.ctx, h.db, fmt.Appendf(nil, `{"index":{"fields":["a"]},"ddoc":"d","name":"n%d"}`, i), Designer{})
			if err == nil && !created {
				err = errors.New("not created")
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	all, err := h.engine.Indexes(h.ctx, h.db)
	require.NoError(t, err)
	require.Len(t, all, 7)
}
