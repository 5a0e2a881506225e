package mango

import (
	"strconv"
	"strings"
)

// path leads from a value to one inside it. The empty path is the value itself.
type path []step

// step is one name of a path. index is -1 where the name is no array index.
type step struct {
	name  string
	index int
}

// parsePath reads a field's name: dots separate, a backslash takes the next dot into the
// name and is not part of it.
func parsePath(field string) (path, error) {
	if field == "" {
		return nil, nil
	}
	var p path
	from := 0
	for i := 0; i <= len(field); i++ {
		if i < len(field) && (field[i] != '.' || i > 0 && field[i-1] == '\\') {
			continue
		}
		if i == from {
			return nil, &Error{"invalid_field_name", "Invalid field name: " + field}
		}
		name := strings.ReplaceAll(field[from:i], `\`, "")
		p = append(p, step{name, arrayIndex(name)})
		from = i + 1
	}
	return p, nil
}

func arrayIndex(name string) int {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n
	}
	return -1
}

// String is what parsePath reads.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strings.ReplaceAll(s.name, ".", `\.`))
	}
	return b.String()
}

// found is what a look-up ends with.
type found byte

const (
	here    found = iota
	missing       // the object has no such member
	astray        // the path leads through something without members
)

// lookUp follows a path.
func lookUp(value []byte, p path) ([]byte, found) {
	for _, s := range p {
		var ok bool
		switch kind(value) {
		case object:
			if value, ok = member(value, s.name); !ok {
				return nil, missing
			}
		case array:
			if value, ok = element(value, s.index); !ok {
				return nil, astray
			}
		default:
			return nil, astray
		}
	}
	return value, here
}

func member(object []byte, name string) ([]byte, bool) {
	for m := in(object); m.next(); {
		if spells(m.name, name) {
			return m.value, true
		}
	}
	return nil, false
}

func element(array []byte, index int) ([]byte, bool) {
	if index < 0 {
		return nil, false
	}
	for m := in(array); m.next(); index-- {
		if index == 0 {
			return m.value, true
		}
	}
	return nil, false
}
