package auth

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	authenticator "github.com/pquerna/otp/totp"
)

// The refusals of enrolment.
var (
	errMode       = badRequest(`invalid two-factor mode: it is "auth-only", "auth-and-writes" or "disable"`)
	errNotPending = badRequest("Two-factor authentication is not being enabled: begin with its mode.")
	errWrongCode  = badRequest("The one-time password is incorrect. Is the clock of the authenticator right?")
	errNoFactor   = badRequest("Two-factor authentication is not enabled.")
)

// codeOptions are what every authenticator can do.
var codeOptions = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// EnrolTOTP begins to enable the second factor and returns the otpauth URL for the
// authenticator; issuer is what it calls us. It holds from ConfirmTOTP on: until then
// the authenticator there was stays the one.
func (a *Auth) EnrolTOTP(ctx context.Context, name string, mode Mode, issuer string) (url string, err error) {
	if mode != AuthOnly && mode != AuthAndWrites {
		return "", errMode
	}
	who, err := a.who(ctx, name)
	if err != nil {
		return "", err
	}
	issuer = strings.ReplaceAll(issuer, ":", " ") // a colon ends the issuer in the URL's label
	key, err := authenticator.Generate(authenticator.GenerateOpts{Issuer: issuer, AccountName: name, SecretSize: 20, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", err
	}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		f.totp.Pending = &pendingTOTP{Key: key.Secret(), Mode: mode}
		return nil
	})
	if err != nil {
		return "", err
	}
	return key.URL(), nil
}

// ConfirmTOTP enables what EnrolTOTP began, by a code of the authenticator, and returns
// the new recovery codes, which are shown once.
func (a *Auth) ConfirmTOTP(ctx context.Context, name, code string) (recovery []string, err error) {
	who, err := a.who(ctx, name)
	if err != nil {
		return nil, err
	}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		if f.totp.Pending == nil {
			return errNotPending
		}
		at, right := matchCode(f.totp.Pending.Key, unspaced(code), a.o.Now())
		if !right {
			return errWrongCode
		}
		f.mode, f.totp = f.totp.Pending.Mode, factorTOTP{Key: f.totp.Pending.Key, Last: at}
		recovery, f.recovery = newRecovery()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// SetMode changes when an enabled factor is asked for.
func (a *Auth) SetMode(ctx context.Context, name string, mode Mode) error {
	if mode != AuthOnly && mode != AuthAndWrites {
		return errMode
	}
	return a.amendFactor(ctx, name, func(f *factor) error {
		f.mode = mode
		return nil
	})
}

// DisableFactor ends the second factor of an account, one that is pending too.
func (a *Auth) DisableFactor(ctx context.Context, name string) error {
	who, err := a.who(ctx, name)
	if err != nil {
		return err
	}
	return a.changeFactor(ctx, who, func(f *factor) error {
		if f.rev == "" {
			return errUnchanged
		}
		*f = factor{rev: f.rev, conflicts: f.conflicts, accountCreated: f.accountCreated}
		return nil
	})
}

// amendFactor changes a factor that is enabled.
func (a *Auth) amendFactor(ctx context.Context, name string, change func(*factor) error) error {
	who, err := a.who(ctx, name)
	if err != nil {
		return err
	}
	return a.changeFactor(ctx, who, func(f *factor) error {
		if !f.active() {
			return errNoFactor
		}
		return change(f)
	})
}

// matchCode is the step whose code it is: that of now, the one before or the one after.
func matchCode(key, code string, now time.Time) (at int64, right bool) {
	if key == "" || !sixDigits(code) {
		return 0, false
	}
	for s := step(now) - 1; s <= step(now)+1; s++ {
		want, err := hotp.GenerateCodeCustom(key, uint64(s), codeOptions)
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			at, right = s, true // no early end: the same code may be of two steps, then of the later one
		}
	}
	return at, right
}

func sixDigits(code string) bool { return len(code) == 6 && strings.Trim(code, "0123456789") == "" }

// unspaced is a code as it was meant: authenticators show it in groups.
func unspaced(code string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\u00a0' || r == '\u2009' {
			return -1
		}
		return r
	}, code)
}
