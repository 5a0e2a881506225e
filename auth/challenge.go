package auth

import (
	"context"
	"encoding/json"
	"errors"
)

// A challenge lets somebody give a second factor on the web for a command that waits:
// the page shows what is asked, checks the factor and passes the challenge; then the
// command, which polled, repeats its request with the challenge's secret as npm-otp.
//
// Challenge is what the ticket of kind "challenge" says.
type Challenge struct {
	User    string `json:"-"`
	Asks    string `json:"asks"`             // what is asked, for people: "publish left-hand"
	Address string `json:"address"`          // where the command runs
	Client  string `json:"client,omitempty"` // what it calls itself
	Passed  bool   `json:"passed,omitempty"` // the factor was given
}

// IssueChallenge begins a challenge for an account.
func (a *Auth) IssueChallenge(ctx context.Context, c Challenge) (secret string, err error) {
	c.Passed = false
	raw, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return a.IssueTicket(ctx, Ticket{Kind: TicketChallenge, User: c.User, Data: raw})
}

// Challenge reads a challenge, or answers ErrTicket.
func (a *Auth) Challenge(ctx context.Context, secret string) (Challenge, error) {
	t, err := a.Ticket(ctx, TicketChallenge, secret)
	if err != nil {
		return Challenge{}, err
	}
	return t.challenge()
}

func (t Ticket) challenge() (c Challenge, err error) {
	if json.Unmarshal(t.Data, &c) != nil || t.User == "" {
		return Challenge{}, ErrTicket
	}
	c.User = t.User
	return c, nil
}

// PassChallenge notes that name has given its second factor for a challenge: the page
// has checked it. A challenge of somebody else is ErrTicket.
func (a *Auth) PassChallenge(ctx context.Context, secret, name string) error {
	return a.AmendTicket(ctx, TicketChallenge, secret, func(t *Ticket) error {
		c, err := t.challenge()
		if err != nil || c.User != name {
			return ErrTicket
		}
		c.Passed = true
		t.Data, err = json.Marshal(c)
		return err
	})
}

// useChallenge redeems the secret of a challenge that was passed.
func (a *Auth) useChallenge(ctx context.Context, who *account, secret string) (bool, error) {
	c, err := a.Challenge(ctx, secret)
	if err == nil && (!c.Passed || c.User != who.name) {
		return false, nil // it stays for whose it is
	}
	if err == nil {
		_, err = a.RedeemTicket(ctx, TicketChallenge, secret)
	}
	if errors.Is(err, ErrTicket) {
		return false, nil
	}
	return err == nil, err
}
