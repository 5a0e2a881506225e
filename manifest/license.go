package manifest

import (
	"fmt"
	"strings"
	"sync"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

// identifiers are SPDX's, by their spelling in lower case. The lists are the module's, which
// takes them from SPDX; its parser is not used, as it falls over "(".
type identifiers struct{ licenses, exceptions, deprecated map[string]string }

var known = sync.OnceValue(func() identifiers {
	by := func(lists ...[]string) map[string]string {
		m := map[string]string{}
		for _, list := range lists {
			for _, id := range list {
				m[strings.ToLower(id)] = id
			}
		}
		return m
	}
	return identifiers{by(spdxlicenses.GetDeprecated(), spdxlicenses.GetLicenses()), by(spdxlicenses.GetExceptions()), by(spdxlicenses.GetDeprecated())}
})

// mostLicense bounds an expression: the longest of any distribution has some 500 bytes.
const mostLicense = 2000

// expression is a licence expression on its way through the grammar
//
//	any  = all { "OR" all }
//	all  = one { "AND" one }
//	one  = "(" any ")" | ref | id [ "+" ] [ "WITH" exception ]
type expression struct {
	tokens []string
	ids    []string
	advice string // of an identifier that is not written as it should be
}

// ParseLicense reads an SPDX licence expression: the licences that it names, and what better be
// written another way, "" if nothing.
func ParseLicense(text string) (ids []string, advice string, err error) {
	if len(text) > mostLicense {
		return nil, "", fmt.Errorf("it has more than %d characters", mostLicense)
	}
	spaced := strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text)
	e := &expression{tokens: strings.Fields(spaced)}
	if err := e.any(); err != nil {
		return nil, "", err
	}
	if len(e.tokens) > 0 {
		return nil, "", fmt.Errorf("%q stands where AND, OR or WITH should", e.tokens[0])
	}
	return e.ids, e.advice, nil
}

func (e *expression) take(word string) bool {
	if len(e.tokens) == 0 || e.tokens[0] != word {
		return false
	}
	e.tokens = e.tokens[1:]
	return true
}

func (e *expression) any() error { return e.several("OR", e.all) }
func (e *expression) all() error { return e.several("AND", e.one) }

func (e *expression) several(operator string, operand func() error) error {
	for {
		if err := operand(); err != nil {
			return err
		}
		if !e.take(operator) {
			return nil
		}
	}
}

func (e *expression) one() error {
	if e.take("(") {
		if err := e.any(); err != nil {
			return err
		}
		if !e.take(")") {
			return fmt.Errorf("a parenthesis is not closed")
		}
		return nil
	}
	if len(e.tokens) == 0 {
		return fmt.Errorf("a licence is missing at its end")
	}
	id := e.tokens[0]
	e.tokens = e.tokens[1:]
	if !isReference(id) {
		spelt, err := e.identifier(id)
		if err != nil {
			return err
		}
		id = spelt
	}
	e.ids = append(e.ids, id)
	if !e.take("WITH") {
		return nil
	}
	if len(e.tokens) == 0 || known().exceptions[strings.ToLower(e.tokens[0])] == "" {
		return fmt.Errorf("no exception of SPDX stands after WITH")
	}
	e.tokens = e.tokens[1:]
	return nil
}

func (e *expression) identifier(id string) (string, error) {
	lower := strings.ToLower(id)
	spelt := known().licenses[lower]
	if bare, plus := strings.CutSuffix(lower, "+"); spelt == "" && plus {
		if spelt = known().licenses[bare]; spelt != "" {
			spelt += "+"
		}
	}
	switch {
	case spelt == "":
		return "", fmt.Errorf("%q is no licence of SPDX", id)
	case spelt != id:
		e.advice = fmt.Sprintf("write %q, not %q", spelt, id)
	case known().deprecated[lower] != "":
		e.advice = fmt.Sprintf("SPDX no longer has %q; say -only or -or-later where that is what is meant", id)
	}
	return spelt, nil
}

// isReference reports whether id is LicenseRef-… or DocumentRef-…:LicenseRef-…
func isReference(id string) bool {
	if document, rest, found := strings.Cut(id, ":"); found && strings.HasPrefix(document, "DocumentRef-") && idstring(document[len("DocumentRef-"):]) {
		id = rest
	}
	name, found := strings.CutPrefix(id, "LicenseRef-")
	return found && idstring(name)
}

func idstring(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == ""
}
