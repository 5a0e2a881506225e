package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// The kinds of tickets.
const (
	TicketLogin     = "login"     // npm waits for a sign-in on the web
	TicketChallenge = "challenge" // npm waits for a second factor on the web
	TicketSignIn    = "signin"    // a password was right, a second factor is to come
	TicketReset     = "reset"     // a forgotten password
	TicketVerify    = "verify"    // an e-mail address
	TicketInvite    = "invite"    // to make an account
	ticketKey       = "key"       // the ceremony of a security key
)

const (
	ticketTime  = 5 * time.Minute // what is issued without an end; clients give up waiting then
	ticketBound = 64 << 10        // bytes of a ticket's Data
	redeemTries = 32              // writers that may come between
)

// A Ticket lets whoever holds its secret do one thing, once and soon.
type Ticket struct {
	Kind    string
	User    string          // whom it is for; "" where that will turn out
	Data    json.RawMessage // what its kind needs; nil: nothing
	Created time.Time
	Expires time.Time // default five minutes after it was issued

	rev string
}

// ErrTicket is the answer for a ticket that is unknown, expired or redeemed.
var ErrTicket = &Error{Kind: NotFound, Reason: "This link is unknown, expired or was used already."}

// IssueTicket keeps a ticket and returns its secret, which is stored nowhere.
func (a *Auth) IssueTicket(ctx context.Context, t Ticket) (secret string, err error) {
	t.Created = a.o.Now()
	if t.Expires.IsZero() {
		t.Expires = t.Created.Add(ticketTime)
	}
	if !ticketKind(t.Kind) || len(t.Data) > ticketBound || !t.Expires.After(t.Created) {
		return "", badRequest("invalid ticket")
	}
	secret = rand.Text()
	if err := ignoreRev(a.sessions.Put(ctx, ticketID(t.Kind, secret), t.document())); err != nil {
		return "", fmt.Errorf("auth: store a ticket: %w", err)
	}
	return secret, nil
}

// Ticket reads a ticket, which stays good, or answers ErrTicket.
func (a *Auth) Ticket(ctx context.Context, kind, secret string) (Ticket, error) {
	if !ticketKind(kind) {
		return Ticket{}, ErrTicket
	}
	doc, err := readObject(ctx, a.sessions, ticketID(kind, secret))
	if err != nil {
		return Ticket{}, fmt.Errorf("auth: read a ticket: %w", err)
	}
	t := Ticket{Kind: kind, User: doc.text("user"), rev: doc.text("_rev")}
	if doc.has("data") {
		doc.scan("data", &t.Data)
	}
	t.Created, _ = time.Parse(time.RFC3339, doc.text("created")) // shown only
	t.Expires, err = time.Parse(time.RFC3339, doc.text("expires"))
	if doc == nil || err != nil || doc.text("type") != kind || !a.o.Now().Before(t.Expires) {
		return Ticket{}, ErrTicket
	}
	return t, nil
}

// AmendTicket changes the user and the data of a ticket. change is called again
// when somebody else was faster; its error is returned and nothing is kept.
func (a *Auth) AmendTicket(ctx context.Context, kind, secret string, change func(*Ticket) error) error {
	return a.onTicket(ctx, kind, secret, func(t Ticket) error {
		if err := change(&t); err != nil {
			return err
		}
		if len(t.Data) > ticketBound {
			return badRequest("invalid ticket")
		}
		t.Kind = kind
		return ignoreRev(a.sessions.Put(ctx, ticketID(kind, secret), t.document()))
	})
}

// RedeemTicket reads a ticket and ends it: of concurrent callers one gets it, the
// others ErrTicket. Regions that are cut off from each other know of it later.
func (a *Auth) RedeemTicket(ctx context.Context, kind, secret string) (t Ticket, err error) {
	err = a.onTicket(ctx, kind, secret, func(read Ticket) error {
		t = read
		return ignoreRev(a.sessions.Delete(ctx, ticketID(kind, secret), t.rev))
	})
	if err != nil {
		return Ticket{}, err
	}
	return t, nil
}

// onTicket writes to a ticket as it is, again where it changed in between.
func (a *Auth) onTicket(ctx context.Context, kind, secret string, write func(Ticket) error) error {
	for range redeemTries {
		t, err := a.Ticket(ctx, kind, secret)
		if err != nil {
			return err
		}
		if err = write(t); err == nil {
			return nil
		}
		var own *Error
		if errors.As(err, &own) {
			return err
		}
		if kivik.HTTPStatus(err) != http.StatusConflict {
			return fmt.Errorf("auth: write a ticket: %w", err)
		}
	}
	return ErrBusy
}

func ignoreRev(_ string, err error) error { return err }

// ticketKind reports whether a kind can stand in an id.
func ticketKind(kind string) bool {
	return kind != "" && len(kind) <= 32 && strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func ticketID(kind, secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return kind + ":" + hex.EncodeToString(sum[:])
}

func (t Ticket) document() json.RawMessage {
	doc := object{textMember("type", t.Kind), textMember("created", t.Created.UTC().Format(timeForm)), textMember("expires", t.Expires.UTC().Format(timeForm))}
	if t.User != "" {
		doc = append(doc, textMember("user", t.User))
	}
	if t.Data != nil {
		doc = append(doc, jsonMember("data", t.Data))
	}
	if t.rev != "" {
		doc = append(doc, textMember("_rev", t.rev))
	}
	return doc.marshal()
}
