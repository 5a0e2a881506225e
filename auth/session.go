package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

const (
	sessionKind = "session"
	// sessionIdle ends a session that nobody uses: a working day.
	sessionIdle = 8 * time.Hour
	// sessionLife ends it whatever is done: a cookie that was copied is good no longer.
	sessionLife = 7 * 24 * time.Hour
	// sessionFresh is how long a sign-in stands for the password and the factor that a
	// change of the account takes.
	sessionFresh = 15 * time.Minute
	// sessionTouch is how exactly it is known when a session was seen last: a write each.
	sessionTouch = 5 * time.Minute

	clientLength = 256 // bytes that are kept of what a client calls itself
)

// A Session is a sign-in on the web. ID tells one from the others and lets nobody in.
type Session struct {
	ID      string
	User    string
	Address string // where it began
	Client  string // what the browser called itself
	Created time.Time
	Seen    time.Time // within five minutes
	Expires time.Time // unless it is used before
	Factor  bool      // the second factor was given
	Fresh   bool      // it is so young that changes of the account need no other sign-in

	account string // see mark
	ended   bool
	rev     string
}

// ErrSession is the answer for a session that is unknown, expired or ended.
var ErrSession = &Error{Kind: Unauthorized, Reason: "The session has ended. Please sign in."}

// OpenSession begins a session of an account whose password a request has brought, and
// its second factor if it says so, and returns the secret for the browser to keep. An
// account with a factor that was not given is ErrOTP.
func (a *Auth) OpenSession(r *http.Request, name string, factor bool) (secret string, err error) {
	who, err := a.who(r.Context(), name)
	if err != nil {
		return "", err
	}
	f, err := a.factor(r.Context(), who)
	if err != nil {
		return "", err
	}
	if f.active() && !factor {
		return "", ErrOTP
	}
	now, key := a.o.Now(), rand.Text()
	s := Session{
		ID: hashText(key), User: name, Created: now, Seen: now, Expires: now.Add(sessionIdle), Factor: f.active(), account: who.mark(),
	}
	s.Address, s.Client = a.Caller(r)
	if err := a.keepSession(r.Context(), s); err != nil {
		return "", fmt.Errorf("auth: store a session: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(name)) + "." + key, nil
}

// Caller is where a request comes from, "" where that is not known, and what its client
// calls itself.
func (a *Auth) Caller(r *http.Request) (address, client string) {
	if from := a.o.ClientAddr(r); from.IsValid() {
		address = from.Unmap().String()
	}
	return address, clip(r.UserAgent(), clientLength)
}

// mark is another one when the account was made anew or has another password.
func (a *account) mark() string {
	return hashText(a.created + ":" + a.salt)
}

// Resume is the session of a secret, and who it is; else ErrSession. That Identity brings
// the second factor as long as the session is fresh.
func (a *Auth) Resume(r *http.Request, secret string) (Session, Identity, error) {
	encoded, key, _ := strings.Cut(secret, ".")
	name, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || key == "" || len(secret) > 1024 || !plausibleName(string(name)) {
		return Session{}, Identity{}, ErrSession
	}
	s, err := a.readSession(r.Context(), string(name), hashText(key))
	if err != nil {
		return Session{}, Identity{}, err
	}
	who, err := a.account(r.Context(), s.User)
	if err != nil {
		return Session{}, Identity{}, err
	}
	if !a.alive(s, who) {
		return Session{}, Identity{}, ErrSession
	}
	if err := a.admits(who, r); err != nil {
		return Session{}, Identity{}, err
	}
	a.touch(r.Context(), s)
	id := who.identity(handlerWeb)
	id.Factor = s.Factor && s.Fresh
	return s, id, nil
}

// alive reports whether a session is good for an account as it is now.
func (a *Auth) alive(s Session, who *account) bool {
	now := a.o.Now()
	return !s.ended && who != nobody && a.admits(who, nil) == nil && s.account == who.mark() && now.Before(s.Expires) && now.Before(s.Created.Add(sessionLife))
}

// touch notes now and then that a session is in use. That it fails costs nobody anything yet.
func (a *Auth) touch(ctx context.Context, s Session) {
	now := a.o.Now()
	if now.Sub(s.Seen) < sessionTouch {
		return
	}
	s.Seen, s.Expires = now, now.Add(sessionIdle)
	if err := a.keepSession(ctx, s); err != nil && kivik.HTTPStatus(err) != http.StatusConflict {
		a.o.Logger.Warn("auth: session not touched", "user", s.User, "error", err)
	}
}

// Sessions are an account's, the youngest first.
func (a *Auth) Sessions(ctx context.Context, name string) ([]Session, error) {
	who, err := a.who(ctx, name)
	if err != nil {
		return nil, err
	}
	rows := a.sessions.AllDocs(ctx, kivik.Params(map[string]any{
		"include_docs": true, "conflicts": true, "startkey": sessionID(name, ""), "endkey": sessionID(name, "g"), // past all hex
	}))
	defer rows.Close()
	var all []Session
	for rows.Next() {
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return nil, fmt.Errorf("auth: list sessions: %w", err)
		}
		if s, err := a.parseSession(ctx, raw); err == nil && a.alive(s, who) {
			all = append(all, s)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auth: list sessions: %w", err)
	}
	sortSessions(all)
	return all, nil
}

// EndSession ends a session of an account; one that is not there is no error.
func (a *Auth) EndSession(ctx context.Context, name, id string) error {
	for range redeemTries {
		s, err := a.readSession(ctx, name, id)
		if err == ErrSession || err == nil && s.ended {
			return nil
		}
		if err != nil {
			return err
		}
		s.ended = true
		if err = a.keepSession(ctx, s); err == nil {
			return nil
		}
		if kivik.HTTPStatus(err) != http.StatusConflict {
			return fmt.Errorf("auth: end a session: %w", err)
		}
	}
	return ErrBusy
}

// EndSessions ends all sessions of an account but one; but may be "".
func (a *Auth) EndSessions(ctx context.Context, name, but string) error {
	all, err := a.Sessions(ctx, name)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.ID == but {
			continue
		}
		if err := a.EndSession(ctx, name, s.ID); err != nil {
			return err
		}
	}
	return nil
}
