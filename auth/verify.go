package auth

import (
	"context"
	"encoding/json"
	"time"

	"settee/auth/mail"
)

// verifyTime is how long the link to confirm an address is good.
const verifyTime = 24 * time.Hour

// proven is what a link proves: an address, for the account as it was.
type proven struct {
	Email   string `json:"email"`
	Account string `json:"account,omitempty"` // its "created", or of a reset its mark
	By      string `json:"by,omitempty"`      // who invited
}

// SendVerification asks the owner of an account to confirm the address, by a message. It answers
// before there is one; of many for one account or mailbox few are sent.
func (a *Auth) SendVerification(ctx context.Context, name string) error {
	if a.o.Mail == nil {
		return ErrNoMail
	}
	if _, err := a.who(ctx, name); err != nil {
		return err
	}
	return a.errands.add(func(ctx context.Context) { a.sendVerification(ctx, name) })
}

// askToVerify does so where messages are sent, after something else that worked.
func (a *Auth) askToVerify(name string) {
	if a.o.Mail == nil {
		return
	}
	if err := a.errands.add(func(ctx context.Context) { a.sendVerification(ctx, name) }); err != nil {
		a.o.Logger.Warn("auth: no message to confirm an address", "user", name, "error", err)
	}
}

func (a *Auth) sendVerification(ctx context.Context, name string) {
	who, err := a.account(ctx, name)
	if err != nil {
		a.o.Logger.Warn("auth: no message to confirm an address", "user", name, "error", err)
		return
	}
	if !a.mails(who) || who.verified || !a.errands.allowed(TicketVerify, name, who.email) {
		return
	}
	until := a.o.Now().Add(verifyTime)
	secret, err := a.issueProof(ctx, TicketVerify, name, proven{Email: who.email, Account: who.created}, until)
	if err != nil {
		a.o.Logger.Warn("auth: no message to confirm an address", "user", name, "error", err)
		return
	}
	a.post(mail.Verify(a.letter(who, "verify", secret, until)))
}

func (a *Auth) issueProof(ctx context.Context, kind, user string, p proven, until time.Time) (secret string, err error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	return a.IssueTicket(ctx, Ticket{Kind: kind, User: user, Data: raw, Expires: until})
}

func (t Ticket) proven() (p proven, err error) {
	if json.Unmarshal(t.Data, &p) != nil {
		return proven{}, ErrTicket
	}
	return p, nil
}

// VerifyEmail confirms an address by the secret of a link, once. An account that was made anew, or
// has another address by now, is ErrTicket.
func (a *Auth) VerifyEmail(ctx context.Context, secret string) (name string, err error) {
	t, err := a.RedeemTicket(ctx, TicketVerify, secret)
	if err != nil {
		return "", err
	}
	p, err := t.proven()
	if err != nil {
		return "", err
	}
	return t.User, a.changeAccount(ctx, t.User, func(doc object) (object, error) {
		if doc.text("email") != p.Email || doc.text("created") != p.Account {
			return nil, ErrTicket
		}
		return append(doc.without("email_verified"), jsonMember("email_verified", true)), nil
	})
}

// confirmed says whether somebody may publish, where that takes an address that was confirmed.
// Service accounts have none, nor have administrators.
func (a *Auth) confirmed(ctx context.Context, id Identity) error {
	if !a.o.VerifyEmail || id.Admin() {
		return nil
	}
	who, err := a.account(ctx, id.Name)
	if err != nil {
		return err
	}
	if who.standing != nil && (who.verified || who.service) {
		return nil
	}
	return ErrUnverified
}
