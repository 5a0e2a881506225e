package search

import (
	"strings"
	"unicode"
)

// The lengths of beginnings that are indexed. One letter is the beginning of everything; who
// typed more than the longest has nearly typed the part.
const (
	shortestBeginning = 2
	longestBeginning  = 10
)

// parts are a name's words in lower case, each once: between punctuation, and where capitals begin one.
func parts(name string) (list []string) {
	seen := map[string]bool{}
	add := func(part string) {
		if part = strings.ToLower(part); part != "" && !seen[part] {
			seen[part] = true
			list = append(list, part)
		}
	}
	for _, part := range strings.FieldsFunc(name, punctuation) {
		add(part)
		for _, word := range humps(part) {
			add(word)
		}
	}
	return list
}

func punctuation(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// humps splits aB into a and B, ABc into A and Bc.
func humps(part string) (list []string) {
	letters := []rune(part)
	from := 0
	for i := 1; i < len(letters); i++ {
		lower, upper := unicode.IsLower(letters[i-1]), unicode.IsUpper(letters[i])
		last := i+1 < len(letters) && unicode.IsUpper(letters[i-1]) && unicode.IsLower(letters[i+1])
		if upper && (lower || last) {
			list = append(list, string(letters[from:i]))
			from = i
		}
	}
	return append(list, string(letters[from:]))
}

// squash is a name's letters and digits in lower case.
func squash(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if punctuation(r) {
			return -1
		}
		return r
	}, name))
}

// base is a name without its scope.
func base(name string) string {
	if scope, rest, scoped := strings.Cut(name, "/"); scoped && strings.HasPrefix(scope, "@") {
		return rest
	}
	return name
}

// scope is the name of a package's scope, without @.
func scope(name string) string {
	if at, _, scoped := strings.Cut(name, "/"); scoped {
		return strings.ToLower(strings.TrimPrefix(at, "@"))
	}
	return ""
}

// beginnings are those of a part that are indexed, the part itself not.
func beginnings(part string) (list []string) {
	letters := []rune(part)
	for n := shortestBeginning; n <= min(longestBeginning, len(letters)-1); n++ {
		list = append(list, string(letters[:n]))
	}
	return list
}
