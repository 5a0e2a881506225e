package tarballs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrUnavailable says that a blob is not here and that somebody who may have it cannot
// be asked now, or broke off. It may be had later.
var ErrUnavailable = errors.New("the blob is not here, and who may have it does not answer as it should")

// ErrNoPeer is the fs.ErrNotExist of a store with sources: each was asked, and lacks the blob now. One
// that is itself fetched by them may come yet.
var ErrNoPeer = fmt.Errorf("no peer has the blob: %w", fs.ErrNotExist)

// ThroughOptions are the bounds of a ThroughStore. The zero value works.
type ThroughOptions struct {
	// Downloads is how many blobs are fetched at once; default 16: over a long line each
	// mostly waits, and in memory they hold at most 16 MiB.
	Downloads int
	// Stall is how long a peer may bring no byte; default 15 s.
	Stall   time.Duration
	TempDir string // of blobs over 1 MiB on their way; default the system's
	Now     func() time.Time
	Logger  *slog.Logger // default: discards
}

const defaultDownloads = 16

func (o ThroughOptions) withDefaults() ThroughOptions {
	if o.Downloads <= 0 {
		o.Downloads = defaultDownloads
	}
	if o.Stall <= 0 {
		o.Stall = 15 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// ThroughStore is a Store that fetches what its local store lacks from others, when it
// is opened or by Fetch. All else is the local store's: Stat, List and Delete speak of
// what is here.
type ThroughStore struct {
	local Store
	o     ThroughOptions
	slots chan struct{} // one a download

	ctx     context.Context // of downloads; ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup

	fetched, fetchedBytes, failed, wrong atomic.Int64

	mu struct {
		sync.Mutex
		closed    bool
		downloads map[Digest]*download
		sources   []*sourceState
	}
}

// Through makes a store that reads through to sources. The local store stays the caller's.
func Through(local Store, sources []Source, o ThroughOptions) *ThroughStore {
	t := &ThroughStore{local: local, o: o.withDefaults()}
	t.slots = make(chan struct{}, t.o.Downloads)
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.mu.downloads = map[Digest]*download{}
	for _, s := range sources {
		t.mu.sources = append(t.mu.sources, &sourceState{Source: s})
	}
	return t
}

// Close ends the downloads. Readers of unfinished ones get an error.
func (t *ThroughStore) Close() error {
	t.mu.Lock()
	t.mu.closed = true
	t.mu.Unlock()
	t.stop()
	t.running.Wait()
	return nil
}

// Put implements Store.
func (t *ThroughStore) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	return t.local.Put(ctx, r, want)
}

// Stat implements Store: it describes what is here.
func (t *ThroughStore) Stat(ctx context.Context, d Digest) (Info, error) { return t.local.Stat(ctx, d) }

// Delete implements Store.
func (t *ThroughStore) Delete(ctx context.Context, d Digest) error { return t.local.Delete(ctx, d) }

// List implements Store: it walks what is here.
func (t *ThroughStore) List(ctx context.Context) iter.Seq2[Info, error] { return t.local.List(ctx) }

// Open implements Store. A blob that is not here is fetched, once however many ask, and
// given to who asks while it arrives, its last byte only when its digest was found
// right: before that the reader ends with an error. A blob that nobody has is
// fs.ErrNotExist, ErrNoPeer where there are sources; ErrUnavailable is one that somebody may have who does not answer.
func (t *ThroughStore) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	return t.open(ctx, d, offset, length, nil)
}

// From is a Store that fetches what it lacks from s first, and then as t does: s is one who is known to have the blob
// that is going to be opened. A blob is still fetched once, from whom its first reader names.
func (t *ThroughStore) From(s Source) Store { return from{t, s} }

type from struct {
	*ThroughStore
	source Source
}

// Open implements Store.
func (f from) Open(ctx context.Context, d Digest, offset, length int64) (io.ReadCloser, Info, error) {
	return f.open(ctx, d, offset, length, f.source)
}

