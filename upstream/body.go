package upstream

import (
	"context"
	"errors"
	"io"
	"time"
)

// An answer must go on coming, and not too slowly: 8 KiB/s brings the largest packument known in the time
// that clients wait for it, and a connection that drips is given up.
const (
	stallTime = 15 * time.Second
	graceTime = 30 * time.Second
	leastRate = 8 << 10 // bytes a second, on the average, after graceTime
)

// steady is a body that ends with an error once it stalls or drips.
type steady struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  *time.Timer
	wait   time.Duration
	grace  time.Duration
	began  time.Time
	have   int64
}

// watched bounds the reading of a body, whose request must have been made with ctx, which cancel ends.
func watched(ctx context.Context, cancel context.CancelCauseFunc, body io.ReadCloser, wait, grace time.Duration) *steady {
	return &steady{ReadCloser: body, ctx: ctx, cancel: cancel, wait: wait, grace: grace, began: time.Now(),
		stall: time.AfterFunc(wait, func() { cancel(errStalled) })}
}

// Read implements io.Reader.
func (s *steady) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.have += int64(n)
	s.stall.Reset(s.wait)
	if err == nil {
		if took := time.Since(s.began); took > s.grace && s.have < int64(took.Seconds()*leastRate) {
			err = errTooSlow
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(s.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Close implements io.Closer.
func (s *steady) Close() error {
	s.stall.Stop()
	err := s.ReadCloser.Close()
	s.cancel(nil)
	return err
}

// bounded reads a body to its end, unless that is past limit.
func bounded(r io.Reader, limit, hint int64) ([]byte, error) {
	room := make([]byte, 0, min(max(hint, 4<<10), 4<<20, limit)+1)
	for {
		if int64(len(room)) > limit {
			return nil, errTooLarge
		}
		if len(room) == cap(room) {
			room = append(room, 0)[:len(room)]
		}
		n, err := r.Read(room[len(room):cap(room)])
		room = room[:len(room)+n]
		if errors.Is(err, io.EOF) && int64(len(room)) <= limit {
			return room, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
}
