package auth

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"settee/auth/audit"
)

// Level is how much a privilege weighs for a second factor.
type Level int

// The levels.
const (
	LevelWrites  Level = iota // packages, owners, access, organisations and teams
	LevelAccount              // sign-in, tokens, password, profile, the second factor itself: no token gets past
	LevelFree                 // stars; dist-tags but latest
)

// Privilege is what somebody is about to do.
type Privilege struct {
	Level               Level
	RequiresTFA         bool // the package asks for a second factor, whatever the mode of the account
	AutomationOverrides bool // but not of tokens that bypass it
}

// The refusals of a second factor. Both make npm ask for a code.
var (
	ErrOTP      = &Error{Kind: Unauthorized, Reason: "This operation requires a one-time password.", Challenge: "OTP"}
	ErrWrongOTP = &Error{Kind: Unauthorized, Reason: "The one-time password is wrong or was used already. This operation requires a one-time password.", Challenge: "OTP"}
)

var errNeedsFactor = forbidden("Two-factor authentication is required to publish to this package. Enable it: npm profile enable-2fa auth-and-writes")

// otpHeader brings the code.
const otpHeader = "Npm-Otp"

// repeatTime is how long a code stands for the requests of one command, as those that
// follow an unpublish or publish the packages of a workspace: the same code from the
// same address by the same token. To all others it is used up at once.
const repeatTime = time.Minute

// StepUp asks for the second factor that id needs for a privilege: digits, a recovery
// code or the token of a challenge in the header npm-otp. What needs it:
//
//	mode                auth-only   auth-and-writes   none
//	LevelAccount        code        code              may
//	LevelWrites         may         code              may
//	  token bypasses    may         may               may
//	LevelFree           may         may               may
//	RequiresTFA         code        code              403
//	  token bypasses, AutomationOverrides: as if it were not set
//
// An identity that gave its factor with the request has given it for all of it. The
// server admin of Options has no factor and is never asked; a server admin of [admins]
// is where one was enabled.
func (a *Auth) StepUp(r *http.Request, id Identity, why Privilege) error {
	switch {
	case id.Anonymous():
		return ErrAnonymous
	case id.Factor || a.isFirstAdmin(id.Name), id.Token != nil && id.Token.Publisher != nil && why.Level != LevelAccount:
		return nil // a trusted publisher has proved who it is, and who trusts it has given the factor
	}
	who, err := a.account(r.Context(), id.Name)
	if err != nil {
		return err
	}
	f, err := a.factor(r.Context(), who)
	if err != nil {
		return err
	}
	bypass := id.Token != nil && id.Token.bypasses()
	forced := why.RequiresTFA && !(bypass && why.AutomationOverrides)
	switch {
	case !f.active() && forced && !id.Admin():
		return errNeedsFactor
	case !f.active(), !forced && !f.asks(why.Level, bypass):
		return nil
	}
	code, err := codeOf(r)
	if err != nil {
		return err
	}
	credential := ""
	if why.Level == LevelWrites && id.Token != nil {
		credential = id.Token.Key
	}
	return a.proveFactor(r.Context(), r, who, f, code, credential)
}

// asks reports whether an active factor is asked for at a level.
func (f *factor) asks(l Level, bypass bool) bool {
	switch l {
	case LevelAccount:
		return true
	case LevelWrites:
		return f.mode != AuthOnly && !bypass
	}
	return false
}

// codeOf is the code that a request brings; "" without one.
func codeOf(r *http.Request) (string, error) {
	switch given := r.Header[otpHeader]; len(given) {
	case 0:
		return "", nil
	case 1:
		return unspaced(given[0]), nil
	}
	return "", ErrHeader // which one would count?
}

// CheckFactor checks a code of an account for a page that asks for it, from where
// the request comes. An account without a factor passes.
func (a *Auth) CheckFactor(r *http.Request, name, code string) error {
	who, err := a.who(r.Context(), name)
	if err != nil {
		return err
	}
	f, err := a.factor(r.Context(), who)
	if err != nil || !f.active() {
		return err
	}
	return a.proveFactor(r.Context(), r, who, f, unspaced(code), "")
}

// proveFactor requires a code of an active factor. Given a credential, the code holds for
// the requests of one command that bring it. r is nil of who has no request.
func (a *Auth) proveFactor(ctx context.Context, r *http.Request, who *account, f *factor, code, credential string) error {
	if code == "" {
		return ErrOTP
	}
	var from netip.Addr
	if r != nil {
		from = a.o.ClientAddr(r)
	}
	right, err := false, error(nil)
	if credential == "" { // strictly once
		right, err = a.passes(ctx, from, who, f, code)
	} else {
		right, err = a.repeats(ctx, from, who, f, code, credential)
	}
	switch {
	case err != nil:
		return err
	case !right:
		if sixDigits(code) { // these are bounded, so the log is
			a.recordFailure(r, who, audit.FactorFailed, ErrWrongOTP)
		}
		return ErrWrongOTP
	}
	a.codes.welcome(a.near(who, from))
	if _, recovery := recoveryForm(code); recovery {
		a.Record(r, Identity{Name: who.name}, audit.Entry{Act: audit.FactorRecovery, OK: true})
	}
	return nil
}

// passes uses up a code and reports whether it was right.
func (a *Auth) passes(ctx context.Context, from netip.Addr, who *account, f *factor, code string) (bool, error) {
	if sixDigits(code) {
		return a.guess(ctx, who, from, func() (bool, error) { return a.useCode(ctx, who, f, code) })
	}
	if code, ok := recoveryForm(code); ok {
		return a.useRecovery(ctx, who, f, code)
	}
	return a.useChallenge(ctx, who, code)
}

// useCode ends a code of the authenticator and all before it, durably, before it counts.
func (a *Auth) useCode(ctx context.Context, who *account, f *factor, code string) (right bool, err error) {
	fits := func(f *factor) (at int64, fits bool) {
		at, fits = matchCode(f.totp.Key, code, a.o.Now())
		return at, fits && at > f.totp.Last
	}
	if _, right = fits(f); !right {
		return false, nil // without a look at the store
	}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		var at int64
		if at, right = fits(f); !right {
			return errUnchanged
		}
		f.totp.Last = at
		return nil
	})
	return right && err == nil, err
}

// repeats is passes for one of the requests of a command: those that come at once
// share one verdict, and the next ones find it for a while.
func (a *Auth) repeats(ctx context.Context, from netip.Addr, who *account, f *factor, code, credential string) (bool, error) {
	same := a.prover.proof(who.name+":"+who.created, credential+":"+code, network(from).String())
	if a.codes.granted(same, a.o.Now()) {
		return true, nil
	}
	right, err, _ := a.codes.flight.Do(string(same[:]), func() (any, error) {
		if a.codes.granted(same, a.o.Now()) {
			return true, nil
		}
		right, err := a.passes(context.WithoutCancel(ctx), from, who, f, code)
		if right && err == nil {
			a.codes.grant(same, a.o.Now().Add(repeatTime))
		}
		return right, err
	})
	return right.(bool), err
}
