package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
)

// member is one member of a JSON object, as it was spelt.
type member struct {
	name  string
	raw   []byte // the name's own bytes, quotes included
	value json.RawMessage
}

// object is a JSON object in its own order. Go's decoder matches struct fields
// whatever their case, so "ROLES" would pass for "roles"; documents about
// rights are read by exact names instead.
type object []member

var errNotObject = &Error{Kind: BadRequest, Reason: "Document must be a JSON object"}

func parseObject(doc json.RawMessage) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	var o object
	for dec.More() {
		from := dec.InputOffset()
		t, err := dec.Token()
		if err != nil {
			return nil, errNotObject
		}
		m := member{name: t.(string), raw: bytes.TrimLeft(doc[from:dec.InputOffset()], ", \t\r\n")}
		if err := dec.Decode(&m.value); err != nil {
			return nil, errNotObject
		}
		o = append(o, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNotObject
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errNotObject
	}
	return o, nil
}

// scan decodes the named member into dst and reports whether it was there and
// fitted. The last of several wins, as in every reader of JSON.
func (o object) scan(name string, dst any) bool {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].name == name {
			return json.Unmarshal(o[i].value, dst) == nil
		}
	}
	return false
}

func (o object) has(name string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.name == name })
}

func (o object) text(name string) string {
	var s string
	o.scan(name, &s)
	return s
}

// with is a copy whose named member is a text; "" is no member.
func (o object) with(name, value string) object {
	switch {
	case value == "":
		return o.without(name)
	case o.text(name) == value:
		return o
	}
	return append(o.without(name), textMember(name, value))
}

// without is a copy that lacks the named member.
func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

func (o object) marshal() json.RawMessage {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, m.raw...), ':'), m.value...)
	}
	return append(b, '}')
}
