package couch

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// defaultReserve is what all memory tables in flight take once they are
	// flushed, a log, and as much again for compactions to go on.
	defaultReserve = 64 << 20
	// perWrite is charged for a write of any size: room that others take is
	// noticed after 256 small writes.
	perWrite = 4 << 10
	// lookEvery is how many bytes are admitted between two looks at the disk, on
	// one that is large; what follows a look unseen is a small part of the reserve.
	lookEvery = 1 << 20
	// pauseFor is how long a failed flush waits: Pebble begins it anew at once.
	pauseFor = 500 * time.Millisecond
	// again is how soon a log that met a full disk tries once more.
	again = 50 * time.Millisecond
)

// room keeps the last of the disk's room for what must not fail. Writes are
// refused once less than the reserve is free; tables, which Pebble can begin
// anew, once less than a quarter of it is; so the log and the manifest, which
// cannot fail without breaking the store, find room. Should another program
// take even that, they take the spare, and then wait until there is some again.
type room struct {
	fs      vfs.FS
	dir     string
	logger  *slog.Logger
	reserve uint64 // bytes; 0: the file system cannot tell what is free
	every   int64  // bytes between two looks
	spare   *spare

	opened  atomic.Bool           // before that nothing waits: Open fails instead
	stuck   chan struct{}         // closed when Open has no room to go on
	giveUp  func()                // closes it
	closing <-chan struct{}       // closed when nothing shall wait any more
	full    atomic.Pointer[Error] // why writes are refused; nil: they are not
	spent   atomic.Int64          // bytes admitted since the last look
	refused atomic.Int64          // when the disk itself last refused a write, in Unix nanoseconds
	short   atomic.Bool           // a table could not be finished for want of room
}

func newRoom(dir string, o *Options, closing <-chan struct{}) *room {
	r := &room{fs: o.FS, dir: dir, logger: o.Logger, every: lookEvery, closing: closing, spare: newSpare(o.FS, dir, 0), stuck: make(chan struct{})}
	r.giveUp = sync.OnceFunc(func() { close(r.stuck) })
	if disk, err := o.FS.GetDiskUsage(dir); err == nil {
		r.reserve = min(uint64(o.Reserve), disk.TotalBytes/4) // a disk that small has no better use for it
		r.every = min(r.every, int64(r.reserve/8))
		r.spare.size = int64(r.reserve / 8)
	}
	return r
}

// isFull tells that a disk, or what a user may have of it, is used up.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fullError is what clients see of it; CouchDB's word and status.
func fullError(cause error) *Error {
	return &Error{Kind: Full, Reason: "The disk is full: free space, writes go on then.", Err: cause}
}

// free is what the disk has left; of one that cannot tell, more than anyone asks for.
func (r *room) free() uint64 {
	if disk, err := r.fs.GetDiskUsage(r.dir); err == nil {
		return disk.AvailBytes
	}
	return 1 << 62
}

// admit tells a write of so many bytes whether there is room. Ordinarily it
// costs an addition.
func (r *room) admit(bytes int) error {
	if r.full.Load() == nil && r.spent.Add(int64(bytes)+perWrite) < r.every {
		return nil
	}
	r.spent.Store(0)
	free := r.free()
	if free < r.reserve || time.Since(time.Unix(0, r.refused.Load())) < pauseFor {
		err := fullError(fmt.Errorf("%d bytes are free, %d are kept", free, r.reserve))
		if r.full.Swap(err) == nil {
			r.logger.Error("disk is full: writes are refused until there is space", "free", free, "kept", r.reserve)
		}
		return err
	}
	if r.full.Swap(nil) != nil {
		r.logger.Info("disk has space again", "free", free)
		go r.spare.keep()
	}
	if free < r.reserve+uint64(bytes) {
		return fullError(fmt.Errorf("%d bytes are free, %d are kept, %d are to be written", free, r.reserve, bytes))
	}
	return nil
}

// forTables tells whether a table may take more of the disk.
func (r *room) forTables() bool { return !r.opened.Load() || r.free() >= r.reserve/4 }

// pause holds a new table back for a moment after one that could not be finished.
func (r *room) pause() {
	if r.short.Swap(false) || !r.forTables() {
		r.sleep(pauseFor)
	}
}

// sleep returns false when the store closes.
func (r *room) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.closing:
		return false
	}
}

// met notes that the disk itself was full, and tells whether it was.
func (r *room) met(err error) bool {
	if !isFull(err) {
		return false
	}
	r.refused.Store(time.Now().UnixNano())
	r.spent.Store(r.every) // the next write looks
	return true
}

// insist repeats what may not fail until the disk has room for it.
func (r *room) insist(do func() error) error {
	for {
		err := do()
		if !r.met(err) || !r.spare.give() && (!r.opened.Load() || !r.sleep(again)) {
			return err
		}
	}
}
