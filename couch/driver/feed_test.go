package driver

import (
	"fmt"
	"io"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-kivik/kivik/v4"
	kdriver "github.com/go-kivik/kivik/v4/driver"
	"github.com/stretchr/testify/require"

	"settee/couch"
)

// A feed whose reader pauses lets its snapshot go and misses nothing.
func TestPausedFeedLetsGo(t *testing.T) {
	store, err := couch.Open("store", couch.Options{FS: vfs.NewMem()})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	base, err := store.Create(t.Context(), "db")
	require.NoError(t, err)
	write := func(id string, n int) {
		doc, err := couch.ParseDocument(fmt.Appendf(nil, `{"_id":%q,"_rev":"1-%d"}`, id, n))
		require.NoError(t, err)
		_, err = base.Put(t.Context(), doc, couch.WriteOptions{Replicated: true})
		require.NoError(t, err)
	}
	for _, id := range []string{"a", "b", "c"} {
		write(id, 1)
	}
	rows, err := (&db{client: &client{store: store}, name: "db"}).Changes(t.Context(), kivik.Params(nil))
	require.NoError(t, err)
	f := rows.(*feed)
	var row kdriver.Change
	require.NoError(t, f.Next(&row))
	require.Equal(t, "a", row.ID)
	f.release()
	require.Nil(t, f.cur)
	write("b", 2)
	var rest []string
	for err = f.Next(&row); err == nil; err = f.Next(&row) {
		rest = append(rest, row.ID)
	}
	require.Equal(t, io.EOF, err)
	require.Equal(t, []string{"c", "b"}, rest)
	require.Equal(t, base.FormatSeq(4), f.LastSeq())
	f.release() // after the end there is nothing to let go
	require.NoError(t, f.Close())
	require.Error(t, f.Next(&row))
}
