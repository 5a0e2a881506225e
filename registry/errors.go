package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"syscall"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
)

// Error is an answer that is no success, in the words that clients print.
type Error struct {
	Status  int
	Message string // "error" and "message" of the body
	Reason  string // "reason", where old clients match on it
	Auth    string // WWW-Authenticate, where it differs from what 401 says by itself
	Allow   string // Allow: the methods that the address has, of a 405 for want of one
	Retry   string // Retry-After, in seconds, where the status says to come again later
	Notice  string // npm-notice, which npm prints beside an error of its own

	more  map[string]json.RawMessage // further members of the body
	cause error                      // for the log; nil: the message says it all
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives what was the cause.
func (e *Error) Unwrap() error { return e.cause }

// HTTPStatus is the status that is answered.
func (e *Error) HTTPStatus() int { return e.Status }

func fail(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

// invalid is the refusal of what a client sent.
func invalid(format string, args ...any) *Error { return fail(http.StatusBadRequest, format, args...) }

var (
	errNotFound  = fail(http.StatusNotFound, "Not found")
	errSignIn    = fail(http.StatusUnauthorized, "You must be logged in to publish packages.")
	errWhoAreYou = fail(http.StatusUnauthorized, "You must be logged in.")
	errStale     = &Error{Status: http.StatusConflict, Message: "conflict", Reason: "Document update conflict.",
		Notice: "Nothing was done, as somebody else changed the package at the same moment. Run the command again."}
)

// errTooLarge refuses a body over the limit.
func errTooLarge(limit int64) *Error {
	return fail(http.StatusRequestEntityTooLarge, "The package is too large: this registry takes at most %d bytes.", limit)
}

// challenge is what 401 asks for; never the word otp, which makes npm ask for one.
const challenge = `Bearer realm="settee", Basic realm="settee"`

// asError finds the answer for any error: our own, auth's and the store's carry a status.
func asError(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var denied *auth.Error
	if errors.As(err, &denied) {
		return &Error{Status: denied.HTTPStatus(), Message: denied.Reason, Auth: denied.Challenge, Retry: denied.RetryAfter}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return errTooLarge(tooLarge.Limit)
	}
	var refused interface {
		error
		HTTPStatus() int
	}
	if errors.As(err, &refused) && refused.HTTPStatus() == http.StatusInsufficientStorage ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fail(http.StatusInsufficientStorage, "The registry has no space left: nothing can be written until its owner makes some.")
	}
	if refused == nil || refused.HTTPStatus() >= 500 {
		status := http.StatusInternalServerError
		if refused != nil && refused.HTTPStatus() == http.StatusServiceUnavailable {
			status = http.StatusServiceUnavailable
		}
		return fail(status, "The registry could not answer. Please try again.") // the cause is for the log
	}
	return fail(refused.HTTPStatus(), "%s", refused.Error())
}

// notFound and conflict read the store's answers.
func notFound(err error) bool { return kivik.HTTPStatus(err) == http.StatusNotFound }
func conflict(err error) bool { return kivik.HTTPStatus(err) == http.StatusConflict }

// write sends the error.
func (e *Error) write(w http.ResponseWriter) {
	body := map[string]any{"error": e.Message, "message": e.Message, "code": fmt.Sprintf("E%d", e.Status)}
	if e.Reason != "" {
		body["reason"] = e.Reason
	}
	for k, v := range e.more {
		body[k] = v
	}
	if e.Status == http.StatusUnauthorized {
		auth := e.Auth
		if auth == "" {
			auth = challenge
		}
		w.Header().Set("WWW-Authenticate", auth)
	}
	switch e.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1") // clients come again at once otherwise, each with all it has open
	}
	if e.Allow != "" {
		w.Header().Set("Allow", e.Allow)
	}
	if e.Retry != "" {
		w.Header().Set("Retry-After", e.Retry)
	}
	if e.Notice != "" {
		notice(w.Header(), e.Notice)
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, e.Status, body)
}

// writeJSON sends any value as JSON.
func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"The answer could not be written."}`)
	}
	writeText(w, status, raw)
}

// writeText answers with JSON that is text already.
func writeText(w http.ResponseWriter, status int, raw []byte) {
	h := w.Header()
	h["Content-Type"] = applicationJSON
	h["Content-Length"] = []string{strconv.Itoa(len(raw))}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client is gone: nobody to tell
}

var applicationJSON = []string{"application/json"}
