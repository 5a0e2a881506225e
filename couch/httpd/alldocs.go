package httpd

import (
	"net/http"

	"settee/couch"
)

// allDocs is GET and POST /{db}/_all_docs.
func (c *call) allDocs() error { return c.listing(everyDoc) }

// designDocs is the like of design documents only.
func (c *call) designDocs() error { return c.listing(designs) }

// localDocs is the like of _local documents.
func (c *call) localDocs() error { return c.listing(locals) }

func (c *call) allDocsQueries() error { return c.listings(everyDoc) }

func (c *call) designDocsQueries() error { return c.listings(designs) }

func (c *call) localDocsQueries() error { return c.listings(locals) }

// postBody is the body of a POST, empty for other methods.
func (c *call) postBody() ([]byte, error) {
	if c.verb != http.MethodPost {
		return nil, nil
	}
	return c.body()
}

// postObject is the object that a POST must have for its body; nil for other methods.
func (c *call) postObject() ([]byte, error) {
	if c.verb != http.MethodPost {
		return nil, nil
	}
	return c.object()
}

func (c *call) listing(of kind) error {
	raw, err := c.postObject()
	if err != nil {
		return err
	}
	o, err := c.listOptions(raw)
	if err != nil {
		return err
	}
	p, err := o.list()
	if err != nil {
		return err
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	if err := c.writeList(out, of, p); err != nil {
		return out.fail(err)
	}
	out.buf = append(out.buf, '\n')
	return out.finish()
}

// rowStart and rowEnd are what stands around the rows of lists and views.
const (
	rowStart = "\"rows\":[\r\n"
	rowEnd   = "\r\n]}"
	rowNext  = ",\r\n"
)

// writeList writes one list.
func (c *call) writeList(out *stream, of kind, p listParams) error {
	p.only(of)
	rows, err := c.rows(of, p)
	if err != nil {
		return err
	}
	defer rows.Close()
	more := rows.Next()
	total, offset, err := c.figures(of, rows, p)
	if err != nil {
		return err
	}
	out.buf = append(out.buf, `{"total_rows":`+total+`,"offset":`+offset+`,`...)
	if p.UpdateSeq && (p.Keys != nil || of == locals) {
		out.buf = append(out.buf, `"update_seq":null,`...)
		p.UpdateSeq = false
	}
	at := p.Rows.Skip
	return writeRows(c, out, rows, more, p.UpdateSeq, func(dst []byte, r *couch.DocRow) []byte {
		at++
		if r.Missing {
			return append(append(append(dst, `{"key":`...), p.key(at-1)...), `,"error":"not_found"}`...)
		}
		return out.docRow(dst, r, p)
	})
}

// rowReader is what the rows of lists and of views have in common.
type rowReader[R any] interface {
	Next() bool
	Row() R
	UpdateSeq() couch.Seq
	Err() error
}

// writeRows writes an answer from its update_seq on; more says that the first
// row has been read already. That the client is gone is no error of the answer.
func writeRows[R any](c *call, out *stream, rows rowReader[R], more, updateSeq bool, appendRow func([]byte, R) []byte) error {
	if updateSeq {
		out.buf = append(out.buf, `"update_seq":`...)
		out.buf = append(appendString(out.buf, c.db.FormatSeq(rows.UpdateSeq())), ',')
	}
	out.buf = append(out.buf, rowStart...)
	for sep := ""; more; more = rows.Next() {
		out.buf = appendRow(append(out.buf, sep...), rows.Row())
		if out.spill() != nil {
			return nil
		}
		sep = rowNext
	}
	out.buf = append(out.buf, rowEnd...)
	return rows.Err()
}

func (s *stream) docRow(dst []byte, r *couch.DocRow, p listParams) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, r.ID)
	dst = append(dst, `,"key":`...)
	dst = appendString(dst, r.ID)
	dst = append(dst, `,"value":{"rev":`...)
	dst = appendQuotedRev(dst, r.Rev)
	if r.Deleted {
		dst = append(dst, `,"deleted":true`...)
	}
	dst = append(dst, '}')
	if p.Rows.IncludeDocs {
		dst = append(dst, `,"doc":`...)
		if r.Doc == nil {
			dst = append(dst, "null"...)
		} else {
			dst = s.doc(dst, r.Doc)
		}
	}
	return append(dst, '}')
}
