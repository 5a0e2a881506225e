package registry

import (
	"net/http"

	"settee/auth/audit"
)

// audit appends to the audit log what a request did, or why it was refused: the act, and what
// the handlers have put into q.entry. It is durable when audit returns, so it comes before the answer. Who is
// nobody did nothing: a request without credentials that is refused is not recorded.
func (r *Registry) audit(q *request, act audit.Act, err error) {
	e := q.entry
	if e.By == "" && q.who.Anonymous() {
		return
	}
	e.Act, e.OK = act, err == nil
	if e.Package == "" {
		e.Package = string(q.pkg)
	}
	if err != nil {
		answer := asError(err)
		if answer.Status == http.StatusNotFound || answer.Status == http.StatusConflict {
			return // nothing was there to be done, or the client tries again
		}
		e.Note = answer.Message
	}
	r.auth.Record(q.Request, q.who, e)
}

// refused records that a request may not do what it asks for.
func (r *Registry) refused(q *request, act audit.Act, why error) error {
	r.audit(q, act, why)
	return why
}
