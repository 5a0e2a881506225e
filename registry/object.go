package registry

import (
	"encoding/json"
	"slices"

	"settee/views/packuments"
)

// member is one member of a JSON object: its name decoded, its value raw.
type member struct {
	name  string
	value []byte
}

// object is a JSON object whose values stay raw, in the order of its text.
// Values are shared: an edit replaces one, it never changes its bytes.
type object []member

// parseObject splits valid JSON; of a name that occurs twice the last counts.
func parseObject(raw []byte) object {
	var o object
	for name, value := range packuments.Members(raw) {
		o = append(o, member{plain(name), value})
	}
	return o.unique()
}

// unique keeps the last of members with one name.
func (o object) unique() object {
	seen := make(map[string]int, len(o))
	for _, m := range o {
		seen[m.name]++
	}
	if len(seen) == len(o) {
		return o
	}
	out := make(object, 0, len(seen))
	for _, m := range o {
		if seen[m.name]--; seen[m.name] == 0 {
			out = append(out, m)
		}
	}
	return out
}

// plain is the string that a raw JSON string means.
func plain(raw []byte) string { return packuments.Text(raw) }

// quote is the raw JSON string of text.
func quote(text string) []byte {
	raw, _ := json.Marshal(text) // strings cannot fail
	return raw
}

// at is the index of a member, -1 where there is none.
func (o object) at(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

// names are the members' names.
func (o object) names() (list []string) {
	for _, m := range o {
		list = append(list, m.name)
	}
	return list
}

// of is the raw value of a member, nil where there is none.
func (o object) of(name string) []byte {
	if i := o.at(name); i >= 0 {
		return o[i].value
	}
	return nil
}

// text is the string of a member, "" where it is none.
func (o object) text(name string) string { return plain(o.of(name)) }

// with is the object with a member set. The object itself stays as it was.
func (o object) with(name string, value []byte) object {
	out := make(object, len(o), len(o)+4)
	copy(out, o)
	if i := out.at(name); i >= 0 {
		out[i].value = value
		return out
	}
	return append(out, member{name, value})
}

// without is the object without some members.
func (o object) without(names ...string) object {
	out := make(object, 0, len(o))
	for _, m := range o {
		if !slices.Contains(names, m.name) {
			out = append(out, m)
		}
	}
	return out
}

// size is the length of the object's text, nearly.
func (o object) size() int {
	n := 2
	for _, m := range o {
		n += len(m.name) + len(m.value) + 4
	}
	return n
}

// append appends the object's text.
func (o object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, m.name), ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// raw is the object's text.
func (o object) raw() []byte { return o.append(make([]byte, 0, o.size())) }

// appendQuoted appends a string's JSON; most names need no escapes.
func appendQuoted(dst []byte, text string) []byte {
	for _, c := range []byte(text) {
		if c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return append(dst, quote(text)...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}

// isObject reports whether raw JSON is an object.
func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
