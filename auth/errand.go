package auth

import (
	"context"
	"net/netip"
	"time"

	"settee/auth/limit"
	"settee/auth/mail"
)

// Post sends messages; *mail.Queue is one. Send must not wait for a server.
type Post interface {
	Send(mail.Message) error
}

const (
	// errandBound is how many messages may be asked for and not yet be worked out.
	errandBound = 256
	// errandTime bounds the reads and the write of one.
	errandTime = 30 * time.Second
)

// The bounds of messages that anybody can ask for: three an hour for an account and three for a
// mailbox, so that nobody is flooded; thirty an hour for who asks. They are a process's.
var (
	perAccount = limit.Rate{N: 3, Per: time.Hour}
	perAsker   = limit.Rate{N: 30, Per: time.Hour}
)

// errands are messages that requests ask for. They are worked out after the answer, which so
// tells nothing by its time.
type errands struct {
	asked            chan func(context.Context)
	accounts, askers *limit.Limiter
}

func newErrands(now func() time.Time) *errands {
	return &errands{
		asked:    make(chan func(context.Context), errandBound),
		accounts: limit.New(limit.Rates{Login: perAccount}, now), askers: limit.New(limit.Rates{Login: perAsker}, now),
	}
}

// add takes an errand, or answers ErrBusy.
func (e *errands) add(errand func(context.Context)) error {
	select {
	case e.asked <- errand:
		return nil
	default:
		return ErrBusy
	}
}

func (e *errands) run(ctx context.Context) {
	for {
		select {
		case errand := <-e.asked:
			once, cancel := context.WithTimeout(ctx, errandTime)
			errand(once)
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// allowed counts a message of a kind for an account and its mailbox.
func (e *errands) allowed(kind, name, email string) bool {
	return e.accounts.Identity(limit.Login, netip.Addr{}, kind+":"+name, kind+":"+email) == 0
}

// letter begins a message to an account.
func (a *Auth) letter(who *account, page, secret string, until time.Time) mail.Letter {
	return mail.Letter{To: who.email, User: who.name, Site: a.o.Site, Link: a.link(page, secret), Until: until}
}

// link is the address of a page for a ticket; without one of where to ask for one.
func (a *Auth) link(page, secret string) string {
	link := a.o.Site + "/-/web/" + page
	if secret != "" {
		link += "?ticket=" + secret
	}
	return link
}

// SendsMail reports whether messages are sent at all.
func (a *Auth) SendsMail() bool { return a.o.Mail != nil }

// post sends a message. That it fails is logged: the answer was given.
func (a *Auth) post(m mail.Message) {
	if err := a.o.Mail.Send(m); err != nil {
		a.o.Logger.Warn("auth: message not sent", "kind", m.Kind, "error", err)
	}
}

// mails reports whether messages can be sent to an account.
func (a *Auth) mails(who *account) bool {
	return a.o.Mail != nil && who != nobody && mail.Address(who.email) && !who.isAdmin() && a.admits(who, nil) == nil
}
