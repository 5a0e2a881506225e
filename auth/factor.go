package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Mode says when an account's second factor is asked for.
type Mode string

// The modes, in npm's words.
const (
	AuthOnly      Mode = "auth-only"       // to sign in and to change the account
	AuthAndWrites Mode = "auth-and-writes" // and to change packages and organisations
)

// Factor is the public part of an account's second factor. The zero value is none.
type Factor struct {
	Mode     Mode
	Active   bool // it is asked for
	Pending  bool // codes were shown to an authenticator, and none came back yet; Mode is what is wanted
	TOTP     bool // by codes of an authenticator
	Keys     []SecurityKey
	Recovery int // codes that are left
}

// factor is a document of factors as parsed.
type factor struct {
	rev            string
	accountCreated string // of the account that it was made for
	mode           Mode
	totp           factorTOTP
	recovery       []string // SHA-256 of codes, hex
	keys           []securityKey
	conflicts      []string // revisions that lost
}

// factorTOTP is the authenticator of a factor; Key is base32.
type factorTOTP struct {
	Key     string       `json:"key,omitempty"`
	Last    int64        `json:"last,omitempty"` // the step of the last code that was right: none up to it is taken again
	Pending *pendingTOTP `json:"pending,omitempty"`
}

type pendingTOTP struct {
	Key  string `json:"key"`
	Mode Mode   `json:"mode"`
}

// parseFactor refuses what it does not understand: a factor that cannot be read
// must not count as none.
func parseFactor(doc object) (*factor, error) {
	f := &factor{rev: doc.text("_rev")}
	for name, dst := range map[string]any{
		"account_created": &f.accountCreated, "mode": &f.mode, "totp": &f.totp, "recovery": &f.recovery, "webauthn": &f.keys, "_conflicts": &f.conflicts,
	} {
		if doc.has(name) && !doc.scan(name, dst) {
			return nil, fmt.Errorf("factor of %q: %s is spoilt", doc.text("_id"), name)
		}
	}
	if f.active() && f.mode != AuthOnly && f.mode != AuthAndWrites {
		return nil, fmt.Errorf("factor of %q: mode is spoilt", doc.text("_id"))
	}
	return f, nil
}

// active reports whether the factor is asked for.
func (f *factor) active() bool { return f.totp.Key != "" || len(f.keys) > 0 }

func (f *factor) empty() bool { return !f.active() && f.totp.Pending == nil }

func (f *factor) document() json.RawMessage {
	doc := object{textMember("type", "factor"), textMember("account_created", f.accountCreated)}
	if f.rev != "" {
		doc = append(doc, textMember("_rev", f.rev))
	}
	if f.mode != "" {
		doc = append(doc, textMember("mode", string(f.mode)))
	}
	if f.totp != (factorTOTP{}) {
		doc = append(doc, jsonMember("totp", f.totp))
	}
	if len(f.recovery) > 0 {
		doc = append(doc, jsonMember("recovery", f.recovery))
	}
	if len(f.keys) > 0 {
		doc = append(doc, jsonMember("webauthn", f.keys))
	}
	return doc.marshal()
}

func (f *factor) public() Factor {
	out := Factor{Mode: f.mode, Active: f.active(), TOTP: f.totp.Key != "", Recovery: len(f.recovery)}
	if !out.Active && f.totp.Pending != nil {
		out.Mode, out.Pending = f.totp.Pending.Mode, true
	}
	for _, k := range f.keys {
		out.Keys = append(out.Keys, k.SecurityKey)
	}
	return out
}

// noFactor stands in for factors that do not exist.
var noFactor = &factor{}

// factorID is the id of an account's factor, if it can have one: the admin of Options
// is no document and has none.
func (a *Auth) factorID(who *account) (id string, ok bool) {
	return who.name, who != nobody && who != a.admin && who.name != "" && !strings.HasPrefix(who.name, "_")
}

// factor is the second factor of an account, or noFactor. One of an account that was
// made anew under an old name does not count.
func (a *Auth) factor(ctx context.Context, who *account) (*factor, error) {
	id, ok := a.factorID(who)
	if !ok {
		return noFactor, nil
	}
	f, err := a.factors.doc(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("auth: read a factor: %w", err)
	}
	if f == nil || f.accountCreated != who.created {
		return noFactor, nil
	}
	return f, nil
}

