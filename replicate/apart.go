package replicate

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// apart reads what is missing of one document by itself, with its attachments, and writes
// those revisions that have any as their bytes come in.
func (m *mover) apart(ctx context.Context, l *lack) error {
	for revs := range slices.Chunk(l.missing, revsAtOnce) {
		a := &apartness{mover: m, id: l.id, revs: slices.Clone(revs), since: l.ancestors}
		if err := m.attempt(ctx, "read "+l.id, func(t *try) error { return a.once(ctx, t) }); err != nil && !a.gone(err) {
			return err
		}
	}
	return nil
}

// apartness is what is still to do for some revisions of one document.
type apartness struct {
	*mover
	id    string
	revs  []string
	since []string // what the target has; attachments that came with these are not sent again
}

// gone reports that the document is no more at the source, purged in between. That the database is not
// there, or that something before the server does not know it, is a 404 as well.
func (a *apartness) gone(err error) bool {
	return kivik.HTTPStatus(err) == http.StatusNotFound && !isFatal(err) &&
		(strings.HasSuffix(err.Error(), ": missing") || strings.HasSuffix(err.Error(), ": deleted"))
}

func (a *apartness) once(ctx context.Context, t *try) error {
	if len(a.revs) == 0 {
		return nil
	}
	again, came := false, 0
	err := a.source.openRevs(t.ctx, a.id, a.revs, a.since, func(d document) error {
		t.alive()
		if came++; came > standstill {
			return errCircles
		}
		if d.err != nil && kivik.HTTPStatus(d.err) != http.StatusNotFound {
			return d.err
		}
		if d.err != nil {
			a.log.Debug("a revision is not there any more", "replication", a.mover.id, "document", a.id, "rev", d.rev, "error", d.err)
			a.came(t, d.rev)
			return nil
		}
		if !isOf(d.json, a.id) {
			return errUnasked
		}
		a.stats.DocsRead++
		if d.parts == nil && !hasAttachments(d.json) {
			a.came(t, d.rev)
			t.silence.Stop() // while the target writes
			defer t.alive()
			return a.add(ctx, d.json)
		}
		err := a.put(t, d)
		switch {
		case err == nil:
			a.stats.DocsWritten++
		case kivik.HTTPStatus(err) == http.StatusPreconditionFailed && a.since != nil:
			// The target lost an attachment that its revisions should have: it needs all of them.
			again = true
			return nil
		case !lasting(err) || isFatal(err):
			return err
		default:
			a.refused(refusal{a.id, d.rev, err})
		}
		a.came(t, d.rev)
		return nil
	})
	if err == nil && came == 0 { // each revision is there or said to be missing
		return errCut
	}
	if err != nil || !again {
		return err
	}
	a.since = nil
	return a.once(ctx, t)
}

func (a *apartness) came(t *try, rev string) {
	n := len(a.revs)
	a.revs = slices.DeleteFunc(a.revs, func(r string) bool { return r == rev })
	if len(a.revs) < n {
		t.further()
	}
}

// put writes one revision with its attachments; each piece that passes is a sign of life.
func (a *apartness) put(t *try, d document) error {
	parts := d.parts
	if parts == nil { // stubs alone
		parts = func() (part, error) { return part{}, io.EOF }
	}
	var broken error
	note := func(err error) {
		if err != nil && err != io.EOF {
			broken = err
		}
	}
	d.parts = func() (part, error) {
		p, err := parts()
		note(err)
		p.Reader = pulse{p.Reader, t, note}
		return p, err
	}
	err := a.target.put(t.ctx, d)
	if err != nil && broken != nil {
		// Whatever the target says of bytes that stopped coming, it did not refuse the document.
		return fmt.Errorf("%w: %v", errCut, broken)
	}
	if kivik.HTTPStatus(err) == http.StatusNotFound { // the database is gone, not this document
		return openError(a.target.Peer, err)
	}
	return err
}

// pulse tells its try of every piece, and its reader of what ended them.
type pulse struct {
	io.Reader
	t    *try
	note func(error)
}

func (p pulse) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.t.alive()
	p.note(err)
	return n, err
}
