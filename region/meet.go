package region

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// A meeting is what is known of who answers at a peer's address.
type meeting struct {
	turn sync.Mutex // held while it is asked, and between two askings: one pull asks for all

	mu struct {
		sync.Mutex
		met      bool      // nobody need ask again
		state    State     // as it was met last; "": not yet
		problem  *problem  // the last one, also when it is over
		at       time.Time // when it was noted last
		problems int       // how many there were
	}
}

// A problem is why a peer cannot be followed at all, in words for who can mend it.
type problem struct {
	state State
	text  string
}

// Error implements error.
func (p *problem) Error() string { return p.text }

func refused(format string, args ...any) *problem {
	return &problem{Refused, fmt.Sprintf(format, args...)}
}

func broken(format string, args ...any) *problem {
	return &problem{Broken, fmt.Sprintf(format, args...)}
}

// met waits until the peer answers and is who it should be; false: ctx ended before.
func (l *link) met(ctx context.Context) bool {
	m := &l.meeting
	m.turn.Lock()
	defer m.turn.Unlock()
	pause := shortestPause
	for ctx.Err() == nil && !m.holds() {
		p := l.meet(ctx)
		if ctx.Err() != nil {
			return false
		}
		l.note(p)
		if p == nil {
			return true
		}
		wait := pause
		if p.state == Refused {
			wait = refusedPause
		}
		pause = min(2*pause, longestPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

func (m *meeting) holds() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.met
}

// part makes the next one who needs the peer ask again who it is.
func (m *meeting) part() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.met = false
}

// trouble is the problem there is now, and since when.
func (m *meeting) trouble() (*problem, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.state == Following {
		return nil, time.Time{}
	}
	return m.mu.problem, m.mu.at
}

func (m *meeting) problems() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mu.problems
}

// note keeps how a meeting went, and logs what is new of it.
func (l *link) note(p *problem) {
	m, now := &l.meeting, l.region.o.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.mu.state
	if p == nil {
		m.mu.met, m.mu.state = true, Following
		if before != Following {
			l.log.Info("another region is followed", "url", l.bare().String())
		}
		return
	}
	if before != p.state || m.mu.problem.text != p.text {
		l.log.Warn("another region cannot be followed, trying again", "url", l.bare().String(), "error", p.text)
	}
	m.mu.state, m.mu.problem, m.mu.at = p.state, p, now
	m.mu.problems++
}

// meet asks a peer who it is; nil: who it should be.
func (l *link) meet(ctx context.Context) *problem {
	ctx, cancel := context.WithTimeout(ctx, meetingTime)
	defer cancel()
	status, body, err := l.ask(ctx, "_settee/regions")
	if err != nil {
		return l.silent(err)
	}
	var told struct {
		Region *string // settee tells it, and may say ""
		Reason string  // of a refusal
	}
	if json.Unmarshal(body, &told) != nil {
		told.Reason = "" // an answer of no form that is known
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return refused("it does not let the user %s in: %s", l.URL.User.Username(), told.Reason)
	case status == http.StatusOK && told.Region != nil:
		return l.called(*told.Region)
	case status >= http.StatusInternalServerError:
		return broken("it answers with status %d", status)
	}
	return l.other(ctx)
}

// meetingTime bounds a meeting.
const meetingTime = 10 * time.Second

// called compares what a peer calls itself with what it is called here.
func (l *link) called(itself string) *problem {
	switch itself {
	case l.Name, "": // without peers it needs no name
		return nil
	case l.region.o.Name:
		return refused("it is region %s, which is this one: its URL leads back here, or two regions have one name", itself)
	}
	return refused("it is region %s, and is called %s here: name it %s=URL", itself, l.Name, itself)
}

// other meets a server that is no settee: a CouchDB has documents, and shares them.
func (l *link) other(ctx context.Context) *problem {
	status, body, err := l.ask(ctx, "")
	if err != nil {
		return l.silent(err)
	}
	var welcome struct{ CouchDB, Version string }
	if status != http.StatusOK || json.Unmarshal(body, &welcome) != nil || welcome.CouchDB == "" {
		return refused("what answers there is no CouchDB API: its URL wants the address of the peer's --couch, not of its --npm")
	}
	l.log.Warn("another region is no settee: its tarballs must be in a bucket that both use", "version", welcome.Version)
	return nil
}

// silent says why nobody answers.
func (l *link) silent(err error) *problem {
	host := l.URL.Host
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return broken("the host name %s is not known", name.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return broken("nothing listens at %s: it is not running, or its CouchDB API is elsewhere", host)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return broken("%s does not answer in time", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return broken("%s breaks off", host)
	}
	return broken("%s cannot be asked: %v", host, err)
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// ask reads a small answer of the peer's server.
func (l *link) ask(ctx context.Context, path string) (status int, body []byte, err error) {
	res, err := l.get(ctx, path)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, body, err
}