// Factor reads the second factor of an account.
func (a *Auth) Factor(ctx context.Context, name string) (Factor, error) {
	who, err := a.account(ctx, name)
	if err != nil {
		return Factor{}, err
	}
	f, err := a.factor(ctx, who)
	if err != nil {
		return Factor{}, err
	}
	return f.public(), nil
}

// errUnchanged ends changeFactor without a write.
var errUnchanged = errors.New("unchanged")

// changeFactor writes what change makes of a factor as it is in the store, again
// where somebody else was faster. Nothing is left of a factor without anything.
func (a *Auth) changeFactor(ctx context.Context, who *account, change func(*factor) error) error {
	id, ok := a.factorID(who)
	if !ok {
		return badRequest("This account cannot have a second factor.")
	}
	defer a.factors.forget(id)
	for range redeemTries {
		f, err := a.readFactor(ctx, id)
		if err != nil {
			return fmt.Errorf("auth: read a factor: %w", err)
		}
		if f.accountCreated != who.created {
			f = &factor{rev: f.rev, conflicts: f.conflicts, accountCreated: who.created}
		}
		if err := change(f); err != nil {
			if errors.Is(err, errUnchanged) {
				return nil
			}
			return err
		}
		if err = a.writeFactor(ctx, id, f); err == nil {
			return nil
		}
		if kivik.HTTPStatus(err) != http.StatusConflict {
			return fmt.Errorf("auth: store a factor: %w", err)
		}
	}
	return ErrBusy
}

// readFactor reads a factor past the mirror. Where regions wrote at the same time, what
// was used up in one of them is used up.
func (a *Auth) readFactor(ctx context.Context, id string) (*factor, error) {
	doc, err := readObject(ctx, a.factors.db, id, withConflicts)
	if err != nil || doc == nil {
		return &factor{}, err
	}
	f, err := parseFactor(doc)
	if err != nil {
		return nil, err
	}
	for _, rev := range f.conflicts {
		doc, err := readObject(ctx, a.factors.db, id, kivik.Rev(rev))
		if err != nil {
			return nil, err
		}
		if lost, err := parseFactor(doc); err == nil {
			f.spend(lost)
		}
	}
	return f, nil
}

// spend takes over what was used up in a revision that lost.
func (f *factor) spend(lost *factor) {
	if lost.accountCreated != f.accountCreated {
		return
	}
	if lost.totp.Key == f.totp.Key {
		f.totp.Last = max(f.totp.Last, lost.totp.Last)
	}
	if slices.ContainsFunc(lost.recovery, func(code string) bool { return slices.Contains(f.recovery, code) }) { // of one set
		f.recovery = slices.DeleteFunc(f.recovery, func(code string) bool { return !slices.Contains(lost.recovery, code) })
	}
	for i := range f.keys {
		for _, k := range lost.keys {
			if k.ID == f.keys[i].ID {
				count := &f.keys[i].Credential.Authenticator.SignCount
				*count = max(*count, k.Credential.Authenticator.SignCount)
			}
		}
	}
}

// writeFactor stores a factor, and ends the revisions that lost against it.
func (a *Auth) writeFactor(ctx context.Context, id string, f *factor) (err error) {
	switch {
	case !f.empty():
		_, err = a.factors.db.Put(ctx, id, f.document())
	case f.rev != "":
		_, err = a.factors.db.Delete(ctx, id, f.rev)
	}
	if err != nil {
		return err
	}
	for _, rev := range f.conflicts {
		if _, err := a.factors.db.Delete(ctx, id, rev); err != nil && kivik.HTTPStatus(err) != http.StatusConflict {
			return err
		}
	}
	return nil
}

// who is the account of a name for what needs one.
func (a *Auth) who(ctx context.Context, name string) (*account, error) {
	who, err := a.account(ctx, name)
	if err == nil && who == nobody {
		err = errNoUser
	}
	return who, err
}

// step is the number of a time's code.
func step(at time.Time) int64 { return at.Unix() / totpStep }
