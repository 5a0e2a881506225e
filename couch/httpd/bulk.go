package httpd

import (
	"net/http"
	"runtime"
	"slices"
	"sync"

	"settee/couch"
)

// bulkBody are the members of _bulk_docs that count.
type bulkBody struct {
	docs         [][]byte // raw, slices of the body
	replicated   bool     // new_edits is false
	allOrNothing bool
}

func readBulk(raw []byte) (bulkBody, error) {
	var b bulkBody
	var docs []byte
	err := members(raw, func(key string, value []byte) error {
		switch key {
		case "docs":
			docs = value
		case "new_edits":
			switch string(value) {
			case "false":
				b.replicated = true
			case "true":
				b.replicated = false
			default:
				return badRequest("`new_edits` parameter must be a boolean.")
			}
		case "all_or_nothing":
			b.allOrNothing = string(value) == "true"
		}
		return nil
	})
	switch {
	case err != nil:
		return b, err
	case docs == nil:
		return b, badRequest("POST body must include `docs` parameter.")
	case docs[0] != '[':
		return b, badRequest("`docs` parameter must be an array.")
	}
	err = elements(docs, func(value []byte) error {
		b.docs = append(b.docs, value)
		return nil
	})
	return b, err
}

// bulkDocs is POST /{db}/_bulk_docs: a row for each document, in order; with
// new_edits=false rows of errors only.
func (c *call) bulkDocs() error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	body, err := readBulk(raw)
	if err != nil {
		return err
	}
	docs, err := c.parseAll(body.docs)
	if err != nil {
		return err
	}
	if body.allOrNothing {
		return c.refuseAll(docs)
	}
	if body.replicated && slices.ContainsFunc(docs, lacksRev) {
		return errNeedsRev
	}
	results, err := c.write(docs, couch.WriteOptions{User: c.writer(), Replicated: body.replicated})
	if err != nil {
		return err
	}
	dst := append(c.out[:0], '[')
	for i := range results {
		if body.replicated && results[i].Err == nil {
			continue
		}
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = appendResult(dst, &results[i])
	}
	c.out = append(dst, "]\n"...)
	c.send(http.StatusCreated, c.out)
	return nil
}

// lacksRev reports whether a document cannot be grafted: it does not say which revision it is.
func lacksRev(d *couch.Document) bool {
	return d.Rev.IsZero() && len(d.Revisions) == 0
}

// write stores local documents each by itself, refuses design documents to who
// may not write them, and the rest in one batch. Results keep their places.
func (c *call) write(docs []*couch.Document, o couch.WriteOptions) ([]couch.WriteResult, error) {
	results := make([]couch.WriteResult, len(docs))
	batch := make([]*couch.Document, 0, len(docs))
	places := make([]int, 0, len(docs))
	for i, d := range docs {
		if d.ID == "" {
			d.ID = couch.DocID(c.s.store.NewUUID())
		}
		results[i].ID = d.ID
		results[i].Err = c.mayWrite(d.ID)
		switch {
		case results[i].Err != nil:
		case d.ID.IsLocal():
			results[i].Rev, results[i].Err = c.db.PutLocal(c.ctx(), d)
		default:
			batch, places = append(batch, d), append(places, i)
		}
	}
	stored, err := c.db.Bulk(c.ctx(), batch, o)
	if err != nil {
		return nil, err
	}
	for i, r := range stored {
		results[places[i]] = r
	}
	return results, nil
}

// appendResult appends a row: {"ok","id","rev"}, or what was wrong with it.
func appendResult(dst []byte, r *couch.WriteResult) []byte {
	if r.Err == nil {
		dst = append(dst, `{"ok":true,"id":`...)
		dst = appendString(dst, r.ID)
		dst = append(dst, `,"rev":`...)
		return append(appendQuotedRev(dst, r.Rev), '}')
	}
	p := explain(r.Err)
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, r.ID)
	if !r.Rev.IsZero() {
		dst = append(dst, `,"rev":`...)
		dst = appendQuotedRev(dst, r.Rev)
	}
	dst = append(dst, `,"error":`...)
	dst = appendString(dst, p.word)
	dst = append(dst, `,"reason":`...)
	return append(appendString(dst, p.reason), '}')
}

func (c *call) refuseAll(docs []*couch.Document) error {
	dst := append(c.out[:0], '[')
	for i, d := range docs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = appendString(dst, d.ID)
		dst = append(dst, `,"rev":`...)
		dst = appendQuotedRev(dst, d.Rev)
		dst = append(dst, `,"error":"not_implemented","reason":"all_or_nothing is not supported"}`...)
	}
	c.out = append(dst, "]\n"...)
	c.send(http.StatusExpectationFailed, c.out)
	return nil
}

// parseShare is how many documents one goroutine parses at a time: enough that
// handing them over costs nothing, few enough that both ends of a batch are even.
const parseShare = 32

// parseAll parses documents in parallel. The first that is bad, in their order,
// refuses all, as in CouchDB.
func (c *call) parseAll(raws [][]byte) ([]*couch.Document, error) {
	docs := make([]*couch.Document, len(raws))
	errs := make([]error, len(raws))
	parse := func(from, to int) {
		for i := from; i < to; i++ {
			docs[i], errs[i] = c.parse(raws[i])
		}
	}
	if len(raws) <= parseShare {
		parse(0, len(raws))
	} else {
		c.share(len(raws), parse)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// share gives ranges of n to as many goroutines as there are processors.
func (c *call) share(n int, f func(from, to int)) {
	var (
		group sync.WaitGroup
		next  = make(chan int, n/parseShare+1)
	)
	for from := 0; from < n; from += parseShare {
		next <- from
	}
	close(next)
	for range min(runtime.GOMAXPROCS(0), cap(next)) {
		group.Go(func() {
			for from := range next {
				f(from, min(from+parseShare, n))
			}
		})
	}
	group.Wait()
}
