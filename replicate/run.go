package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Run replicates until there is nothing more, or, where it is continuous, until ctx ends: then the error is
// ctx's cause, after a last checkpoint. What it did is told with an error too.
func Run(ctx context.Context, source, target Peer, o Options) (Result, error) {
	o = o.withDefaults()
	s := &session{o: o, source: sideOf(source), target: sideOf(target), session: newSession(), began: o.Now(), log: o.Logger}
	if err := o.check(); err != nil {
		return Result{}, err
	}
	if err := s.open(ctx); err != nil {
		return Result{}, err
	}
	if err := s.resume(ctx); err != nil {
		return Result{}, err
	}
	s.count(ctx)
	s.log.Info("replication begins", "replication", s.String(), "since", s.begin)
	err := s.run(ctx)
	s.log.Info("replication ends", "replication", s.String(), "at", s.stats.ThroughSeq, "read", s.stats.DocsRead,
		"written", s.stats.DocsWritten, "refused", s.stats.DocWriteFailures, "error", err)
	return s.result(), err
}

func sideOf(p Peer) side {
	if p.remote != nil {
		return side{Peer: p, end: p.remote}
	}
	return side{Peer: p, end: kivikEnd{p.DB}}
}

func (o Options) withDefaults() Options {
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = 30 * time.Second
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.BatchSize <= 0 {
		o.BatchSize = 500
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 4 << 20
	}
	if o.ConnectionTimeout <= 0 {
		o.ConnectionTimeout = 30 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 5
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// check refuses what contradicts itself, in CouchDB's words.
func (o *Options) check() error {
	chosen := 0
	for _, given := range []bool{o.DocIDs != nil, o.Selector != nil, o.Filter != ""} {
		if given {
			chosen++
		}
	}
	if chosen > 1 {
		return fmt.Errorf("%w: `selector`, `filter` and `doc_ids` are mutually exclusive", ErrBadOptions)
	}
	return nil
}

// run moves batches from the feed through the workers and writes checkpoints behind them.
func (s *session) run(ctx context.Context) error {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches, done := make(chan *batch), make(chan *batch)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(batches)
		if err := s.read(work, batches); err != nil {
			cancel(err)
		}
	})
	for range s.o.Workers {
		all.Go(func() {
			for b := range batches {
				if err := s.process(work, b); err != nil {
					cancel(err)
					continue // the reader stops as well
				}
				done <- b // somebody listens until all have ended
			}
		})
	}
	go func() { all.Wait(); close(done) }()
	err := s.follow(work, done)
	if work.Err() != nil { // a checkpoint that was being written then says so too
		err = context.Cause(work)
	}
	cancel(err)
	for range done { // until all have ended
	}
	return s.finish(ctx, err)
}

// follow counts batches as they are done, and writes checkpoints in their order.
func (s *session) follow(ctx context.Context, done <-chan *batch) error {
	due := time.NewTicker(s.o.CheckpointInterval)
	defer due.Stop()
	early := map[int]*batch{} // done before one that came before them
	next := 0
	for {
		select {
		case b, more := <-done:
			if !more {
				return nil
			}
			s.stats.add(b.stats)
			s.pending(b)
			early[b.number] = b
			for early[next] != nil {
				s.stats.ThroughSeq = early[next].through
				delete(early, next)
				next++
			}
			s.report()
		case <-due.C:
			if err := s.checkpoint(ctx, s.stats.ThroughSeq); ctx.Err() != nil {
				return context.Cause(ctx) // finish writes it
			} else if err != nil {
				return err
			}
			s.report()
		}
	}
}

// pending counts down what is to come, or takes what the feed told at its end.
func (s *session) pending(b *batch) {
	switch {
	case b.pending >= 0:
		s.stats.ChangesPending = b.pending
	case s.stats.ChangesPending >= 0:
		s.stats.ChangesPending = max(s.stats.ChangesPending-int64(len(b.changes)), 0)
	}
}

// lastWait is how long a replication that is told to end may take for its last checkpoint.
const lastWait = 10 * time.Second

// finish writes the last checkpoint, also of a run that failed or was told to end: what is done is done.
func (s *session) finish(ctx context.Context, err error) error {
	if errors.Is(err, ErrCheckpoint) {
		return err
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWait)
		defer cancel()
	}
	err = errors.Join(err, s.checkpoint(ctx, s.stats.ThroughSeq))
	s.report()
	return err
}

// add counts what a batch did.
func (s *Stats) add(b Stats) {
	s.RevisionsChecked += b.RevisionsChecked
	s.MissingFound += b.MissingFound
	s.DocsRead += b.DocsRead
	s.DocsWritten += b.DocsWritten
	s.DocWriteFailures += b.DocWriteFailures
	s.BulkGetDocs += b.BulkGetDocs
	s.BulkGetAttempts += b.BulkGetAttempts
}
