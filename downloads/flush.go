package downloads

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// record is a document: what one writer counted of a package in a month.
type record struct {
	ID    string                      `json:"_id"`
	Rev   string                      `json:"_rev,omitempty"`
	Days  map[string]map[string]int64 `json:"days"`
	Batch string                      `json:"batch"`
}

// The bounds of a write.
const (
	mostDocs = 500
	attempts = 5 // of documents that another process of this writer writes, too
)

// id is the document that counts a cell.
func (d *Downloads) id(c cell) string {
	return date(c.day).Format("2006-01") + ":" + c.name + ":" + d.writer
}

// Flush writes what was counted. What could not be written is tried again by the next, before anything else: it is known
// by its batch, so what was written although the answer said that it failed is not added again.
func (d *Downloads) Flush(ctx context.Context) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if n := d.lost.Swap(0); n > 0 {
		d.log.Warn("downloads: too much waits to be written: some were not counted", "downloads", n)
	}
	if len(d.behind) > 0 {
		if err := d.writeBehind(ctx); err != nil {
			return err
		}
	}
	d.mu.Lock()
	d.behind = d.tally.take()
	d.mu.Unlock()
	d.batches++
	return d.writeBehind(ctx)
}

// writeBehind writes the batch that was taken.
func (d *Downloads) writeBehind(ctx context.Context) error {
	cells := map[string][]cell{}
	for c := range d.behind {
		cells[d.id(c)] = append(cells[d.id(c)], c)
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(cells)), mostDocs) {
		if err := d.write(ctx, ids, cells); err != nil {
			return err
		}
	}
	return nil
}

// write adds to some documents, and takes what it added off what waits. A conflict is tried again on what is there then, and so
// is a request that failed: documents that have the batch already stay as they are.
func (d *Downloads) write(ctx context.Context, ids []string, cells map[string][]cell) error {
	batch := d.process + "-" + strconv.Itoa(d.batches)
	var last error
	for range attempts {
		have, err := d.read(ctx, ids)
		if err != nil {
			return err
		}
		var docs []any
		var left []string
		for _, id := range ids {
			r := have[id]
			if r.Batch == batch {
				d.done(cells[id])
				continue
			}
			r.add(cells[id], d.behind)
			r.ID, r.Batch = id, batch
			docs, left = append(docs, r), append(left, id)
		}
		if ids = left; len(ids) == 0 {
			return nil
		}
		results, err := d.db.BulkDocs(ctx, docs)
		if last = err; err != nil {
			continue
		}
		var again []string
		for i, res := range results {
			if res.Error == nil {
				d.done(cells[ids[i]])
				continue
			}
			again, last = append(again, ids[i]), res.Error
		}
		if ids = again; len(ids) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d documents: %w", len(ids), last)
}

// done takes cells off what waits.
func (d *Downloads) done(cells []cell) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range cells {
		delete(d.behind, c)
	}
}

// read are the documents that are there.
func (d *Downloads) read(ctx context.Context, ids []string) (map[string]record, error) {
	rows := d.db.AllDocs(ctx, kivik.Params(map[string]any{"keys": ids, "include_docs": true}))
	defer rows.Close()
	have := map[string]record{}
	for rows.Next() {
		var r record
		if err := rows.ScanDoc(&r); err == nil && r.ID != "" {
			have[r.ID] = r
		}
	}
	return have, rows.Err()
}

func (r *record) add(cells []cell, counted map[cell]int64) {
	if r.Days == nil {
		r.Days = map[string]map[string]int64{}
	}
	for _, c := range cells {
		day := date(c.day).Format("02")
		if r.Days[day] == nil {
			r.Days[day] = map[string]int64{}
		}
		r.Days[day][c.version] += counted[c]
	}
}

// parse reads a document that some writer, perhaps of another release, wrote.
func parse(raw []byte) (name string, cells map[cell]int64, ok bool) {
	var r record
	if json.Unmarshal(raw, &r) != nil {
		return "", nil, false
	}
	month, rest, _ := strings.Cut(r.ID, ":")
	end := strings.LastIndexByte(rest, ':')
	if end < 0 {
		return "", nil, false
	}
	name, cells = rest[:end], map[cell]int64{}
	for day, versions := range r.Days {
		at, err := parseDay(month + "-" + day)
		if err != nil {
			return "", nil, false
		}
		for version, n := range versions {
			cells[cell{name, version, at}] = n
		}
	}
	return name, cells, true
}
