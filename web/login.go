package web

import (
	"errors"
	"net/http"
	"strings"

	"settee/auth"
)

// asking is a command that waits: what it wants, where it runs, what it calls itself.
type asking struct {
	What, Address, Client string
	Elsewhere             bool // it runs at another address than the browser
	Create                bool
}

// program is what a client is called for people: "npm 11.6.2 (linux x64)".
func program(agent string) string {
	words := strings.Fields(agent)
	if len(words) == 0 {
		return "a program without a name"
	}
	name := strings.Replace(words[0], "/", " ", 1)
	var system []string
	for _, w := range words[1:] {
		if !strings.ContainsAny(w, "/?()") {
			system = append(system, w)
		}
	}
	if len(system) > 0 && len(system) <= 3 {
		name += " (" + strings.Join(system, " ") + ")"
	}
	return name
}

func (s *Site) askingOf(v *visit, what, address, client string) *asking {
	here, _ := s.auth.Caller(v.Request)
	return &asking{What: what, Address: address, Client: program(client), Elsewhere: here != address}
}

// waiting is the command that waits at a target, nil where none does. A ticket that is over is
// ErrTicket: there is no use in signing in for it.
func (s *Site) waiting(v *visit, to target) (*asking, error) {
	ticket := to.ticket("login")
	if ticket == "" {
		return nil, nil
	}
	l, err := s.auth.WebLogin(v.Context(), ticket)
	if err != nil {
		return nil, over(err)
	}
	a := s.askingOf(v, "sign in", l.Address, l.Client)
	a.Create = l.Create
	return a, nil
}

// errOver is what is shown of a ticket that is unknown, expired or redeemed.
var errOver = &refusal{http.StatusNotFound, "This link is over", "It works once, and for five minutes. Run the command again to get another."}

func over(err error) error {
	if errors.Is(err, auth.ErrTicket) {
		return errOver
	}
	return err
}

type loginData struct {
	Ticket string
	Asks   *asking
	Done   string // "approved" or "denied"
}

// showLogin answers GET login/TICKET.
func (s *Site) showLogin(w http.ResponseWriter, v *visit) error {
	to := v.here()
	asks, err := s.waiting(v, to)
	if err != nil {
		return err
	}
	if asks == nil {
		return errOver
	}
	return s.show(w, v, http.StatusOK, "login", page{Title: "Let " + asks.Client + " sign in?", Data: loginData{Ticket: v.PathValue("ticket"), Asks: asks}})
}

// approveLogin answers POST login/TICKET/approve.
func (s *Site) approveLogin(w http.ResponseWriter, v *visit) error {
	if err := s.auth.ApproveLogin(v.Context(), v.PathValue("ticket"), v.who.Name); err != nil {
		return over(err)
	}
	return s.show(w, v, http.StatusOK, "login", page{Title: "Signed in", Notice: "The command goes on as " + v.who.Name + ". You can close this page.", Data: loginData{Done: "approved"}})
}

// denyLogin answers POST login/TICKET/deny. Who has the page's address may, signed in or not.
func (s *Site) denyLogin(w http.ResponseWriter, v *visit) error {
	if err := s.auth.DenyLogin(v.Context(), v.PathValue("ticket")); err != nil {
		return over(err)
	}
	return s.show(w, v, http.StatusOK, "login", page{Title: "Denied", Notice: "The command was not signed in. You can close this page.", Data: loginData{Done: "denied"}})
}
