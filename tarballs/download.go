package tarballs

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// A download is one blob on its way here: its bytes are spooled, in memory where they
// are few, and any number of readers follow at their own pace.
type download struct {
	digest Digest
	source Source // who is asked first; nil: nobody in particular

	sized chan struct{} // closed when size is known, or there is an error
	size  int64         // may be read once sized is closed and err is nil

	stored   chan struct{} // closed when the local store has it, or will not
	storeErr error         // may be read then

	mu struct {
		sync.Mutex
		spool   arriving
		have    int64 // bytes in the spool
		whole   bool  // they are all there, and have the digest
		err     error // why they will not be
		more    chan struct{}
		readers int // and the download itself; the last one closes the spool
	}
}

// arriving is where the bytes of a download lie.
type arriving interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

func newDownload(d Digest) *download {
	down := &download{digest: d, sized: make(chan struct{}), stored: make(chan struct{})}
	down.mu.more = make(chan struct{})
	down.mu.readers = 1
	return down
}

// begin makes room for a blob of that size, once.
func (d *download) begin(size int64, dir string) error {
	spool, err := newArriving(size, dir)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.spool, d.size = spool, size
	close(d.sized)
	return nil
}

func newArriving(size int64, dir string) (arriving, error) {
	if size <= spoolInMemory {
		return page(make([]byte, size)), nil
	}
	f, err := os.CreateTemp(dir, "settee-fetch-*")
	if err != nil {
		return nil, err
	}
	// Without a name it goes with the process, whatever ends it.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// arrived notes that the spool holds so many bytes.
func (d *download) arrived(have int64) { d.tell(func() { d.mu.have = have }) }

// finish ends a download, well or not; only the first time counts.
func (d *download) finish(err error) {
	d.tell(func() {
		if d.mu.whole || d.mu.err != nil {
			return
		}
		d.mu.err, d.mu.whole = err, err == nil
		if err != nil && d.mu.spool == nil {
			close(d.sized)
		}
	})
}

// tell changes something and wakes the readers.
func (d *download) tell(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	close(d.mu.more)
	d.mu.more = make(chan struct{})
}

func (d *download) enter() {
	d.mu.Lock()
	d.mu.readers++
	d.mu.Unlock()
}

func (d *download) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.readers--; d.mu.readers == 0 && d.mu.spool != nil {
		_ = d.mu.spool.Close() // it has no name: nothing is lost
	}
}

// follow reads a part of the blob, once its size is known. The caller has entered, and
// the reader's Close leaves.
func (d *download) follow(ctx context.Context, offset, length int64) (*follower, error) {
	select {
	case <-d.sized:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.mu.Lock()
	spool, err := d.mu.spool, d.mu.err
	d.mu.Unlock()
	if spool == nil {
		return nil, err
	}
	n, err := span(d.size, offset, length)
	if err != nil {
		return nil, err
	}
	return &follower{ctx: ctx, d: d, at: offset, end: offset + n}, nil
}

// follower is a reader of a download.
type follower struct {
	ctx     context.Context
	d       *download
	at, end int64
	closed  bool
}

// Read gives what there is, and waits where that is nothing. It keeps back its last
// byte until the digest was found right.
func (f *follower) Read(p []byte) (int, error) {
	for {
		if err := f.ctx.Err(); err != nil {
			return 0, err
		}
		d := f.d
		d.mu.Lock()
		upTo, whole, err, more := min(d.mu.have, f.end), d.mu.whole, d.mu.err, d.mu.more
		d.mu.Unlock()
		if !whole && upTo == f.end {
			upTo--
		}
		switch {
		case f.at < upTo:
			n, err := d.mu.spool.ReadAt(p[:min(int64(len(p)), upTo-f.at)], f.at)
			f.at += int64(n)
			return n, err
		case whole:
			return 0, io.EOF
		case err != nil:
			return 0, err
		}
		select {
		case <-more:
		case <-f.ctx.Done():
		}
	}
}

// Close implements io.Closer.
func (f *follower) Close() error {
	if !f.closed {
		f.closed = true
		f.d.leave()
	}
	return nil
}

// page is a spool in memory.
type page []byte

// ReadAt implements io.ReaderAt; what is asked for is there.
func (p page) ReadAt(b []byte, at int64) (int, error) { return copy(b, p[at:]), nil }

// WriteAt implements io.WriterAt; nothing past the end is written.
func (p page) WriteAt(b []byte, at int64) (int, error) { return copy(p[at:], b), nil }

// Close implements io.Closer.
func (p page) Close() error { return nil }
