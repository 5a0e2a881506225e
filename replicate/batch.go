package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// process brings a batch over: asks what the target lacks, reads that, and writes it.
func (s *session) process(ctx context.Context, b *batch) error {
	if len(b.changes) == 0 {
		return nil
	}
	lacks, err := s.diff(ctx, b)
	if err != nil || len(lacks) == 0 {
		return err
	}
	m := &mover{session: s, stats: &b.stats, lacks: make(map[string]*lack, len(lacks))}
	return m.move(ctx, lacks)
}

func (s *session) diff(ctx context.Context, b *batch) (lacks []lack, err error) {
	err = s.attempt(ctx, "compare revisions", func(t *try) error {
		lacks, err = s.target.diff(t.ctx, b.changes)
		return err
	})
	for _, c := range b.changes {
		b.stats.RevisionsChecked += int64(len(c.revs))
	}
	for _, l := range lacks {
		b.stats.MissingFound += int64(len(l.missing))
	}
	return lacks, err
}

// A mover reads documents and writes them, no more of them in memory than fit into one write.
type mover struct {
	*session
	stats *Stats
	lacks map[string]*lack // by document

	docs  []json.RawMessage // to be written together
	bytes int64
}

const (
	// manyRevs is from how many revisions on a document is asked for by itself: its tree is then
	// read once for all of them.
	manyRevs = 16
	// revsAtOnce is how many revisions of one document one request names; as open_revs they go into the URL.
	revsAtOnce = 100
)

// move brings over what the target lacks.
func (m *mover) move(ctx context.Context, lacks []lack) error {
	var refs []ref
	var apart []*lack
	for i := range lacks {
		l := &lacks[i]
		m.lacks[l.id] = l
		if m.o.NoBulkGet || len(l.missing) >= manyRevs {
			apart = append(apart, l)
			continue
		}
		for _, rev := range l.missing {
			refs = append(refs, ref{l.id, rev})
		}
	}
	left, err := m.together(ctx, refs)
	if err != nil {
		return err
	}
	for _, l := range append(left, apart...) {
		if err := m.apart(ctx, l); err != nil {
			return err
		}
	}
	return m.write(ctx)
}

// together reads revisions with _bulk_get. It returns what must be read by itself: documents with
// attachments, and those that the answer does not give.
func (m *mover) together(ctx context.Context, refs []ref) ([]*lack, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	m.stats.BulkGetAttempts += int64(len(refs))
	left := newLeft(refs)
	err := m.attempt(ctx, "read documents", func(t *try) error {
		return m.source.bulkGet(t.ctx, left.refs(), func(d document) error {
			t.alive()
			if d.err != nil || hasAttachments(d.json) {
				return nil
			}
			if m.lacks[d.id] == nil || !isOf(d.json, d.id) {
				return errUnasked
			}
			asked, err := left.came(d)
			if err != nil {
				return err
			}
			if asked {
				t.further()
			}
			m.stats.BulkGetDocs++
			m.stats.DocsRead++
			t.silence.Stop() // while the target writes
			defer t.alive()
			return m.add(ctx, d.json)
		})
	})
	if err != nil && !noBulkGet(err) {
		return nil, err
	}
	return left.lacks(m.lacks), nil
}

// noBulkGet reports that a server has no _bulk_get, or none that works for us.
func noBulkGet(err error) bool {
	switch kivik.HTTPStatus(err) {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return !errors.Is(err, ErrUnauthorized)
	}
	return false
}

// add adds a document to the next write.
func (m *mover) add(ctx context.Context, doc json.RawMessage) error {
	m.docs = append(m.docs, doc)
	m.bytes += int64(len(doc))
	if m.bytes < m.o.BatchBytes && len(m.docs) < m.o.BatchSize {
		return nil
	}
	return m.write(ctx)
}
