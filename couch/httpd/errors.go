package httpd

import (
	"context"
	"errors"
	"net/http"

	"settee/auth"
	"settee/couch"
	"settee/views/mango"
)

// The errors that are the protocol's own; the engine has the others.
var (
	errURLEncoding = badRequest("invalid_url_encoding")
	errJSON        = badRequest("invalid UTF-8 JSON")
	errBodyObject  = badRequest("Request body must be a JSON object")
	errDocObject   = badRequest("Document must be a JSON object")
	errRev         = badRequest("Invalid rev format")
	errRevBody     = badRequest("Document rev from request body and query string have different values")
	errNeedsRev    = badRequest("When `new_edits: false`, the document needs `_rev` or `_revisions` specified")
	errRevEtag     = badRequest("Document rev and etag have different values")
	errNotJSON     = &couch.Error{Kind: couch.BadContentType, Reason: "Content-Type must be application/json"}
	errTooLarge    = &couch.Error{Kind: couch.RequestTooLarge, Reason: "the request entity is too large"}
	errLongURI     = &statusError{http.StatusRequestURITooLong, "too_long", "the request uri is too long"}
	errTruncated   = badRequest("The request body ended early.")
	errStalled     = &couch.Error{Kind: couch.SlowRequest, Reason: "The request body did not arrive in time."}
	errEncoding    = &couch.Error{Kind: couch.BadContentType, Reason: "Only gzip and identity content-encodings are supported"}
	errSessionType = &couch.Error{Kind: couch.BadContentType, Reason: "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"}
	errLocalAtts   = badRequest("_local documents do not accept attachments.")
)

func badRequest(reason string) *couch.Error {
	return &couch.Error{Kind: couch.BadRequest, Reason: reason}
}

// A methodError is 405; the Allow header is set where it is made.
type methodError struct{ allow string }

func (e *methodError) Error() string { return "Only " + e.allow + " allowed" }

// A statusError is an answer whose status or word the engine has no kind for.
type statusError struct {
	status       int
	word, reason string
}

func (e *statusError) Error() string { return e.word + ": " + e.reason }

// problem is what an error says to a client.
type problem struct {
	status       int
	word, reason string
}

// explain turns an error into the answer's status and words.
func explain(err error) problem {
	var (
		engine *couch.Error
		who    *auth.Error
		method *methodError
		status *statusError
		search *mango.Error
	)
	switch {
	case errors.As(err, &engine):
		return problem{engine.HTTPStatus(), string(engine.Kind), engine.Reason}
	case errors.As(err, &method):
		return problem{http.StatusMethodNotAllowed, "method_not_allowed", method.Error()}
	case errors.As(err, &status):
		return problem{status.status, status.word, status.reason}
	case errors.As(err, &search):
		return problem{search.HTTPStatus(), search.Name, search.Reason}
	case errors.As(err, &who):
		return problem{who.HTTPStatus(), string(who.Kind), who.Reason}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem{http.StatusInternalServerError, string(couch.Timeout), "The request could not be processed in a reasonable amount of time."}
	}
	return problem{http.StatusInternalServerError, string(couch.Internal), "The request could not be answered."}
}

// answer sends an error, the one place that does. Where the answer had begun
// the connection is cut instead, so that the client sees that it is not whole.
func (c *call) answer(err error) {
	p := explain(err)
	if p.status >= http.StatusInternalServerError && p.status != http.StatusNotImplemented && c.ctx().Err() == nil {
		c.s.o.Logger.Error("request failed", "method", c.r.Method, "path", c.r.URL.Path, "status", p.status, "error", err)
	}
	h := c.w.Header()
	for _, name := range []string{"Etag", "Content-Length", "Content-Encoding", "Location"} {
		h.Del(name)
	}
	if who, ok := errors.AsType[*auth.Error](err); ok && who.RetryAfter != "" {
		h.Set("Retry-After", who.RetryAfter)
	}
	if p.status == http.StatusUnauthorized {
		p.status = c.challenge(p)
	}
	c.out = appendProblem(c.out[:0], p)
	c.send(p.status, c.out)
}

// appendProblem appends {"error":…,"reason":…} without a line end.
func appendProblem(dst []byte, p problem) []byte {
	dst = append(dst, `{"error":`...)
	dst = appendString(dst, p.word)
	dst = append(dst, `,"reason":`...)
	dst = appendString(dst, p.reason)
	return append(dst, '}', '\n')
}
