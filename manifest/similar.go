package manifest

import (
	"bytes"
	_ "embed" // the list of popular names
	"fmt"
	"strings"
	"sync"
)

// popularText is the list that holds where no other is given.
//
//go:embed popular.txt
var popularText []byte

// leastCompared is how long a name must be that a letter more, less or another makes similar:
// among short names nearly all are.
const leastCompared = 5

// Popular are names that others must not come too near to, and scopes that newcomers must not take.
type Popular struct {
	is        map[string]bool
	byMoniker map[string]string
	byLength  map[int][]string
}

// BuiltIn is the list that settee brings.
var BuiltIn = sync.OnceValue(func() *Popular {
	p, err := ParsePopular(popularText)
	if err != nil {
		panic(err) // it is ours, and a test reads it
	}
	return p
})

// MostPopular is the longest list that is taken, in bytes: some 300,000 names.
const MostPopular = 4 << 20

// ParsePopular reads a list: a line is the name of a package without a scope, or a scope (@acme); empty lines and those that begin with # say nothing.
func ParsePopular(text []byte) (*Popular, error) {
	if len(text) > MostPopular {
		return nil, fmt.Errorf("the list is longer than %d bytes", MostPopular)
	}
	p := &Popular{map[string]bool{}, map[string]string{}, map[int][]string{}}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		name := strings.TrimSpace(string(line))
		if name == "" || name[0] == '#' {
			continue
		}
		if name[0] == '@' && Storable(name+"/x") {
			p.is[name] = true // that is all: nobody is named nearly so
			continue
		}
		if name[0] == '@' || !Storable(name) {
			return nil, fmt.Errorf("line %d: %.60q is no name of a package without a scope, and no scope", n, name)
		}
		if p.is[name] {
			continue
		}
		p.is[name], p.byMoniker[Moniker(name)] = true, name
		if len(name) >= leastCompared {
			p.byLength[len(name)] = append(p.byLength[len(name)], name)
		}
	}
	return p, nil
}

var unpunctuated = strings.NewReplacer("-", "", "_", "", ".", "")

// Moniker is what names that are too similar have in common: npm compares names without
// punctuation and case.
func Moniker(name string) string {
	return unpunctuated.Replace(strings.ToLower(name))
}

// Similar is the popular name that a name is too similar to; "" if there is none. A popular
// name itself is not similar: a fork may have it.
func (p *Popular) Similar(name string) string {
	if p.is[name] {
		return ""
	}
	return p.byMoniker[Moniker(name)]
}

// Has reports whether a name, or a scope with its @, is one of them.
func (p *Popular) Has(name string) bool { return p.is[name] }

// Resembling is a popular name that differs by one letter, or by two that changed places; "" if
// there is none, or the name is popular itself.
func (p *Popular) Resembling(name string) string {
	if len(name) < leastCompared || p.byMoniker[Moniker(name)] != "" {
		return ""
	}
	for length := len(name) - 1; length <= len(name)+1; length++ {
		for _, other := range p.byLength[length] {
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
