package manifest

import (
	"regexp"
	"strconv"
	"strings"
)

// The grammar of ranges as node-semver has it, strict and loose. Loose takes numbers with
// leading zeros and prereleases without a hyphen, as npm does where it installs.
const (
	pre      = `(?:-(?:\d*[a-zA-Z-][a-zA-Z0-9-]*|0|[1-9]\d*)(?:\.(?:\d*[a-zA-Z-][a-zA-Z0-9-]*|0|[1-9]\d*))*)?`
	preLoose = `(?:-?(?:\d*[a-zA-Z-][a-zA-Z0-9-]*|\d+)(?:\.(?:\d*[a-zA-Z-][a-zA-Z0-9-]*|\d+))*)?`
	build    = `(?:\+[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*)?`
	wildcard = `(?:x|X|\*)`
	number   = `(?:0|[1-9]\d*)`
	digit    = `\d+`
)

// syntax is one of the two grammars.
type syntax struct{ comparator, hyphen *regexp.Regexp }

// newSyntax makes the grammar of what a number and a prerelease may be, and of what may stand
// before a whole version. Behind an x there are but x.
func newSyntax(number, pre, before string) syntax {
	const head = `[v=\s]*`
	wild := wildcard + `(?:\.` + wildcard + pre + build + `)?`
	short := `(?:` + number + `(?:\.` + wild + `|\.` + number + `(?:\.` + wildcard + pre + build + `)?)?|` + wildcard + `(?:\.` + wild + `)?)`
	whole := number + `\.` + number + `\.` + number + pre + build
	partial := head + `(?:` + whole + `|` + short + `)`
	return syntax{
		regexp.MustCompile(`^(?:(?:\^|~>?)` + partial + `|[<>]?=?` + head + short + `|[<>]?=?` + before + whole + `)$`),
		regexp.MustCompile(`^` + partial + `\s+-\s+` + partial + `$`),
	}
}

var (
	strictly = newSyntax(number, pre, `v?`)
	loose    = newSyntax(digit, preLoose, `[v=\s]*`)
	apart    = regexp.MustCompile(`(\^|~>?|[<>]=?|=)\s+`) // an operator and what it is of
	digits   = regexp.MustCompile(`\d{16,}`)
)

// mostRange bounds a range: npm has no bound, but nobody writes as much.
const mostRange = 4096

// IsRange reports whether text is a range of versions in node-semver's strict grammar, which a
// dist-tag may not be.
func IsRange(text string) bool { return strictly.matches(text) }

func (s syntax) matches(text string) bool {
	if len(text) > mostRange {
		return false
	}
	for alternative := range strings.SplitSeq(text, "||") {
		if !s.all(strings.Join(strings.Fields(alternative), " ")) {
			return false
		}
	}
	for _, n := range digits.FindAllString(text, -1) {
		if v, err := strconv.ParseUint(n, 10, 64); err != nil || v > 1<<53-1 {
			return false // JavaScript counts no further
		}
	}
	return true
}

// all reports whether all that is to hold at once is well formed; nothing means any version.
func (s syntax) all(alternative string) bool {
	if s.hyphen.MatchString(alternative) {
		return true
	}
	for _, one := range strings.Fields(apart.ReplaceAllString(alternative, "$1")) {
		if !s.comparator.MatchString(one) {
			return false
		}
	}
	return true
}
