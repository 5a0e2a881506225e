package web

import (
	"errors"
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

// What messages lead to. A link alone does nothing, as programs that read mail open links: the
// button of its page does.

// mailedData is what the pages of links need.
type mailedData struct {
	Ticket string
	Name   string // whose
	Email  string
	Factor bool // a second factor is asked for
	Done   bool
}

func ticketOf(v *visit) string { return v.URL.Query().Get("ticket") }

// showVerify answers GET verify.
func (s *Site) showVerify(w http.ResponseWriter, v *visit) error {
	t, err := s.auth.Ticket(v.Context(), auth.TicketVerify, ticketOf(v))
	if err != nil {
		return err
	}
	return s.show(w, v, http.StatusOK, "verify", page{Title: "Confirm your e-mail address", Data: mailedData{Ticket: ticketOf(v), Name: t.User}})
}

// verify answers POST verify.
func (s *Site) verify(w http.ResponseWriter, v *visit) error {
	name, err := s.auth.VerifyEmail(v.Context(), v.value("ticket"))
	if err != nil {
		return err
	}
	s.auth.Record(v.Request, auth.Identity{Name: name}, audit.Entry{Act: audit.AccountVerify, OK: true})
	return s.show(w, v, http.StatusOK, "verify", page{Title: "Your e-mail address is confirmed", Data: mailedData{Name: name, Done: true}})
}

// sendVerify answers POST verify/send: another message to who is signed in.
func (s *Site) sendVerify(w http.ResponseWriter, v *visit) error {
	if err := s.auth.SendVerification(v.Context(), v.who.Name); err != nil {
		return err
	}
	redirect(w, v, home)
	return nil
}

var (
	forgotFields = fields{{Name: "name", Label: "User name", Auto: "username", Most: 214, Focus: true}}
	resetFields  = fields{
		{Name: "password", Label: "New password", Type: "password", Auto: "new-password", Most: 256, Focus: true},
		{Name: "again", Label: "New password, once more", Type: "password", Auto: "new-password", Most: 256},
	}
	resetCode    = field{Name: "code", Label: "Code", Hint: "Of your authenticator, or a recovery code.", Auto: "one-time-code", Most: 64}
	inviteFields = fields{signUpFields[0], {Name: "password", Label: "Password", Type: "password", Auto: "new-password", Most: 256}, signUpFields[3]}
)

// showReset answers GET reset: without a ticket it asks who forgot a password.
func (s *Site) showReset(w http.ResponseWriter, v *visit) error {
	if !s.auth.SendsMail() {
		return auth.ErrNoMail
	}
	if !v.URL.Query().Has("ticket") {
		return s.show(w, v, http.StatusOK, "forgot", page{Title: "Forgot your password?", Fields: forgotFields, Data: mailedData{}})
	}
	return s.resetPage(w, v, http.StatusOK, ticketOf(v), nil)
}

// forgot answers POST reset, always the same.
func (s *Site) forgot(w http.ResponseWriter, v *visit) error {
	if err := s.auth.RequestReset(v.Request, v.value("name")); err != nil {
		return err
	}
	return s.show(w, v, http.StatusOK, "forgot", page{Title: "Look into your mail", Data: mailedData{Done: true}})
}

// resetPage shows the form for a new password; mark says what was wrong with it.
func (s *Site) resetPage(w http.ResponseWriter, v *visit, status int, ticket string, mark func(fields) fields) error {
	name, factor, err := s.auth.ResetOf(v.Context(), ticket)
	if err != nil {
		return err
	}
	list := append(fields(nil), resetFields...)
	if factor {
		list = append(list, resetCode)
	}
	if mark != nil {
		list = mark(list)
	}
	return s.show(w, v, status, "reset", page{Title: "Choose a new password", Fields: list, Data: mailedData{Ticket: ticket, Name: name, Factor: factor}})
}

// reset answers POST reset/password.
func (s *Site) reset(w http.ResponseWriter, v *visit) error {
	ticket, password := v.value("ticket"), v.form.Get("password")
	if password != v.form.Get("again") {
		return s.resetPage(w, v, http.StatusBadRequest, ticket, func(f fields) fields { return f.wrong("again", "The two passwords are not the same.") })
	}
	_, err := s.auth.ResetPassword(v.Request, ticket, password, v.value("code"), v.value("tokens") != "")
	if errors.Is(err, auth.ErrTicket) {
		return err
	}
	if why, status, ok := reason(err); ok {
		about := "code"
		if errors.Is(err, &auth.Error{Kind: auth.BadRequest}) {
			about = "password"
		}
		return s.resetPage(w, v, status, ticket, func(f fields) fields { return f.wrong(about, why) })
	}
	if err != nil {
		return err
	}
	redirect(w, v, target("signin"))
	return nil
}

// showInvite answers GET invite.
func (s *Site) showInvite(w http.ResponseWriter, v *visit) error {
	return s.invitePage(w, v, http.StatusOK, ticketOf(v), inviteFields)
}

func (s *Site) invitePage(w http.ResponseWriter, v *visit, status int, ticket string, list fields) error {
	i, err := s.auth.Invitation(v.Context(), ticket)
	if err != nil {
		return err
	}
	return s.show(w, v, status, "invite", page{Title: "Make an account", Fields: list, Data: mailedData{Ticket: ticket, Email: i.Email}})
}

// acceptInvite answers POST invite.
func (s *Site) acceptInvite(w http.ResponseWriter, v *visit) error {
	ticket, list := v.value("ticket"), inviteFields.filled(v)
	if v.form.Get("password") != v.form.Get("again") {
		return s.invitePage(w, v, http.StatusBadRequest, ticket, list.wrong("again", "The two passwords are not the same."))
	}
	who, err := s.auth.SignupInvited(v.Context(), ticket, v.value("name"), v.form.Get("password"))
	if errors.Is(err, auth.ErrTicket) {
		return err
	}
	if why, status, ok := reason(err); ok {
		return s.invitePage(w, v, status, ticket, list.wrong(fieldOf(why, "name"), why))
	}
	if err != nil {
		return err
	}
	s.auth.Record(v.Request, who, audit.Entry{Act: audit.Signup, OK: true})
	return s.signedIn(w, v, who.Name, false, home)
}
