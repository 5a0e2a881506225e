package auth

import "net/http"

// Kind is the closed list of what can go wrong here; its text is the word that
// CouchDB sends as "error". A store that fails gives the store's own error.
type Kind string

// The kinds, each with its HTTP status in kindStatus.
const (
	Unauthorized Kind = "unauthorized"
	Forbidden    Kind = "forbidden"
	Exists       Kind = "conflict"
	NotFound     Kind = "not_found"
	BadRequest   Kind = "bad_request"
	Busy         Kind = "unavailable" // too many passwords wait to be checked
	TooMany      Kind = "too_many_requests"
)

var kindStatus = map[Kind]int{
	Unauthorized: http.StatusUnauthorized, Forbidden: http.StatusForbidden, Exists: http.StatusConflict,
	NotFound: http.StatusNotFound, BadRequest: http.StatusBadRequest, Busy: http.StatusServiceUnavailable,
	TooMany: http.StatusTooManyRequests,
}

// Error is a refusal. Reason is meant for people and never holds a secret.
type Error struct {
	Kind      Kind
	Reason    string
	Challenge string // what WWW-Authenticate must say; "" leaves it to the caller

	RetryAfter string // seconds, of TooMany
}

func (e *Error) Error() string { return string(e.Kind) + ": " + e.Reason }

// HTTPStatus is the status to answer with.
func (e *Error) HTTPStatus() int { return kindStatus[e.Kind] }

// Is makes errors.Is compare kinds and, where the target gives one, reasons.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && (t.Reason == "" || t.Reason == e.Reason)
}

// The refusals that callers and tests ask for by name; compare with errors.Is.
var (
	ErrTooMany     = &Error{Kind: TooMany}
	ErrCredentials = &Error{Kind: Unauthorized, Reason: "Name or password is incorrect."}
	ErrToken       = &Error{Kind: Unauthorized, Reason: "The token is unknown, expired or revoked."}
	ErrAddress     = &Error{Kind: Unauthorized, Reason: "The token may not be used from this IP address.", Challenge: "ipaddress"}
	ErrBase64      = &Error{Kind: BadRequest, Reason: "Authorization header has invalid base64 value"}
	ErrHeader      = &Error{Kind: BadRequest, Reason: "Authorization header is invalid"}
	ErrCookie      = &Error{Kind: BadRequest, Reason: "Malformed AuthSession cookie. Please clear your cookies."}
	ErrLocked      = &Error{Kind: Forbidden, Reason: "Account is temporarily locked due to multiple authentication failures"}
	ErrNameTaken   = &Error{Kind: Exists, Reason: "This name is already registered."}
	ErrSignup      = &Error{Kind: Forbidden, Reason: "Registration is closed; ask an administrator for an account."}
	ErrInvitation  = &Error{Kind: Forbidden, Reason: "Registration is by invitation: open the link in yours, or npm adduser --auth-type=legacy --otp=CODE, which is what stands behind ticket= in it."}
	ErrUnverified  = &Error{Kind: Forbidden, Reason: "Confirm your e-mail address before you publish: a link was sent to it."}
	ErrNoMail      = &Error{Kind: Forbidden, Reason: "This registry sends no mail; ask an administrator."}
	ErrBusy        = &Error{Kind: Busy, Reason: "Too many sign-ins at once. Please try again."}
	ErrAnonymous   = &Error{Kind: Unauthorized, Reason: "You must be logged in to publish packages."}
)
