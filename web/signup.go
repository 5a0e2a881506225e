package web

import (
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

var signUpFields = fields{
	{Name: "name", Label: "User name", Hint: "Lower-case letters, digits, and - _ . inside.", Auto: "username", Most: 214, Focus: true},
	{Name: "email", Label: "E-mail", Hint: "People see it beside your packages.", Type: "email", Auto: "email", Most: 254},
	{Name: "password", Label: "Password", Type: "password", Auto: "new-password", Most: 1024},
	{Name: "again", Label: "Password, once more", Type: "password", Auto: "new-password", Most: 1024},
}

// fieldOf finds the field that a refusal of auth is about, by its first word.
func fieldOf(why string, most string) string {
	word, _, _ := strings.Cut(strings.ToLower(why), " ")
	switch word {
	case "password", "email":
		return word
	}
	return most
}

// showSignUp answers GET signup.
func (s *Site) showSignUp(w http.ResponseWriter, v *visit) error {
	to := parseTarget(v.URL.Query().Get("for"))
	if v.session.Fresh {
		redirect(w, v, to)
		return nil
	}
	return s.signUpPage(w, v, http.StatusOK, to, signUpFields)
}

func (s *Site) signUpPage(w http.ResponseWriter, v *visit, status int, to target, list fields) error {
	asks, err := s.waiting(v, to)
	if err != nil {
		return err
	}
	if !s.auth.SignupOpen() {
		return auth.ErrSignup
	}
	return s.show(w, v, status, "signup", page{Title: "Make an account", Fields: list, Data: signInData{For: to, Asks: asks}})
}

// signUp answers POST signup.
func (s *Site) signUp(w http.ResponseWriter, v *visit) error {
	to := parseTarget(v.value("for"))
	list := signUpFields.filled(v)
	if v.form.Get("password") != v.form.Get("again") {
		return s.signUpPage(w, v, http.StatusBadRequest, to, list.wrong("again", "The two passwords are not the same."))
	}
	if v.value("email") == "" {
		return s.signUpPage(w, v, http.StatusBadRequest, to, list.wrong("email", "An e-mail address is needed."))
	}
	who, err := s.auth.Signup(v.Context(), v.value("name"), v.form.Get("password"), v.value("email"))
	if why, status, ok := reason(err); ok {
		return s.signUpPage(w, v, status, to, list.wrong(fieldOf(why, "name"), why))
	}
	if err != nil {
		return err
	}
	s.auth.Record(v.Request, who, audit.Entry{Act: audit.Signup, OK: true})
	return s.signedIn(w, v, who.Name, false, to)
}
