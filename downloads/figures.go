package downloads

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-kivik/kivik/v4"
)

func parseDay(text string) (int32, error) {
	at, err := time.Parse(isoDay, text)
	return dayOf(at), err
}

// PerDay are the downloads of a package on each day of a period; of all public packages where the name is "".
func (d *Downloads) PerDay(ctx context.Context, name string, p Period) ([]int64, error) {
	days := make([]int64, p.Days())
	err := d.sum(ctx, name, p, func(c cell, n int64) { days[c.day-p.from] += n })
	return days, err
}

// PerVersion are the downloads of a package's versions in a period.
func (d *Downloads) PerVersion(ctx context.Context, name string, p Period) (map[string]int64, error) {
	versions := map[string]int64{}
	err := d.sum(ctx, name, p, func(c cell, n int64) { versions[c.version] += n })
	return versions, err
}

// Sum are the downloads of a package in a period.
func (d *Downloads) Sum(ctx context.Context, name string, p Period) (sum int64, err error) {
	err = d.sum(ctx, name, p, func(_ cell, n int64) { sum += n })
	return sum, err
}

// Weekly are the downloads of a package in the last seven days.
func (d *Downloads) Weekly(ctx context.Context, name string) (int64, error) {
	today := dayOf(d.o.Now())
	return d.Sum(ctx, name, Period{today - 6, today})
}

// sum calls add with what was counted of a package in a period: with what is written first, so that nothing is
// counted twice that is being written meanwhile, but for what is written and not yet off the list.
func (d *Downloads) sum(ctx context.Context, name string, p Period, add func(cell, int64)) error {
	within := func(c cell, n int64) {
		if c.name == name && p.has(c.day) {
			add(c, n)
		}
	}
	for _, month := range p.months() {
		prefix := month + ":" + name + ":"
		if err := d.scan(ctx, prefix, within); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, n := range d.behind {
		within(c, n)
	}
	d.tally.each(name, within)
	return nil
}

// scan calls f with what the documents with a prefix count.
func (d *Downloads) scan(ctx context.Context, prefix string, f func(cell, int64)) error {
	rows := d.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": prefix, "endkey": prefix + "\ufff0", "include_docs": true}))
	defer rows.Close()
	for rows.Next() {
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return fmt.Errorf("downloads: read: %w", err)
		}
		if _, cells, ok := parse(raw); ok {
			for c, n := range cells {
				f(c, n)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("downloads: read: %w", err)
	}
	return nil
}

// Recent are the downloads of the last 7 days and of the last 30.
type Recent struct{ Week, Month int64 }

// All are the recent downloads of all packages, as they were a few minutes ago.
func (d *Downloads) All() map[string]Recent {
	if recent := d.recent.Load(); recent != nil {
		return *recent
	}
	return nil
}

// renew reads them.
func (d *Downloads) renew(ctx context.Context) error {
	all := map[string]Recent{}
	today := dayOf(d.o.Now())
	week, days := Period{today - 6, today}, Period{today - 29, today}
	for _, month := range days.months() {
		if err := d.scan(ctx, month+":", func(c cell, n int64) {
			if c.name == "" || !days.has(c.day) {
				return
			}
			r := all[c.name]
			r.Month += n
			if week.has(c.day) {
				r.Week += n
			}
			all[c.name] = r
		}); err != nil {
			return err
		}
	}
	d.recent.Store(&all)
	return nil
}
