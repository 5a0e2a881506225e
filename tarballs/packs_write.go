package tarballs

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
)

// packWriter makes small blobs durable: all that wait share one write and one fsync.
type packWriter struct {
	packs   *packs
	rounds  rounds[*batch]
	sealing sync.WaitGroup // one at most: Wait comes before every Go

	// Only the round that is being served touches these, and ended only what seals.
	pack   *pack // nil: the next blob begins one
	zeroed int64 // how far its file was written with zeros
	ended  []*pack
	buffer *bufio.Writer
	zeros  []byte // what a pack grows by
	closed bool

	mu     sync.Mutex
	broken error // guarded by mu; the first failed fsync, after which nothing is acknowledged
}

// batch is what one caller asks of a round: to keep blobs, or to end all.
type batch struct {
	blobs []blob
	from  *pack // the pack that they are moved out of; nil of a put
	close bool
	err   error
}

type blob struct {
	digest Digest
	bytes  []byte
}

// add makes blobs durable and their records their places.
func (w *packWriter) add(b *batch) error {
	w.rounds.join(b)
	return b.err
}

// Close seals the packs. Broken ones are left for the next opening.
func (w *packWriter) Close() error {
	w.rounds.join(&batch{close: true})
	w.sealing.Wait()
	if err := w.brokenBy(); err != nil {
		return err
	}
	if len(w.ended) > 0 {
		return fmt.Errorf("%d packs have no index: the next opening makes one", len(w.ended))
	}
	return nil
}

func (w *packWriter) serve(all []*batch) {
	var puts []*batch
	for _, b := range all {
		if len(b.blobs) > 0 {
			puts = append(puts, b)
		}
	}
	if len(puts) > 0 {
		err := w.keep(puts)
		for _, b := range puts {
			b.err = err
		}
	}
	for _, b := range all {
		if b.close && !w.closed {
			w.end()
			w.closed = true
		}
	}
}

// keep writes blobs to the pack, durably, and makes them known.
func (w *packWriter) keep(all []*batch) error {
	if err := w.brokenBy(); err != nil {
		return err
	}
	if w.closed {
		return fs.ErrClosed
	}
	if w.pack != nil && w.pack.end >= w.packs.limit {
		w.end()
	}
	if w.pack == nil {
		if err := w.begin(); err != nil {
			return fmt.Errorf("begin a pack: %w", err)
		}
	}
	if err := w.write(all); err != nil {
		w.end() // nobody knows where its last record ends, so none may follow
		return err
	}
	if err := w.pack.file.Datasync(); err != nil {
		return w.fail(err)
	}
	w.packs.placed(w.pack, all)
	return nil
}

func (w *packWriter) write(all []*batch) error {
	end := w.pack.end
	w.buffer.Reset(io.NewOffsetWriter(w.pack.file, end))
	for _, b := range all {
		for _, one := range b.blobs {
			end += recordSize(len(one.bytes))
		}
	}
	if err := w.reserve(end); err != nil {
		return err
	}
	for _, b := range all {
		for _, one := range b.blobs {
			writeRecord(w.buffer, one.digest, one.bytes)
		}
	}
	return w.buffer.Flush()
}

// reserve writes zeros until the pack has room to an end. An fdatasync of bytes that
// were there before waits for the disk, but for no commit of the file system.
func (w *packWriter) reserve(end int64) error {
	for w.zeroed < end {
		grow := w.zeros[:min(int64(len(w.zeros)), max(w.zeroed, leastGrowth))]
		if _, err := w.pack.file.WriteAt(grow, w.zeroed); err != nil {
			return err
		}
		w.zeroed += int64(len(grow))
	}
	return nil
}

// placed makes the records that were written to p the places of their blobs. What is moved
// stays where it is now, if that is elsewhere or nowhere.
func (s *packs) placed(p *pack, all []*batch) {
	now := s.now().UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range all {
		for _, one := range b.blobs {
			a, stored := added{one.digest, p.end, len(one.bytes)}, now
			p.end += recordSize(a.size)
			p.added = append(p.added, a)
			if b.from != nil {
				at, found := s.mu.places[short(a.digest[:])]
				if !found || at.pack != b.from.id {
					continue
				}
				stored = at.stored
			}
			s.put(p, a, 0, stored)
		}
	}
}

// begin makes a pack of a durable name.
func (w *packWriter) begin() error {
	s := w.packs
	t, err := s.fs.create(s.temp)
	if err != nil {
		return err
	}
	p := &pack{name: filepath.Join(s.dir, rand.Text()), file: t}
	if err = s.fs.rename(t.Name(), p.name); err == nil {
		err = s.fs.sync(s.dir)
	}
	if err != nil {
		_, _, _ = s.fs.remove(t.Name()), s.fs.remove(p.name), t.Close()
		return err
	}
	w.pack, w.zeroed = p, 0
	s.mu.Lock()
	s.known(p)
	s.mu.Unlock()
	s.tidy()
	return nil
}

// end seals the pack, and those that could not be sealed before, in the background.
func (w *packWriter) end() {
	w.sealing.Wait()
	if w.pack != nil {
		w.ended = append(w.ended, w.pack)
		w.pack = nil
	}
	if w.brokenBy() != nil { // the next opening knows what is whole
		for _, p := range w.ended {
			_ = p.file.Close()
		}
		w.ended = nil
		return
	}
	w.sealing.Go(func() {
		var left []*pack
		for _, p := range w.ended {
			if w.packs.seal(p) != nil {
				left = append(left, p)
			}
		}
		w.ended = left
		w.packs.tidy()
	})
}

func (w *packWriter) brokenBy() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// fail marks the packs broken: what a failed fsync has left on the disk is
// unknown, and asking again may say yes without writing.
func (w *packWriter) fail(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = fmt.Errorf("%w: %w", errBroken, err)
	}
	return w.broken
}

// errBroken is the answer of a writer whose fsync has failed.
var errBroken = errors.New("the packs of small blobs are broken until the store is opened again")
