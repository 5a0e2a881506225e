package search

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Options of an index. Only Dir is needed.
type Options struct {
	Dir    string                                         // of the index alone
	Weekly func(yield func(name string, downloads int64)) // of the last week; nil: none are known
	Flaws  Flaws                                          // for is:insecure and not:insecure; nil: none are known
	Proof  time.Duration                                  // in which followers prove that they missed nothing; default 10 s
	Now    func() time.Time
	Logger *slog.Logger // default: discards
}

// Index is the index of some sources. Its methods are safe for concurrent use.
type Index struct {
	o        Options
	sources  []Source
	log      *slog.Logger
	fame     fame
	suspects suspects
	heard    []atomic.Int64 // when a source's follower last had handled all, Unix nanoseconds
	stop     context.CancelFunc
	running  sync.WaitGroup

	rebuilding sync.Mutex // taken by who makes another generation
	replaced   time.Time  // guarded by rebuilding

	// mu guards what follows. No I/O is done under it.
	mu      sync.Mutex
	current *generation
	ready   chan struct{} // closed once there is one
	closed  bool
}

var (
	// ErrClosed is an index that was closed.
	ErrClosed = errors.New("search: the index is closed")
	// ErrNotReady is an index that is being opened.
	ErrNotReady = errors.New("search: the index is being opened")
)

// Open opens the index in a folder, or begins one, and follows the sources until Close. It is opened in
// the background, which may take a second.
func Open(sources []Source, o Options) (*Index, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := filepath.Abs(o.Dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("search: make the folder: %w", err)
	}
	o.Dir = dir
	x := &Index{o: o, sources: sources, suspects: suspects{flaws: o.Flaws}, log: o.Logger, heard: make([]atomic.Int64, len(sources)), ready: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	x.running.Go(func() {
		x.begin(ctx)
		x.popularity(ctx)
	})
	return x, nil
}

// begin opens the index that there is, or another, until that works.
func (x *Index) begin(ctx context.Context) {
	x.rebuilding.Lock()
	defer x.rebuilding.Unlock()
	g, err := reopen(x.o.Dir)
	for pause := 100 * time.Millisecond; err != nil && ctx.Err() == nil; pause = min(2*pause, 10*time.Second) {
		if !errors.Is(err, fs.ErrNotExist) {
			x.log.Warn("search: the index is begun anew", "reason", err)
		}
		if g, err = x.fresh(); err != nil {
			wait(ctx, pause)
		}
	}
	if err != nil {
		return
	}
	x.fill(g)
	x.exchange(g)
}

// fresh makes an empty generation, and has it served after a restart, too.
func (x *Index) fresh() (*generation, error) {
	g, err := create(x.o.Dir)
	if err == nil {
		err = g.serve()
	}
	if err == nil {
		err = sweep(x.o.Dir, g)
	}
	return g, err
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// popularity is renewed once all is indexed, and every now and then.
func (x *Index) popularity(ctx context.Context) {
	for ctx.Err() == nil {
		g, err := x.acquire(ctx)
		if err != nil {
			return
		}
		select {
		case <-g.caughtUp:
		case <-time.After(refreshed):
		case <-ctx.Done():
		}
		err = guarded(func() error { return x.fame.renew(ctx, g, x.o.Weekly) })
		x.release(g)
		if err != nil && ctx.Err() == nil {
			x.log.Warn("search: popularity is not renewed", "error", err)
		}
		wait(ctx, refreshed)
	}
}

// exchange makes another generation the one that is searched.
func (x *Index) exchange(g *generation) {
	x.mu.Lock()
	before, closed := x.current, x.closed
	x.current = g
	if before == nil {
		close(x.ready)
	}
	x.mu.Unlock()
	if before != nil {
		x.retire(before)
	}
	if closed {
		_ = g.close()
	}
}

// acquire is the generation that is served; release ends its use.
func (x *Index) acquire(ctx context.Context) (*generation, error) {
	select {
	case <-x.ready:
	case <-ctx.Done():
		return nil, errors.Join(ErrNotReady, ctx.Err())
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, ErrClosed
	}
	x.current.users++
	return x.current, nil
}

func (x *Index) release(g *generation) {
	x.mu.Lock()
	g.users--
	last := g.users == 0 && g.over
	x.mu.Unlock()
	if last {
		go x.end(g)
	}
}

// retire ends a generation once nobody searches it any more.
func (x *Index) retire(g *generation) {
	x.mu.Lock()
	g.over = true
	last := g.users == 0
	x.mu.Unlock()
	if last {
		x.end(g)
	}
}

func (x *Index) end(g *generation) {
	if err := g.close(); err != nil {
		x.log.Warn("search: an index was not closed", "error", err)
	}
	g.leave(x.sources)
	if err := g.remove(); err != nil {
		x.log.Warn("search: an index was not removed", "error", err)
	}
}

// replace begins an index anew that cannot be used; what it finds grows while it is searched.
func (x *Index) replace(g *generation, why error) {
	x.running.Go(func() {
		x.rebuilding.Lock()
		defer x.rebuilding.Unlock()
		x.mu.Lock()
		stale := x.current != g || x.closed
		x.mu.Unlock()
		if stale || !x.replaced.IsZero() && x.o.Now().Sub(x.replaced) < time.Minute {
			return // somebody did, or it does not help
		}
		x.replaced = x.o.Now()
		x.log.Error("search: the index is begun anew", "reason", why)
		next, err := x.fresh()
		if err != nil {
			x.log.Error("search: another index cannot be made", "error", err)
			return
		}
		x.fill(next)
		x.exchange(next)
	})
}

// Rebuild makes another index beside the one that is served, and exchanges them when all was read.
func (x *Index) Rebuild(ctx context.Context) error {
	if _, err := x.complete(ctx); err != nil {
		return err
	}
	x.rebuilding.Lock()
	defer x.rebuilding.Unlock()
	next, err := create(x.o.Dir)
	if err != nil {
		return fmt.Errorf("search: make another index: %w", err)
	}
	x.fill(next)
	select {
	case <-next.caughtUp:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), next.close(), next.remove())
	}
	if err := next.serve(); err != nil {
		return errors.Join(err, next.close(), next.remove())
	}
	x.exchange(next)
	return nil
}

