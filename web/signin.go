package web

import (
	"errors"
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

// signInData is what the pages of a sign-in show beside their fields.
type signInData struct {
	For    target
	Asks   *asking // the command that waits for it
	Signup bool    // newcomers may make an account
	Ticket string  // of the second step
	Keys   bool    // the second step may be a security key
	Codes  bool    // or a code
}

var signInFields = fields{
	{Name: "name", Label: "User name", Auto: "username webauthn", Most: 214, Focus: true},
	{Name: "password", Label: "Password", Type: "password", Auto: "current-password", Most: 1024},
}

var codeFields = fields{
	{Name: "code", Label: "One-time password", Hint: "Six digits from your authenticator, or one of your recovery codes.", Auto: "one-time-code", Mode: "text", Most: 100, Focus: true},
}

// showSignIn answers GET signin.
func (s *Site) showSignIn(w http.ResponseWriter, v *visit) error {
	to := parseTarget(v.URL.Query().Get("for"))
	if v.session.Fresh {
		redirect(w, v, to)
		return nil
	}
	list := signInFields
	if !v.who.Anonymous() {
		list = append(fields(nil), list...)
		list[0].Value, list[0].Focus, list[1].Focus = v.who.Name, false, true
	}
	return s.signInPage(w, v, http.StatusOK, to, list, "")
}

func (s *Site) signInPage(w http.ResponseWriter, v *visit, status int, to target, list fields, problem string) error {
	asks, err := s.waiting(v, to)
	if err != nil {
		return err
	}
	title := "Sign in"
	if !v.who.Anonymous() {
		title = "Confirm that it is you"
	}
	return s.show(w, v, status, "signin", page{Title: title, Fields: list, Problem: problem, Data: signInData{For: to, Asks: asks, Signup: s.auth.SignupOpen()}})
}

// signIn answers POST signin, the first step.
func (s *Site) signIn(w http.ResponseWriter, v *visit) error {
	to, name := parseTarget(v.value("for")), v.value("name")
	_, err := s.auth.SignIn(v.Request, name, v.form.Get("password"), "")
	if errors.Is(err, auth.ErrOTP) {
		ticket, err := s.auth.IssueTicket(v.Context(), auth.Ticket{Kind: auth.TicketSignIn, User: name})
		if err != nil {
			return err
		}
		return s.factorPage(w, v, http.StatusOK, signInData{For: to, Ticket: ticket}, name, codeFields, "")
	}
	if why, status, ok := reason(err); ok {
		return s.signInPage(w, v, status, to, signInFields.filled(v).wrong("password", why), "")
	}
	if err != nil {
		return err
	}
	return s.signedIn(w, v, name, false, to)
}

// signedIn ends a sign-in well.
func (s *Site) signedIn(w http.ResponseWriter, v *visit, name string, factor bool, to target) error {
	if err := s.begin(w, v, name, factor); err != nil {
		return err
	}
	s.auth.Record(v.Request, auth.Identity{Name: name}, audit.Entry{Act: audit.Login, OK: true, Note: "on the web"})
	redirect(w, v, to)
	return nil
}

// factorPage asks for the second step.
func (s *Site) factorPage(w http.ResponseWriter, v *visit, status int, d signInData, name string, list fields, problem string) error {
	f, err := s.auth.Factor(v.Context(), name)
	if err != nil {
		return err
	}
	d.Keys, d.Codes = len(f.Keys) > 0, f.TOTP || f.Recovery > 0
	if d.Asks, err = s.waiting(v, d.For); err != nil {
		return err
	}
	return s.show(w, v, status, "factor-step", page{Title: "Second factor", Fields: list, Problem: problem, Data: d})
}

// signInFactor answers POST signin/factor, the second step by a code.
func (s *Site) signInFactor(w http.ResponseWriter, v *visit) error {
	d := signInData{For: parseTarget(v.value("for")), Ticket: v.value("ticket")}
	return s.secondStep(w, v, d, func(name string) (string, int, error) {
		err := s.auth.CheckFactor(v.Request, name, v.value("code"))
		why, status, _ := wrongCode(err)
		return why, status, err
	}, func(name, why string, status int) error {
		return s.factorPage(w, v, status, d, name, codeFields.wrong("code", why), "")
	})
}

// wrongCode is what is said of a code that was not accepted, and the status.
func wrongCode(err error) (why string, status int, ok bool) {
	why, status, ok = reason(err)
	if errors.Is(err, auth.ErrOTP) || errors.Is(err, auth.ErrWrongOTP) {
		why = "This code is wrong, or was used already."
	}
	return why, status, ok
}

// secondStep ends a sign-in by a proof of the account that the ticket is of.
func (s *Site) secondStep(w http.ResponseWriter, v *visit, d signInData, prove func(name string) (why string, status int, err error), again func(name, why string, status int) error) error {
	t, err := s.auth.Ticket(v.Context(), auth.TicketSignIn, d.Ticket)
	if errors.Is(err, auth.ErrTicket) {
		return s.signInPage(w, v, http.StatusUnauthorized, d.For, signInFields, "That took too long. Please sign in again.")
	}
	if err != nil {
		return err
	}
	why, status, err := prove(t.User)
	switch {
	case err != nil && why != "":
		return again(t.User, why, status)
	case err != nil:
		return err
	}
	if _, err = s.auth.RedeemTicket(v.Context(), auth.TicketSignIn, d.Ticket); err != nil {
		return err
	}
	return s.signedIn(w, v, t.User, true, d.For)
}

// signOut answers POST signout.
func (s *Site) signOut(w http.ResponseWriter, v *visit) error {
	if !v.who.Anonymous() {
		if err := s.auth.EndSession(v.Context(), v.who.Name, v.session.ID); err != nil {
			return err
		}
		s.auth.Record(v.Request, v.who, audit.Entry{Act: audit.Logout, OK: true, Note: "on the web"})
	}
	v.keep(w, "")
	redirect(w, v, target("signin?for="+string(parseTarget(v.value("for")))))
	return nil
}
