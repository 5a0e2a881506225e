package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Filter says which entries are asked for. The zero value asks for all.
type Filter struct {
	User    string // who did it, or whom it was done to; also an org, a team, a database
	Act     Act    // or the family of acts, "package"
	Package string
	Since   time.Time // not older
	Until   time.Time // older than this
	Failed  bool      // only what was refused or failed
	Before  string    // the Cursor of the last entry of the page before
}

// Cursor is where the page after this entry begins.
func (e Entry) Cursor() string { return e.key + " " + e.ID }

// ErrCursor says that Filter.Before is no cursor.
var ErrCursor = errors.New("audit: there is no such page")

// Query gives entries, the newest first. It reads a page at a time, so who stops early has read
// little. Of several conditions the index answers one, package before user before act; the others are
// looked at in the entries that fit it. An entry that cannot be read is given with what can.
func Query(ctx context.Context, db *kivik.DB, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		q, err := f.query()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for more := true; more; {
			page, err := q.page(ctx, db)
			if err != nil {
				yield(Entry{}, fmt.Errorf("audit: query: %w", err))
				return
			}
			for _, e := range page {
				if f.fits(e) && !yield(e, nil) {
					return
				}
			}
			more = q.next(page)
		}
	}
}

// query is a range of a view, from its end.
type query struct {
	view  string
	key   string // before the time; "" in the view "time"
	limit int
	skip  int
	from  any    // a time, or what sorts after all times
	id    string // the document to begin at, with from
	to    string
}

const (
	firstPage   = 100
	largestPage = 2000
)

// Check reports a filter that Query does not take: ErrCursor.
func (f Filter) Check() error {
	_, err := f.query()
	return err
}

func (f Filter) query() (*query, error) {
	q := &query{view: "time", limit: firstPage, from: struct{}{}}
	switch {
	case f.Package != "":
		q.view, q.key = "package", f.Package
	case f.User != "":
		q.view, q.key = "user", f.User
	case f.Act != "":
		q.view, q.key = "act", string(f.Act)
	}
	if !f.Since.IsZero() {
		q.to = f.Since.UTC().Format(timeForm)
	}
	if !f.Until.IsZero() {
		q.from = f.Until.UTC().Format(timeForm)
	}
	if f.Before == "" {
		return q, nil
	}
	space := strings.LastIndexByte(f.Before, ' ')
	at, id := f.Before[:max(space, 0)], f.Before[space+1:]
	if _, _, ok := parseID(id); !ok {
		return nil, ErrCursor
	}
	q.from, q.id, q.skip = at, id, 1
	return q, nil
}

func (q *query) at(time any) any {
	if q.key == "" {
		return time
	}
	return []any{q.key, time}
}

func (q *query) page(ctx context.Context, db *kivik.DB) ([]Entry, error) {
	params := map[string]any{
		"descending": true, "include_docs": true, "reduce": false, "limit": q.limit,
		"startkey": q.at(q.from), "endkey": q.at(q.to),
	}
	if q.id != "" {
		params["startkey_docid"], params["skip"] = q.id, q.skip
	}
	rows := db.Query(ctx, designID, "_view/"+q.view, kivik.Params(params))
	defer rows.Close()
	var page []Entry
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return nil, err
		}
		o, _ := parse(raw)
		e := entryOf(id, o)
		if e.key, err = q.timeOf(rows); err != nil {
			return nil, err
		}
		page = append(page, e)
	}
	return page, rows.Err()
}

// timeOf is the time in a row's key: what the index sorts by, whatever the document says.
func (q *query) timeOf(rows *kivik.ResultSet) (string, error) {
	if q.key == "" {
		var key string
		err := rows.ScanKey(&key)
		return key, err
	}
	var key [2]string
	err := rows.ScanKey(&key)
	return key[1], err
}

// next moves behind a page, and says whether there may be another.
func (q *query) next(page []Entry) bool {
	if len(page) < q.limit {
		return false
	}
	last := page[len(page)-1]
	q.from, q.id, q.skip = last.key, last.ID, 1
	q.limit = min(2*q.limit, largestPage)
	return true
}

// fits looks at what the index did not answer.
func (f Filter) fits(e Entry) bool {
	return (f.User == "" || e.By == f.User || e.On == f.User) &&
		(f.Act == "" || e.Act == f.Act || e.Act.Family() == string(f.Act)) &&
		(f.Package == "" || e.Package == f.Package) &&
		(f.Until.IsZero() || e.At.Before(f.Until)) &&
		(!f.Failed || !e.OK)
}
