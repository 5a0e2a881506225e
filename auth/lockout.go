package auth

import (
	"container/list"
	"context"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"settee/auth/audit"
)

// CouchDB's defaults of [chttpd_auth_lockout].
const (
	lockoutThreshold = 5
	lockoutLifetime  = 300_000 // milliseconds
	lockoutObjects   = 10_000
)

// origin is what failures are counted by: whose account, with the salt, so that a
// new password begins anew, and from where, so that nobody locks out somebody
// elsewhere. It is a keyed hash of these, so that a name of a megabyte takes no more
// room than another.
type origin = proof

// originOf names the origin of a sign-in.
func (a *Auth) originOf(from netip.Addr, c claim) origin {
	return a.prover.proof(c.name, network(from).String(), c.who.salt)
}

// lockoutMode is what happens at the threshold; words that are none of these are "off".
type lockoutMode string

const (
	lockoutEnforce lockoutMode = "enforce"
	lockoutWarn    lockoutMode = "warn"
)

// guarded proves a password unless its origin has failed too often, and counts
// the failure.
func (a *Auth) guarded(ctx context.Context, r *http.Request, mode lockoutMode, from netip.Addr, c claim) (right bool, err error) {
	of := a.originOf(from, c)
	threshold := max(1, a.conf.number(sectionLockout, "threshold", lockoutThreshold))
	guesses := threshold
	if mode == lockoutWarn {
		guesses = math.MaxInt
	}
	for {
		if a.lockouts.locked(of, threshold, a.o.Now()) {
			if mode == lockoutEnforce {
				return false, ErrLocked
			}
			a.o.Logger.Warn("auth: sign-in failed too often", "user", short(c.name), "from", from)
		}
		if right, _ := a.known(c); right {
			return true, nil
		}
		f, changed := a.lockouts.begin(of, guesses, a.o.Now())
		if f == nil {
			if err := a.wait(ctx, changed); err != nil {
				return false, err
			}
			continue
		}
		right, err := a.prove(ctx, c)
		lifetime := time.Duration(a.conf.number(sectionLockout, "max_lifetime", lockoutLifetime)) * time.Millisecond
		objects := a.conf.number(sectionLockout, "max_objects", lockoutObjects)
		if a.lockouts.end(f, err == nil && !right, threshold, a.o.Now(), lifetime, objects) {
			a.o.Logger.Warn("auth: account locked for an address", "user", short(c.name), "from", from, "for", lifetime)
			a.recordFailure(r, c.who, audit.LoginLocked, ErrLocked)
		}
		return right, err
	}
}

// short cuts a name that is none before it is logged.
func short(name string) string { return name[:min(len(name), nameLength)] }

// lockouts counts failed sign-ins. Passwords that are being checked count too until
// their verdict is there: a thousand guesses at once are no more than one after another.
type lockouts struct {
	failing atomic.Int64 // origins with failures; mostly none, and then nobody takes the lock

	mu struct {
		sync.Mutex
		origins map[origin]*failures
		order   list.List // of *failures that have any, the oldest first
	}
}

// failures are those of one origin.
type failures struct {
	of      origin
	count   int
	until   time.Time     // from the first failure on; then all are forgotten
	pending int           // passwords being checked
	changed chan struct{} // closed when one of them is done
	place   *list.Element // nil without failures
}

func newLockouts() *lockouts {
	l := &lockouts{}
	l.mu.origins = map[origin]*failures{}
	return l
}

// locked reports whether an origin has failed too often.
func (l *lockouts) locked(of origin, threshold int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.mu.origins[of]
	return f != nil && f.count >= threshold && now.Before(f.until)
}

// begin takes one of the guesses that are left, or returns a channel that is
// closed when it is worth to ask again.
func (l *lockouts) begin(of origin, threshold int, now time.Time) (f *failures, wait <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	f = l.mu.origins[of]
	if f == nil {
		f = &failures{of: of, changed: make(chan struct{})}
		l.mu.origins[of] = f
	}
	if f.pending > 0 && f.count+f.pending >= threshold {
		return nil, f.changed
	}
	f.pending++
	return f, nil
}

// end counts the verdict. It reports whether this failure reached the threshold.
func (l *lockouts) end(f *failures, failed bool, threshold int, now time.Time, lifetime time.Duration, bound int) (reached bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.pending--
	close(f.changed)
	f.changed = make(chan struct{})
	if failed {
		l.expire(now)
		if f.place == nil {
			f.count, f.until = 0, now.Add(lifetime)
			f.place = l.mu.order.PushBack(f)
		}
		f.count++
		for l.mu.order.Len() > max(1, bound) {
			l.drop(l.mu.order.Front().Value.(*failures))
		}
		l.failing.Store(int64(l.mu.order.Len()))
		return f.count == threshold
	}
	if f.place == nil && f.pending == 0 {
		delete(l.mu.origins, f.of)
	}
	return false
}

// expire forgets failures whose time is over. The order is that of their end,
// unless the lifetime was changed between them; then some wait a little.
func (l *lockouts) expire(now time.Time) {
	for e := l.mu.order.Front(); e != nil && !now.Before(e.Value.(*failures).until); e = l.mu.order.Front() {
		l.drop(e.Value.(*failures))
	}
	l.failing.Store(int64(l.mu.order.Len()))
}

// drop forgets the failures of an origin; what is being checked goes on.
func (l *lockouts) drop(f *failures) {
	l.mu.order.Remove(f.place)
	f.place, f.count = nil, 0
	if f.pending == 0 {
		delete(l.mu.origins, f.of)
	}
}