// Ready waits until everything that is in the sources is found.
func (x *Index) Ready(ctx context.Context) error {
	done, err := x.complete(ctx)
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// complete is closed when the generation that is served has everything.
func (x *Index) complete(ctx context.Context) (<-chan struct{}, error) {
	g, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer x.release(g)
	return g.caughtUp, nil
}

func (x *Index) hear(g *generation, source int, at time.Time) {
	x.mu.Lock()
	ours := x.current == g || x.current == nil
	x.mu.Unlock()
	if ours {
		x.heard[source].Store(at.UnixNano())
	}
}

// Heard is since when nothing is missing: all that changed before is found.
func (x *Index) Heard() time.Time {
	oldest := int64(1<<63 - 1)
	for i := range x.heard {
		oldest = min(oldest, x.heard[i].Load())
	}
	return time.Unix(0, oldest)
}

// Status is what an index tells of itself.
type Status struct {
	Packages uint64 `json:"packages"`
	Bytes    int64  `json:"bytes"`    // on disk
	Complete bool   `json:"complete"` // all that was there was read once
}

// Status tells what the index is at.
func (x *Index) Status(ctx context.Context) (s Status, err error) {
	g, err := x.acquire(ctx)
	if err != nil {
		return s, err
	}
	defer x.release(g)
	err = guarded(func() error {
		s.Packages, err = g.bleve.DocCount()
		return err
	})
	s.Complete = g.live.Load()
	_ = filepath.WalkDir(g.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			s.Bytes += info.Size()
		}
		return nil
	})
	return s, err
}

// Close stops following. Searches under way have ended before it is called.
func (x *Index) Close() error {
	x.stop()
	x.mu.Lock()
	g, was := x.current, x.closed
	x.closed = true
	x.mu.Unlock()
	x.running.Wait()
	if was || g == nil {
		return nil
	}
	return g.close()
}
