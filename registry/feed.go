package registry

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/search"
)

// row is a package's last change, as it lies in the database.
type row struct {
	seq     int64
	id, rev string
	deleted bool
}

// shownRow is a row as somebody may see it.
type shownRow struct {
	row
	doc *packument // of include_docs; nil of one that is deleted
}

// rowsAfter reads the changes after a sequence, waiting for the first where wait is not 0, and how far it read.
func (r *Registry) rowsAfter(ctx context.Context, since int64, limit int, wait time.Duration) (rows []row, last int64, err error) {
	if r.numbers != nil {
		return r.numbers.after(ctx, since, limit, wait)
	}
	params := map[string]any{"since": strconv.FormatInt(since, 10), "limit": limit, "feed": "normal"}
	if wait > 0 {
		params["feed"], params["timeout"] = "longpoll", int(wait/time.Millisecond)
	}
	feed := r.db.Changes(ctx, kivik.Params(params))
	defer func() { _ = feed.Close() }()
	interrupt := context.AfterFunc(ctx, func() { _ = feed.Close() }) // an iterator that waits does not look at its context
	defer interrupt()
	last = since
	for change, err := range feed.Iterator() {
		if ctx.Err() != nil {
			return nil, since, ctx.Err()
		}
		if err != nil {
			return nil, since, err
		}
		at := row{seq: number64(change.Seq), id: change.ID, deleted: change.Deleted}
		if len(change.Changes) > 0 {
			at.rev = change.Changes[0]
		}
		rows, last = append(rows, at), max(last, at.seq)
	}
	if end, err := feed.Metadata(); err == nil && end != nil && len(rows) < limit {
		last = max(last, number64(end.LastSeq))
	}
	return rows, last, ctx.Err()
}

// number64 is the number that a sequence begins with.
func number64(seq string) int64 {
	seq = strings.Trim(seq, `"`)
	end := strings.IndexFunc(seq, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(seq)
	}
	n, _ := strconv.ParseInt(seq[:end], 10, 64)
	return n
}

// end is the sequence of the last change.
func (r *Registry) end(ctx context.Context) (int64, error) {
	if r.numbers != nil {
		return r.numbers.end(ctx)
	}
	stats, err := r.db.Stats(ctx)
	if err != nil {
		return 0, err
	}
	return number64(stats.UpdateSeq), nil
}

// readsAll reports whether somebody may read every package: with the role, and by no token that was made for some.
func readsAll(who auth.Identity) bool {
	if !who.Admin() && !slices.Contains(who.Roles, ReaderRole) {
		return false
	}
	if who.Token == nil {
		return true
	}
	token := *who.Token
	token.ReadOnly = false // reading is all that is asked
	return !token.Limited()
}

// visibleRows are those of some rows that who asks may see. A package that was unpublished is deleted; a document that is, and says no
// more what it was, only who may read every package hears of. Design documents are nobody's business.
func (r *Registry) visibleRows(q *request, rows []row, withDocs bool) (shown []shownRow, err error) {
	names := make([]string, 0, len(rows))
	for _, at := range rows {
		if !at.deleted && PackageName(at.id).Storable() {
			names = append(names, at.id)
		}
	}
	known := map[string]search.Package{}
	if r.index != nil && !withDocs {
		if known, err = r.index.Lookup(q.Context(), names); err != nil {
			return nil, err
		}
	}
	all, may := readsAll(q.who), r.searcher(q)
	for _, at := range rows {
		if !PackageName(at.id).Storable() {
			continue
		}
		s := shownRow{row: at}
		p, have := known[at.id]
		switch {
		case at.deleted && !all:
			continue
		case at.deleted:
		case have && p.Rev == at.rev:
			if p.Restricted && !all && (may == nil || !may(at.id, usernames(p))) {
				continue
			}
		default:
			e, err := r.cache.entryOf(q.Context(), PackageName(at.id), at.rev)
			if err != nil {
				return nil, err
			}
			if e.doc == nil || !all && r.may(q.Context(), q.who, auth.Read, PackageName(at.id), e.doc) != nil {
				continue
			}
			if s.deleted = !e.doc.published(); !s.deleted {
				s.doc = e.doc
			}
		}
		shown = append(shown, s)
	}
	return shown, nil
}
