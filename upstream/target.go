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

	authorization     string // what it is asked with; "" for nothing
	feedAuthorization string // the same of Feed
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
	t.authorization = authorization(u)
	u.User = nil
	t.URL = u
	return t, nil
}

// Follow has a target's changes read elsewhere than at URL/_changes: at a URL that may hold credentials of its own.
func (t *Target) Follow(location string) error {
	u, err := ParseURL(location)
	if err != nil {
		return err
	}
	t.feedAuthorization = authorization(u)
	u.User = nil
	t.Feed = u
	return nil
}

// authorization is what a URL's credentials are sent as: user and password, or a token alone.
func authorization(u *url.URL) string {
	if password, has := u.User.Password(); has {
		q := http.Request{Header: http.Header{}}
		q.SetBasicAuth(u.User.Username(), password)
		return q.Header.Get("Authorization")
	}
	if token := u.User.Username(); token != "" {
		return "Bearer " + token
	}
	return ""
}

// secretFor is what goes with a request for an address; "" where that is of nobody who is to see credentials.
func (t *Target) secretFor(at *url.URL) string {
	switch {
	case t.Feed != nil && origin(at) == origin(t.Feed) && at.Path == t.Feed.Path:
		return t.feedAuthorization
	case origin(at) == origin(t.URL):
		return t.authorization
	}
	return ""
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
