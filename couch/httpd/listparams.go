package httpd

import (
	"encoding/json"

	"settee/couch"
)

// listParams are the parameters of _all_docs, _design_docs and _local_docs.
type listParams struct {
	Rows      couch.AllDocsOptions // startkey, endkey, inclusive_end, descending, skip, limit, include_docs, conflicts, attachments, att_encoding_info
	Keys      []json.RawMessage    // keys; nil: a range
	Partition *string              // partition; nil: all
	Nothing   bool                 // no string can lie in the range
	UpdateSeq bool                 // update_seq=true
}

func (o *options) list() (listParams, error) {
	p := listParams{
		Rows: couch.AllDocsOptions{
			ExclusiveEnd: !o.bool("inclusive_end", true), Descending: o.bool("descending", false),
			Skip: o.number("skip", 0), Limit: o.number("limit", -1), IncludeDocs: o.bool("include_docs", false),
			Get: couch.GetOptions{Conflicts: o.bool("conflicts", false), Follows: o.bool("attachments", false), AttEncodingInfo: o.bool("att_encoding_info", false)},
		},
		UpdateSeq: o.bool("update_seq", false),
		Keys:      o.keys("`keys` body member must be an array."),
	}
	key := o.json("key")
	start, end := o.json("startkey", "start_key"), o.json("endkey", "end_key")
	switch {
	case p.Keys != nil && (key != nil || start != nil || end != nil):
		o.fail(queryParse("`keys` is incompatible with `key`, `start_key` and `end_key`"))
	case key != nil:
		start, end = key, key
	}
	p.bound(start, end)
	if name, ok := o.word("partition"); ok {
		p.Partition = &name
	}
	return p, o.err
}

// A side says where a key that is not a string lies among the ids, in CouchDB's
// collation: numbers and words before all of them, arrays and objects after.
type side int

const (
	before side = iota - 1
	among
	after
)

// idBound is a key as a bound of ids; nil where there is none or it is no string.
func idBound(raw json.RawMessage) (*couch.DocID, side) {
	switch first(raw) {
	case 0:
		return nil, among
	case '"':
		s, err := text(raw)
		if err != nil {
			return nil, among
		}
		id := couch.DocID(s)
		return &id, among
	case '{', '[':
		return nil, after
	}
	return nil, before
}

// bound sets the range. The start is the first row that is returned, in either direction.
func (p *listParams) bound(start, end json.RawMessage) {
	var from, to side
	p.Rows.Start, from = idBound(start)
	p.Rows.End, to = idBound(end)
	if p.Rows.Descending {
		from, to = -from, -to
	}
	p.Nothing = from == after || to == before || first(start) != 0 && first(start) != '"' && string(start) == string(end)
}
