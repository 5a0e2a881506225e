package httpd

import "settee/couch"

// docParams are the parameters of a document read.
type docParams struct {
	Get      couch.GetOptions // rev, latest, revs, revs_info, conflicts, deleted_conflicts, meta, local_seq
	OpenRevs []couch.Rev      // open_revs=[…]
	Open     bool             // open_revs is there; with OpenRevs nil it is "all"
	attParams
}

// docParams reads them. CouchDB refuses only what it cannot read; flags that
// are not "true" are false.
func (c *call) docParams() (docParams, error) {
	q := c.query
	if len(q) == 0 {
		return docParams{}, nil
	}
	p := docParams{attParams: attParams{Bytes: q.flag("attachments"), Encoding: q.flag("att_encoding_info")}}
	meta := q.flag("meta")
	p.Get = couch.GetOptions{
		Latest: q.flag("latest"), Revs: q.flag("revs"), LocalSeq: q.flag("local_seq"),
		RevsInfo: meta || q.flag("revs_info"), Conflicts: meta || q.flag("conflicts"),
		DeletedConflicts: meta || q.flag("deleted_conflicts"),
	}
	var err error
	if p.Get.Rev, err = q.rev("rev"); err != nil {
		return p, err
	}
	if v, ok := q["atts_since"]; ok {
		if p.Since, err = parseRevs([]byte(v)); err != nil {
			return p, err
		}
	}
	switch v, ok := q["open_revs"]; {
	case !ok:
	case v == "all":
		p.Open = true
	default:
		if p.OpenRevs, err = openRevsOf(v); err != nil {
			return p, err
		}
		p.Open = len(p.OpenRevs) > 0
	}
	if p.Open || !p.Get.Rev.IsZero() && !p.Get.Latest {
		p.Get = ofRevision(p.Get)
	}
	return p, nil
}

// openRevsOf reads a list of revisions; an empty one is as none.
func openRevsOf(list string) ([]couch.Rev, error) {
	raw := []byte(list)
	if first(raw) != '[' && decode(raw, new(any)) == nil {
		return nil, badRequest("Invalid list of revisions")
	}
	return parseRevs(raw)
}

// ofRevision leaves out what is said of a whole document, which CouchDB does
// not say where revisions are named.
func ofRevision(o couch.GetOptions) couch.GetOptions {
	o.RevsInfo, o.Conflicts, o.DeletedConflicts, o.LocalSeq = false, false, false, false
	return o
}
