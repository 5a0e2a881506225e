package web

import (
	"net/http"
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
		d.Done = true
		return d, nil
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
	if d.Done {
		return s.challengeDone(w, v)
	}
	return s.challengePage(w, v, http.StatusOK, d, codeFields, "")
}

func (s *Site) challengeDone(w http.ResponseWriter, v *visit) error {
	return s.show(w, v, http.StatusOK, "challenge", page{Title: "Confirmed", Notice: "The command goes on. You can close this page.", Data: challengeData{Done: true}})
}

func (s *Site) challengePage(w http.ResponseWriter, v *visit, status int, d challengeData, list fields, problem string) error {
	return s.show(w, v, status, "challenge", page{Title: "Confirm what a command does", Fields: list, Problem: problem, Data: d})
}

// passChallenge answers POST challenge/TICKET: the factor itself says who is there.
func (s *Site) passChallenge(w http.ResponseWriter, v *visit) error {
	d, err := s.challenge(v)
	if err != nil {
		return err
	}
	if d.Done {
		return s.challengeDone(w, v)
	}
	err = s.auth.CheckFactor(v.Request, d.User, v.value("code"))
	if why, status, ok := wrongCode(err); ok {
		return s.challengePage(w, v, status, d, codeFields.wrong("code", why), "")
	}
	if err != nil {
		return err
	}
	return s.challengePassed(w, v, d)
}

// challengePassed lets the command go on.
func (s *Site) challengePassed(w http.ResponseWriter, v *visit, d challengeData) error {
	if err := s.auth.PassChallenge(v.Context(), d.Ticket, d.User); err != nil {
		return over(err)
	}
	return s.challengeDone(w, v)
}
