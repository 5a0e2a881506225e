package couch

import (
	"context"
	"time"
)

// pace holds work to a rate.
type pace struct {
	ctx   context.Context
	rate  int64 // bytes a second; 0: no limit
	began time.Time
	bytes int64
}

// spend waits until so many bytes more are due.
func (p *pace) spend(bytes int64) error {
	if p.rate == 0 {
		return nil
	}
	p.bytes += bytes
	ahead := time.Duration(float64(p.bytes)/float64(p.rate)*float64(time.Second)) - time.Since(p.began)
	if ahead < 10*time.Millisecond {
		return nil
	}
	t := time.NewTimer(ahead)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}
