package couch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// loadPrefix begins the names of tables that no store holds yet; those that a
	// crash left go when the store opens.
	loadPrefix = "load-"
	// crowded is how many layers of tables the youngest level may have before a
	// load waits for compactions: half of what stops all writers.
	crowded = stopWrites / 2
)

// SpaceLoad writes much into a space at once, as tables that the store takes in as they are:
// no log, no memory table, one write to the disk instead of three or four. All its tables
// appear in one step, durable; a crash before that leaves nothing of them.
type SpaceLoad struct {
	space *Space

	mu     sync.Mutex
	tables []*SpaceTable // guarded by mu
}

// Load begins one of about so many bytes. Close it, committed or not.
func (s *Space) Load(ctx context.Context, bytes int) (*SpaceLoad, error) {
	if err := s.db.enter(); err != nil {
		return nil, err
	}
	store := s.db.store
	err := store.uncrowded(ctx)
	if err == nil {
		err = store.room.admit(bytes)
	}
	if err != nil {
		s.db.leave()
		return nil, err
	}
	return &SpaceLoad{space: s}, nil
}

// uncrowded waits while compactions are behind.
func (s *Store) uncrowded(ctx context.Context) error {
	for s.pebble.Metrics().Levels[0].Sublevels >= crowded {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing.Done():
			return ErrClosed
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// SpaceTable is one table of a load. The tables of a load may be written at the same time; the
// ranges of their keys must be apart.
type SpaceTable struct {
	space  *Space
	path   string
	writer *sstable.Writer
	key    []byte
	rows   int
	open   bool
}

// Table begins a table.
func (l *SpaceLoad) Table() (*SpaceTable, error) {
	store := l.space.db.store
	if broken := store.broken.Load(); broken != nil {
		return nil, broken
	}
	t := &SpaceTable{space: l.space, key: append([]byte(nil), l.space.prefix...), open: true}
	t.path = store.o.FS.PathJoin(store.dir, fmt.Sprintf("%s%d.sst", loadPrefix, store.loads.Add(1)))
	file, err := roomFS{store.o.FS, store.room}.Create(t.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, tableError(err)
	}
	t.writer = sstable.NewWriter(objstorageprovider.NewFileWritable(file), store.tables)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tables = append(l.tables, t)
	return t, nil
}

// Set and Delete copy what they are given. Keys ascend.
func (t *SpaceTable) Set(key, value []byte) error {
	t.rows++
	t.key = append(t.key[:len(t.space.prefix)], key...)
	return tableError(t.writer.Set(t.key, value))
}

// Delete removes what the space has under the key.
func (t *SpaceTable) Delete(key []byte) error {
	t.rows++
	t.key = append(t.key[:len(t.space.prefix)], key...)
	return tableError(t.writer.Delete(t.key))
}

// Close ends the table, and waits for the disk.
func (t *SpaceTable) Close() error {
	if !t.open {
		return nil
	}
	t.open = false
	return tableError(t.writer.Close())
}

// Commit makes all closed tables part of the space, or none.
func (l *SpaceLoad) Commit() error {
	var paths []string
	for _, t := range l.tables {
		if t.rows > 0 {
			paths = append(paths, t.path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	db := l.space.db
	// As with SpaceBatch: nothing comes after what Delete removed.
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.gone.Load() {
		return ErrNoDatabase
	}
	var refused error // before anything was done
	if err := db.store.guard(func() error {
		refused = db.store.pebble.Ingest(context.Background(), paths)
		return nil
	}); err != nil {
		return err
	}
	return tableError(refused)
}

// Close removes what was not committed.
func (l *SpaceLoad) Close() {
	fs := l.space.db.store.o.FS
	for _, t := range l.tables {
		_ = t.Close()
		_ = fs.Remove(t.path) // a table that the store took has another name by now
	}
	l.tables = nil
	l.space.db.leave()
}

func tableError(err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fullError(err)
	}
	return &Error{Kind: Unavailable, Reason: "The disk could not be written.", Err: err}
}

// sweepLoads removes the tables of loads that a crash ended.
func (s *Store) sweepLoads() error {
	names, err := s.o.FS.List(s.dir)
	for _, name := range names {
		if err == nil && strings.HasPrefix(name, loadPrefix) {
			err = s.o.FS.Remove(s.o.FS.PathJoin(s.dir, name))
		}
	}
	if err != nil {
		return &Error{Kind: Unavailable, Reason: "What a crash left in " + s.dir + " cannot be removed.", Err: err}
	}
	return nil
}

// loadOptions are those of every table of the store.
func loadOptions(o *pebble.Options, p *pebble.DB) sstable.WriterOptions {
	o.EnsureDefaults()
	return o.MakeWriterOptions(0, p.TableFormat())
}
