package auth

import (
	"context"
	"net/http"
	"time"

	"settee/auth/audit"
	"settee/auth/limit"
	"settee/auth/mail"
)

// resetTime is how long the link to choose a new password is good.
const resetTime = 30 * time.Minute

// RequestReset sends the owner of an account a link to choose a new password. It answers the same,
// and at once, whether there is such an account or not, and whether a message is sent: only to an
// address, which must be confirmed where that is asked for, and seldom.
func (a *Auth) RequestReset(r *http.Request, name string) error {
	if a.o.Mail == nil {
		return ErrNoMail
	}
	if wait := a.errands.askers.Address(limit.Login, a.o.ClientAddr(r)); wait > 0 {
		refusal := limit.TooMany("your address", wait)
		return &Error{Kind: TooMany, Reason: refusal.Text, RetryAfter: refusal.RetryAfter()}
	}
	if len(name) > nameLength {
		return nil
	}
	return a.errands.add(func(ctx context.Context) { a.sendReset(ctx, name) })
}

func (a *Auth) sendReset(ctx context.Context, name string) {
	who, err := a.account(ctx, name)
	if err != nil {
		a.o.Logger.Warn("auth: no message to reset a password", "error", err)
		return
	}
	if !a.mails(who) || who.service || a.o.VerifyEmail && !who.verified || !a.errands.allowed(TicketReset, name, who.email) {
		return
	}
	until := a.o.Now().Add(resetTime)
	secret, err := a.issueProof(ctx, TicketReset, name, proven{Email: who.email, Account: who.mark()}, until)
	if err != nil {
		a.o.Logger.Warn("auth: no message to reset a password", "user", name, "error", err)
		return
	}
	a.post(mail.Reset(a.letter(who, "reset", secret, until)))
}

// ResetOf is whose password the secret of a link resets, and whether a second factor is asked
// for; else ErrTicket. The link stays good.
func (a *Auth) ResetOf(ctx context.Context, secret string) (name string, factor bool, err error) {
	who, _, err := a.resetting(ctx, secret)
	if err != nil {
		return "", false, err
	}
	f, err := a.factor(ctx, who)
	return who.name, err == nil && f.active(), err
}

// resetting is the account that a link is for. A password that was changed since, or an address,
// makes the link worthless.
func (a *Auth) resetting(ctx context.Context, secret string) (*account, proven, error) {
	t, err := a.Ticket(ctx, TicketReset, secret)
	if err != nil {
		return nil, proven{}, err
	}
	p, err := t.proven()
	if err != nil {
		return nil, proven{}, err
	}
	who, err := a.account(ctx, t.User)
	if err != nil {
		return nil, proven{}, err
	}
	if who == nobody || who.isAdmin() || who.mark() != p.Account || who.email != p.Email || a.admits(who, nil) != nil {
		return nil, proven{}, ErrTicket
	}
	return who, p, nil
}

// ResetPassword gives an account a new password by the secret of a link, which is used up, and the
// second factor, where the account has one. All sessions end; tokens where it is asked for.
func (a *Auth) ResetPassword(r *http.Request, secret, password, code string, tokens bool) (name string, err error) {
	ctx := r.Context()
	who, p, err := a.resetting(ctx, secret)
	if err != nil {
		return "", err
	}
	defer func() {
		e := audit.Entry{Act: audit.AccountRecover, On: who.name, OK: err == nil}
		if err != nil {
			e.Note = err.Error()
		}
		a.Record(r, Identity{Name: who.name}, e)
	}()
	if err := a.checkPassword(who.name, password); err != nil {
		return who.name, err
	}
	if err := a.CheckFactor(r, who.name, code); err != nil {
		return who.name, err
	}
	if _, err := a.RedeemTicket(ctx, TicketReset, secret); err != nil {
		return "", err
	}
	if err := a.SetPassword(ctx, who.name, password); err != nil { // another salt: sessions end
		return who.name, err
	}
	if err := a.changeAccount(ctx, who.name, func(doc object) (object, error) {
		if doc.text("email") != p.Email {
			return nil, nil
		}
		return append(doc.without("email_verified"), jsonMember("email_verified", true)), nil // the message arrived
	}); err != nil {
		return who.name, err
	}
	if tokens {
		if _, err := a.RevokeTokens(ctx, who.name); err != nil {
			return who.name, err
		}
	}
	if a.o.Mail != nil {
		a.post(mail.Changed(a.letter(who, "reset", "", time.Time{})))
	}
	return who.name, nil
}
