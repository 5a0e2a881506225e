package web

import (
	"encoding/json"
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

// What a browser does with a security key is in two steps: the script asks for options with
// the fields of a form, has the key sign, and then sends the form with the answer.

// keyOptions answers the script.
func (s *Site) keyOptions(w http.ResponseWriter, options json.RawMessage, ticket string, err error) error {
	status, body := http.StatusOK, map[string]any{"options": options, "ticket": ticket}
	if why, refused, ok := reason(err); ok {
		status, body = refused, map[string]any{"problem": why}
	} else if err != nil {
		return err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the browser is gone: nobody to tell
	return nil
}

// beginSignInKey answers POST signin/key.
func (s *Site) beginSignInKey(w http.ResponseWriter, v *visit) error {
	t, err := s.auth.Ticket(v.Context(), auth.TicketSignIn, v.value("ticket"))
	if err != nil {
		return s.keyOptions(w, nil, "", err)
	}
	options, ticket, err := s.auth.BeginAssertion(v.Context(), t.User, s.originOf(v))
	return s.keyOptions(w, options, ticket, err)
}

// signInKey answers POST signin/key/finish.
func (s *Site) signInKey(w http.ResponseWriter, v *visit) error {
	d := signInData{For: parseTarget(v.value("for")), Ticket: v.value("ticket")}
	return s.secondStep(w, v, d, func(name string) (string, int, error) {
		err := s.auth.FinishAssertion(v.Request, name, v.value("key"), []byte(v.value("answer")))
		why, status, _ := wrongKey(err)
		return why, status, err
	}, func(name, why string, status int) error { return s.factorPage(w, v, status, d, name, codeFields, why) })
}

// beginChallengeKey answers POST challenge/TICKET/key.
func (s *Site) beginChallengeKey(w http.ResponseWriter, v *visit) error {
	d, err := s.challenge(v)
	if err != nil || d.Done {
		return s.keyOptions(w, nil, "", auth.ErrTicket)
	}
	options, ticket, err := s.auth.BeginAssertion(v.Context(), d.User, s.originOf(v))
	return s.keyOptions(w, options, ticket, err)
}

// challengeKey answers POST challenge/TICKET/key/finish.
func (s *Site) challengeKey(w http.ResponseWriter, v *visit) error {
	d, err := s.challenge(v)
	if err != nil {
		return err
	}
	if d.Done {
		return s.challengeDone(w, v)
	}
	err = s.auth.FinishAssertion(v.Request, d.User, v.value("key"), []byte(v.value("answer")))
	if why, status, ok := wrongKey(err); ok {
		return s.challengePage(w, v, status, d, codeFields, why)
	}
	if err != nil {
		return err
	}
	return s.challengePassed(w, v, d)
}

// beginKey answers POST factor/key.
func (s *Site) beginKey(w http.ResponseWriter, v *visit) error {
	options, ticket, err := s.auth.BeginKey(v.Context(), v.who.Name, s.originOf(v))
	return s.keyOptions(w, options, ticket, err)
}

// addKey answers POST factor/key/finish.
func (s *Site) addKey(w http.ResponseWriter, v *visit) error {
	codes, err := s.auth.FinishKey(v.Context(), v.who.Name, v.value("key"), v.value("name"), auth.Mode(v.value("mode")), []byte(v.value("answer")))
	s.record(v, audit.FactorChange, v.who.Name, err)
	if why, status, ok := wrongKey(err); ok {
		return s.factorPages(w, v, status, page{Problem: why}, factorData{})
	}
	if err != nil {
		return err
	}
	return s.enabled(w, v, codes, "The security key is yours now.")
}
