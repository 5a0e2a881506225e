package auth

import (
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// commas separate roles in headers and claims.
var commas = regexp.MustCompile(`\s*,\s*`)

// proxied is the handler "proxy": it believes the name and the roles that a proxy
// in front of the server puts into headers. With proxy_use_secret the name must be
// signed; without it whoever reaches the port is believed, so the port must be the
// proxy's alone.
func (a *Auth) proxied(r *http.Request) (Identity, error) {
	name := r.Header.Get(a.conf.text(sectionAuth, "x_auth_username", "X-Auth-CouchDB-UserName"))
	if name == "" {
		return Identity{}, nil
	}
	if a.conf.flag(sectionAuth, "proxy_use_secret", false) {
		token := r.Header.Get(a.conf.text(sectionAuth, "x_auth_token", "X-Auth-CouchDB-Token"))
		if !a.vouched(name, token) {
			return Identity{}, nil
		}
	}
	roles := r.Header.Get(a.conf.text(sectionAuth, "x_auth_roles", "X-Auth-CouchDB-Roles"))
	return Identity{Name: name, Roles: splitRoles(roles), Handler: handlerProxy}, nil
}

// vouched reports whether token is the hexadecimal HMAC of the name under the secret.
func (a *Auth) vouched(name, token string) bool {
	given, err := hex.DecodeString(token)
	return err == nil && slices.ContainsFunc(a.hashAlgorithms(), func(algorithm string) bool {
		mac := hmac.New(macs[algorithm], []byte(a.secret()))
		mac.Write([]byte(name))
		return hmac.Equal(given, mac.Sum(nil))
	})
}

func splitRoles(list string) []string {
	return slices.DeleteFunc(commas.Split(strings.TrimSpace(list), -1), func(role string) bool { return role == "" })
}