func (t *ThroughStore) open(ctx context.Context, d Digest, offset, length int64, s Source) (io.ReadCloser, Info, error) {
	down := t.underWay(d)
	if down == nil {
		r, info, err := t.local.Open(ctx, d, offset, length)
		if !errors.Is(err, fs.ErrNotExist) {
			return r, info, err
		}
		if down, err = t.join(d, s); err != nil {
			return nil, Info{}, err
		}
	}
	f, err := down.follow(ctx, offset, length)
	if err != nil {
		down.leave()
		return nil, Info{}, err
	}
	return f, Info{Digest: d, Size: down.size, Stored: t.o.Now()}, nil
}

// Fetch sees to it that a blob is here, and reports whether it had to be fetched. Its
// errors are Open's, and those of storing it.
func (t *ThroughStore) Fetch(ctx context.Context, d Digest) (fetched bool, err error) {
	down := t.underWay(d)
	if down == nil {
		if _, err := t.local.Stat(ctx, d); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if down, err = t.join(d, nil); err != nil {
			return false, err
		}
	}
	defer down.leave()
	select {
	case <-down.stored:
		return true, down.storeErr
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// underWay is the download of a blob, which the caller leaves; nil where there is none. It is asked for before
// the local store: one that ends between the two would be begun again.
func (t *ThroughStore) underWay(d Digest) *download {
	t.mu.Lock()
	defer t.mu.Unlock()
	down := t.mu.downloads[d]
	if down != nil {
		down.enter()
	}
	return down
}

// join finds the download of a blob, or begins one, which asks s first, if there is one. The caller leaves it.
func (t *ThroughStore) join(d Digest, s Source) (*download, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if down := t.mu.downloads[d]; down != nil {
		down.enter()
		return down, nil
	}
	if t.mu.closed {
		return nil, errClosed
	}
	down := newDownload(d)
	down.source = s
	t.mu.downloads[d] = down
	down.enter()
	t.running.Go(func() { t.run(down) })
	return down, nil
}

var errClosed = errors.New("the blob store is closed")

// run brings a blob here.
func (t *ThroughStore) run(d *download) {
	defer d.leave()
	select {
	case t.slots <- struct{}{}:
	case <-t.ctx.Done():
		t.forget(d)
		d.finish(errClosed)
		t.end(d, errClosed)
		return
	}
	storing := make(chan error, 1)
	go func() { storing <- t.store(d) }()
	err := t.fetch(t.ctx, d)
	<-t.slots
	if err != nil {
		t.forget(d) // who asks from here on begins anew
	}
	d.finish(err)
	stored := <-storing
	t.forget(d) // who asks from here on finds the blob here
	t.end(d, stored)
}

func (t *ThroughStore) forget(d *download) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.downloads[d.digest] == d {
		delete(t.mu.downloads, d.digest)
	}
}

// store puts a blob into the local store while it arrives: one more reader of it.
func (t *ThroughStore) store(d *download) error {
	r, err := d.follow(t.ctx, 0, -1)
	if err != nil {
		return err
	}
	d.enter()
	defer func() { _ = r.Close() }()
	_, err = t.local.Put(t.ctx, r, &d.digest)
	return err
}

// end tells how a download ended.
func (t *ThroughStore) end(d *download, err error) {
	switch {
	case err == nil:
		t.fetched.Add(1)
		t.fetchedBytes.Add(d.size)
	case !errors.Is(err, fs.ErrNotExist) && t.ctx.Err() == nil:
		t.failed.Add(1)
		t.o.Logger.Warn("a blob could not be fetched", "digest", d.digest.String(), "error", err)
	}
	d.storeErr = err
	close(d.stored)
}

// ThroughMetrics are figures since the start.
type ThroughMetrics struct {
	Fetched      int64 `json:"fetched"` // blobs that were brought here
	FetchedBytes int64 `json:"fetched_bytes"`
	Failed       int64 `json:"failed"`  // that could not be, absence apart
	Wrong        int64 `json:"wrong"`   // that had another digest
	Running      int   `json:"running"` // downloads now
}

// Metrics are the figures of reading through.
func (t *ThroughStore) Metrics() ThroughMetrics {
	t.mu.Lock()
	running := len(t.mu.downloads)
	t.mu.Unlock()
	return ThroughMetrics{t.fetched.Load(), t.fetchedBytes.Load(), t.failed.Load(), t.wrong.Load(), running}
}
