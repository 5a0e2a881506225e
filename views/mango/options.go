package mango

import (
	"math"
	"math/big"
)

// An option is one member of a request: its name, and what reads it. Requests are checked option
// by option in the table's order, as CouchDB does; what is left over is refused.
type option struct {
	name     string
	required bool
	read     func(raw []byte) error
}

// readOptions reads an object by a table.
func readOptions(raw []byte, table []option) error {
	given := distinct(raw)
	known := make([]bool, len(given))
	for _, o := range table {
		at := -1
		for i, m := range given {
			if m.name == o.name {
				at = i
			}
		}
		switch {
		case at >= 0:
			known[at] = true
			if err := o.read(given[at].value); err != nil {
				return err
			}
		case o.required:
			return &Error{"missing_required_key", "Missing required key: " + o.name}
		}
	}
	for i, m := range given {
		if !known[i] {
			return &Error{"invalid_key", "Invalid key " + m.name + " for this request."}
		}
	}
	return nil
}

// body checks a request's body, which was not validated before.
func body(raw []byte) ([]byte, error) {
	raw, err := foreign(raw)
	if err == nil && kind(raw) != object {
		err = &Error{"bad_request", "Request body must be a JSON object"}
	}
	return raw, err
}

func asBool(into *bool) func([]byte) error {
	return func(raw []byte) error {
		k := kind(raw)
		if k != yes && k != no {
			return &Error{"invalid_boolean", "Invalid boolean value: " + term(raw)}
		}
		*into = k == yes
		return nil
	}
}

func asNumber(into *int) func([]byte) error {
	return func(raw []byte) error {
		n, ok := integer(raw)
		if !ok || n < 0 {
			return &Error{"invalid_non_neg_integer", term(raw) + " is not an integer greater than or equal to zero"}
		}
		*into = n
		return nil
	}
}

func asPositive(into *int) func([]byte) error {
	return func(raw []byte) error {
		n, ok := integer(raw)
		if !ok || n <= 0 {
			return &Error{"invalid_pos_integer", term(raw) + " is not an integer greater than zero"}
		}
		*into = n
		return nil
	}
}

// integer reads one of any length; a very long one is as good as the largest.
func integer(raw []byte) (int, bool) {
	if !isInteger(raw) {
		return 0, false
	}
	n, ok := new(big.Int).SetString(string(raw), 10)
	switch {
	case !ok:
		return 0, false
	case n.IsInt64():
		return int(n.Int64()), true
	case n.Sign() < 0:
		return -1, true
	}
	return math.MaxInt, true
}

func asString(into *string) func([]byte) error {
	return func(raw []byte) error {
		s, ok := decode(raw)
		if !ok {
			return &Error{"invalid_string", "Invalid string: " + term(raw)}
		}
		*into = string(s)
		return nil
	}
}

// asName reads a string that must not be empty.
func asName(into *string) func([]byte) error {
	return func(raw []byte) error {
		if err := asString(into)(raw); err != nil {
			return err
		}
		if *into == "" {
			return &Error{"invalid_empty_string", "Index name or ddoc cannot be empty string"}
		}
		return nil
	}
}
