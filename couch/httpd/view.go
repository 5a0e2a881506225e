package httpd

import (
	"encoding/json"
	"strconv"

	"settee/couch"
	"settee/views"
)

// viewParams are the parameters of a view read.
type viewParams struct {
	Query     views.Query
	UpdateSeq bool // update_seq=true
}

func (o *options) view() (viewParams, error) {
	q := views.Query{
		StartKey: o.json("start_key"), EndKey: o.json("end_key"), Keys: o.viewKeys(),
		ExclusiveEnd: !o.bool("inclusive_end", true), Descending: o.bool("descending", false),
		Skip: o.number("skip", 0), Limit: o.limit(),
		NoReduce: !o.bool("reduce", true), MustReduce: o.bool("reduce", false),
		IncludeDocs: o.bool("include_docs", false),
		Get:         couch.GetOptions{Conflicts: o.bool("conflicts", false), Follows: o.bool("attachments", false), AttEncodingInfo: o.bool("att_encoding_info", false)},
	}
	q.StartKeyDocID, _ = o.word("start_key_doc_id")
	q.EndKeyDocID, _ = o.word("end_key_doc_id")
	q.Group, q.GroupLevel = o.grouping()
	q.Update = o.freshness()
	if name, ok := o.word("partition"); ok {
		q.Partition = &name
	}
	return viewParams{Query: q, UpdateSeq: o.bool("update_seq", false)}, o.err
}

// viewKeys are the keys of a view. A single one is nothing but a range, which
// another parameter may replace.
func (o *options) viewKeys() []json.RawMessage {
	p, ok := o.params["keys"]
	keys := []json.RawMessage{}
	switch {
	case !ok:
		return nil
	case !isArray(p.json) || json.Unmarshal(p.json, &keys) != nil:
		err := badRequest("`keys` member must be an array.")
		if p.asked {
			err = queryParse("`keys` must be an array of strings.")
		}
		o.fail(err)
	case len(keys) != 1:
		return keys
	}
	return nil
}

// freshness is what update, or its older form stale, asks for.
func (o *options) freshness() views.Update {
	o.oneOf("stable", "true", "false")
	o.bool("sorted", true)
	switch o.oneOf("stale", "ok", "update_after") {
	case "ok":
		return views.UpdateFalse
	case "update_after":
		return views.UpdateLazy
	}
	switch o.oneOf("update", "true", "false", "lazy") {
	case "false":
		return views.UpdateFalse
	case "lazy":
		return views.UpdateLazy
	}
	return views.UpdateTrue
}

// view is GET and POST /{db}/_design/{ddoc}/_view/{view}.
func (c *call) view() error {
	raw, err := c.postObject()
	if err != nil {
		return err
	}
	o, err := c.listOptions(raw)
	if err != nil {
		return err
	}
	p, err := o.view()
	if err != nil {
		return err
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	if err := c.writeView(out, p); err != nil {
		return out.fail(err)
	}
	out.buf = append(out.buf, '\n')
	return out.finish()
}

// viewQueries is POST …/_view/{view}/queries.
func (c *call) viewQueries() error {
	all, err := c.queries()
	if err != nil {
		return err
	}
	params := make([]viewParams, len(all))
	for i, o := range all {
		if params[i], err = o.view(); err != nil {
			return err
		}
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	return out.results(len(params), func(i int) error { return c.writeView(out, params[i]) })
}

// writeView writes the answer of one query.
func (c *call) writeView(out *stream, p viewParams) error {
	ddoc, err := c.segment("ddoc")
	if err != nil {
		return err
	}
	name, err := c.segment("view")
	if err != nil {
		return err
	}
	rows, err := c.s.views.Query(c.ctx(), c.db, ddoc, name, p.Query)
	if err != nil {
		return err
	}
	defer rows.Close()
	more := rows.Next()
	out.buf = append(out.buf, '{')
	if !rows.Reduced() {
		out.buf = append(out.buf, `"total_rows":`...)
		out.buf = strconv.AppendInt(out.buf, rows.Total(), 10)
		out.buf = append(out.buf, `,"offset":`...)
		out.buf = append(strconv.AppendInt(out.buf, rows.Offset(), 10), ',')
	}
	return writeRows(c, out, rows, more, p.UpdateSeq, func(dst []byte, r *views.Row) []byte { return out.viewRow(dst, r, p) })
}

func (s *stream) viewRow(dst []byte, r *views.Row, p viewParams) []byte {
	dst = append(dst, '{')
	if r.ID != "" {
		dst = append(dst, `"id":`...)
		dst = append(appendString(dst, r.ID), ',')
	}
	dst = append(append(dst, `"key":`...), r.Key...)
	if r.Error != "" {
		dst = append(dst, `,"error":`...)
		dst = appendString(dst, r.Error)
		dst = append(dst, `,"reason":`...)
		return append(appendString(dst, r.Reason), '}')
	}
	dst = append(append(dst, `,"value":`...), r.Value...)
	if p.Query.IncludeDocs {
		dst = append(dst, `,"doc":`...)
		if r.Doc == nil {
			dst = append(dst, "null"...)
		} else {
			dst = s.doc(dst, r.Doc)
		}
	}
	return append(dst, '}')
}

// viewInfo is GET /{db}/_design/{ddoc}/_info.
func (c *call) viewInfo() error {
	ddoc, err := c.segment("ddoc")
	if err != nil {
		return err
	}
	i, err := c.s.views.Info(c.ctx(), c.db, ddoc)
	if err != nil {
		return err
	}
	dst := append(c.out[:0], `{"name":`...)
	dst = appendString(dst, ddoc)
	number := func(name string, n int64) {
		dst = append(dst, `"`+name+`":`...)
		dst = append(strconv.AppendInt(dst, n, 10), ',')
	}
	dst = append(dst, `,"view_index":{"updates_pending":{`...)
	number("minimum", i.Pending)
	number("preferred", i.Pending)
	number("total", i.Pending)
	dst = append(dst[:len(dst)-1], `},"waiting_commit":false,"waiting_clients":`...)
	dst = strconv.AppendInt(dst, int64(i.Waiting), 10)
	dst = append(dst, `,"updater_running":`...)
	dst = append(strconv.AppendBool(dst, i.UpdaterRunning), ',')
	number("update_seq", int64(i.UpdateSeq))
	dst = append(dst, `"sizes":{`...)
	number("file", i.File)
	number("external", i.External)
	number("active", i.Active)
	dst = append(dst[:len(dst)-1], `},"signature":`...)
	dst = append(appendString(dst, i.Signature), ',')
	number("purge_seq", int64(i.PurgeSeq))
	dst = append(dst, `"language":`...)
	dst = appendString(dst, i.Language)
	// An index overwrites its rows in place and is never compacted.
	c.out = append(dst, `,"compact_running":false,"collator_versions":[]}}`+"\n"...)
	c.send(200, c.out)
	return nil
}
