package search

import (
	"slices"
	"strings"
	"unicode"
)

// Query is what is looked for.
type Query struct {
	Words []string // in lower case; each is found in every package found
	Text  string   // what the words were, in lower case: a name, perhaps

	Author, Maintainer, Scope []string
	Keywords                  [][]string // of each list one
	NoKeywords                []string
	Is, Not                   []string // flags
	PlainOrder                bool     // the package called exactly so does not come first

	Weights    Weights
	Size, From int
}

// Weights say how much each signal counts, 0 to 1. All 0: only text counts.
type Weights struct{ Quality, Popularity, Maintenance float64 }

// DefaultWeights are what npm sends.
var DefaultWeights = Weights{.65, .98, .5}

// The bounds of a query: each word is looked up in some eight places.
const (
	MostText  = 512
	mostWords = 16
	mostTerms = 64 // of qualifiers
)

// Flags are what is: and not: know.
var flagWords = []string{"deprecated", "unstable", insecure}

// Parse reads a query's text. It never fails: what is no qualifier is words.
func Parse(text string) (q Query) {
	q.Weights = DefaultWeights
	var plain []string
	terms := 0
	for _, field := range fields(cut(text, MostText)) {
		name, value, qualified := strings.Cut(field, ":")
		if qualified && value != "" && terms < mostTerms && q.qualify(strings.ToLower(name), strings.ToLower(unquoted(value))) {
			terms++
			continue
		}
		plain = append(plain, strings.ToLower(unquoted(field)))
	}
	q.Text = strings.Join(plain, " ")
	for _, word := range strings.FieldsFunc(q.Text, punctuation) {
		if len(q.Words) < mostWords && !slices.Contains(q.Words, word) {
			q.Words = append(q.Words, word)
		}
	}
	return q
}

// Empty reports whether nothing is asked for.
func (q Query) Empty() bool {
	return q.Text == "" && len(q.Author)+len(q.Maintainer)+len(q.Scope)+len(q.Keywords)+len(q.NoKeywords)+len(q.Is)+len(q.Not) == 0
}

// fields splits at white space outside of double quotes.
func fields(text string) (list []string) {
	var field strings.Builder
	quoted := false
	flush := func() {
		if field.Len() > 0 {
			list = append(list, field.String())
			field.Reset()
		}
	}
	for _, r := range strings.ToValidUTF8(text, "") {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted && (unicode.IsSpace(r) || unicode.IsControl(r)) {
			flush()
			continue
		}
		field.WriteRune(r)
	}
	flush()
	return list
}

func unquoted(value string) string {
	return strings.TrimSpace(strings.ReplaceAll(value, `"`, ""))
}

// qualify takes a qualifier; false where it is none.
func (q *Query) qualify(name, value string) bool {
	if value == "" {
		return false
	}
	switch name {
	case "author":
		q.Author = append(q.Author, strings.TrimPrefix(value, "@"))
	case "maintainer":
		q.Maintainer = append(q.Maintainer, strings.TrimPrefix(value, "@"))
	case "scope":
		q.Scope = append(q.Scope, strings.TrimPrefix(value, "@"))
	case "keywords", "keyword":
		q.keywords(value)
	case "is", "not":
		return q.flags(name, value)
	case "boost-exact":
		if value != "false" && value != "true" {
			return false
		}
		q.PlainOrder = value == "false"
	default:
		return false
	}
	return true
}

// keywords reads a,b (one of them), a+b (both) and -a (not that one).
func (q *Query) keywords(value string) {
	var any []string
	for part := range strings.SplitSeq(value, ",") {
		both := strings.Split(part, "+")
		for _, word := range both {
			word = strings.TrimSpace(word)
			without, negative := strings.CutPrefix(word, "-")
			switch {
			case negative && without != "":
				q.NoKeywords = append(q.NoKeywords, without)
			case word == "" || negative:
			case len(both) > 1:
				q.Keywords = append(q.Keywords, []string{word})
			default:
				any = append(any, word)
			}
		}
	}
	if len(any) > 0 {
		q.Keywords = append(q.Keywords, any)
	}
}

func (q *Query) flags(name, value string) bool {
	var list []string
	for flag := range strings.SplitSeq(value, ",") {
		if !slices.Contains(flagWords, flag) {
			return false
		}
		list = append(list, flag)
	}
	if name == "is" {
		q.Is = append(q.Is, list...)
	} else {
		q.Not = append(q.Not, list...)
	}
	return true
}
