package auth

import (
	"context"
	"time"

	"settee/auth/mail"
)

// inviteTime is how long an invitation is good: over a holiday.
const inviteTime = 7 * 24 * time.Hour

// An Invitation lets somebody make an account.
type Invitation struct {
	Email, By string
	Expires   time.Time
}

// Invite lets whoever holds the link make an account, once; it is sent to the address where
// messages are sent. By is who invites.
func (a *Auth) Invite(ctx context.Context, by Identity, email string) (link string, err error) {
	if !mail.Address(email) {
		return "", badRequest("Email must be an email address")
	}
	until := a.o.Now().Add(inviteTime)
	secret, err := a.issueProof(ctx, TicketInvite, "", proven{Email: email, By: by.Name}, until)
	if err != nil {
		return "", err
	}
	link = a.link("invite", secret)
	if a.o.Mail != nil {
		err = a.o.Mail.Send(mail.Invite(mail.Letter{To: email, Site: a.o.Site, Link: link, Until: until, By: by.Name}))
	}
	return link, err
}

// Invitation is what the secret of a link says, or ErrTicket. It stays good.
func (a *Auth) Invitation(ctx context.Context, secret string) (Invitation, error) {
	t, err := a.Ticket(ctx, TicketInvite, secret)
	if err != nil {
		return Invitation{}, err
	}
	p, err := t.proven()
	return Invitation{Email: p.Email, By: p.By, Expires: t.Expires}, err
}

// SignupInvited makes an account by the secret of an invitation, which is used up. Its address is
// that of the invitation, and counts as confirmed: who invited vouches, or the message arrived. Where nobody may sign up it
// is ErrSignup.
func (a *Auth) SignupInvited(ctx context.Context, secret, name, password string) (Identity, error) {
	if a.o.Signup == SignupClosed {
		return Identity{}, ErrSignup
	}
	i, err := a.Invitation(ctx, secret)
	if err != nil {
		return Identity{}, err
	}
	if err := a.checkAccount(name, password, i.Email); err != nil {
		return Identity{}, err
	}
	if err := a.Newcomer(ctx, name); err != nil {
		return Identity{}, err
	}
	t, err := a.RedeemTicket(ctx, TicketInvite, secret)
	if err != nil {
		return Identity{}, err
	}
	id, err := a.register(ctx, name, password, i.Email, true)
	if err == nil {
		return id, nil
	}
	t.rev = "" // somebody was faster, or the store failed: the invitation is good again
	if _, again := a.sessions.Put(context.WithoutCancel(ctx), ticketID(TicketInvite, secret), t.document()); again != nil {
		a.o.Logger.Warn("auth: an invitation was lost", "error", again)
	}
	return Identity{}, err
}
