package couch

import "time"

// A Listener is a reader of the feed who stays when there are no more rows. Any
// number of them cost nothing until a sequence is durable. One goroutine uses a
// listener at a time.
type Listener struct {
	db    *DB
	round uint64 // the last that it is back from
}

// Listen registers a listener, who must be closed.
func (db *DB) Listen() *Listener {
	w := &db.durable
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listeners == 0 {
		w.told = w.seq
	}
	w.listeners++
	return &Listener{db: db}
}

// Close ends the registration.
func (l *Listener) Close() {
	w := &l.db.durable
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners--
}

// always is ready.
var always = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// News is a channel that is closed when a sequence after since is durable, or
// when there will be none: the next call tells that error, ErrNoDatabase or ErrClosed.
func (l *Listener) News(since Seq) (<-chan struct{}, error) {
	w := &l.db.durable
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return nil, w.err
	case w.told > since:
		return always, nil
	case w.news == nil:
		w.news = make(chan struct{})
	}
	w.back(l)
	return w.news, nil
}

// audience are the listeners of a database; the watermark's lock guards it. They
// are told in rounds.
//
// A round wakes all that wait. The first write after a pause is told at once;
// those that come while the listeners are busy with it are told together, after a rest
// twice as long as the round has taken. So however many listen, most of the time is the
// writers'; told of every commit, a thousand listeners would leave them none.
type audience struct {
	listeners int
	told      Seq           // what they know of; at most the mark
	news      chan struct{} // closed by the next round; nil when none waits
	due       bool          // a timer looks whether it is time for the next

	round  uint64
	began  time.Time     // the round
	woken  int           // by it
	waits  int           // of the listeners, since then
	lasted time.Duration // the round; 0: half of the woken are not back yet
}

const (
	// aWhile is how often an audience that is not back yet is looked at.
	aWhile = time.Millisecond
	// longestRound bounds what readers who stall can do to the others.
	longestRound = 100 * time.Millisecond
)

// back notes that a listener waits again.
func (a *audience) back(l *Listener) {
	if l.round == a.round {
		return
	}
	l.round = a.round
	if a.waits++; a.lasted == 0 && 2*a.waits >= a.woken {
		a.lasted = max(2*time.Since(a.began), 1) // the other half takes as long
	}
}

// rest is how long it still is to the next round.
func (a *audience) rest() time.Duration {
	since := time.Since(a.began)
	if a.lasted == 0 && since < longestRound {
		return aWhile
	}
	return min(3*a.lasted, 3*longestRound) - since
}

// announce tells the listeners of the mark, once it is time. w.mu is held.
func (w *watermark) announce() {
	if w.due {
		return
	}
	rest := w.rest()
	if rest <= 0 {
		w.tell()
		return
	}
	w.due = true
	time.AfterFunc(rest, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.due = false
		w.announce()
	})
}

// tell begins a round; w.mu is held.
func (w *watermark) tell() {
	w.told, w.began = w.seq, time.Now()
	w.woken, w.waits, w.lasted = w.waits, 0, 0
	w.round++
	ring(&w.news)
}
