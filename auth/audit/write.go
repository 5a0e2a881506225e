package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

const (
	// writeTime bounds one attempt: a store that says nothing for so long is asked again.
	writeTime  = 30 * time.Second
	firstPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// errTaken says that another document stands where an entry of ours belongs.
var errTaken = errors.New("another document stands in the place of an entry")

// write stores a batch, in its order, and answers those who wait. It does not give up while
// the log is open: a gap in a chain would be told from a deletion by nobody.
func (l *Log) write(batch []*waiting) {
	var failures int
	for {
		docs, last, err := l.link(batch)
		if err == nil {
			err = l.store(docs)
		}
		if err == nil {
			l.last = last
			break
		}
		if errors.Is(err, errTaken) {
			l.o.Logger.Error("audit: the chain is spoilt, a new one begins", "chain", l.chain, "error", err)
			l.renew()
			continue
		}
		if failures++; failures == 1 {
			l.o.Logger.Warn("audit: the store takes no entries; they wait", "entries", len(batch), "error", err)
		}
		if !l.pause(failures) {
			l.giveUp(batch, err)
			return
		}
	}
	if failures > 0 {
		l.o.Logger.Info("audit: the store takes entries again", "after", failures)
	}
	for _, w := range batch {
		w.done <- nil
	}
}

// pause waits before another attempt, and says whether there may be one.
func (l *Log) pause(failures int) bool {
	select {
	case <-l.stop:
		return false
	case <-time.After(min(mostPause, firstPause<<min(failures, 10))):
		return true
	}
}

func (l *Log) giveUp(batch []*waiting, err error) {
	for _, w := range batch {
		w.done <- fmt.Errorf("audit: append: %w", err)
	}
	if len(batch) > 0 {
		l.o.Logger.Error("audit: entries were not stored", "entries", len(batch), "error", err)
	}
}

// linked is a document with its place in the chain.
type linked struct {
	id, hash string
	raw      json.RawMessage
}

// link makes the documents of a batch: each with the hash of the one before.
func (l *Log) link(batch []*waiting) (docs []linked, last head, err error) {
	last = l.last
	add := func(e Entry) {
		id := entryID(l.chain, last.number+1)
		raw := e.document(id, last.hash).canonical(make([]byte, 0, 512))
		last = head{last.number + 1, sumOf(raw)}
		raw = append(append(append(raw[:len(raw)-1], `,"hash":"`...), last.hash...), `"}`...)
		docs = append(docs, linked{id, last.hash, raw})
	}
	if last.number == 0 {
		if err := l.begin(); err != nil {
			return nil, last, err
		}
		add(*l.start)
	}
	for _, w := range batch {
		add(w.entry)
	}
	return docs, last, nil
}

// store writes documents at once. Those that are there already, from an attempt whose answer was
// lost, are as good as written.
func (l *Log) store(docs []linked) error {
	if len(docs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	raw := make([]any, len(docs))
	for i, d := range docs {
		raw[i] = d.raw
	}
	results, err := l.db.BulkDocs(ctx, raw)
	if err != nil {
		return err
	}
	if len(results) != len(docs) {
		return fmt.Errorf("%d answers to %d documents", len(results), len(docs))
	}
	for i, r := range results {
		if kivik.HTTPStatus(r.Error) == http.StatusConflict {
			r.Error = l.same(ctx, docs[i])
		}
		if r.Error != nil {
			return r.Error
		}
	}
	return nil
}

// same reports whether a document is stored as it is.
func (l *Log) same(ctx context.Context, d linked) error {
	var raw json.RawMessage
	if err := l.db.Get(ctx, d.id).ScanDoc(&raw); err != nil {
		if kivik.HTTPStatus(err) == http.StatusNotFound {
			return errTaken // deleted
		}
		return err
	}
	stored, err := parse(raw)
	if err != nil || stored["hash"] != d.hash {
		return fmt.Errorf("%w: %s", errTaken, d.id)
	}
	return nil
}
