package web

import (
	"errors"
	"net/http"

	"settee/auth"
)

type challengeData struct {
	Ticket, User string
	Asks         *asking
	Keys, Codes  bool
	Done         bool
}

// challenge is what waits at challenge/TICKET.
func (s *Site) challenge(v *visit) (challengeData, error) {
	d := challengeData{Ticket: v.PathValue("ticket")}
	c, err := s.auth.Challenge(v.Context(), d.Ticket)
	if err != nil {
		return d, over(err)
	}
	if c.Passed {
		return d, errOver
	}
	f, err := s.auth.Factor(v.Context(), c.User)
	if err != nil {
		return d, err
	}
	d.User, d.Keys, d.Codes = c.User, len(f.Keys) > 0, f.TOTP || f.Recovery > 0
	d.Asks = s.askingOf(v, c.Asks, c.Address, c.Client)
	return d, nil
}

// showChallenge answers GET challenge/TICKET.
func (s *Site) showChallenge(w http.ResponseWriter, v *visit) error {
	d, err := s.challenge(v)
	if err != nil {
		return err
	}
	return s.challengePage(w, v, http.StatusOK, d, codeFields)
}

func (s *Site) challengePage(w http.ResponseWriter, v *visit, status int, d challengeData, list fields) error {
	return s.show(w, v, status, "challenge", page{Title: "Confirm what a command does", Fields: list, Data: d})
}

// passChallenge answers POST challenge/TICKET: the factor itself says who is there.
func (s *Site) passChallenge(w http.ResponseWriter, v *visit) error {
	d, err := s.challenge(v)
	if err != nil {
		return err
	}
	err = s.auth.CheckFactor(v.Request, d.User, v.value("code"))
	if why, status, ok := reason(err); ok {
		if errors.Is(err, auth.ErrOTP) || errors.Is(err, auth.ErrWrongOTP) {
			why = "This code is wrong, or was used already."
		}
		return s.challengePage(w, v, status, d, codeFields.wrong("code", why))
	}
	if err != nil {
		return err
	}
	if err := s.auth.PassChallenge(v.Context(), d.Ticket, d.User); err != nil {
		return over(err)
	}
	return s.show(w, v, http.StatusOK, "challenge", page{Title: "Confirmed", Notice: "The command goes on. You can close this page.", Data: challengeData{Done: true}})
}
