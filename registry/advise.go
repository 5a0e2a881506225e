package registry

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"settee/advisories"
)

const (
	// mostAudited is the most bytes of what is to be audited, inflated: a tree of ten thousand packages has half a
	// megabyte in the bulk form, four in that of npm 6.
	mostAudited = 8 << 20
	// readingTime is how long an audit waits for the advisories to be read, after a start.
	readingTime = 10 * time.Second
)

// serveBulkAudit answers POST /-/npm/v1/security/advisories/bulk. npm posts this on every install.
func (r *Registry) serveBulkAudit(w http.ResponseWriter, q *request) error {
	raw, err := r.audited(w, q)
	if err != nil {
		return err
	}
	posted, err := advisories.ParseBulk(raw)
	if err != nil {
		return errTree
	}
	writeJSON(w, http.StatusOK, r.o.Advisories.Bulk(posted))
	return nil
}

// errTree is the refusal of what cannot be audited, as npm's registry puts it.
var errTree = &Error{Status: http.StatusBadRequest, Message: "Invalid package tree, run npm install to rebuild your package-lock.json",
	more: map[string]json.RawMessage{"statusCode": json.RawMessage("400")}}

// audited reads what is to be audited, and waits until there is something to audit it by.
func (r *Registry) audited(w http.ResponseWriter, q *request) ([]byte, error) {
	body := io.Reader(http.MaxBytesReader(w, q.Body, mostAudited))
	switch coding := q.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		inflated, err := gzip.NewReader(body)
		if err != nil {
			return nil, errTree
		}
		body = inflated
	default:
		return nil, fail(http.StatusUnsupportedMediaType, "The body is coded as %q: send gzip, or plain", coding)
	}
	raw, err := io.ReadAll(io.LimitReader(body, mostAudited+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || len(raw) > mostAudited:
		return nil, fail(http.StatusRequestEntityTooLarge, "The tree is too large: this registry audits at most %d bytes of it.", mostAudited)
	case err != nil:
		return nil, errTree
	}
	return raw, r.awaitAdvisories(q.Context())
}

// awaitAdvisories waits, after a start, until the advisories were read.
func (r *Registry) awaitAdvisories(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	if err := r.o.Advisories.Ready(ctx); err != nil {
		return &Error{Status: http.StatusServiceUnavailable, Message: "The registry has just started and still reads its advisories. Please try again.", cause: err}
	}
	return nil
}
