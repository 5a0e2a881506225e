package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// recoveryCodes is how many there are, as npm prints them.
const recoveryCodes = 5

// newRecovery makes recovery codes of 256 bits, 64 characters of hex, and what is kept
// of them: they are as good as keys, so one round of a hash hides them.
func newRecovery() (codes, hashes []string) {
	for range recoveryCodes {
		var random [32]byte
		rand.Read(random[:])
		code := hex.EncodeToString(random[:])
		codes, hashes = append(codes, code), append(hashes, hashRecovery(code))
	}
	return codes, hashes
}

func hashRecovery(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// recoveryForm is what a code must look like to be one; capitals are forgiven.
func recoveryForm(code string) (string, bool) {
	code = strings.ToLower(code)
	return code, len(code) == 64 && strings.Trim(code, "0123456789abcdef") == ""
}

// RenewRecovery replaces the recovery codes of an enabled factor, used or not, by five
// new ones, which are shown once.
func (a *Auth) RenewRecovery(ctx context.Context, name string) (codes []string, err error) {
	err = a.amendFactor(ctx, name, func(f *factor) error {
		codes, f.recovery = newRecovery()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// useRecovery ends a recovery code and reports whether it was one.
func (a *Auth) useRecovery(ctx context.Context, who *account, f *factor, code string) (right bool, err error) {
	hash := hashRecovery(code)
	if !slices.Contains(f.recovery, hash) {
		return false, nil // without a look at the store
	}
	err = a.changeFactor(ctx, who, func(f *factor) error {
		at := slices.Index(f.recovery, hash)
		right = f.active() && at >= 0
		if !right {
			return errUnchanged
		}
		f.recovery = slices.Delete(f.recovery, at, at+1)
		return nil
	})
	return right && err == nil, err
}
