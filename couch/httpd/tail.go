package httpd

import (
	"context"
	"slices"
	"sync"

	"settee/couch"
)

// A tail is the end of a database's feed as listeners see it who ask for the
// same. They hear of new rows together, so one of them reads the rows and writes
// them as text, and the others send that text: what a write costs for each listener
// is the sending.
type tail struct {
	key   tailKey
	rows  rowForm
	users int // guarded by tails.mu

	mu    sync.Mutex  // guards pages, and the size of each
	pages []*tailPage // the newest last
}

// tailKey is what listeners of one tail have in common.
type tailKey struct {
	db   *couch.DB
	feed feedKind
	all  bool // style=all_docs
	docs bool // include_docs
}

// A tailPage is the rows between two sequences.
type tailPage struct {
	from couch.Seq // without it
	to   couch.Seq
	text []byte
	err  error
	made sync.Once
	size int // of text, once it is made; guarded by the tail's mu
}

const (
	// pageSize is where a page ends: what a stream writes at once.
	pageSize = chunk
	// tailSize and tailPages bound what a tail holds, for listeners who are a little
	// behind. The newest page is held whatever its size.
	tailSize, tailPages = 4 * pageSize, 16
)

// tails are those that somebody listens to.
type tails struct {
	mu  sync.Mutex
	all map[tailKey]*tail // guarded by mu
}

// join finds the tail of a feed; nil where it is like no other. leave must follow.
func (t *tails) join(f *feed) *tail {
	o := f.p.Rows
	if f.object() || f.updates || !f.waits() || f.p.Filter != nil || f.p.Interval != 0 || o.Limit >= 0 || o.Get.Conflicts || o.Get.Follows || o.Get.AttEncodingInfo {
		return nil
	}
	key := tailKey{f.c.db, f.p.Feed, o.AllLeaves, o.IncludeDocs}
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.all[key]
	if one == nil {
		if t.all == nil {
			t.all = map[tailKey]*tail{}
		}
		one = &tail{key: key, rows: f.rowForm}
		t.all[key] = one
	}
	one.users++
	return one
}

func (t *tails) leave(one *tail) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(t.all, one.key)
	}
}

// after is the page that follows a sequence. The first who asks makes it.
func (t *tail) after(ctx context.Context, since couch.Seq) *tailPage {
	t.mu.Lock()
	var p *tailPage
	for _, one := range t.pages {
		if one.from == since {
			p = one
		}
	}
	if p == nil {
		p = &tailPage{from: since}
		t.pages = append(t.pages, p)
	}
	t.mu.Unlock()
	p.made.Do(func() {
		p.make(ctx, t)
		t.keep(p)
	})
	return p
}

// make reads the rows.
func (p *tailPage) make(ctx context.Context, t *tail) {
	it, err := t.key.db.Changes(ctx, couch.ChangesOptions{Since: p.from, Limit: -1, AllLeaves: t.key.all, IncludeDocs: t.key.docs})
	if err != nil {
		p.err = err
		return
	}
	defer it.Close()
	for len(p.text) < pageSize && it.Next() {
		ch := it.Change()
		p.text = t.rows.change(t.rows.open(p.text, false), ch, true)
		if t.key.docs {
			p.text = ch.Doc.AppendJSON(append(p.text, `,"doc":`...))
		}
		p.text = t.rows.close(p.text, ch)
	}
	p.to, p.err = it.LastSeq(), it.Err()
}

// keep drops the oldest pages, and one that is of no use to others.
func (t *tail) keep(p *tailPage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.size = len(p.text)
	t.pages = slices.DeleteFunc(t.pages, func(one *tailPage) bool {
		return one == p && (p.err != nil || p.to == p.from)
	})
	held := 0
	for i := len(t.pages) - 1; i >= 0; i-- {
		if held += t.pages[i].size; held > tailSize || len(t.pages)-i > tailPages {
			if i < len(t.pages)-1 {
				t.pages = slices.Delete(t.pages, 0, i+1)
			}
			return
		}
	}
}
