package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
)

const (
	// queueBound is how many messages wait: a registry of thousands sends that in a day, and a
	// flood of requests takes a megabyte.
	queueBound = 1000
	// batchBound is how many go over one connection; servers close longer ones.
	batchBound = 50
	// farewell is how long Close waits for the server to take what is being sent.
	farewell = 5 * time.Second
)

// waits are the times after which a failed message is tried again. Greylisting takes minutes.
var waits = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}

// Options say where messages go.
type Options struct {
	Server Server
	From   string          // "settee <npm@example.com>", or the address alone
	Waits  []time.Duration // between tries; default ten seconds to half an hour
	Now    func() time.Time
	Logger *slog.Logger
}

// A Queue sends messages in the background. It is safe for concurrent use.
type Queue struct {
	o      Options
	client *gomail.Client

	mu struct {
		sync.Mutex
		waiting []*waiting // the soonest first
		closed  bool
	}
	wake chan struct{} // something is due sooner
	stop context.CancelFunc
	done chan struct{}
}

// waiting is a message and its tries.
type waiting struct {
	Message
	due    time.Time
	failed int
}

// Open begins to send.
func Open(o Options) (*Queue, error) {
	if _, err := mail.ParseAddress(o.From); err != nil {
		return nil, fmt.Errorf("mail: the sender is not an e-mail address: %w", err)
	}
	if o.Waits == nil {
		o.Waits = waits
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := o.Server.client()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{o: o, client: client, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go q.run(ctx)
	return q, nil
}

// Send queues a message; nobody waits for the server.
func (q *Queue) Send(m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	return q.add(&waiting{Message: m, due: q.o.Now()})
}

func (q *Queue) add(w *waiting) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.mu.closed:
		return ErrClosed
	case len(q.mu.waiting) >= queueBound:
		return ErrFull
	}
	at, _ := slices.BinarySearchFunc(q.mu.waiting, w.due, func(x *waiting, due time.Time) int {
		if x.due.After(due) {
			return 1
		}
		return -1 // behind those of the same time
	})
	q.mu.waiting = slices.Insert(q.mu.waiting, at, w)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// Close ends the queue. What is due now is sent if the server takes it within five seconds.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.mu.closed = true
	q.mu.Unlock()
	late := time.AfterFunc(farewell, q.stop)
	defer late.Stop()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	<-q.done
	q.stop()
	if n := len(q.mu.waiting); n > 0 {
		q.o.Logger.Warn("messages were not sent before the end", "messages", n)
	}
	return nil
}

// run sends what is due until the queue is closed and nothing is.
func (q *Queue) run(ctx context.Context) {
	defer close(q.done)
	for ctx.Err() == nil {
		batch, next, closed := q.due()
		if len(batch) > 0 {
			q.send(ctx, batch)
			continue
		}
		if closed {
			return
		}
		select {
		case <-q.wake:
		case <-next:
		case <-ctx.Done():
		}
	}
}

// due takes what is due; next ticks when something else will be.
func (q *Queue) due() (batch []*waiting, next <-chan time.Time, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.o.Now()
	n := 0
	for n < min(len(q.mu.waiting), batchBound) && !q.mu.waiting[n].due.After(now) {
		n++
	}
	batch = slices.Clone(q.mu.waiting[:n])
	q.mu.waiting = slices.Delete(q.mu.waiting, 0, n)
	if len(q.mu.waiting) > 0 {
		next = time.After(q.mu.waiting[0].due.Sub(now))
	}
	return batch, next, q.mu.closed
}

// send hands a batch to the server over one connection.
func (q *Queue) send(ctx context.Context, batch []*waiting) {
	batch = slices.DeleteFunc(batch, func(w *waiting) bool {
		over := !w.Until.IsZero() && !q.o.Now().Before(w.Until)
		if over {
			q.drop(w, errors.New("its time is over"))
		}
		return over
	})
	if len(batch) == 0 {
		return
	}
	line, err := q.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		q.o.Logger.Warn("the SMTP server cannot be used", "error", err, "messages", len(batch))
	}
	for _, w := range batch {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			q.again(w, err)
			continue
		}
		msg, spoilt := w.wire(q.o.From, q.o.Now())
		if spoilt != nil {
			q.drop(w, spoilt)
			continue
		}
		if failed := q.client.SendWithSMTPClient(line, msg); failed != nil && !msg.IsDelivered() {
			q.failed(w, failed)
		}
	}
	if line != nil {
		_ = q.client.CloseWithSMTPClient(line) // what was taken is taken
	}
}

// failed puts a message back unless the server refused it for good.
func (q *Queue) failed(w *waiting, err error) {
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && !refusal.IsTemp() && refusal.ErrorCode() >= 500 {
		q.drop(w, err)
		return
	}
	q.again(w, err)
}

func (q *Queue) again(w *waiting, err error) {
	if w.failed == len(q.o.Waits) {
		q.drop(w, err)
		return
	}
	w.due = q.o.Now().Add(q.o.Waits[w.failed])
	w.failed++
	if full := q.add(w); full != nil {
		q.drop(w, errors.Join(err, full))
	}
}

func (q *Queue) drop(w *waiting, err error) {
	q.o.Logger.Error("a message was not sent", "kind", w.Kind, "tries", w.failed+1, "error", err)
}
