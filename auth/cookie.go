package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "AuthSession"
	// cookieTime is CouchDB's default for [chttpd_auth] timeout.
	cookieTime = 600 * time.Second
	// readTime bounds the one read that a cookie may need.
	readTime = 5 * time.Second
)

// ticket is what a cookie says.
type ticket struct {
	name, stamp string // stamp: seconds since 1970, upper-case hex
	issued      time.Time
	mac         string // raw bytes
}

// parseTicket decodes base64url("name:HEXTIME:" + mac).
func parseTicket(value string) (ticket, error) {
	plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return ticket{}, ErrCookie
	}
	parts := strings.SplitN(string(plain), ":", 3)
	if len(parts) != 3 {
		return ticket{}, ErrCookie
	}
	seconds, err := strconv.ParseInt(parts[1], 16, 64)
	if err != nil || seconds < 0 {
		return ticket{}, ErrCookie
	}
	return ticket{name: parts[0], stamp: parts[1], issued: time.Unix(seconds, 0), mac: parts[2]}, nil
}

func (t ticket) fresh(now time.Time) bool { return now.Before(t.issued.Add(cookieTime)) }

// sign binds name and time to the secret and to the account's salt, so that a
// new password ends the sessions.
func (a *Auth) sign(t ticket, salt string) []byte {
	mac := hmac.New(sha256.New, append(append(make([]byte, 0, 64), a.o.Secret...), salt...))
	mac.Write([]byte(t.name + ":" + t.stamp))
	return mac.Sum(nil)
}

// session reads the cookie. Expired, forged and orphaned ones make nobody of the
// client, as in CouchDB; one that cannot be read is an error.
func (a *Auth) session(r *http.Request) (Identity, error) {
	t, present, err := requestTicket(r)
	if err != nil || !present || !t.fresh(a.o.Now()) {
		return Identity{}, err
	}
	who, err := a.account(r.Context(), t.name)
	if err != nil || who == nobody || !hmac.Equal([]byte(t.mac), a.sign(t, who.salt)) {
		return Identity{}, err
	}
	return who.identity(handlerCookie), nil
}

func requestTicket(r *http.Request) (t ticket, present bool, err error) {
	if len(r.Header["Cookie"]) == 0 {
		return ticket{}, false, nil
	}
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" {
		return ticket{}, false, nil
	}
	t, err = parseTicket(c.Value)
	return t, true, err
}

// Cookie is a signed AuthSession cookie of CouchDB's form for id; one that ends
// the session when the account is gone or cannot be read.
func (a *Auth) Cookie(id Identity) *http.Cookie {
	now := a.o.Now()
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	who, err := a.account(ctx, id.Name)
	if err != nil || who == nobody {
		return a.ClearCookie()
	}
	t := ticket{name: who.name, stamp: fmt.Sprintf("%X", now.Unix())}
	value := t.name + ":" + t.stamp + ":" + string(a.sign(t, who.salt))
	c := sessionCookie(base64.RawURLEncoding.EncodeToString([]byte(value)))
	c.MaxAge, c.Expires = int(cookieTime/time.Second), now.Add(cookieTime).UTC()
	return c
}

// RenewCookie is the cookie to send with the answer to r: a new one when id came by
// one that has less than nine tenths of its time left, else nil.
func (a *Auth) RenewCookie(r *http.Request, id Identity) *http.Cookie {
	if id.Handler != handlerCookie {
		return nil
	}
	t, present, err := requestTicket(r)
	if err != nil || !present || a.o.Now().Before(t.issued.Add(cookieTime/10)) {
		return nil
	}
	return a.Cookie(id)
}

// ClearCookie ends a session in the browser.
func (a *Auth) ClearCookie() *http.Cookie {
	c := sessionCookie("")
	c.MaxAge = -1
	return c
}

func sessionCookie(value string) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true}
}
