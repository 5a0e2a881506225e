package auth

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "AuthSession"
	// cookieSeconds is CouchDB's default for [chttpd_auth] timeout.
	cookieSeconds = 600
	// readTime bounds the one read that a cookie may need.
	readTime = 5 * time.Second
	// expiresForm is how CouchDB writes the attribute Expires.
	expiresForm = "Mon, 02-Jan-2006 15:04:05 GMT"
)

// macs are the names of [chttpd_auth] hash_algorithms.
var macs = map[string]func() hash.Hash{
	"sha256": sha256.New, "sha": sha1.New, "sha224": sha256.New224, "sha384": sha512.New384, "sha512": sha512.New,
	"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
	"md5": md5.New,
}

// usualAlgorithms are CouchDB's default.
var usualAlgorithms = []string{"sha256", "sha"}

// hashAlgorithms are what signatures may be made with; new ones are by the first.
func (a *Auth) hashAlgorithms() []string {
	known := slices.DeleteFunc(a.conf.list(sectionAuth, "hash_algorithms"), func(name string) bool { return macs[name] == nil })
	if len(known) == 0 {
		return usualAlgorithms
	}
	return known
}

// secret signs cookies, and the names that proxies send.
func (a *Auth) secret() string {
	if s := a.conf.text(sectionAuth, "secret", ""); s != "" {
		return s
	}
	return string(a.o.Secret)
}

// lifetime is how long a session lasts after its last renewal.
func (a *Auth) lifetime() time.Duration {
	return time.Duration(a.conf.number(sectionAuth, "timeout", cookieSeconds)) * time.Second
}

// ticket is what a cookie says.
type ticket struct {
	name, stamp string    // stamp: seconds since 1970, upper-case hex
	issued      time.Time // zero where stamp is no time
	mac         string    // raw bytes
}

// parseTicket decodes base64url("name:HEXTIME:" + mac).
func parseTicket(value string) (ticket, error) {
	plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return ticket{}, ErrCookie
	}
	parts := strings.SplitN(string(plain), ":", 3)
	if len(parts) != 3 {
		return ticket{}, ErrCookie
	}
	t := ticket{name: parts[0], stamp: parts[1], mac: parts[2]}
	if seconds, err := strconv.ParseInt(t.stamp, 16, 64); err == nil && seconds > 0 {
		t.issued = time.Unix(seconds, 0)
	}
	return t, nil
}

// sign binds name and time to the secret and to the account's salt, so that a
// new password ends the sessions.
func (a *Auth) sign(t ticket, salt, algorithm string) []byte {
	key := append(append(make([]byte, 0, 64), a.secret()...), salt...)
	mac := hmac.New(macs[algorithm], key)
	mac.Write([]byte(t.name + ":" + t.stamp))
	return mac.Sum(nil)
}

func (a *Auth) signed(t ticket, salt string) bool {
	return slices.ContainsFunc(a.hashAlgorithms(), func(algorithm string) bool {
		return hmac.Equal([]byte(t.mac), a.sign(t, salt, algorithm))
	})
}

// session reads the cookie. Expired, forged and orphaned ones make nobody of the
// client, as in CouchDB; one that cannot be read is an error.
func (a *Auth) session(r *http.Request) (Identity, error) {
	t, present, err := requestTicket(r)
	if err != nil || !present || !a.o.Now().Before(t.issued.Add(a.lifetime())) {
		return Identity{}, err
	}
	who, err := a.account(r.Context(), t.name)
	if err != nil || who == nobody || !a.signed(t, who.salt) {
		return Identity{}, err
	}
	if who.conflicted && !a.conf.flag(sectionAuth, "allow_conflicted_user_docs", false) {
		return Identity{}, errConflicted
	}
	if a.admits(who, r) != nil {
		return Identity{}, nil
	}
	return who.identity(handlerCookie), nil
}

func requestTicket(r *http.Request) (t ticket, present bool, err error) {
	if len(r.Header["Cookie"]) == 0 {
		return ticket{}, false, nil
	}
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" {
		return ticket{}, false, nil
	}
	t, err = parseTicket(c.Value)
	return t, true, err
}

// Cookie is the value of Set-Cookie by which id goes on after r: an AuthSession of
// CouchDB's form; one that ends the session when the account is gone or cannot be read.
func (a *Auth) Cookie(r *http.Request, id Identity) string {
	now := a.o.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readTime)
	defer cancel()
	who, err := a.account(ctx, id.Name)
	if err != nil || who == nobody {
		return a.ClearCookie(r)
	}
	t := ticket{name: who.name, stamp: fmt.Sprintf("%X", now.Unix())}
	value := t.name + ":" + t.stamp + ":" + string(a.sign(t, who.salt, a.hashAlgorithms()[0]))
	expires := ""
	if life := a.lifetime(); a.conf.flag(sectionAuth, "allow_persistent_cookies", true) {
		expires = fmt.Sprintf("; Expires=%s; Max-Age=%d", now.Add(life).UTC().Format(expiresForm), life/time.Second)
	}
	return a.setCookie(r, base64.RawURLEncoding.EncodeToString([]byte(value)), expires)
}

// RenewCookie is the cookie to send with the answer to r: a new one when id came by
// one that has less than nine tenths of its time left, else "".
func (a *Auth) RenewCookie(r *http.Request, id Identity) string {
	if id.Handler != handlerCookie {
		return ""
	}
	t, present, err := requestTicket(r)
	if err != nil || !present || !a.o.Now().After(t.issued.Add(a.lifetime()/10)) {
		return ""
	}
	return a.Cookie(r, id)
}

// ClearCookie is the value of Set-Cookie that ends a session in the browser.
func (a *Auth) ClearCookie(r *http.Request) string {
	return a.setCookie(r, "", "; Expires="+time.Unix(0, 0).UTC().Format(expiresForm)+"; Max-Age=0")
}

// setCookie writes the attributes in CouchDB's order.
func (a *Auth) setCookie(r *http.Request, value, expires string) string {
	c := cookieName + "=" + value + "; Version=1" + expires
	if r.TLS != nil || r.URL.Scheme == "https" { // the second is what a trusted proxy says: see limit.Door
		c += "; Secure"
	}
	if domain := a.conf.text(sectionAuth, "cookie_domain", ""); domain != "" && !strings.ContainsAny(domain, "; \r\n") {
		c += "; Domain=" + domain
	}
	c += "; Path=/; HttpOnly"
	switch site := strings.ToLower(a.conf.text(sectionAuth, "same_site", "")); site {
	case "none", "lax", "strict":
		c += "; SameSite=" + strings.ToUpper(site[:1]) + site[1:]
	}
	return c
}
