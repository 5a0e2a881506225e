package couch

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

func TestSettings(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	_, set := s.Setting("admins", "bob")
	require.False(t, set)
	require.Nil(t, s.Section("admins"))

	old, had, err := s.SetSetting("admins", "bob", "secret")
	require.NoError(t, err)
	require.False(t, had)
	require.Empty(t, old)
	before := s.Section("admins")
	old, had, err = s.SetSetting("admins", "bob", "")
	require.NoError(t, err)
	require.True(t, had)
	require.Equal(t, "secret", old)
	_, _, err = s.SetSetting("admins", "eve=1", "x [y]\té ")
	require.NoError(t, err)
	_, _, err = s.SetSetting("admin", "s", "another section")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"bob": "secret"}, before, "what a reader has does not change")

	for _, bad := range []struct {
		section, key, value string
		err                 error
	}{
		{"", "k", "v", errSettingSection}, {"s\x00", "k", "v", errSettingSection}, {"s[x]", "k", "v", errSettingSection},
		{"s", "", "v", errSettingKey}, {"s", "k\n", "v", errSettingKey}, {"s", "[k", "v", errSettingKey},
		{"s", "k", "v\r\n", errSettingValue}, {"s", "k", "\x7f", errSettingValue},
	} {
		_, _, err = s.SetSetting(bad.section, bad.key, bad.value)
		require.ErrorIs(t, err, bad.err, "%q", bad)
	}
	want := Settings{"admins": {"bob": "", "eve=1": "x [y]\té "}, "admin": {"s": "another section"}}
	require.Equal(t, want, s.Settings())
	require.NoError(t, s.Close())

	s = opened(t, Options{FS: fs})
	require.Equal(t, want, s.Settings())
	old, had, err = s.DeleteSetting("admins", "bob")
	require.NoError(t, err)
	require.True(t, had)
	require.Empty(t, old)
	_, had, err = s.DeleteSetting("admins", "bob")
	require.NoError(t, err)
	require.False(t, had)
	_, had, err = s.DeleteSetting("admin", "s")
	require.NoError(t, err)
	require.True(t, had)
	require.Equal(t, Settings{"admins": {"eve=1": "x [y]\té "}}, s.Settings())
	require.NoError(t, s.Close())
	_, _, err = s.SetSetting("a", "b", "c")
	require.ErrorIs(t, err, ErrClosed)
}

// What was tried ends with a reload, and with the store.
func TestTrySetting(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs})
	for _, key := range []string{"a", "b"} {
		_, _, err := s.SetSetting("s", key, "kept")
		require.NoError(t, err)
	}
	try := func() {
		_, _, err := s.TrySetting("new", "k", "v")
		require.NoError(t, err)
		old, had, err := s.TrySetting("s", "a", "tried")
		require.NoError(t, err)
		require.True(t, had)
		require.Equal(t, "kept", old)
		_, had, err = s.TryDeletingSetting("s", "b")
		require.NoError(t, err)
		require.True(t, had)
		require.Equal(t, Settings{"s": {"a": "tried"}, "new": {"k": "v"}}, s.Settings())
	}
	kept := Settings{"s": {"a": "kept", "b": "kept"}}
	try()
	changed := []string{}
	stop := s.WatchSettings(func(section string) { changed = append(changed, section) })
	require.NoError(t, s.ReloadSettings())
	stop()
	require.ElementsMatch(t, []string{"s", "new"}, changed)
	require.Equal(t, kept, s.Settings())
	try()
	require.NoError(t, s.Close())
	require.Equal(t, kept, opened(t, Options{FS: fs}).Settings())
}

func TestWatchSettings(t *testing.T) {
	s := opened(t, Options{})
	var last string // what the watcher read last
	calls := 0
	stop := s.WatchSettings(func(section string) {
		require.Equal(t, "log", section)
		last, _ = s.Setting("log", "level")
		calls++
	})
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, _, err := s.SetSetting("log", "level", fmt.Sprint(i))
			require.NoError(t, err)
		})
	}
	group.Wait()
	now, _ := s.Setting("log", "level")
	require.Equal(t, now, last)
	require.Equal(t, 20, calls)
	stop()
	_, _, err := s.SetSetting("log", "level", "debug")
	require.NoError(t, err)
	require.Equal(t, 20, calls)
}

// What was acknowledged, and whatever a reader saw, is there after a crash.
func TestSettingsCrash(t *testing.T) {
	r := random(t)
	for range 10 {
		fs := vfs.NewCrashableMem()
		s, err := Open("data", Options{FS: fs})
		require.NoError(t, err)
		var group sync.WaitGroup
		for w := range 4 {
			changes := 1 + r.IntN(10)
			group.Go(func() {
				for i := range changes {
					_, _, err := s.SetSetting("s", fmt.Sprint(w), fmt.Sprint(i))
					require.NoError(t, err)
				}
			})
		}
		group.Wait()
		seen := s.Settings()
		crashed := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: r})
		require.NoError(t, s.Close())
		require.Equal(t, seen, opened(t, Options{FS: crashed}).Settings())
	}
}

// A change whose commit fails is never seen.
func TestSettingsDiskFails(t *testing.T) {
	f := &faults{at: 1 << 30, row: 1 << 30}
	s, err := Open("data", Options{FS: errorfs.Wrap(vfs.NewMem(), f)})
	require.NoError(t, err)
	_, _, err = s.SetSetting("s", "k", "durable")
	require.NoError(t, err)
	f.mu.Lock()
	f.at = f.ops
	f.mu.Unlock()
	_, _, err = s.SetSetting("s", "k", "lost")
	require.ErrorIs(t, err, &Error{Kind: Unavailable})
	value, _ := s.Setting("s", "k")
	require.Equal(t, "durable", value)
	_ = s.Close()
}

func TestMaxDocumentSize(t *testing.T) {
	fs := vfs.NewMem()
	s := opened(t, Options{FS: fs, MaxDocumentSize: 100})
	require.EqualValues(t, 100, s.MaxDocumentSize())
	for value, want := range map[string]int64{"20": 20, "-1": 100, "": 100, "x": 100} {
		_, _, err := s.SetSetting("couchdb", "max_document_size", value)
		require.NoError(t, err)
		require.Equal(t, want, s.MaxDocumentSize(), value)
	}
	_, _, err := s.SetSetting("couchdb", "max_document_size", "20")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = opened(t, Options{FS: fs, MaxDocumentSize: 100})
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	_, err = db.Put(ctx, parsed(t, `{"_id":"a","text":"twenty bytes and more"}`), WriteOptions{})
	require.ErrorIs(t, err, &Error{Kind: DocumentTooLarge})
	_, _, err = s.DeleteSetting("couchdb", "max_document_size")
	require.NoError(t, err)
	put(t, db, `{"_id":"a","text":"twenty bytes and more"}`)
}

func BenchmarkSetting(b *testing.B) {
	s := opened(b, Options{})
	_, _, err := s.SetSetting("couchdb", "max_document_size", "1000")
	require.NoError(b, err)
	for b.Loop() {
		_, _ = s.Setting("couchdb", "max_document_size")
	}
}
