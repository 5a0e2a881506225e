package auth

import (
	"context"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// The bounds of six digits that are guessed by who has the password or a token. From
// one address they are as few as passwords. Many addresses together get farGuesses a
// day, of which one in three hundred thousand hits; then only addresses are heard from
// which the account has given a right code, so that nobody locks out its owner.
// Recovery codes, security keys and tickets cannot be guessed and are heard always.
const (
	nearGuesses  = 5
	nearLifetime = 5 * time.Minute
	farGuesses   = 100
	farLifetime  = 24 * time.Hour
	guessBound   = 10_000 // origins that are remembered
)

// ErrGuesses is the answer to a code after too many wrong ones.
var ErrGuesses = &Error{Kind: Forbidden, Reason: "Too many wrong one-time passwords. Wait a few minutes, or use a recovery code."}

// guesses counts wrong codes.
type guesses struct {
	near, far *lockouts // of an account from an address; of an account

	flight singleflight.Group // requests of one command that bring one code

	mu struct {
		sync.RWMutex
		home   map[origin]struct{} // an account's address from which a right code came
		grants map[proof]time.Time // a command's code, and until when it stands for the next request
	}
}

func newGuesses() *guesses {
	g := &guesses{near: newLockouts(), far: newLockouts()}
	g.mu.home, g.mu.grants = map[origin]struct{}{}, map[proof]time.Time{}
	return g
}

func (g *guesses) granted(p proof, now time.Time) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return now.Before(g.mu.grants[p])
}

func (g *guesses) grant(p proof, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	makeRoom(g.mu.grants, guessBound)
	g.mu.grants[p] = until
}

func (g *guesses) isHome(of origin) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, home := g.mu.home[of]
	return home
}

func (g *guesses) welcome(of origin) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, home := g.mu.home[of]; !home {
		makeRoom(g.mu.home, guessBound)
		g.mu.home[of] = struct{}{}
	}
}

// near is an account at an address; the zero address is that of callers without one,
// who share a place.
func (a *Auth) near(who *account, from netip.Addr) origin {
	return a.prover.proof(who.name, network(from).String(), "code "+who.created)
}

// guess has a code checked unless too many were wrong before, and counts the verdict.
func (a *Auth) guess(ctx context.Context, who *account, from netip.Addr, check func() (bool, error)) (bool, error) {
	near, far := a.near(who, from), a.prover.proof(who.name, "", "code "+who.created)
	all := farGuesses
	if a.codes.isHome(near) {
		all = math.MaxInt
	}
	return a.bounded(ctx, who.name, a.codes.near, near, nearGuesses, nearLifetime, func() (bool, error) {
		return a.bounded(ctx, who.name, a.codes.far, far, all, farLifetime, check)
	})
}

// bounded checks something that may be wrong so many times, whose checks under way
// count as wrong until their verdict is there.
func (a *Auth) bounded(ctx context.Context, name string, l *lockouts, of origin, threshold int, lifetime time.Duration, check func() (bool, error)) (bool, error) {
	for {
		if l.locked(of, threshold, a.o.Now()) {
			return false, ErrGuesses
		}
		f, changed := l.begin(of, threshold, a.o.Now())
		if f == nil {
			if err := a.wait(ctx, changed); err != nil {
				return false, err
			}
			continue
		}
		right, err := check()
		wrong := err == nil && !right
		if l.end(f, wrong, threshold, a.o.Now(), lifetime, guessBound) {
			a.o.Logger.Warn("auth: too many wrong one-time passwords", "user", name, "for", lifetime)
		}
		return right, err
	}
}

// network is what stands for an address where failures are counted: an IPv6 client
// owns its /64.
func network(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		network, _ := from.Prefix(64)
		from = network.Addr()
	}
	return from
}
