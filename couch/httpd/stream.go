package httpd

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// chunk is what a stream collects before it writes: large enough that a row
// costs no system call, small enough that a feed's reader sees rows early.
const chunk = 48 << 10

// buffers are chunks of streams that ended.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, chunk+8<<10); return &b }}

// A stream is an answer that is written in chunks. Handlers append rows to buf
// and call spill after each.
type stream struct {
	c       *call
	control *http.ResponseController
	pooled  *[]byte
	buf     []byte
	status  int   // the answer's; 0: 200
	started bool  // the headers are fixed
	wrote   bool  // and perhaps sent
	err     error // of the connection; it stays
	broken  error // what the rows could not be completed for, where it was the store's fault
}

func (c *call) stream() *stream {
	p := buffers.Get().(*[]byte)
	return &stream{c: c, control: http.NewResponseController(c.w), pooled: p, buf: (*p)[:0]}
}

// keepRow is the buffer that a stream keeps while it rests.
const keepRow = 4 << 10

// rest gives the buffer back while there is nothing to write: a thousand feeds
// that wait hold none, or the small one that their last rows took.
func (s *stream) rest() {
	s.giveBack()
	if cap(s.buf) > keepRow {
		s.buf = nil
	}
}

func (s *stream) giveBack() {
	if s.pooled == nil {
		return
	}
	if cap(s.buf) <= 2*chunk {
		*s.pooled = s.buf[:0]
	}
	buffers.Put(s.pooled)
	s.pooled, s.buf = nil, nil
}

// release gives the buffer back.
func (s *stream) release() {
	s.giveBack()
	if s.started {
		_ = s.control.SetWriteDeadline(time.Time{})
	}
}

// start fixes the headers; the first write sends them.
func (s *stream) start(contentType string) {
	s.started = true
	s.c.w.Header()["Content-Type"] = []string{contentType}
}

// spill writes the buffer when a chunk is full.
func (s *stream) spill() error {
	if len(s.buf) < chunk {
		return s.err
	}
	return s.push()
}

// head writes the status before the first byte.
func (s *stream) head() {
	if !s.wrote && s.status != 0 {
		s.c.w.WriteHeader(s.status)
	}
	s.wrote = true
}

// push writes what there is, with a deadline.
func (s *stream) push() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	s.write(s.buf)
	s.buf = s.buf[:0]
	return s.err
}

// piece is how much a client must take within Stall.
const piece = 64 << 10

// write writes bytes, each piece with a deadline of its own: however long a row
// is, who takes it slowly gets it.
func (s *stream) write(p []byte) {
	s.head()
	for len(p) > 0 && s.err == nil {
		n := min(len(p), piece)
		_ = s.control.SetWriteDeadline(time.Now().Add(s.c.s.o.Stall))
		_, s.err = s.c.w.Write(p[:n])
		p = p[n:]
	}
}

// pass writes bytes that are shared with other streams, many of them without a copy.
func (s *stream) pass(p []byte) error {
	if len(p) <= keepRow {
		s.buf = append(s.buf, p...)
		return s.spill()
	}
	if s.push() != nil {
		return s.err
	}
	s.write(p)
	return s.err
}

// flush pushes and sends everything to the client, headers too.
func (s *stream) flush() error {
	if s.push() == nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(s.c.s.o.Stall))
		s.head()
		if err := s.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			s.err = err
		}
	}
	return s.err
}

// Write makes a stream a writer of large bodies, in chunks.
func (s *stream) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	return len(p), s.spill()
}

// send answers with what write writes, or with the headers alone where only they are wanted.
func (s *stream) send(write func() error) error {
	if s.c.head() {
		s.head()
		return nil
	}
	if err := write(); err != nil {
		return s.fail(err)
	}
	return s.finish()
}

// finish writes the rest. A client that is gone is no error of ours.
func (s *stream) finish() error {
	_ = s.push()
	if s.broken != nil {
		return s.fail(s.broken)
	}
	return nil
}

// breakOff ends what rows append; finish tells why.
func (s *stream) breakOff(err error) {
	if s.err == nil {
		s.err, s.broken = err, err
	}
}

// fail ends a stream that cannot be completed. Before the first write the error
// is the answer; after it the connection is cut, so that the client sees that
// the answer is not whole.
func (s *stream) fail(err error) error {
	if !s.wrote {
		return err
	}
	if (s.err == nil || s.broken != nil) && s.c.ctx().Err() == nil {
		s.c.s.o.Logger.Warn("answer cut short", "path", s.c.r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
