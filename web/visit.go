package web

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"settee/auth"
)

const (
	// mostForm is the bytes of a form: the longest holds some names and a text.
	mostForm = 64 << 10
	// formTime is how long a form that was shown to a fresh session may be sent after that.
	formTime = 15 * time.Minute
)

// visit is a request on its way through, and who sent it.
type visit struct {
	*http.Request
	who     auth.Identity
	session auth.Session
	form    url.Values
	root    string // what links begin with: the path of Root as the browser knows it
	secure  bool   // the browser uses https
	host    string // what the server is called
}

// refusal is an answer that is a page of its own.
type refusal struct {
	status       int
	title, about string
}

func (e *refusal) Error() string { return e.title + ": " + e.about }

// The refusals of requests that no page of ours sends.
var (
	errForeign  = &refusal{http.StatusForbidden, "Not from here", "This form was sent from another site, or by something that does not say from where. Open the page again and send it from there."}
	errKind     = &refusal{http.StatusUnsupportedMediaType, "Not a form", "Only forms can be sent here."}
	errTooLarge = &refusal{http.StatusRequestEntityTooLarge, "Too large", "What was sent is larger than any form of these pages."}
	errForm     = &refusal{http.StatusBadRequest, "Not understood", "The form could not be read."}
	errNotFound = &refusal{http.StatusNotFound, "No such page", "There is no page of this address. It may have been a link that worked once, or that has expired."}
)

// handle checks a request as the package says, answers it, or shows what was wrong.
func (s *Site) handle(row route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visitOf(r)
		err := s.admit(w, v, row.access)
		if err == nil {
			err = row.answer(s, w, v)
		}
		if err != nil {
			s.refuse(w, v, err)
		}
	}
}

// visitOf is a request as the browser meant it.
func (s *Site) visitOf(r *http.Request) *visit {
	v := &visit{Request: r, root: Root, host: r.Host}
	if u, err := url.Parse(s.base(r)); err == nil {
		v.root, v.secure, v.host = u.Path+Root, u.Scheme == "https", u.Host
	}
	return v
}

// admit reads the form and the session, and says whether they are good for the route.
func (s *Site) admit(w http.ResponseWriter, v *visit, a access) error {
	if v.Method == http.MethodPost {
		if err := s.readForm(w, v); err != nil {
			return err
		}
	}
	if err := s.resume(v); err != nil {
		return err
	}
	switch {
	case a >= signedIn && v.who.Anonymous(), a == fresh && !s.inTime(v):
		return errSignIn
	}
	return nil
}

// errSignIn sends the browser to the sign-in, and back then.
var errSignIn = errors.New("sign in first")

// inTime reports whether a session is fresh, or was when the form was shown.
func (s *Site) inTime(v *visit) bool {
	if v.Method == http.MethodPost {
		return v.session.Fresh || s.o.Now().Before(v.session.Created.Add(2*formTime))
	}
	return v.session.Fresh
}

// readForm takes a form that a page of ours sent.
func (s *Site) readForm(w http.ResponseWriter, v *visit) error {
	if v.Header.Get("Origin") == "" && v.Header.Get("Sec-Fetch-Site") == "" || s.origin.Check(v.Request) != nil {
		return errForeign
	}
	if kind, _, err := mime.ParseMediaType(v.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return errKind
	}
	v.Body = http.MaxBytesReader(w, v.Body, mostForm)
	if err := v.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return errTooLarge
		}
		return errForm
	}
	v.form = v.PostForm // what the address says is no part of it
	for name, values := range v.form {
		if len(values) != 1 || !utf8.ValidString(values[0]) || !utf8.ValidString(name) || strings.ContainsRune(values[0], 0) {
			return errForm
		}
	}
	return nil
}

// value is a field of the form without the space around it.
func (v *visit) value(name string) string { return strings.TrimSpace(v.form.Get(name)) }

// redirect sends the browser to a page of ours.
func redirect(w http.ResponseWriter, v *visit, to target) {
	w.Header().Set("Location", v.root+string(to))
	w.WriteHeader(http.StatusSeeOther)
}

// protect sets what every answer says to the browser.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would take away Origin, too
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}
