package replicate

import (
	"context"
	"net/http"
	"strings"
)

// ErrNoJob is the answer to a cancellation of what does not run.
var ErrNoJob = &Failure{Status: http.StatusNotFound, Word: "not_found", Reason: "missing"}

var errForeignJob = &Failure{Status: http.StatusUnauthorized, Word: "unauthorized", Reason: "You are not a server admin."}

// Replicate does what _replicate asks for, and returns when it is done, or with ctx; the replication goes on then.
// A replication that runs already is joined.
func (s *Scheduler) Replicate(ctx context.Context, r Request) (Result, error) {
	done := make(chan outcome, 1)
	if _, err := s.begin(ctx, r, done); err != nil {
		return Result{}, err
	}
	select {
	case how := <-done:
		return how.result, how.err
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	case <-s.ctx.Done():
		return Result{}, FailureOf(errClosed)
	}
}

// Begin begins what _replicate asks for and returns its id.
func (s *Scheduler) Begin(ctx context.Context, r Request) (id string, err error) {
	return s.begin(ctx, r, nil)
}

func (s *Scheduler) begin(ctx context.Context, r Request, done chan outcome) (string, error) {
	id, err := s.identify(ctx, r)
	if err != nil {
		return "", FailureOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return "", FailureOf(errClosed)
	}
	j := s.jobs[id]
	if j != nil && !j.belongs(r.User) {
		return "", errForeignJob
	}
	// The job of a document stays its document's, whatever it differs in: CouchDB puts the other in its
	// place, and the document is never done.
	if key := r.key(); j == nil || j.doc == "" && j.key != key {
		j = &job{id: id, request: r, key: key, began: s.o.Now()}
		if done != nil {
			j.waiting = append(j.waiting, done)
		}
		s.add(j)
		return id, nil
	}
	if done != nil {
		j.waiting = append(j.waiting, done)
	}
	return id, nil
}

// belongs reports whether somebody may join or end a job.
func (j *job) belongs(who Owner) bool { return j.request.User.Name == who.Name || who.Admin() }

// Cancel ends the replication that a request names, or would begin, and returns its id. There is no
// way to end one of somebody else, but for server admins.
func (s *Scheduler) Cancel(ctx context.Context, r Request) (string, error) {
	id := r.CancelID
	if id == "" {
		var err error
		if id, err = s.identify(ctx, r); err != nil {
			return "", FailureOf(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil {
		return "", ErrNoJob
	}
	if !j.belongs(r.User) {
		return "", errForeignJob
	}
	s.remove(j, errStopped)
	if d := s.docs[docName{j.db, j.doc}]; d != nil && d.job == id {
		delete(s.docs, d.docName)
	}
	return id, nil
}

// base is an id without what is appended to it: the name of the checkpoint.
func base(id string) string {
	before, _, _ := strings.Cut(id, "+")
	return before
}
