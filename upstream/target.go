package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Target is a registry that is asked for the names that fit.
type Target struct {
	Pattern Pattern  // zero: all names that no other target's fits
	URL     *url.URL // without credentials, without a slash at the end
	Feed    *url.URL // its _changes; nil: URL/_changes

	authorization string // what it is asked with; "" for nothing
}

// ParseTarget reads URL or PATTERN=URL. Credentials may be in the URL: a user and a password, or a token alone in the user's place. Errors
// hold nothing of the URL, which may hold them.
func ParseTarget(given string) (Target, error) {
	var t Target
	location := given
	if !strings.HasPrefix(given, "http://") && !strings.HasPrefix(given, "https://") {
		pattern, rest, ok := strings.Cut(given, "=")
		if !ok {
			return t, errors.New("want https://host/, or PATTERN=https://host/")
		}
		p, err := ParsePattern(pattern)
		if err != nil {
			return t, err
		}
		if p.Ranged() {
			return t, fmt.Errorf("%s: a registry has all versions of a package: want a name or a @scope before the =", p)
		}
		t.Pattern, location = p, rest
	}
	u, err := ParseURL(location)
	if err != nil {
		return t, err
	}
	if password, has := u.User.Password(); has {
		q := http.Request{Header: http.Header{}}
		q.SetBasicAuth(u.User.Username(), password)
		t.authorization = q.Header.Get("Authorization")
	} else if token := u.User.Username(); token != "" {
		t.authorization = "Bearer " + token
	}
	u.User = nil
	t.URL = u
	return t, nil
}

// ParseURL reads the address of a registry. Its errors do not repeat it.
func ParseURL(location string) (*url.URL, error) {
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return nil, errors.New("its URL cannot be read: special characters of a password must be escaped (%40 is @)")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("want an address that begins with https://, or http://")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("its URL may have no ? and no #")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// Name is what logs call it: its address has no credentials.
func (t Target) Name() string { return t.URL.String() }

// Authorize has a target asked with a token, if name is its pattern's text or its host.
func (t *Target) Authorize(name, token string) bool {
	if name != t.Pattern.text && name != t.URL.Host && name != t.URL.Hostname() || name == "" {
		return false
	}
	t.authorization = "Bearer " + token
	return true
}

// Fits reports whether a name is asked of this target, unless one before it fits too.
func (t Target) Fits(name string) bool { return t.Pattern.name == "" || t.Pattern.Fits(name) }

// origin is whom credentials are for.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
