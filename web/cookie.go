package web

import (
	"errors"
	"net/http"

	"settee/auth"
)

// cookieName is the name under http. Under https the prefix has browsers take the cookie from
// this very host alone, and for all of it.
const cookieName = "settee"

func (v *visit) cookieName() string {
	if v.secure {
		return "__Host-" + cookieName
	}
	return cookieName
}

// keep gives the browser the secret of a session; "" takes it away.
func (v *visit) keep(w http.ResponseWriter, secret string) {
	c := &http.Cookie{Name: v.cookieName(), Value: secret, Path: "/", HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode}
	if secret == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// resume finds the session of the browser. Of several cookies of the name none counts: somebody
// has put one there.
func (s *Site) resume(v *visit) error {
	cookies := v.CookiesNamed(v.cookieName())
	if len(cookies) != 1 {
		return nil
	}
	session, who, err := s.auth.Resume(v.Request, cookies[0].Value)
	var refused *auth.Error
	if errors.As(err, &refused) {
		return nil // it has ended, and nobody is signed in
	}
	v.session, v.who = session, who
	return err
}

// begin opens a session and ends the one that the browser had.
func (s *Site) begin(w http.ResponseWriter, v *visit, name string, factor bool) error {
	secret, err := s.auth.OpenSession(v.Request, name, factor)
	if err != nil {
		return err
	}
	if !v.who.Anonymous() {
		if err := s.auth.EndSession(v.Context(), v.who.Name, v.session.ID); err != nil {
			return err
		}
	}
	v.keep(w, secret)
	return nil
}
