package upstream

import (
	"sync"
	"time"
)

// The breaker opens after so many failures in a row, and stays open for a time that doubles.
const (
	mostFailures = 5
	shortestRest = time.Second
	longestRest  = time.Minute
)

// breaker leaves a registry alone that fails.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // nobody asks before
	trying   bool      // one request is trying whether it is well again
	since    time.Time // of the first failure since it last did well; zero: it does
}

// enter reports whether a request may be sent; what came of it is told to left.
func (b *breaker) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now().Before(b.until) {
		return false
	}
	if b.failures >= mostFailures {
		if b.trying {
			return false
		}
		b.trying = true
	}
	return true
}

// What came of a request.
type outcome int

const (
	well    outcome = iota // it was answered
	badly                  // it was not
	unclear                // we ended it
)

// left notes what came of a request, and how long the registry asked to be left alone.
func (b *breaker) left(o outcome, alone time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	switch o {
	case well:
		b.failures, b.until, b.since = 0, time.Time{}, time.Time{}
	case badly:
		b.failures++
		if b.since.IsZero() {
			b.since = b.now()
		}
		if b.failures >= mostFailures {
			alone = max(alone, min(shortestRest<<min(b.failures-mostFailures, 10), longestRest))
		}
		if alone > 0 {
			b.until = b.now().Add(min(alone, longestRest))
		}
	}
}

// failing is since when the registry has not answered; zero where it does.
func (b *breaker) failing() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// open reports whether nobody asks now.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now().Before(b.until)
}
