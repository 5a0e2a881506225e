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
	UpdateSeq bool                 // update_seq=true
}

func (o *options) list() (listParams, error) {
	p := listParams{
		Rows: couch.AllDocsOptions{
			ExclusiveEnd: !o.bool("inclusive_end", true), Descending: o.bool("descending", false),
			Skip: o.number("skip", 0), Limit: o.limit(), IncludeDocs: o.bool("include_docs", false),
			Get: couch.GetOptions{Conflicts: o.bool("conflicts", false), Follows: o.bool("attachments", false), AttEncodingInfo: o.bool("att_encoding_info", false)},
		},
		UpdateSeq: o.bool("update_seq", false),
		Keys:      o.keys(badRequest("`keys` parameter must be an array."), badRequest("`keys` body member must be an array.")),
	}
	o.freshness()
	if o.bool("reduce", false) {
		o.fail(queryParse("Reduce is invalid for map-only views."))
	}
	if whole, level := o.grouping(); whole || level > 0 {
		o.fail(queryParse("Invalid use of grouping on a map view."))
	}
	p.Rows.Start, p.Rows.End = o.idBound("start_key"), o.idBound("end_key")
	if name, ok := o.word("partition"); ok {
		p.Partition = &name
	}
	return p, o.err
}

// idBound is a bound of ids: a key, or else the id that would settle ties. A key
// that is no string lies before all ids, where no id is either.
func (o *options) idBound(name string) *couch.DocID {
	id := couch.DocID("")
	raw := o.json(name)
	if raw == nil {
		word, ok := o.word(name + "_doc_id")
		if id = couch.DocID(word); !ok {
			return nil
		}
	} else if s, err := text(raw); err == nil {
		id = couch.DocID(s)
	}
	return &id
}

// key is the i-th of Keys in the order of their rows, null where there is none.
func (p *listParams) key(i int) json.RawMessage {
	if p.Rows.Descending {
		i = len(p.Keys) - 1 - i
	}
	if i < 0 || i >= len(p.Keys) {
		return nil
	}
	return p.Keys[i]
}
