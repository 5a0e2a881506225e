package limit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Limiter counts requests. It is safe for concurrent use; a nil Limiter lets all pass.
type Limiter struct {
	seed    maphash.Seed // that nobody can choose keys which collide
	began   time.Time
	now     func() time.Time
	classes [classes]table
}

// Rates are the limits of the classes, the same for an address, a user and a token.
type Rates struct{ Login, Write, Read Rate }

// New makes a limiter, nil where nothing is limited. now is the clock; nil: the system's.
func New(r Rates, now func() time.Time) *Limiter {
	if r == (Rates{}) {
		return nil
	}
	if now == nil {
		now = time.Now
	}
	l := &Limiter{seed: maphash.MakeSeed(), began: now(), now: now}
	for class, rate := range map[Class]Rate{Login: r.Login, Write: r.Write, Read: r.Read} {
		l.classes[class].set(rate)
	}
	return l
}

// Address takes one of an address's requests. Above 0 it is how long until there is one again.
func (l *Limiter) Address(class Class, from netip.Addr) (wait time.Duration) {
	if l == nil || l.classes[class].per == 0 || from.IsLoopback() {
		return 0
	}
	key := from.As16()
	if from.Is6() && !from.Is4In6() {
		clear(key[8:])
	}
	return l.classes[class].take(maphash.Bytes(l.seed, key[:]), l.now().Sub(l.began))
}

// Identity takes one of a user's and one of a token's requests; "" is none.
func (l *Limiter) Identity(class Class, from netip.Addr, user, token string) (wait time.Duration) {
	if l == nil || l.classes[class].per == 0 || from.IsLoopback() {
		return 0
	}
	t, now := &l.classes[class], l.now().Sub(l.began)
	if user != "" {
		wait = t.take(maphash.String(l.seed, user)+1, now)
	}
	if wait == 0 && token != "" {
		wait = t.take(maphash.String(l.seed, token)+2, now)
	}
	return wait
}

const (
	shards = 64
	// shardBound is how many buckets a shard has in a generation: 64 shards, two generations and three
	// classes of them are 393,216 buckets at some 40 bytes.
	shardBound = 1024
)

// table has the buckets of a class. A bucket is one number, the time at which it will be full (the
// "theoretical arrival time" of GCRA): absent and past are the same.
type table struct {
	per    time.Duration // 0: no limit
	cost   time.Duration // of one request
	shards [shards]shard
}

type shard struct {
	mu struct {
		sync.Mutex
		young, old map[uint64]time.Duration
	}
}

func (t *table) set(r Rate) {
	if r.N == 0 {
		return
	}
	t.per, t.cost = r.Per, max(1, r.Per/time.Duration(r.N))
}

func (t *table) take(key uint64, now time.Duration) (wait time.Duration) {
	s := &t.shards[key%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	full, known := s.mu.young[key]
	if !known {
		full = s.mu.old[key]
	}
	full = max(full, now) + t.cost
	if full-now > t.per {
		return full - now - t.per
	}
	if !known && len(s.mu.young) >= shardBound || s.mu.young == nil {
		s.mu.old, s.mu.young = s.mu.young, make(map[uint64]time.Duration)
	}
	s.mu.young[key] = full
	return 0
}
