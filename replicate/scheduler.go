package replicate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// SchedulerOptions are the effects and settings of a Scheduler.
type SchedulerOptions struct {
	// Open opens an end. It is asked for each run, so that what has changed since the last one holds:
	// passwords, addresses, rights.
	Open func(context.Context, Endpoint, Request) (Peer, error)
	// Settings are of [replicator].
	Settings Settings
	// UUID is the server's; ids of replications hang on it.
	UUID string
	// Node is the server's name where CouchDB tells its node.
	Node   string
	Logger *slog.Logger
	Now    func() time.Time

	run func(ctx context.Context, source, target Peer, o Options) (Result, error) // Run; tests have their own
}

// A Scheduler runs the replications that _replicate and documents of _replicator databases ask for,
// as CouchDB does; see the package doc. It is safe for concurrent use.
type Scheduler struct {
	o      SchedulerOptions
	ctx    context.Context // of all runs and feeds
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards the rest; never held while an end or a database is asked
	jobs    map[string]*job
	docs    map[docName]*doc
	feeds   map[string]*feeding
	counted Counts
	pids    int
	timer   *time.Timer
	closed  bool
}

var (
	errStopped = errors.New("stopped")
	errClosed  = errors.New("the server is shutting down")
)

// NewScheduler starts a scheduler, who must be closed.
func NewScheduler(o SchedulerOptions) *Scheduler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.run == nil {
		o.run = Run
	}
	s := &Scheduler{o: o, jobs: map[string]*job{}, docs: map[docName]*doc{}, feeds: map[string]*feeding{}}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.timer = time.AfterFunc(o.Settings.interval(), s.turn)
	return s
}

// Close ends all runs, each with a last checkpoint, and waits for them.
func (s *Scheduler) Close() error {
	s.mu.Lock()
	s.closed = true
	s.timer.Stop()
	for _, d := range s.docs {
		d.quiet()
	}
	s.mu.Unlock()
	s.cancel(errClosed)
	s.wg.Wait()
	return nil
}

// add makes a job and starts it where there is room. The lock is held.
func (s *Scheduler) add(j *job) {
	if old := s.jobs[j.id]; old != nil {
		s.remove(old, errStopped)
		j.ended = old.ended
	}
	j.note(event{at: s.o.Now(), what: added}, s.o.Settings)
	s.jobs[j.id] = j
	s.counted.Adds++
	if most := s.o.Settings.maxJobs(); len(s.jobs) <= most && s.running() < most {
		s.start(j)
	}
}

// remove ends a job for good and tells those who wait for it why. The lock is held.
func (s *Scheduler) remove(j *job, why error) {
	s.stop(j, why)
	s.gone(j, outcome{err: why})
	s.counted.Removes++
}

// gone takes a job that does not run any more off the list. The lock is held.
func (s *Scheduler) gone(j *job, how outcome) {
	if s.jobs[j.id] == j {
		delete(s.jobs, j.id)
	}
	for _, w := range j.waiting {
		w <- how // it has room for one
	}
	j.waiting = nil
}

// start runs a job. The lock is held.
func (s *Scheduler) start(j *job) {
	if s.closed {
		return
	}
	s.pids++
	r := &running{pid: s.pids, began: s.o.Now()}
	ctx, cancel := context.WithCancelCause(s.ctx)
	r.cancel, j.run = cancel, r
	before, ended := j.ended, make(chan struct{})
	j.ended = ended
	j.note(event{at: r.began, what: started}, s.o.Settings)
	s.counted.Starts++
	s.wg.Go(func() {
		defer cancel(nil)
		defer close(ended)
		if before != nil {
			<-before
		}
		result, err := s.work(ctx, j, r)
		s.end(j, r, result, err)
	})
}

// stop ends a job's run, which takes its last checkpoint by itself. The lock is held.
func (s *Scheduler) stop(j *job, why error) {
	if j.run == nil {
		return
	}
	j.run.cancel(why)
	j.run = nil
	j.note(event{at: s.o.Now(), what: stopped}, s.o.Settings)
	s.counted.Stops++
}

// work opens both ends and replicates.
func (s *Scheduler) work(ctx context.Context, j *job, r *running) (Result, error) {
	if most := s.o.Settings.jitter(); most > 0 {
		select {
		case <-time.After(rand.N(most)):
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
	source, err := s.o.Open(ctx, j.request.Source, j.request)
	if err != nil {
		return Result{}, err
	}
	target, err := s.o.Open(ctx, j.request.Target, j.request)
	if err != nil {
		return Result{}, err
	}
	o := j.request.Options
	o.ID, o.ServerUUID, o.CountOn, o.Logger, o.Now = base(j.id), s.o.UUID, true, s.o.Logger, s.o.Now
	o.Progress = func(stats Stats) { s.progress(j, r, stats) }
	return s.o.run(ctx, source, target, o)
}

// progress keeps how far a run is.
func (s *Scheduler) progress(j *job, r *running, stats Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.stats, r.told = &stats, s.o.Now()
}

// end is told how a run ended. One that was stopped is of no more interest.
func (s *Scheduler) end(j *job, r *running, result Result, err error) {
	s.mu.Lock()
	current := j.run == r && !s.closed
	s.mu.Unlock()
	if !current {
		return
	}
	if err != nil {
		s.crash(j, r, err)
		return
	}
	s.o.Logger.Info("replication completed", "id", j.id, "document", j.doc)
	if j.doc != "" {
		s.completed(j, result.Stats)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.run != r {
		return
	}
	j.run = nil
	s.gone(j, outcome{result: result})
	if d := s.docs[docName{j.db, j.doc}]; d != nil && d.job == j.id {
		delete(s.docs, d.docName)
	}
	s.startSome(s.o.Settings.maxJobs() - s.running())
}

// crash notes that a run failed. What _replicate asked for is not tried again.
func (s *Scheduler) crash(j *job, r *running, err error) {
	failure := FailureOf(err)
	s.o.Logger.Warn("replication failed", "id", j.id, "document", j.doc, "error", failure.InHistory())
	s.mu.Lock()
	if j.run != r {
		s.mu.Unlock()
		return
	}
	j.run = nil
	if r.told.IsZero() {
		s.counted.FailedStarts++
	}
	if j.doc == "" {
		s.gone(j, outcome{err: failure})
	} else {
		j.note(event{s.o.Now(), crashed, failure.InHistory()}, s.o.Settings)
		s.counted.Crashes++
		for _, w := range j.waiting {
			w <- outcome{err: failure}
		}
		j.waiting = nil
	}
	if len(s.jobs) < s.o.Settings.maxJobs() {
		s.startSome(s.o.Settings.maxJobs() - s.running())
	}
	s.mu.Unlock()
	if j.doc != "" && s.o.Settings.updateDocs() {
		s.told(j.db, j.doc, Failing, failure.InHistory(), j.id)
	}
}
