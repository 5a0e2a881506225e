package upstream

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Pattern fits names of packages, and of those some versions. The zero Pattern fits nothing.
type Pattern struct {
	text  string
	name  string // in small letters; * stands for any text
	which *semver.Constraints
}

// ParsePattern reads a pattern: a name with * for any text, a scope, either with @RANGE behind it.
func ParsePattern(text string) (Pattern, error) {
	name, within, ranged := text, "", false
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		name, within, ranged = text[:at], text[at+1:], true
	}
	if name == "" || strings.ContainsAny(name, " ,=<>\t\r\n") {
		return Pattern{}, fmt.Errorf("%q: want a name with * for any text, or a @scope, and a range behind @ where it is of some versions", text)
	}
	p := Pattern{text: text, name: strings.ToLower(name)}
	if strings.HasPrefix(p.name, "@") && !strings.Contains(p.name, "/") {
		p.name += "/*"
	}
	if !ranged {
		return p, nil
	}
	var err error
	if p.which, err = semver.NewConstraint(within); err != nil {
		return Pattern{}, fmt.Errorf("%q: %q is no range of versions", text, within)
	}
	p.which.IncludePrerelease = true // 2.0.0-beta.1 is below 2.0.0: to forget it would leave a way round
	return p, nil
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Ranged reports whether the pattern is of some versions only.
func (p Pattern) Ranged() bool { return p.which != nil }

// Fits reports whether a name fits.
func (p Pattern) Fits(name string) bool { return p.name != "" && glob(p.name, strings.ToLower(name)) }

// FitsVersion reports whether one version of a name fits; unclear is the answer where the number cannot be compared.
func (p Pattern) FitsVersion(name, number string, unclear bool) bool {
	if !p.Fits(name) || p.which == nil {
		return p.Fits(name)
	}
	v, err := semver.NewVersion(hyphened(number))
	if err != nil {
		return unclear
	}
	return p.which.Check(v)
}

// hyphened is a number of npm's first years, 1.0.0beta2, as semver has it since.
func hyphened(number string) string {
	if n := tripled(number); n > 0 && n < len(number) && number[n] != '-' && number[n] != '+' {
		return number[:n] + "-" + number[n:]
	}
	return number
}

// tripled is the length of the three numbers that a version begins with, 0 where it does not.
func tripled(number string) (n int) {
	for part := range 3 {
		if part > 0 {
			if n >= len(number) || number[n] != '.' {
				return 0
			}
			n++
		}
		start := n
		for n < len(number) && number[n] >= '0' && number[n] <= '9' {
			n++
		}
		if n == start {
			return 0
		}
	}
	return n
}

// numbered reports whether a text is a version as npm takes it, of today or of its first years.
func numbered(number string) bool {
	if len(number) > 256 || tripled(number) == 0 {
		return false
	}
	_, err := semver.NewVersion(hyphened(number))
	return err == nil
}

// glob matches text, in which * stands for any text, in time that grows with the product of both lengths.
func glob(pattern, text string) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, from = i, j
			i++
		case i < len(pattern) && pattern[i] == text[j]:
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
