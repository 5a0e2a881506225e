package mango

import "bytes"

// AddTo puts the new index into a design document's body; nil is one that is not
// there yet. not changed: it is there already.
func (c *Creation) AddTo(body []byte) (with []byte, changed bool, err error) {
	if body == nil {
		return append(c.append([]byte(`{"language":"query","views":{`)), c.fresh()...), true, nil
	}
	body = trim(body)
	if err := checkLanguage(body); err != nil {
		return nil, false, err
	}
	if !c.agrees(body) {
		return nil, false, &Error{"invalid_partitioned_option", "Requested partitioned option does not match existing value on design document " + c.DDoc}
	}
	views, _ := member(body, "views")
	if kind(views) != object {
		views = []byte("{}")
	}
	if old, ok := member(views, c.Name); ok && bytes.Equal(appendExact(nil, old), appendExact(nil, c.view)) {
		return body, false, nil
	}
	return setMember(body, "views", setMember(views, c.Name, c.view)), true, nil
}

// append writes the index as a member of views.
func (c *Creation) append(dst []byte) []byte {
	return append(append(appendQuoted(dst, c.Name), ':'), c.view...)
}

// fresh ends a new design document.
func (c *Creation) fresh() string {
	if c.Partitioned == nil {
		return "}}"
	}
	return `},"options":{"partitioned":` + trueOrFalse(*c.Partitioned) + "}}"
}

// agrees reports whether the design document is partitioned as the request wants.
func (c *Creation) agrees(body []byte) bool {
	options, _ := member(body, "options")
	p, has := member(options, "partitioned")
	if c.Partitioned == nil || !has {
		return c.Partitioned == nil && !has
	}
	return kind(p) == yes == *c.Partitioned
}

// checkLanguage refuses design documents of other languages.
func checkLanguage(body []byte) error {
	language, has := member(body, "language")
	if s, _ := decode(language); string(s) == Language {
		return nil
	}
	is := "false"
	if has {
		is = "{" + term([]byte(`"language"`)) + "," + term(language) + "}"
	}
	return &Error{"invalid_ddoc_lang", "Existing design doc has an invalid language: " + is}
}

// RemoveFrom takes an index out of a design document's body. It is nil where
// nothing else was in there.
func RemoveFrom(body []byte, name string) ([]byte, error) {
	body = trim(body)
	if err := checkLanguage(body); err != nil {
		return nil, err
	}
	views, _ := member(body, "views")
	if _, ok := member(views, name); !ok {
		return nil, &Error{"index_not_found", "JSON index " + name + " not found in this design doc."}
	}
	views = withoutMember(views, name)
	if string(views) != "{}" {
		return setMember(body, "views", views), nil
	}
	if body = withoutMember(body, "views"); string(body) == `{"language":"query"}` {
		return nil, nil
	}
	return body, nil
}

// setMember sets a member of an object, at its place or behind the others.
func setMember(in []byte, name string, value []byte) []byte {
	out, done := []byte{'{'}, false
	for _, m := range distinct(in) {
		if m.name == name {
			m.value, done = value, true
		}
		out = appendMember(out, m.name, m.value)
	}
	if !done {
		out = appendMember(out, name, value)
	}
	return append(out, '}')
}

func withoutMember(in []byte, name string) []byte {
	out := []byte{'{'}
	for _, m := range distinct(in) {
		if m.name != name {
			out = appendMember(out, m.name, m.value)
		}
	}
	return append(out, '}')
}

func appendMember(dst []byte, name string, value []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	return append(append(appendQuoted(dst, name), ':'), value...)
}
