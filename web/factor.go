package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/pquerna/otp"

	"settee/auth"
	"settee/auth/audit"
)

type factorData struct {
	auth.Factor
	Modes    []mode
	Enrol    *enrolment // what an authenticator is shown
	Recovery []string   // shown once
}

// mode is a choice of when the factor is asked for.
type mode struct {
	Is          auth.Mode
	Name, About string
	Chosen      bool
}

func modes(chosen auth.Mode) []mode {
	return []mode{
		{auth.AuthAndWrites, "Sign-in and writes", "To sign in, to change the account, to publish and to change packages and organisations.", chosen != auth.AuthOnly},
		{auth.AuthOnly, "Sign-in only", "To sign in and to change the account.", chosen == auth.AuthOnly},
	}
}

// enrolment is the URL for an authenticator, as a picture and as text.
type enrolment struct {
	URL, Secret string
	Picture     picture
}

var confirmFields = fields{
	{Name: "code", Label: "The code it shows", Hint: "Six digits.", Auto: "one-time-code", Mode: "numeric", Most: 20, Focus: true},
}

var keyNameFields = fields{
	{Name: "name", Label: "Name of the key", Hint: "So that you know it among others.", Auto: "off", Most: 100},
}

// showFactor answers GET factor.
func (s *Site) showFactor(w http.ResponseWriter, v *visit) error {
	return s.factorPages(w, v, http.StatusOK, page{}, factorData{})
}

func (s *Site) factorPages(w http.ResponseWriter, v *visit, status int, p page, d factorData) (err error) {
	if d.Factor, err = s.auth.Factor(v.Context(), v.who.Name); err != nil {
		return err
	}
	d.Modes = modes(d.Mode)
	p.Title, p.Here, p.Data = "Second factor", "factor", d
	if p.Fields == nil {
		p.Fields = keyNameFields
	}
	return s.show(w, v, status, "factor", p)
}

// enrol answers POST factor/enrol.
func (s *Site) enrol(w http.ResponseWriter, v *visit) error {
	issuer := v.host
	at, err := s.auth.EnrolTOTP(v.Context(), v.who.Name, auth.Mode(v.value("mode")), issuer)
	if why, status, ok := reason(err); ok {
		return s.factorPages(w, v, status, page{Problem: why}, factorData{})
	}
	if err != nil {
		return err
	}
	return s.enrolPage(w, v, http.StatusOK, at, confirmFields)
}

func (s *Site) enrolPage(w http.ResponseWriter, v *visit, status int, at string, list fields) error {
	key, err := otp.NewKeyFromURL(at)
	if err != nil || key.Secret() == "" {
		return errForm
	}
	drawn, err := draw(at)
	if err != nil {
		return errForm
	}
	return s.factorPages(w, v, status, page{Fields: list}, factorData{Enrol: &enrolment{at, key.Secret(), drawn}})
}

// confirm answers POST factor/confirm.
func (s *Site) confirm(w http.ResponseWriter, v *visit) error {
	codes, err := s.auth.ConfirmTOTP(v.Context(), v.who.Name, v.value("code"))
	s.record(v, audit.FactorEnable, v.who.Name, err)
	if why, status, ok := reason(err); ok {
		return s.enrolPage(w, v, status, v.value("url"), confirmFields.wrong("code", why))
	}
	if err != nil {
		return err
	}
	return s.enabled(w, v, codes, "Your account has a second factor now.")
}

// enabled shows recovery codes, and has this session be one with a factor: it was just given.
func (s *Site) enabled(w http.ResponseWriter, v *visit, codes []string, notice string) error {
	if !v.session.Factor {
		if err := s.begin(w, v, v.who.Name, true); err != nil {
			return err
		}
	}
	return s.factorPages(w, v, http.StatusOK, page{Notice: notice}, factorData{Recovery: codes})
}

// setMode answers POST factor/mode.
func (s *Site) setMode(w http.ResponseWriter, v *visit) error {
	err := s.auth.SetMode(v.Context(), v.who.Name, auth.Mode(v.value("mode")))
	return s.changed(w, v, audit.FactorChange, err, "It is asked for as you said.")
}

// renewRecovery answers POST factor/recovery.
func (s *Site) renewRecovery(w http.ResponseWriter, v *visit) error {
	codes, err := s.auth.RenewRecovery(v.Context(), v.who.Name)
	if err != nil {
		return s.changed(w, v, audit.FactorRecovery, err, "")
	}
	s.record(v, audit.FactorRecovery, v.who.Name, nil)
	return s.factorPages(w, v, http.StatusOK, page{Notice: "The recovery codes of before are worth nothing any more."}, factorData{Recovery: codes})
}

// disable answers POST factor/disable.
func (s *Site) disable(w http.ResponseWriter, v *visit) error {
	err := s.auth.DisableFactor(v.Context(), v.who.Name)
	return s.changed(w, v, audit.FactorDisable, err, "Your account has no second factor any more.")
}

// removeKey answers POST factor/key/remove.
func (s *Site) removeKey(w http.ResponseWriter, v *visit) error {
	err := s.auth.RemoveKey(v.Context(), v.who.Name, v.value("id"))
	return s.changed(w, v, audit.FactorChange, err, "The security key is removed.")
}

// changed ends a change of the factor.
func (s *Site) changed(w http.ResponseWriter, v *visit, act audit.Act, err error, notice string) error {
	s.record(v, act, v.who.Name, err)
	if why, status, ok := reason(err); ok {
		return s.factorPages(w, v, status, page{Problem: why}, factorData{})
	}
	if err != nil {
		return err
	}
	return s.factorPages(w, v, http.StatusOK, page{Notice: notice}, factorData{})
}

// origin is where the pages are, for security keys.
func (s *Site) originOf(v *visit) string {
	u, err := url.Parse(s.base(v.Request))
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// wrongKey is what is said of a key that was not accepted, and its status.
func wrongKey(err error) (why string, status int, ok bool) {
	why, status, ok = reason(err)
	if errors.Is(err, auth.ErrTicket) {
		why, status = "That took too long. Please try again.", http.StatusUnauthorized
	}
	return why, status, ok
}
