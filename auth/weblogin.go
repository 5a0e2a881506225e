package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

// A WebLogin lets a command get a token by a sign-in on the web. The page, whose secret is
// in a URL that people see, says who asks; there somebody signs in and approves or denies.
// The command polls with a secret that only it has, and gets the token, once.
type WebLogin struct {
	Create  bool   `json:"create,omitempty"` // npm adduser: an account is to be made
	Address string `json:"address"`          // where the command runs
	Client  string `json:"client,omitempty"` // what it calls itself

	Poll    string `json:"poll"`              // SHA-256 of the second part of the poll's secret, hex
	Answer  answer `json:"answer,omitempty"`  // "" until somebody answers
	Account string `json:"account,omitempty"` // whose: see account.mark
}

type answer string

const (
	approved answer = "approved"
	denied   answer = "denied"
)

// ErrDenied is the answer to a command whose sign-in was denied on the web.
var ErrDenied = &Error{Kind: Forbidden, Reason: "The sign-in was denied on the web page."}

// IssueLogin begins the sign-in of the command that asks: page is the secret of the page's
// URL, poll that of the command.
func (a *Auth) IssueLogin(r *http.Request, create bool) (page, poll string, err error) {
	own := rand.Text()
	l := WebLogin{Create: create, Poll: hashText(own)}
	l.Address, l.Client = a.Caller(r)
	raw, err := json.Marshal(l)
	if err != nil {
		return "", "", err
	}
	page, err = a.IssueTicket(r.Context(), Ticket{Kind: TicketLogin, Data: raw})
	return page, page + "." + own, err
}

// WebLogin reads a sign-in that nobody has answered, or answers ErrTicket.
func (a *Auth) WebLogin(ctx context.Context, page string) (WebLogin, error) {
	t, err := a.Ticket(ctx, TicketLogin, page)
	if err != nil {
		return WebLogin{}, err
	}
	l, err := t.login()
	if err == nil && l.Answer != "" {
		err = ErrTicket
	}
	return l, err
}

func (t Ticket) login() (l WebLogin, err error) {
	if json.Unmarshal(t.Data, &l) != nil {
		return WebLogin{}, ErrTicket
	}
	return l, nil
}

// ApproveLogin has the command signed in as an account, whose owner said so.
func (a *Auth) ApproveLogin(ctx context.Context, page, name string) error {
	who, err := a.who(ctx, name)
	if err != nil {
		return err
	}
	return a.answerLogin(ctx, page, func(t *Ticket, l *WebLogin) { t.User, l.Answer, l.Account = name, approved, who.mark() })
}

// DenyLogin has the command give up.
func (a *Auth) DenyLogin(ctx context.Context, page string) error {
	return a.answerLogin(ctx, page, func(_ *Ticket, l *WebLogin) { l.Answer = denied })
}

// answerLogin answers a sign-in, once.
func (a *Auth) answerLogin(ctx context.Context, page string, say func(*Ticket, *WebLogin)) error {
	return a.AmendTicket(ctx, TicketLogin, page, func(t *Ticket) error {
		l, err := t.login()
		if err != nil || l.Answer != "" {
			return ErrTicket
		}
		say(t, &l)
		t.Data, err = json.Marshal(l)
		return err
	})
}

// PollLogin is the command's question: the token is "" until the sign-in is answered. Of
// many who ask with the same secret one gets it, the others ErrTicket.
func (a *Auth) PollLogin(ctx context.Context, poll string) (name, token string, err error) {
	page, own, _ := strings.Cut(poll, ".")
	t, err := a.Ticket(ctx, TicketLogin, page)
	if err != nil {
		return "", "", err
	}
	l, err := t.login()
	if err != nil || subtle.ConstantTimeCompare([]byte(l.Poll), []byte(hashText(own))) == 0 {
		return "", "", ErrTicket
	}
	if l.Answer == "" {
		return "", "", nil
	}
	if t, err = a.RedeemTicket(ctx, TicketLogin, page); err != nil {
		return "", "", err
	}
	if l.Answer != approved {
		return "", "", ErrDenied
	}
	who, err := a.account(ctx, t.User)
	if err != nil {
		return "", "", err
	}
	if who == nobody || who.mark() != l.Account {
		return "", "", ErrTicket // the account is another one now, or has another password
	}
	token, err = a.IssueToken(ctx, t.User, Token{Name: strings.TrimSpace("web login at " + l.Address)})
	return t.User, token, err
}

func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
