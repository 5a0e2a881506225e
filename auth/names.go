package auth

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	nameLength  = 214 // as long as a package name, for a name is a scope too
	emailLength = 254 // RFC 5321's path less its brackets
)

func badRequest(reason string) error { return &Error{Kind: BadRequest, Reason: reason} }

// plausibleName reports whether a document of _users can have this name at all;
// others are not looked up.
func plausibleName(name string) bool {
	return name != "" && len(name) <= nameLength && !strings.Contains(name, ":") && utf8.ValidString(name)
}

// checkAccount says in npm's words what is wrong with a newcomer's particulars.
func (a *Auth) checkAccount(name, password, email string) error {
	if reason := wrongName(name); reason != "" {
		return badRequest(reason)
	}
	if err := a.checkPassword(name, password); err != nil {
		return err
	}
	if !validEmail(email) {
		return badRequest("Email must be an email address")
	}
	return nil
}

func wrongName(name string) string {
	switch {
	case name == "":
		return "Name is required"
	case len(name) > nameLength:
		return fmt.Sprintf("Name length must be less than or equal to %d characters long", nameLength)
	case strings.Contains(name, ":"):
		return "Character `:` is not allowed in usernames."
	case strings.ToLower(name) != name:
		return "Name must be lowercase"
	case strings.ContainsFunc(name, func(r rune) bool { return !urlSafe(r) }):
		return "Name may not contain non-url-safe chars"
	case strings.ContainsAny(name[:1], "._-"):
		return `Name may not start with "` + name[:1] + `"`
	}
	return ""
}

// urlSafe leaves out what encodeURIComponent keeps but a scope may not have.
func urlSafe(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r)
}

// validEmail takes an empty address too: CouchDB's accounts have none. Whether
// mail arrives is another matter.
func validEmail(email string) bool {
	if email == "" {
		return true
	}
	local, domain, ok := strings.Cut(email, "@")
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`<>,;"`, r)
	}
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !strings.HasPrefix(domain, ".") &&
		!strings.HasSuffix(domain, ".") && utf8.ValidString(email) && len(email) <= emailLength && !strings.ContainsFunc(email, odd)
}
