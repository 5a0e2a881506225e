package downloads

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// Database is the name of the database.
const Database = "downloads"

// Options of counting. The zero value works.
type Options struct {
	Region   string        // whose downloads these are; "" where there are no regions
	Interval time.Duration // between two writes; default a minute: what a crash may lose
	Now      func() time.Time
	Logger   *slog.Logger // default: discards
}

// Downloads counts, and tells. Its methods are safe for concurrent use.
type Downloads struct {
	o       Options
	db      *kivik.DB
	log     *slog.Logger
	writer  string
	process string // tells batches of this process from others'
	batches int    // guarded by writing

	tally  *tally
	lost   atomic.Int64 // counts for which there was no room
	recent atomic.Pointer[map[string]Recent]

	writing sync.Mutex // one flush at a time
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	behind map[cell]int64 // taken from the tally and not written yet; who has writing reads it without mu, too
}

// Open makes the database where it is missing, and writes what is counted until Close.
func Open(ctx context.Context, client *kivik.Client, o Options) (*Downloads, error) {
	if o.Interval <= 0 {
		o.Interval = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Downloads{o: o, db: client.DB(Database), log: o.Logger, process: rand.Text(), tally: newTally()}
	if err := database.Private(ctx, client, Database); err != nil {
		return nil, fmt.Errorf("downloads: %w", err)
	}
	if err := d.name(ctx); err != nil {
		return nil, fmt.Errorf("downloads: name the writer: %w", err)
	}
	ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	d.running.Go(func() { d.run(ctx) })
	return d, nil
}

// name finds out which writer this copy of the database is. Local documents are not replicated; of two processes that begin at once, the
// name that was written last is both's.
func (d *Downloads) name(ctx context.Context) error {
	if d.writer = strings.ReplaceAll(d.o.Region, ":", "-"); d.writer != "" {
		return nil
	}
	const id = "_local/writer"
	var kept struct {
		Writer string `json:"writer"`
	}
	err := d.db.Get(ctx, id).ScanDoc(&kept)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		if _, err = d.db.Put(ctx, id, map[string]string{"writer": strings.ToLower(rand.Text())[:8]}); err == nil || kivik.HTTPStatus(err) == http.StatusConflict {
			err = d.db.Get(ctx, id).ScanDoc(&kept)
		}
	}
	d.writer = kept.Writer
	return err
}

func (d *Downloads) run(ctx context.Context) {
	tick := time.NewTicker(d.o.Interval)
	defer tick.Stop()
	renewed := time.Time{}
	for {
		if time.Since(renewed) >= renewal {
			renewed = time.Now()
			if err := d.renew(ctx); err != nil && ctx.Err() == nil {
				d.log.Warn("downloads: what was downloaded lately is not renewed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.Flush(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("downloads: what was counted is not written yet", "error", err)
		}
	}
}

// renewal is how often the figures of all packages are read again.
const renewal = 10 * time.Minute

// Close writes what was counted. Nothing is counted after it.
func (d *Downloads) Close() error {
	d.stop()
	d.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := d.Flush(ctx); err != nil {
		return fmt.Errorf("downloads: write the last counts: %w", err)
	}
	return nil
}
