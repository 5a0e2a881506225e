package registry

import (
	"net/http"

	"settee/auth/audit"
)

// audit appends to the audit log what a request did, or why it was refused: the act, and what
// the handlers have put into q.entry. It is durable when audit returns, so it comes before the answer. Who is
// nobody did nothing: a request without credentials that is refused is not recorded.
func (r *Registry) audit(q *request, act audit.Act, err error) {
	if err != nil {
		if status := asError(err).Status; status == http.StatusNotFound || status == http.StatusConflict {
			return // nothing was there to be done, or the client tries again
		}
	}
	r.enter(q, act, err)
}

func (r *Registry) enter(q *request, act audit.Act, err error) {
	e := q.entry
	if e.By == "" && q.who.Anonymous() {
		return
	}
	e.Act, e.OK = act, err == nil
	if e.Package == "" {
		e.Package = string(q.pkg)
	}
	if err != nil {
		e.Note = asError(err).Message
	}
	r.auth.Record(q.Request, q.who, e)
}

// A noting is the entry of an act that is appended while the last step of the act is taken, which nothing but the
// database can refuse any more: so neither waits for the disk until the other has. Nobody is answered before both are
// durable; a crash between them may leave either.
type noting struct {
	r    *Registry
	q    *request
	act  audit.Act
	done chan struct{} // closed when the entry is durable; nil: it was not begun
}

// begin appends that the act was done, once.
func (n *noting) begin() {
	if n.done != nil {
		return
	}
	n.done = make(chan struct{})
	go func() {
		defer close(n.done)
		n.r.enter(n.q, n.act, nil)
	}()
}

// end returns when the act is noted: where it failed after all, by another entry that says so.
func (n *noting) end(err error) {
	if n.done == nil {
		n.r.audit(n.q, n.act, err)
		return
	}
	<-n.done
	if err != nil {
		n.r.enter(n.q, n.act, err)
	}
}

// refused records that a request may not do what it asks for.
func (r *Registry) refused(q *request, act audit.Act, why error) error {
	r.audit(q, act, why)
	return why
}
