package registry

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

const (
	// pages is where the web pages begin.
	pages = "/-/web/"
	// pollSeconds is how long a command is told to wait before it asks again. npm asks in a
	// tight loop where it is not told.
	pollSeconds = "1"
)

// serveWebLogin answers POST /-/v1/login, with which npm login and npm adduser begin.
func (r *Registry) serveWebLogin(w http.ResponseWriter, q *request) error {
	var sent struct{ Create bool }
	raw, err := io.ReadAll(http.MaxBytesReader(w, q.Body, mostSmallBody))
	if err == nil && len(raw) > 0 && json.Unmarshal(raw, &sent) != nil { // berry sends nothing
		err = invalid("invalid JSON")
	}
	if err != nil {
		return err
	}
	page, poll, err := r.auth.IssueLogin(q.Request, sent.Create)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, map[string]any{"loginUrl": r.base(q) + pages + "login/" + page, "doneUrl": r.base(q) + "/-/v1/login/" + poll})
	return nil
}

// servePollLogin answers GET /-/v1/login/:poll.
func (r *Registry) servePollLogin(w http.ResponseWriter, q *request) error {
	if q.Method == http.MethodHead {
		return errOnce
	}
	name, token, err := r.auth.PollLogin(q.Context(), q.param("poll"))
	if errors.Is(err, auth.ErrDenied) { // without a token npm gives up; of a failure it would go on by asking for a password
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, map[string]any{"message": auth.ErrDenied.Reason})
		return nil
	}
	if err != nil {
		return err
	}
	if token != "" {
		q.entry.By = name
		r.audit(q, audit.Login, nil)
	}
	answerPoll(w, token)
	return nil
}

// errOnce refuses to look at what can be read once.
var errOnce = &Error{Status: http.StatusMethodNotAllowed, Message: "HEAD is not allowed here, but GET", Allow: http.MethodGet}

// servePollChallenge answers GET /-/v1/challenge/:poll.
func (r *Registry) servePollChallenge(w http.ResponseWriter, q *request) error {
	secret := q.param("poll")
	c, err := r.auth.Challenge(q.Context(), secret)
	if err != nil {
		return err
	}
	if !c.Passed {
		secret = ""
	}
	answerPoll(w, secret)
	return nil
}

// answerPoll tells a command its token, or to ask again.
func answerPoll(w http.ResponseWriter, token string) {
	w.Header().Set("Cache-Control", "no-store")
	if token != "" {
		writeJSON(w, http.StatusOK, map[string]any{"token": token})
		return
	}
	w.Header().Set("Retry-After", pollSeconds)
	writeJSON(w, http.StatusAccepted, map[string]any{})
}

// challengeURLs are the page where somebody gives a second factor for a request, and what
// its command polls for it.
func (r *Registry) challengeURLs(q *request, who auth.Identity, asks string) (page, poll string, err error) {
	c := auth.Challenge{User: who.Name, Asks: asks}
	c.Address, c.Client = r.auth.Caller(q.Request)
	secret, err := r.auth.IssueChallenge(q.Context(), c)
	return r.base(q) + pages + "challenge/" + secret, r.base(q) + "/-/v1/challenge/" + secret, err
}
