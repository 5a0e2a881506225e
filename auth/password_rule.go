package auth

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

const (
	passwordLength = 256 // bytes; it must pass in a header, and who guesses does not choose what we hash
	// nameInside is from how many characters on a name may not be part of its password.
	nameInside = 4
	// ruleTime bounds what an expression of password_regexp may cost.
	ruleTime = 100 * time.Millisecond
)

// checkPassword says what is wrong with a new password of an account.
func (a *Auth) checkPassword(name, password string) error {
	lower := strings.ToLower(password)
	switch {
	case utf8.RuneCountInString(password) < a.o.MinPassword:
		return badRequest(fmt.Sprintf("Password must be at least %d characters long", a.o.MinPassword))
	case len(password) > passwordLength:
		return badRequest(fmt.Sprintf("Password must be at most %d bytes long", passwordLength))
	case len(name) >= nameInside && (strings.Contains(lower, name) || strings.Contains(lower, reversed(name))):
		return badRequest("Password must not contain the user name")
	case common(password):
		return badRequest("Password is among those that are guessed first; a few words that do not belong together make a good one")
	}
	return a.conform(password)
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

const notConforming = "Password does not conform to requirements."

// conform holds a new password against [chttpd_auth] password_regexp, which is CouchDB's: a list,
// as Erlang writes it, of expressions that must all match, each alone or with words for who broke it:
// [{".{10,}", "At least ten characters."}, "\\d+"].
func (a *Auth) conform(password string) error {
	spec := a.conf.text(sectionAuth, "password_regexp", "")
	if spec == "" || spec == "[]" {
		return nil
	}
	rules, ok := parseRules(spec)
	if !ok {
		a.o.Logger.Error("auth: password_regexp cannot be read")
		return errCannotHash
	}
	for _, rule := range rules {
		expression, err := regexp2.Compile(rule.expression, regexp2.None)
		if err != nil {
			return badRequest(rule.words()) // as CouchDB: what does not compile matches nothing
		}
		expression.MatchTimeout = ruleTime
		if right, err := expression.MatchString(password); err != nil || !right {
			return badRequest(rule.words())
		}
	}
	return nil
}

type rule struct{ expression, reason string }

func (r rule) words() string { return strings.TrimSpace(notConforming + " " + r.reason) }

// parseRules reads a list of strings, {string} and {string, string}.
func parseRules(spec string) (rules []rule, ok bool) {
	p := &terms{rest: spec}
	if !p.take("[") {
		return nil, false
	}
	for !p.take("]") {
		if len(rules) > 0 && !p.take(",") {
			return nil, false
		}
		var r rule
		tuple := p.take("{")
		if r.expression, ok = p.text(); !ok {
			return nil, false
		}
		if tuple && p.take(",") {
			if r.reason, ok = p.text(); !ok {
				return nil, false
			}
		}
		if tuple && !p.take("}") {
			return nil, false
		}
		rules = append(rules, r)
	}
	p.take(".")
	return rules, p.take("")
}

// terms are what is left to read of an Erlang term.
type terms struct{ rest string }

// take reads a sign, or with "" the end.
func (t *terms) take(sign string) bool {
	t.rest = strings.TrimLeft(t.rest, " \t\r\n")
	if sign == "" {
		return t.rest == ""
	}
	rest, found := strings.CutPrefix(t.rest, sign)
	if found {
		t.rest = rest
	}
	return found
}

// escapes are those of Erlang's strings that expressions need; any other character stands for itself.
var escapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 's': ' '}

// text reads a string.
func (t *terms) text() (string, bool) {
	if !t.take(`"`) {
		return "", false
	}
	var b []byte
	for i := 0; i < len(t.rest); i++ {
		switch c := t.rest[i]; {
		case c == '"':
			t.rest = t.rest[i+1:]
			return string(b), true
		case c == '\\' && i+1 < len(t.rest):
			i++
			if e, known := escapes[t.rest[i]]; known {
				b = append(b, e)
			} else {
				b = append(b, t.rest[i])
			}
		default:
			b = append(b, c)
		}
	}
	return "", false
}
