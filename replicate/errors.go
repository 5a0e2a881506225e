package replicate

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// Kinds of failure that callers tell apart, in CouchDB's words; anything else may pass when tried again.
var (
	ErrDBNotFound   = errors.New("db_not_found")              // a peer has no such database
	ErrUnauthorized = errors.New("unauthorized")              // a peer does not let us in
	ErrCheckpoint   = errors.New("checkpoint_commit_failure") // what was done could not be written down
	ErrFilter       = errors.New("filter_fetch_error")        // the source does not give the filter function
	ErrBadOptions   = errors.New("bad_request")               // options that contradict each other, or a URL that is none
)

// openError says why a peer's database cannot be used.
func openError(p Peer, err error) error {
	if refused := (*Failure)(nil); errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", ErrUnauthorized, refused)
	}
	switch kivik.HTTPStatus(err) {
	case http.StatusNotFound:
		return fmt.Errorf("%w: could not open %s", ErrDBNotFound, p.Name)
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: unauthorized to access or create database %s", ErrUnauthorized, p.Name)
	case http.StatusForbidden: // it knows who asks: all that CouchDB says then is where
		return fmt.Errorf("%w: %w", ErrUnauthorized, &Failure{Status: http.StatusForbidden, Word: "forbidden", Reason: p.Name})
	}
	return fmt.Errorf("could not open %s: %w", p.Name, err)
}

// A spent error is one at which enough was tried: nobody above tries once more.
type spent struct{ error }

func (s spent) Unwrap() error { return s.error }

// isFatal reports an error that ends the whole replication.
func isFatal(err error) bool {
	return errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrDBNotFound) || errors.Is(err, context.Canceled)
}

// lasting reports that trying again would change nothing.
func lasting(err error) bool {
	var tried spent
	return isFatal(err) || errors.Is(err, ErrBadOptions) || errors.Is(err, ErrFilter) || errors.As(err, &tried) || refusing(kivik.HTTPStatus(err))
}

// refusing reports a status by which a server means what it says.
func refusing(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}
