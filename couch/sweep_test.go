package couch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// faults fails a few file-system operations in a row, from the at-th on.
type faults struct {
	mu           sync.Mutex // guards the rest
	at, row, ops int
}

var errDisk = errors.New("input/output error")

// MaybeError fails what it is to fail.
func (f *faults) MaybeError(errorfs.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.ops
	f.ops++
	if n >= f.at && n < f.at+f.row {
		return errDisk
	}
	return nil
}

func (f *faults) String() string { return "faults" }

// met tells whether the operations came so far.
func (f *faults) met() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops > f.at
}

// ledger is what a workload was told.
type ledger struct {
	mu      sync.Mutex // guards the rest
	acked   map[DocID]Rev
	purged  map[DocID]Rev
	created bool
	loaded  bool
	odd     error // an error that is not what clients may see
}

func (l *ledger) note(err error) bool {
	if err != nil && !errors.Is(err, &Error{Kind: Unavailable}) && !errors.Is(err, ErrConflict) {
		l.odd = err
	}
	return err == nil
}

func (l *ledger) put(db *DB, docs ...*Document) {
	results, err := db.Bulk(ctx, docs, WriteOptions{})
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.note(err) {
		return
	}
	for _, r := range results {
		if l.note(r.Err) {
			l.acked[r.ID] = r.Rev
		}
	}
}

// purge forgets a document of which one revision is known.
func (l *ledger) purge(db *DB, id DocID) {
	rev := l.rev(id)
	if rev.IsZero() {
		return
	}
	answers, err := db.Purge(ctx, []RevsQuery{{ID: id, Revs: []Rev{rev}}})
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.acked, id) // where it failed nobody knows
	if l.note(err) && len(answers[0].Revs) == 1 {
		l.purged[id] = rev
	}
}

func (l *ledger) seen(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.note(err)
}

func (l *ledger) rev(id DocID) Rev {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked[id]
}

// load fills a space with two tables.
func (l *ledger) load(db *DB) error {
	load, err := db.Space("x").Load(ctx, 1000)
	if err != nil {
		return err
	}
	defer load.Close()
	for i := range 2 {
		t, err := load.Table()
		if err != nil {
			return err
		}
		for k := range 100 {
			if err := t.Set(fmt.Appendf(nil, "%d-%03d", i, k), make([]byte, 100)); err != nil {
				return err
			}
		}
		if err := t.Close(); err != nil {
			return err
		}
	}
	return load.Commit()
}

// run opens a store and writes, flushes, compacts and reads.
func (l *ledger) run(o Options) {
	s, err := Open("data", o)
	if !l.seen(err) {
		return
	}
	defer func() { l.seen(s.Close()) }()
	db, err := s.Create(ctx, "db")
	if !l.seen(err) {
		return
	}
	l.mu.Lock()
	l.created = true
	l.mu.Unlock()
	big := make([]byte, 10_000)
	for i := range big {
		big[i] = 'a' + byte(i%17)
	}
	for round := range 2 {
		docs := []*Document{}
		for i := range 8 {
			id := DocID(fmt.Sprint("doc", i))
			docs = append(docs, &Document{ID: id, Rev: l.rev(id), Body: fmt.Appendf(nil, `{"round":%d,"big":"%s"}`, round, big[:i*i*150])})
		}
		l.put(db, docs...)
		l.put(db, &Document{ID: "att", Rev: l.rev("att"), Attachments: []Attachment{{Name: "f", ContentType: "image/png", Data: big[round:]}}})
		l.seen(db.Compact(ctx))
		l.put(db, &Document{ID: DocID(fmt.Sprint("after", round))})
		l.purge(db, "doc7")
	}
	if l.seen(l.load(db)) {
		l.mu.Lock()
		l.loaded = true
		l.mu.Unlock()
	}
	c, err := db.Changes(ctx, ChangesOptions{Limit: -1, IncludeDocs: true})
	if l.seen(err) {
		for c.Next() {
		}
		l.seen(c.Err())
		l.seen(c.Close())
	}
	if rev := l.rev("att"); !rev.IsZero() {
		_, err := db.Get(ctx, "att", GetOptions{Attachments: true, RevsInfo: true})
		l.seen(err)
	}
}

// Each file-system operation of a workload may fail, alone or with the two that
// follow. Whoever asks is told that the store is unavailable; whatever was
// acknowledged is there when the folder is opened on a healthy disk, although
// nothing is left but what was synced.
func TestEveryOperationFails(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 7
	}
	for _, row := range []int{1, 3} {
		ended, sweeps := 0, 0
		for at := 0; ; at += stride {
			sweeps++
			disk := vfs.NewCrashableMem()
			f := &faults{at: at, row: row}
			l := &ledger{acked: map[DocID]Rev{}, purged: map[DocID]Rev{}}
			fatal, done := make(chan error, 100), make(chan struct{})
			o := Options{FS: errorfs.Wrap(disk, f), Fatal: func(err error) {
				fatal <- err
				select {} // the process would be gone
			}}
			go func() {
				defer close(done)
				l.run(o)
			}()
			select {
			case <-done:
			case err := <-fatal:
				ended++
				require.ErrorIs(t, err, &Error{Kind: Unavailable}, "operation %d", at)
				require.ErrorContains(t, err, "restart the server", "operation %d", at)
			}
			l.mu.Lock()
			require.NoError(t, l.odd, "operation %d", at)
			left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, uint64(at)))})
			acked, purged, created, loaded := l.acked, l.purged, l.created, l.loaded
			l.mu.Unlock()

			after, err := Open("data", Options{FS: left})
			require.NoError(t, err, "operation %d", at)
			whole(t, after)
			if created {
				db, err := after.DB("db")
				require.NoError(t, err, "operation %d", at)
				if n := len(pairs(t, db.Space("x"))); loaded || n > 0 {
					require.Equal(t, 200, n, "operation %d: a load is there whole or not at all", at)
				}
				for id, rev := range acked {
					answers, err := db.RevsDiff(ctx, []RevsQuery{{ID: id, Revs: []Rev{rev}}})
					require.NoError(t, err)
					require.Empty(t, answers, "operation %d: %s %s was acknowledged", at, id, rev)
				}
				for id, rev := range purged {
					answers, err := db.RevsDiff(ctx, []RevsQuery{{ID: id, Revs: []Rev{rev}}})
					require.NoError(t, err)
					require.Len(t, answers, 1, "operation %d: %s %s was purged", at, id, rev)
				}
			}
			require.NoError(t, after.Close())
			if !f.met() {
				break
			}
		}
		t.Logf("%d in a row: %d sweeps, %d ended the process", row, sweeps, ended)
		require.Positive(t, ended, "a manifest was never in the way")
	}
}
