package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// waitingBound is how many sign-ins may wait for a place to hash: at ten a second
// the last of them waits half a minute, which is as long as clients do.
const waitingBound = 256

// Login checks a name and a password.
func (a *Auth) Login(ctx context.Context, name, password string) (Identity, error) {
	who, err := a.account(ctx, name)
	if err != nil {
		return Identity{}, err
	}
	q := a.prover.proof(name, password, who.rev)
	right, known := a.prover.verdict(q)
	if !known {
		if right, err = a.check(ctx, q, who, name, password); err != nil {
			return Identity{}, err
		}
	}
	if !right {
		return Identity{}, ErrCredentials
	}
	return who.identity(handlerBasic), nil
}

// serverAdmin is the account that is no document. Its salt makes that another
// password ends its sessions, also when the cookies' secret stays.
func serverAdmin(o Options) *account {
	if o.AdminName == "" {
		return nobody
	}
	mac := hmac.New(sha256.New, o.Secret)
	mac.Write([]byte(o.AdminName + ":" + o.AdminPassword))
	salt := hex.EncodeToString(mac.Sum(nil))
	return &account{name: o.AdminName, roles: []string{adminRole}, credentials: credentials{salt: salt}}
}

// isAdmin reports whether the name is the server admin's. A document of that
// name does not count.
func (a *Auth) isAdmin(name string) bool { return name != "" && name == a.o.AdminName }

// nobody stands in for accounts that do not exist.
var nobody = &account{}

// account is the account of that name, or nobody.
func (a *Auth) account(ctx context.Context, name string) (*account, error) {
	if a.isAdmin(name) {
		return a.admin, nil
	}
	if !plausibleName(name) {
		return nobody, nil
	}
	who, err := a.users.doc(ctx, userID(name))
	if err != nil {
		return nil, fmt.Errorf("auth: read an account: %w", err)
	}
	if who == nil {
		return nobody, nil
	}
	return who, nil
}

// check hashes the password. It costs the same whether the account exists, is
// the server admin's or was hashed with less work, so that time tells nothing.
func (a *Auth) check(ctx context.Context, q proof, who *account, name, password string) (right bool, err error) {
	if a.isAdmin(name) && a.adminPassword(password) {
		a.prover.remember(q, true)
		return true, nil
	}
	hashed := a.hashing(ctx, func() error {
		var known bool
		if right, known = a.prover.verdict(q); known {
			return nil // the same credentials waited for the same answer
		}
		if right, err = a.verify(who, password); err != nil {
			return err
		}
		a.prover.remember(q, right)
		if right && !who.current(a.o.Iterations) {
			a.rehash(ctx, name, password)
		}
		return nil
	})
	return right, hashed
}

func (a *Auth) verify(who *account, password string) (bool, error) {
	right, err := who.verify(password)
	if right || err != nil {
		return right, err
	}
	_, err = a.rest(who).derive(password)
	return false, err
}

// rest is the work by which an account's hash is cheaper than one made today.
func (a *Auth) rest(who *account) credentials {
	return credentials{scheme: schemePBKDF2, prf: prfSHA256, iterations: a.o.Iterations - who.rounds()}
}

// adminPassword compares hashes under a random key, as lengths would tell too.
func (a *Auth) adminPassword(password string) bool {
	got, want := a.prover.proof("", password, ""), a.prover.proof("", a.o.AdminPassword, "")
	return hmac.Equal(got[:], want[:])
}

// hashing runs f in one of the few places for slow hashes.
func (a *Auth) hashing(ctx context.Context, f func() error) error {
	if a.waiting.Add(1) > waitingBound {
		a.waiting.Add(-1)
		return ErrBusy
	}
	select {
	case a.gate <- struct{}{}:
		a.waiting.Add(-1)
		defer func() { <-a.gate }()
		return f()
	case <-ctx.Done():
		a.waiting.Add(-1)
		return ctx.Err()
	}
}

// rehash stores a password that was right in today's form. That it fails, for a
// conflict or a store that only reads, does not fail the sign-in.
func (a *Auth) rehash(ctx context.Context, name, password string) {
	err := a.storePassword(ctx, name, password)
	if err != nil && !errors.Is(err, context.Canceled) {
		a.o.Logger.Warn("auth: password hash not renewed", "user", name, "error", err)
	}
}
