package registry

import (
	"errors"
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// serveWhoami answers GET /-/whoami.
func (r *Registry) serveWhoami(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	writeJSON(w, http.StatusOK, map[string]any{"username": q.who.Name})
	return nil
}

// userOf is the name in /-/user/org.couchdb.user:NAME.
func userOf(q *request) (string, error) {
	name, ok := strings.CutPrefix(q.param("user"), "org.couchdb.user:")
	if !ok || name == "" {
		return "", errNotFound
	}
	return name, nil
}

// serveLogin answers PUT /-/user/org.couchdb.user:NAME, npm's adduser and login
// in one: an account that exists needs the right password, another is made. With
// /-rev/ behind it, as after CouchDB's conflict, it is the same.
func (r *Registry) serveLogin(w http.ResponseWriter, q *request) error {
	name, err := userOf(q)
	if err != nil {
		return err
	}
	var sent struct{ Name, Password, Email string }
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	if sent.Name != "" && sent.Name != name {
		return invalid("invalid user: the document is of %q, the request of %q", sent.Name, name)
	}
	who, err := r.signIn(q, name, sent.Password, sent.Email)
	if err != nil {
		return r.challenged(q, auth.Identity{Name: name}, err)
	}
	token, err := r.auth.IssueToken(q.Context(), who.Name, auth.Token{})
	if err != nil {
		return err
	}
	q.entry.By = who.Name
	r.audit(q, audit.Login, nil)
	rev := "1-0"
	if account, err := r.auth.Account(q.Context(), who.Name); err == nil && account.Rev != "" {
		rev = account.Rev
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, map[string]any{
		"ok": "you are authenticated as '" + who.Name + "'", "id": "org.couchdb.user:" + who.Name, "rev": rev, "token": token,
	})
	return nil
}

// signIn checks the password of an account, or makes the account.
func (r *Registry) signIn(q *request, name, password, email string) (auth.Identity, error) {
	_, err := r.auth.Account(q.Context(), name)
	if !errors.Is(err, &auth.Error{Kind: auth.NotFound}) {
		if err != nil {
			return auth.Identity{}, err
		}
		return r.auth.SignIn(q.Request, name, password, q.Header.Get("npm-otp"))
	}
	if who, err := r.auth.Login(q.Context(), name, password); err == nil {
		return who, nil // the server admin, who is no document
	}
	who, err := r.auth.Signup(q.Context(), name, password, email)
	if code := q.Header.Get("npm-otp"); code != "" && errors.Is(err, auth.ErrInvitation) {
		who, err = r.auth.SignupInvited(q.Context(), code, name, password) // what npm calls a one-time password is one
	}
	if err == nil {
		q.entry.By = who.Name
		r.audit(q, audit.Signup, nil)
	}
	return who, err
}

// serveUser answers GET /-/user/org.couchdb.user:NAME: npm owner needs the name
// and the address of whom it adds. Addresses are shown to who signed in.
func (r *Registry) serveUser(w http.ResponseWriter, q *request) error {
	name, err := userOf(q)
	if err != nil {
		return err
	}
	account, err := r.auth.Account(q.Context(), name)
	if errors.Is(err, &auth.Error{Kind: auth.NotFound}) {
		return fail(http.StatusNotFound, "user does not exist: %s", name)
	}
	if err != nil {
		return err
	}
	body := map[string]any{"_id": "org.couchdb.user:" + name, "name": account.Name, "email": "", "type": "user"}
	if !q.who.Anonymous() {
		body["email"], body["_rev"], body["roles"] = account.Email, account.Rev, append([]string{}, account.Roles...)
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

// serveLogout answers DELETE /-/user/token/:token: holding a token is the right
// to end it.
func (r *Registry) serveLogout(w http.ResponseWriter, q *request) error {
	if token, err := r.auth.TokenOf(q.Context(), q.param("token")); err == nil {
		q.entry.By, q.entry.Token = token.User, token.Redacted
	}
	if err := r.auth.RevokeToken(q.Context(), q.param("token")); err != nil {
		return err
	}
	r.audit(q, audit.Logout, nil)
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	return nil
}
