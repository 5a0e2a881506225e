package web

import (
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

type accountData struct {
	auth.Account
	Fixed       bool // a server admin of the command line: no document
	Unconfirmed bool // its address, and a message can mend that
}

func profileFields(a auth.Account) fields {
	return fields{
		{Name: "email", Label: "E-mail", Hint: "People see it beside your packages.", Type: "email", Auto: "email", Most: 254, Value: a.Email},
		{Name: "fullname", Label: "Full name", Auto: "name", Most: 512, Value: a.FullName, Optional: true},
		{Name: "homepage", Label: "Home page", Auto: "url", Most: 512, Value: a.Homepage, Optional: true},
		{Name: "github", Label: "GitHub", Most: 512, Value: a.GitHub, Optional: true},
		{Name: "twitter", Label: "Twitter", Most: 512, Value: a.Twitter, Optional: true},
		{Name: "freenode", Label: "IRC", Most: 512, Value: a.Freenode, Optional: true},
	}
}

// showAccount answers GET account.
func (s *Site) showAccount(w http.ResponseWriter, v *visit) error {
	a, err := s.auth.Account(v.Context(), v.who.Name)
	if err != nil {
		return err
	}
	return s.accountPage(w, v, http.StatusOK, a, profileFields(a), "")
}

func (s *Site) accountPage(w http.ResponseWriter, v *visit, status int, a auth.Account, list fields, notice string) error {
	return s.show(w, v, status, "account", page{Title: "Profile", Here: "account", Fields: list, Notice: notice, Data: accountData{
		Account: a, Fixed: a.Rev == "", Unconfirmed: a.Email != "" && !a.EmailVerified && s.auth.SendsMail(),
	}})
}

// changeAccount answers POST account.
func (s *Site) changeAccount(w http.ResponseWriter, v *visit) error {
	err := s.auth.SetProfile(v.Context(), v.who.Name, func(p *auth.Profile, email *string) {
		*email = v.value("email")
		p.FullName, p.Homepage, p.GitHub, p.Twitter, p.Freenode = v.value("fullname"), v.value("homepage"), v.value("github"), v.value("twitter"), v.value("freenode")
	})
	why, status, refused := reason(err)
	if err != nil && !refused {
		return err
	}
	s.record(v, audit.AccountChange, v.who.Name, err)
	a, read := s.auth.Account(v.Context(), v.who.Name)
	if read != nil {
		return read
	}
	list := profileFields(a)
	if refused {
		return s.accountPage(w, v, status, a, list.filled(v).wrong(fieldOf(why, "fullname"), why), "")
	}
	return s.accountPage(w, v, http.StatusOK, a, list, "Your profile is saved.")
}

// record appends to the audit log what was done, or tried in vain, to an account, an
// organisation, or what belongs to them.
func (s *Site) record(v *visit, act audit.Act, on string, err error) {
	e := audit.Entry{Act: act, On: on, OK: err == nil}
	if why, _, ok := reason(err); ok {
		e.Note = why
	}
	s.auth.Record(v.Request, v.who, e)
}

var passwordFields = fields{
	{Name: "old", Label: "Password of today", Type: "password", Auto: "current-password", Most: 1024, Focus: true},
	{Name: "password", Label: "New password", Type: "password", Auto: "new-password", Most: 1024},
	{Name: "again", Label: "New password, once more", Type: "password", Auto: "new-password", Most: 1024},
}

// showPassword answers GET password.
func (s *Site) showPassword(w http.ResponseWriter, v *visit) error {
	return s.passwordPage(w, v, http.StatusOK, passwordFields, "")
}

func (s *Site) passwordPage(w http.ResponseWriter, v *visit, status int, list fields, notice string) error {
	return s.show(w, v, status, "password", page{Title: "Password", Here: "password", Fields: list, Notice: notice})
}

// changePassword answers POST password. All sessions end, and this browser gets another.
func (s *Site) changePassword(w http.ResponseWriter, v *visit) error {
	if v.form.Get("password") != v.form.Get("again") {
		return s.passwordPage(w, v, http.StatusBadRequest, passwordFields.wrong("again", "The two passwords are not the same."), "")
	}
	err := s.auth.CheckPassword(v.Request, v.who.Name, v.form.Get("old"))
	if why, status, ok := reason(err); ok {
		if status == http.StatusUnauthorized {
			why = "This is not your password."
		}
		return s.passwordPage(w, v, status, passwordFields.wrong("old", why), "")
	}
	if err == nil {
		err = s.auth.SetPassword(v.Context(), v.who.Name, v.form.Get("password"))
		s.record(v, audit.Password, v.who.Name, err)
	}
	if why, status, ok := reason(err); ok {
		return s.passwordPage(w, v, status, passwordFields.wrong("password", why), "")
	}
	if err != nil {
		return err
	}
	if err := s.begin(w, v, v.who.Name, v.session.Factor); err != nil {
		return err
	}
	return s.passwordPage(w, v, http.StatusOK, passwordFields, "You have a new password. All other browsers are signed out.")
}
