package manifest

import (
	_ "embed" // the list of popular names
	"strings"
	"sync"
)

// popularText are the three thousand unscoped names that were installed most in 2026.
//
//go:embed popular.txt
var popularText string

// leastCompared is how long a name must be that a letter more, less or another makes similar:
// among short names nearly all are.
const leastCompared = 5

type popular struct {
	is        map[string]bool
	byMoniker map[string]string
	byLength  map[int][]string
}

var popularNames = sync.OnceValue(func() popular {
	p := popular{map[string]bool{}, map[string]string{}, map[int][]string{}}
	for name := range strings.FieldsSeq(popularText) {
		p.is[name], p.byMoniker[Moniker(name)] = true, name
		if len(name) >= leastCompared {
			p.byLength[len(name)] = append(p.byLength[len(name)], name)
		}
	}
	return p
})

var unpunctuated = strings.NewReplacer("-", "", "_", "", ".", "")

// Moniker is what names that are too similar have in common: npm compares names without
// punctuation and case.
func Moniker(name string) string {
	return unpunctuated.Replace(strings.ToLower(name))
}

// Popular is the popular name that a name is too similar to; "" if there is none. A popular
// name itself is not similar: a fork may have it.
func Popular(name string) string {
	if IsPopular(name) {
		return ""
	}
	return popularNames().byMoniker[Moniker(name)]
}

// IsPopular reports whether a name is one of the popular ones.
func IsPopular(name string) bool { return popularNames().is[name] }

// Resembling is a popular name that differs by one letter, or by two that changed places; "" if
// there is none, or the name is popular itself.
func Resembling(name string) string {
	if len(name) < leastCompared || popularNames().byMoniker[Moniker(name)] != "" {
		return ""
	}
	for length := len(name) - 1; length <= len(name)+1; length++ {
		for _, other := range popularNames().byLength[length] {
			if oneEdit(name, other) {
				return other
			}
		}
	}
	return ""
}

// oneEdit reports whether one letter was added, left out or replaced, or two neighbours changed
// places.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	at := 0
	for at < len(a) && a[at] == b[at] {
		at++
	}
	switch {
	case len(b)-len(a) > 1 || at == len(b):
		return false
	case len(a) < len(b):
		return a[at:] == b[at+1:]
	case a[at+1:] == b[at+1:]:
		return true
	}
	return at+1 < len(a) && a[at] == b[at+1] && a[at+1] == b[at] && a[at+2:] == b[at+2:]
}
