package views

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"settee/couch"
	"settee/couch/collate"
)

// Update is how fresh an answer must be.
type Update string

// The values of update=.
const (
	UpdateTrue  Update = "" // build first
	UpdateFalse Update = "false"
	UpdateLazy  Update = "lazy" // answer, then build
)

// Query are the options of one view read. Keys are raw JSON; nil is absent.
type Query struct {
	Key, StartKey, EndKey      json.RawMessage
	Keys                       []json.RawMessage
	StartKeyDocID, EndKeyDocID string
	ExclusiveEnd               bool
	Descending                 bool
	Skip, Limit                int // Limit < 0: all
	NoReduce                   bool
	MustReduce                 bool // reduce=true was said: a view without a reduce function refuses
	Group                      bool
	GroupLevel                 int // 0: unset
	IncludeDocs                bool
	Get                        couch.GetOptions
	Update                     Update
	Partition                  *string // of a partitioned index: the one partition that is read
}

// Query reads a view. Errors are *couch.Error.
func (e *Engine) Query(ctx context.Context, db *couch.DB, ddoc, view string, q Query) (*Rows, error) {
	d, err := e.design(ctx, db, ddoc)
	if err != nil {
		return nil, err
	}
	number := d.find(view)
	if number < 0 {
		return nil, &couch.Error{Kind: couch.NotFound, Reason: "missing_named_view"}
	}
	x, err := e.index(db, d)
	if err != nil {
		return nil, err
	}
	reduced := x.reduces[number] != nil && !q.NoReduce
	if q.MustReduce && x.reduces[number] == nil {
		return nil, parseError("Reduce is invalid for map-only views.")
	}
	if err := q.check(reduced); err != nil {
		return nil, err
	}
	if err := x.checkPartition(q.Partition); err != nil {
		return nil, err
	}
	spans, err := q.spans(d.views[number].raw)
	if err != nil {
		return nil, err
	}
	spans = inPartition(spans, q.Partition)
	if q.Update == UpdateTrue {
		if err := x.refresh(ctx); err != nil {
			return nil, err
		}
	}
	r, err := x.read(ctx, number, q, spans, reduced)
	if q.Update == UpdateLazy {
		x.lazily()
	}
	return r, err
}

func parseError(reason string) error { return &couch.Error{Kind: couch.QueryParse, Reason: reason} }

func (q *Query) grouped() bool { return q.Group || q.GroupLevel > 0 }

// check refuses options that do not go together, in CouchDB's words.
func (q *Query) check(reduced bool) error {
	switch {
	case q.GroupLevel < 0:
		return parseError("Invalid value for positive integer: \"" + string(mustJSON(q.GroupLevel)) + "\"")
	case reduced && q.Keys != nil && len(q.Keys) != 1 && !q.Group:
		return parseError("Multi-key fetches for reduce views must use `group=true`")
	case len(q.Keys) > 0 && (q.Key != nil || q.StartKey != nil || q.EndKey != nil):
		return parseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
	case !reduced && q.grouped():
		return parseError("Invalid use of grouping on a map view.")
	case reduced && q.IncludeDocs:
		return parseError("`include_docs` is invalid for reduce")
	case reduced && q.Get.Conflicts:
		return parseError("`conflicts` is invalid for reduce views.")
	}
	return nil
}

func mustJSON(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

// span is a range of row keys, lower <= row < upper; a nil upper is the end.
type span struct{ lower, upper []byte }

// spans are the ranges that the query asks for, in the order of the answer.
func (q *Query) spans(raw bool) ([]span, error) {
	if len(q.Keys) == 0 {
		start, end := q.StartKey, q.EndKey
		if q.Key != nil {
			start, end = q.Key, q.Key
		}
		s, err := q.span(raw, start, end)
		if q.Keys != nil {
			return nil, err
		}
		return []span{s}, err
	}
	spans := make([]span, len(q.Keys))
	for i, key := range q.Keys {
		var err error
		if spans[i], err = q.span(raw, key, key); err != nil {
			return nil, err
		}
	}
	if q.Descending && !q.Group {
		slices.Reverse(spans) // of reductions CouchDB keeps the order
	}
	return spans, nil
}

func (q *Query) span(raw bool, start, end json.RawMessage) (s span, err error) {
	first, err := collated(start, raw)
	if err != nil {
		return s, err
	}
	last, err := collated(end, raw)
	if err != nil {
		return s, err
	}
	if first != nil && last != nil {
		if order := bytes.Compare(first, last); order > 0 && !q.Descending {
			return s, parseError("No rows can match your key range, reverse your start_key and end_key or set descending=true")
		} else if order < 0 && q.Descending {
			return s, parseError("No rows can match your key range, reverse your start_key and end_key or set descending=false")
		}
	}
	firstID, lastID := couch.DocID(q.StartKeyDocID), couch.DocID(q.EndKeyDocID)
	if q.Descending {
		s.lower, s.upper = edge(last, lastID, q.ExclusiveEnd), edge(first, firstID, true)
	} else {
		s.lower, s.upper = edge(first, firstID, false), edge(last, lastID, !q.ExclusiveEnd)
	}
	return s, nil
}

// edge is the place before the rows of a key and docid, or behind them. Without a
// docid it is that of all rows of the key, without a key it is nil.
func edge(key []byte, id couch.DocID, behind bool) []byte {
	if key == nil {
		return nil
	}
	key = bytes.Clone(key)
	if id != "" {
		key = appendDocID(key, id)
	}
	if behind {
		key = append(key, high)
	}
	return key
}

func collated(key json.RawMessage, raw bool) ([]byte, error) {
	if key == nil {
		return nil, nil
	}
	appendKey := collate.Append
	if raw {
		appendKey = collate.AppendRaw
	}
	k, err := appendKey(nil, key)
	if err != nil {
		return nil, &couch.Error{Kind: couch.BadRequest, Reason: "invalid UTF-8 JSON", Err: err}
	}
	return k, nil
}
