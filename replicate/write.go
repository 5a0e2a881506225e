package replicate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// write writes what was added.
func (m *mover) write(ctx context.Context) error {
	docs := m.docs
	if m.docs, m.bytes = nil, 0; len(docs) == 0 {
		return nil
	}
	return m.store(ctx, docs)
}

// store writes documents together. Where the server refuses all because of one, as CouchDB does with one
// that is too large, they are halved until that one stands alone.
func (m *mover) store(ctx context.Context, docs []json.RawMessage) error {
	refused, err := m.bulkDocs(ctx, docs)
	switch {
	case err == nil:
		return m.told(ctx, docs, refused)
	case isFatal(err), !refusing(kivik.HTTPStatus(err)):
		return err
	case len(docs) > 1:
		half := len(docs) / 2
		if err := m.store(ctx, docs[:half]); err != nil {
			return err
		}
		return m.store(ctx, docs[half:])
	}
	m.refused(refusal{idOf(docs[0]), revisionOf(docs[0]), err})
	return nil
}

func (m *mover) bulkDocs(ctx context.Context, docs []json.RawMessage) (refused []refusal, err error) {
	err = m.attempt(ctx, "write documents", func(t *try) error {
		refused, err = m.target.bulkDocs(t.ctx, docs)
		switch kivik.HTTPStatus(err) {
		case http.StatusUnauthorized, http.StatusForbidden: // of the request: not this document or that
			err = fmt.Errorf("%w: unauthorized to access or create database %s", ErrUnauthorized, m.target.Name)
		case http.StatusNotFound:
			err = openError(m.target.Peer, err)
		}
		return err
	})
	return refused, err
}

// told counts what came of a write. Documents at which the server itself failed are tried once more.
func (m *mover) told(ctx context.Context, docs []json.RawMessage, refused []refusal) error {
	failed := map[ref]bool{}
	for _, r := range refused {
		if status := kivik.HTTPStatus(r.err); status >= http.StatusInternalServerError {
			failed[ref{r.id, r.rev}] = true
		} else {
			m.refused(r)
		}
	}
	m.stats.DocsWritten += int64(len(docs) - len(refused))
	if len(failed) == 0 {
		return nil
	}
	var again []json.RawMessage
	for _, d := range docs {
		if failed[ref{idOf(d), revisionOf(d)}] || failed[ref{id: idOf(d)}] {
			again = append(again, d)
		}
	}
	if len(again) == 0 {
		return nil
	}
	if err := sleep(ctx, firstWait); err != nil {
		return err
	}
	refused, err := m.bulkDocs(ctx, again)
	if err != nil {
		return err
	}
	for _, r := range refused {
		m.refused(r)
	}
	m.stats.DocsWritten += int64(len(again) - len(refused))
	return nil
}

// refused counts a document that the target does not take; CouchDB does not stop for it either.
func (m *mover) refused(r refusal) {
	m.stats.DocWriteFailures++
	m.log.Warn("the target refuses a document", "replication", m.session.id, "document", r.id, "rev", r.rev, "error", r.err)
}

func idOf(doc []byte) string {
	begin, end, err := member(doc, "_id")
	if err != nil || begin == end {
		return ""
	}
	var id string
	_ = json.Unmarshal(doc[begin:end], &id)
	return id
}
