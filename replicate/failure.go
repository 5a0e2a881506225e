package replicate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
)

// A Failure is why a replication failed, in CouchDB's words.
type Failure struct {
	Status       int // of _replicate's answer
	Word, Reason string
	History      string // as histories tell it; "": WORD: REASON
}

func (f *Failure) Error() string { return f.Word + ": " + f.Reason }

// HTTPStatus is what the end answered by which a replication failed, where that is told.
func (f *Failure) HTTPStatus() int {
	if f.Word == authError {
		return http.StatusUnauthorized
	}
	return f.Status
}

const authError = "replication_auth_error"

// InHistory is the failure as jobs and documents tell it.
func (f *Failure) InHistory() string {
	switch {
	case f.History != "":
		return f.History
	case f.Word == "error":
		return f.Reason
	}
	return f.Error()
}

// Unauthenticated is the failure of credentials that an end does not take: session is the URL that refused them.
func Unauthenticated(session, user string) *Failure {
	reason := `{session_request_unauthorized,"` + session + `","` + user + `"}`
	return &Failure{http.StatusInternalServerError, authError, reason, "{" + authError + ",\n    " + reason + "}"}
}

// failureKinds are the kinds of this package's errors and how _replicate answers them.
var failureKinds = []struct {
	kind   error
	status int
}{
	{ErrDBNotFound, http.StatusInternalServerError},
	{ErrUnauthorized, http.StatusUnauthorized},
	{ErrCheckpoint, http.StatusInternalServerError},
	{ErrBadOptions, http.StatusBadRequest},
}

// FailureOf puts an error into CouchDB's words. No password comes through.
func FailureOf(err error) *Failure {
	var known *Failure
	var request *RequestError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &request):
		return &Failure{Status: requestStatus[request.Kind], Word: request.Kind, Reason: request.Reason}
	}
	text := withoutPasswords(err.Error())
	for _, k := range failureKinds {
		if errors.Is(err, k.kind) {
			return &Failure{Status: k.status, Word: k.kind.Error(), Reason: strings.TrimPrefix(text, k.kind.Error()+": ")}
		}
	}
	return &Failure{Status: http.StatusInternalServerError, Word: "error", Reason: unreached(err, text)}
}

// requestStatus are the statuses of what is wrong with requests; CouchDB has 500 for the last.
var requestStatus = map[string]int{
	"bad_request": http.StatusBadRequest, "invalid_replication": http.StatusBadRequest, "error": http.StatusInternalServerError,
}

// unreached is CouchDB's word for a peer that is not there, before what was to be said.
func unreached(err error, text string) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "nxdomain: " + text
	case errors.Is(err, syscall.ECONNREFUSED):
		return "econnrefused: " + text
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout: " + text
	}
	return text
}

var userInfo = regexp.MustCompile(`(https?://)[^/@\s"]*@`)

func withoutPasswords(text string) string { return userInfo.ReplaceAllString(text, "$1") }
