package tarballs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// segmentLimit is the size from which a segment is ended. Smaller would
// checkpoint for too few blobs at once; larger lengthens the opening after a
// crash (64 MiB: about a second) and holds more disk twice.
const segmentLimit = 64 << 20

// segmentAge is the time after which a segment is ended whatever its size, so
// that a store at rest is all plain files.
const segmentAge = 30 * time.Second

// segmentGrowth is how many zeros a segment grows by. An fdatasync of bytes that
// were there before waits for the disk, but for no commit of the file system with
// all the names made meanwhile. Less would commit often; more delay a first put.
const segmentGrowth = 4 << 20

// journal makes small blobs durable: all that wait share one write and one
// fsync. See the package doc for its layout.
type journal struct {
	fs         door
	dir, temp  string
	limit      int64
	age        time.Duration
	checkpoint func([]Digest) error // makes the files of a segment's blobs durable

	rounds      rounds[*entry]
	checkpoints sync.WaitGroup // one at most: Wait comes before every Go

	// Only the round that is being served touches these.
	segment *segment // nil: the next blob begins one
	buffer  *bufio.Writer
	zeros   []byte // what a segment grows by
	closed  bool

	mu     sync.Mutex
	broken error // guarded by mu; the first failed fsync, after which nothing is acknowledged
}

// entry is what one caller asks of a round: to keep a blob, to end a segment
// that is of age, or to end all.
type entry struct {
	digest Digest
	bytes  []byte
	aged   *segment
	close  bool

	segment *segment // where the blob lies
	err     error
}

func (e *entry) isBlob() bool { return e.aged == nil && !e.close }

// add makes a blob's bytes durable. The caller then places its file, or fails
// to, and says segment.placing.Done either way.
func (j *journal) add(d Digest, b []byte) (*segment, error) {
	e := &entry{digest: d, bytes: b}
	j.rounds.join(e)
	return e.segment, e.err
}

// Close makes all blobs plain files. A broken journal is left for the next opening.
func (j *journal) Close() error {
	j.rounds.join(&entry{close: true})
	j.checkpoints.Wait()
	return j.brokenBy()
}

func (j *journal) serve(all []*entry) {
	var blobs []*entry
	for _, e := range all {
		if e.isBlob() {
			blobs = append(blobs, e)
		}
	}
	if len(blobs) > 0 {
		err := j.keep(blobs)
		for _, e := range blobs {
			if e.err = err; err == nil {
				e.segment = j.segment
				e.segment.add(e)
			}
		}
	}
	for _, e := range all {
		if e.close || e.aged != nil && e.aged == j.segment {
			j.retire()
		}
		j.closed = j.closed || e.close
	}
}

// keep writes blobs to the segment, durably.
func (j *journal) keep(blobs []*entry) error {
	if err := j.brokenBy(); err != nil {
		return err
	}
	if j.closed {
		return fs.ErrClosed
	}
	if j.segment != nil && j.segment.size >= j.limit {
		j.retire()
	}
	if j.segment == nil {
		if err := j.begin(); err != nil {
			return err
		}
	}
	err := j.segment.reserve(blobs, j.zeros)
	j.buffer.Reset(io.NewOffsetWriter(j.segment.file, j.segment.size))
	for _, e := range blobs {
		writeRecord(j.buffer, e.digest, e.bytes)
	}
	if err == nil {
		err = j.buffer.Flush()
	}
	if err != nil {
		j.retire() // nobody knows where its last record ends, so none may follow
		return err
	}
	if err := j.segment.file.Datasync(); err != nil {
		return j.fail(err)
	}
	return nil
}

// begin makes a segment of a durable name.
func (j *journal) begin() error {
	s, err := newSegment(j.fs, j.temp, j.dir)
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	j.segment = s
	s.timer = time.AfterFunc(j.age, func() { j.rounds.join(&entry{aged: s}) })
	return nil
}

// retire ends the segment and makes plain files of it in the background. It
// waits for the segment before: the disk holds two at most.
func (j *journal) retire() {
	s := j.segment
	if s == nil {
		return
	}
	j.segment = nil
	s.timer.Stop()
	j.checkpoints.Wait()
	if j.brokenBy() != nil {
		s.release() // the next opening knows what is whole
		return
	}
	j.checkpoints.Go(func() {
		defer s.release()
		s.placing.Wait()
		err := j.checkpoint(s.blobs)
		if err == nil {
			err = j.fs.remove(s.name)
		}
		if err != nil {
			_ = j.fail(err)
		}
	})
}

func (j *journal) brokenBy() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// fail marks the journal broken: what a failed fsync has left on the disk is
// unknown, and asking again may say yes without writing.
func (j *journal) fail(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = fmt.Errorf("%w: %w", errBroken, err)
	}
	return j.broken
}

var errBroken = errors.New("the journal of small blobs is broken until the store is opened again")
