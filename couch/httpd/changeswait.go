package httpd

import (
	"errors"
	"time"

	"settee/couch"
)

const (
	// sign is after how long a feed without a row shows that it lives while it
	// goes through rows that do not pass: CouchDB's, where the client names no beat.
	sign = 5 * time.Second
	// glance is how many rows go by between two looks at the clock.
	glance = 64
)

// tired reports that a snapshot has been open for so long that it is given up:
// while one is open, nothing that is newer can be compacted. What was
// overwritten meanwhile comes later in the feed, so nothing is missed; not so
// descending, where it would have come before.
func (f *feed) tired(opened time.Time) bool {
	if f.p.Rows.Descending || f.sent%glance != 0 && f.looked%glance != 0 {
		return false
	}
	return time.Since(opened) > f.c.s.o.Stall
}

// pulse is called for each row that does not pass.
func (f *feed) pulse() error {
	if f.looked++; f.looked%glance != 0 {
		return nil
	}
	silence := f.p.Heartbeat
	if silence == 0 {
		silence = sign
	}
	if time.Since(f.beaten) < silence {
		return nil
	}
	return f.beat()
}

// flush sends what there is to a client who waits.
func (f *feed) flush() error {
	if len(f.out.buf) > 0 {
		f.beaten = time.Now()
	}
	return f.out.flush()
}

// wait returns true when there is more to read, false when the feed ends. It
// sends heartbeats in the meantime. Rows that did not pass do not put them off.
func (f *feed) wait() (more bool, err error) {
	f.out.rest()
	for {
		news, err := f.listener.News(f.last)
		if errors.Is(err, couch.ErrNoDatabase) || errors.Is(err, couch.ErrClosed) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		select {
		case <-news:
			return true, nil
		case <-f.patience():
			if f.p.Heartbeat == 0 {
				return false, nil
			}
			if f.beat() != nil {
				return false, nil
			}
		case <-f.c.ctx().Done(): // the client goes
			return false, nil
		case <-f.c.s.ctx.Done(): // the server goes
			return false, nil
		}
	}
}

// patience ends when a beat is due, or the feed's time is over.
func (f *feed) patience() <-chan time.Time {
	silence := f.p.Timeout
	if f.p.Heartbeat > 0 {
		silence = f.p.Heartbeat
	}
	silence -= time.Since(f.beaten)
	if f.timer == nil {
		f.timer = time.NewTimer(silence)
	} else {
		f.timer.Reset(silence)
	}
	return f.timer.C
}

// beat shows the client that the connection lives.
func (f *feed) beat() error {
	if f.p.Feed == eventsource {
		f.out.buf = append(f.out.buf, "event: heartbeat\ndata: \n\n"...)
	} else {
		f.out.buf = append(f.out.buf, '\n')
	}
	return f.flush()
}
