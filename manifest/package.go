package manifest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostChecked bounds a package.json that is looked into: decoded it takes ten times as much.
const mostChecked = 1 << 20

// Package is a package.json, or the version of a packument that was made of one.
type Package struct {
	members map[string]json.RawMessage
	values  map[string]any // of what is no entry point, decoded
	trees   map[string]parsedTree
}

// Parse reads an object. What is too large or no object has no members.
func Parse(raw []byte) *Package {
	p := &Package{values: map[string]any{}, trees: map[string]parsedTree{}}
	if len(raw) <= mostChecked && json.Unmarshal(raw, &p.members) != nil {
		p.members = nil
	}
	return p
}

// of is the decoded value of a member.
func (p *Package) of(name string) any {
	if v, done := p.values[name]; done {
		return v
	}
	var v any
	raw := p.members[name]
	switch {
	case raw == nil:
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw): // most are, and need no decoder
		v = string(raw[1 : len(raw)-1])
	default:
		_ = json.Unmarshal(raw, &v) // it was valid as part of the whole
	}
	p.values[name] = v
	return v
}

func (p *Package) text(name string) string {
	s, _ := p.of(name).(string)
	return s
}

func (p *Package) object(name string) map[string]any {
	o, _ := p.of(name).(map[string]any)
	return o
}

// Name and Version are what package.json says.
func (p *Package) Name() string    { return p.text("name") }
func (p *Package) Version() string { return p.text("version") }

// Installs are the scripts that run on installing, in the order of their running.
func (p *Package) Installs() (events []string) {
	scripts := p.object("scripts")
	for _, event := range []string{"preinstall", "install", "postinstall"} {
		if s, _ := scripts[event].(string); s != "" {
			events = append(events, event)
		}
	}
	return events
}

// Dependencies are what an install brings along: those that must and those that may be there, by
// name, with what they ask for.
func (p *Package) Dependencies() map[string]string {
	all := map[string]string{}
	for _, kind := range []string{"dependencies", "optionalDependencies"} {
		for name, spec := range p.object(kind) {
			if text, ok := spec.(string); ok {
				all[name] = text
			}
		}
	}
	return all
}

// bundled are the names of bundled dependencies.
func (p *Package) bundled() (names []string) {
	v := p.of("bundleDependencies")
	if v == nil {
		v = p.of("bundledDependencies")
	}
	switch list := v.(type) {
	case []any:
		for _, each := range list {
			if name, ok := each.(string); ok {
				names = append(names, name)
			}
		}
	case bool:
		if list {
			names = sorted(p.object("dependencies"))
		}
	}
	return names
}

func sorted[V any](o map[string]V) []string { return slices.Sorted(maps.Keys(o)) }

// Check finds what is wrong in a package.json, in the order of its table and of names.
func (p *Package) Check() []Finding {
	var f findings
	if p.members == nil {
		f.advise("unread", "", "package.json is no object or larger than %d bytes: it was not checked", mostChecked)
		return f
	}
	for _, m := range schema {
		raw, there := p.members[m.name]
		if !there || string(raw) == "null" {
			if m.missing != "" {
				f.advise(m.name+"-missing", m.name, "%s", m.missing)
			}
			continue
		}
		if kind := kindOf(raw); m.kinds&kind == 0 {
			f.problem("type", m.name, "%s is %s, but should be %s", m.name, kind, m.kinds)
			continue
		}
		if m.check != nil {
			m.check(&f, p, m.name)
		}
	}
	p.checkDependencies(&f)
	return f
}

// kind is a set of JSON types.
type kind uint8

const (
	isText kind = 1 << iota
	isNumber
	isBool
	isArray
	isObject
	isNull
)

func kindOf(raw []byte) kind {
	switch raw[0] {
	case '"':
		return isText
	case '{':
		return isObject
	case '[':
		return isArray
	case 't', 'f':
		return isBool
	case 'n':
		return isNull
	}
	return isNumber
}

func (k kind) String() string {
	var names []string
	for i, name := range []string{"a string", "a number", "true or false", "an array", "an object", "null"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}
