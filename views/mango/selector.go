package mango

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Selector is a compiled selector. It is safe for concurrent use.
type Selector struct {
	normal *expr   // nil where everything matches
	match  matcher // likewise
}

// depth is how deep a selector may nest: far beyond what anybody writes, far below what
// a stack holds.
const depth = 500

// steps bounds length times nesting, for each level is read once more: a second's work. Of a
// usual nesting, ten, 25 MB pass.
const steps = 1 << 28

// Compile reads a selector. Its errors are *Error.
func Compile(selector []byte) (*Selector, error) {
	raw, err := foreign(selector)
	if err != nil {
		return nil, err
	}
	if kind(raw) != object {
		return nil, &Error{"invalid_selector_json", "Selector must be a JSON object, not: " + term(raw)}
	}
	if m := in(raw); !m.next() {
		return &Selector{}, nil
	}
	e, err := normalise(raw)
	if err != nil {
		return nil, err
	}
	if e.op == "" && len(e.path) == 0 {
		return nil, &Error{"invalid_selector", "One or more conditions is missing a field name."}
	}
	match, err := compile(e, viewOrder)
	if err != nil {
		return nil, err
	}
	return &Selector{e, match}, nil
}

// foreign checks JSON that was not validated before, and copies it.
func foreign(raw []byte) ([]byte, error) {
	if !json.Valid(raw) {
		return nil, &Error{"bad_request", "invalid UTF-8 JSON"}
	}
	deep, deepest := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = skipText(raw, i) - 1
		case '{', '[':
			if deep++; deep > depth {
				return nil, &Error{"bad_request", fmt.Sprintf("JSON is nested deeper than %d", depth)}
			}
			deepest = max(deepest, deep)
		case '}', ']':
			deep--
		}
	}
	if len(raw)*deepest > steps {
		return nil, &Error{"bad_request", "JSON is too long for its nesting"}
	}
	return slices.Clone(trim(raw)), nil
}

func normalise(raw []byte) (*expr, error) {
	e, err := explicit(raw)
	if err != nil {
		return nil, err
	}
	if e, err = e.join(""); err != nil {
		return nil, err
	}
	return e.push()
}

// Match reports whether a document matches. doc is an object of valid JSON, with its _id and
// whatever other underscore members the selector may ask for; of other bytes the answer
// means nothing.
func (s *Selector) Match(doc []byte) bool {
	return s.match == nil || s.match.match(trim(doc))
}

// String is the normal form, as JSON.
func (s *Selector) String() string {
	if s.normal == nil {
		return "{}"
	}
	return string(s.normal.append(nil))
}

// MarshalJSON gives the normal form.
func (s *Selector) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

func (e *expr) append(dst []byte) []byte {
	name := e.op
	if e.op == "" {
		name = e.path.String()
	}
	dst = append(appendQuoted(append(dst, '{'), name), ':')
	switch {
	case e.op != "" && operators[e.op].shape == list:
		dst = append(dst, '[')
		for i, arg := range e.args {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = arg.append(dst)
		}
		dst = append(dst, ']')
	case len(e.args) == 1:
		dst = e.args[0].append(dst)
	default:
		dst = append(dst, e.arg...)
	}
	return append(dst, '}')
}
