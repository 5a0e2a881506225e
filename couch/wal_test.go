package couch

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestLogIsZeroedAhead(t *testing.T) {
	dir := t.TempDir()
	store, err := Open(dir, Options{})
	require.NoError(t, err)
	db, err := store.Create(t.Context(), "db")
	require.NoError(t, err)
	for i := range 10 {
		_, err := db.Put(t.Context(), &Document{ID: DocID(strconv.Itoa(i))}, WriteOptions{})
		require.NoError(t, err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	stat, err := os.Stat(logs[len(logs)-1])
	require.NoError(t, err)
	require.Greater(t, stat.Size(), int64(memTable), "the log's length was committed before its records")

	// What a kill leaves: the log as it is, with its zeros behind the last record.
	copied := t.TempDir()
	ok, err := vfs.Clone(vfs.Default, vfs.Default, dir, copied, vfs.CloneSync)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, store.Close())
	reopened, err := Open(copied, Options{})
	require.NoError(t, err)
	db, err = reopened.DB("db")
	require.NoError(t, err)
	info, err := db.Info(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 10, info.Docs)
	require.NoError(t, reopened.Close())
}
