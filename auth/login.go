package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"

	"settee/auth/audit"
)

// waitingBound is how many sign-ins may wait for a place to hash: at ten a second
// the last of them waits half a minute, which is as long as clients do.
const waitingBound = 256

// Login checks a name and a password for a caller who has no request; failures are
// not counted.
func (a *Auth) Login(ctx context.Context, name, password string) (Identity, error) {
	return a.signIn(ctx, nil, name, password, "", "")
}

// SignIn checks a name and a password that a request brings, and the token of a
// second factor where the account has one. Who fails too often from one address is
// refused for a while, whatever the password (ErrLocked).
func (a *Auth) SignIn(r *http.Request, name, password, token string) (Identity, error) {
	return a.signIn(r.Context(), r, name, password, token, "")
}

// CheckPassword checks a password as SignIn does, and nothing else, for who gives it
// once more.
func (a *Auth) CheckPassword(r *http.Request, name, password string) error {
	code, err := codeOf(r)
	if err == nil {
		_, err = a.passwordOf(r.Context(), r, name, password, code)
	}
	return err
}

// A claim is a password of an account, to be proved.
type claim struct {
	who                   *account
	name, password, token string
	proof                 proof
}

// signIn checks a password and what else the account asks for. A code is used up, but
// for further requests with the same credential.
func (a *Auth) signIn(ctx context.Context, r *http.Request, name, password, token, credential string) (Identity, error) {
	who, err := a.passwordOf(ctx, r, name, password, token)
	if err != nil {
		return Identity{}, err
	}
	id := who.identity(handlerBasic)
	f, err := a.factor(ctx, who)
	if err != nil || !f.active() {
		return id, err
	}
	if err = a.proveFactor(ctx, r, who, f, unspaced(token), credential); err != nil {
		return Identity{}, err
	}
	id.Factor = true
	return id, nil
}

// passwordOf is the account whose password it is. token is for the second factor that
// CouchDB knows.
func (a *Auth) passwordOf(ctx context.Context, r *http.Request, name, password, token string) (*account, error) {
	who, err := a.account(ctx, name)
	if err != nil {
		return nil, err
	}
	c := claim{who, name, password, token, a.prover.proof(name, password, who.rev)}
	right := false
	if r == nil || a.lockouts.failing.Load() == 0 {
		right, _ = a.known(c)
	}
	if !right {
		right, err = a.judge(ctx, r, c)
	}
	switch {
	case err != nil:
		return nil, err
	case !right:
		a.recordFailure(r, who, audit.LoginFailed, ErrCredentials)
		return nil, ErrCredentials
	case who.conflicted && !a.conf.flag(sectionAuth, "allow_conflicted_user_docs", false):
		return nil, errConflicted
	case who.standing != nil && who.service:
		return nil, ErrService
	}
	return who, a.admits(who, r)
}

// judge proves a password, with a watch on how often its origin has failed.
func (a *Auth) judge(ctx context.Context, r *http.Request, c claim) (right bool, err error) {
	if r == nil {
		return a.prove(ctx, c)
	}
	mode, from := lockoutMode(a.conf.text(sectionLockout, "mode", string(lockoutEnforce))), a.o.ClientAddr(r)
	if mode != lockoutEnforce && mode != lockoutWarn {
		return a.prove(ctx, c)
	}
	return a.guarded(ctx, r, mode, from, c)
}

// known is the verdict on a claim where its password's is remembered.
func (a *Auth) known(c claim) (right, known bool) {
	right, known = a.prover.verdict(c.proof)
	return right && a.second(c), known
}

// second reports whether a claim has what its account asks for beside the password.
func (a *Auth) second(c claim) bool {
	return c.who.totp == nil || c.who.totp.accepts(c.token, a.o.Now())
}

// prove is the verdict on a claim, remembered or worked out.
func (a *Auth) prove(ctx context.Context, c claim) (right bool, err error) {
	if right, known := a.known(c); known {
		return right, nil
	}
	right, err = a.check(ctx, c)
	return right && a.second(c), err
}

// nobody stands in for accounts that do not exist.
var nobody = &account{}

// account is the account of that name, or nobody.
func (a *Auth) account(ctx context.Context, name string) (*account, error) {
	if a.isFirstAdmin(name) {
		return a.admin, nil
	}
	admin := a.configuredAdmin(name)
	if !plausibleName(name) {
		return cmp.Or(admin, nobody), nil
	}
	who, err := a.users.doc(ctx, userID(name))
	if err != nil {
		return nil, fmt.Errorf("auth: read an account: %w", err)
	}
	if admin != nil && who != nil {
		admin.roles = append(admin.roles, who.roles...) // the document adds roles, its password does not count
	}
	return cmp.Or(admin, who, nobody), nil
}

// check hashes the password. It costs the same whether the account exists, is
// the server admin's or was hashed with less work, so that time tells nothing.
func (a *Auth) check(ctx context.Context, c claim) (right bool, err error) {
	if a.isFirstAdmin(c.name) && a.adminPassword(c.password) {
		a.prover.remember(c.proof, true)
		return true, nil
	}
	hashed := a.hashing(ctx, func() error {
		var known bool
		if right, known = a.prover.verdict(c.proof); known {
			return nil // the same credentials waited for the same answer
		}
		if right, err = a.verify(c.who, c.password); err != nil {
			return err
		}
		a.prover.remember(c.proof, right)
		if right {
			a.renew(ctx, c.who, c.password)
		}
		return nil
	})
	return right, hashed
}

func (a *Auth) verify(who *account, password string) (bool, error) {
	if err := a.bounds(who.credentials); err != nil {
		return false, err
	}
	right, err := who.verify(password)
	if right || err != nil {
		return right, err
	}
	_, err = a.rest(who).derive(password)
	return false, err
}

// rest is the work by which an account's hash is cheaper than one made today.
func (a *Auth) rest(who *account) credentials {
	today, _ := a.policy() // work that cannot be hashed today costs nothing
	return credentials{scheme: schemePBKDF2, prf: prfSHA256, iterations: today.iterations - who.rounds()}
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

// wait waits for a verdict on somebody's password, in the same bounded line.
func (a *Auth) wait(ctx context.Context, verdict <-chan struct{}) error {
	defer a.waiting.Add(-1)
	if a.waiting.Add(1) > waitingBound {
		return ErrBusy
	}
	select {
	case <-verdict:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew stores a password that was right in today's form. The salt stays, so
// that sessions go on and servers that renew at once write the same revision.
// That it fails, for a conflict or a store that only reads, does not fail the sign-in.
func (a *Auth) renew(ctx context.Context, who *account, password string) {
	p, err := a.policy()
	if err != nil || who.isAdmin() || who.current(p) || !a.conf.flag(sectionAuth, "upgrade_hash_on_auth", true) {
		return
	}
	err = a.storePassword(ctx, who.name, password, who, p)
	if err != nil && !errors.Is(err, context.Canceled) {
		a.o.Logger.Warn("auth: password hash not renewed", "user", who.name, "error", err)
	}
}
