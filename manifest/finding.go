package manifest

import (
	"fmt"
	"strings"
)

// Level says how much a finding matters.
type Level string

// Problem is what some client will not install or find; Advice is what could be better.
const (
	Problem Level = "problem"
	Advice  Level = "advice"
)

// Finding is one thing to be told of a package.
type Finding struct {
	Level Level  `json:"level"`
	Code  string `json:"code"`            // what kind of thing: a word that stays the same
	Where string `json:"where,omitempty"` // the member of package.json, as a path: dependencies.left-pad
	Text  string `json:"text"`            // what is so, and what to do
}

// mostFindings is what is said of one package: a thousand dependencies may be wrong in the same way.
const mostFindings = 100

// findings collects what is found, up to mostFindings.
type findings []Finding

func (f *findings) problem(code, where, format string, args ...any) {
	f.add(Finding{Problem, code, where, fmt.Sprintf(format, args...)})
}

func (f *findings) advise(code, where, format string, args ...any) {
	f.add(Finding{Advice, code, where, fmt.Sprintf(format, args...)})
}

func (f *findings) add(one Finding) {
	if len(*f) < mostFindings {
		one.Where, one.Text = shown(one.Where), shown(one.Text)
		*f = append(*f, one)
	}
}

// mostShown bounds a text that quotes what somebody sent.
const mostShown = 300

func shown(text string) string {
	if len(text) <= mostShown {
		return text
	}
	return strings.ToValidUTF8(text[:mostShown], "") + "…"
}
