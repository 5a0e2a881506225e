package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// The forms of a password in [admins]:
//
//	-pbkdf2:PRF-KEY,SALT,ITERATIONS   what is written today
//	-pbkdf2-KEY,SALT,ITERATIONS       SHA-1
//	-hashed-KEY,SALT                  SHA-1 of password and salt
//
// A password in clear is none of them, and nobody signs in by it: whoever writes
// the section hashes first (HashAdminPassword).
const (
	adminPBKDF2 = "-pbkdf2"
	adminSimple = "-hashed-"
)

// parseAdminHash reads a value of [admins].
func parseAdminHash(value string) (c credentials, ok bool) {
	if rest, simple := strings.CutPrefix(value, adminSimple); simple {
		parts := strings.Split(rest, ",")
		if len(parts) != 2 {
			return c, false
		}
		return credentials{scheme: schemeSimple, key: strings.ToLower(parts[0]), salt: parts[1]}, true
	}
	rest, strong := strings.CutPrefix(value, adminPBKDF2)
	if !strong {
		return c, false
	}
	prf, rest, found := strings.Cut(rest, "-")
	parts := strings.Split(rest, ",")
	if prf != "" && (prf[0] != ':' || prfs[prf[1:]] == nil) || !found || len(parts) != 3 {
		return c, false
	}
	rounds, err := strconv.Atoi(parts[2])
	if err != nil {
		return c, false
	}
	prf = strings.TrimPrefix(prf, ":")
	return credentials{scheme: schemePBKDF2, prf: prf, key: strings.ToLower(parts[0]), salt: parts[1], iterations: rounds}, true
}

// adminHash is the value of [admins] for a password's hash.
func (c credentials) adminHash() string {
	if c.scheme == schemeSimple {
		return adminSimple + c.key + "," + c.salt
	}
	return adminPBKDF2 + ":" + c.prf + "-" + c.key + "," + c.salt + "," + strconv.Itoa(c.iterations)
}

// HashAdminPassword makes of a password what [admins] keeps of it. A hash comes
// back as it is.
func (a *Auth) HashAdminPassword(ctx context.Context, password string) (string, error) {
	if _, hashed := parseAdminHash(password); hashed {
		return password, nil
	}
	p, err := a.policy()
	if err != nil {
		return "", err
	}
	var c credentials
	err = a.hashing(ctx, func() (err error) {
		c, err = newCredentials(password, "", p)
		return err
	})
	return c.adminHash(), err
}

// serverAdmin is the account of Options, who is no document. Its salt makes that
// another password ends its sessions, also when the cookies' secret stays.
func serverAdmin(o Options, secret string) *account {
	if o.AdminName == "" {
		return nobody
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(o.AdminName + ":" + o.AdminPassword))
	salt := hex.EncodeToString(mac.Sum(nil))
	return &account{name: o.AdminName, roles: []string{adminRole}, credentials: credentials{salt: salt}}
}

// isFirstAdmin reports whether the name is that of the admin of Options, who
// counts more than [admins] and any document.
func (a *Auth) isFirstAdmin(name string) bool { return name != "" && name == a.o.AdminName }

// configuredAdmin is the server admin of that name in [admins], or nil. Its
// revision is the hash itself, so that no verdict outlives it.
func (a *Auth) configuredAdmin(name string) *account {
	value, set := a.conf.Setting(sectionAdmins, name)
	if !set {
		return nil
	}
	c, ok := parseAdminHash(value)
	if !ok {
		return nil
	}
	return &account{rev: value, name: name, roles: []string{adminRole}, credentials: c}
}

// isAdmin reports whether an account is a server admin: no document gives the role.
func (a *account) isAdmin() bool { return slices.Contains(a.roles, adminRole) }
