package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// tree is exports or imports: conditions count in the order in which they stand.
type tree struct {
	text  string
	keys  []string // of an object
	kids  []tree
	array bool
}

// mostNested bounds conditions within conditions: three or four are usual.
const mostNested = 20

// parsedTree is what parseTree made.
type parsedTree struct {
	tree
	ok bool
}

// tree is the value of a member: the entry points of large packages have 200 kB, and are asked for more than once.
func (p *Package) tree(name string) (tree, bool) {
	t, done := p.trees[name]
	if !done {
		t.tree, t.ok = parseTree(p.members[name])
		p.trees[name] = t
	}
	return t.tree, t.ok
}

// parseTree reads a value with the order of its members. ok is false of what is nested too deep.
func parseTree(raw []byte) (t tree, ok bool) {
	return readTree(json.NewDecoder(bytes.NewReader(raw)), 0)
}

func readTree(d *json.Decoder, depth int) (t tree, ok bool) {
	token, err := d.Token()
	if err != nil || depth > mostNested {
		return t, false
	}
	switch v := token.(type) {
	case string:
		t.text = v
	case json.Delim:
		t.array = v == '['
		for d.More() {
			if !t.array {
				key, err := d.Token()
				if err != nil {
					return t, false
				}
				t.keys = append(t.keys, key.(string)) // the name of a member is nothing else
			}
			kid, ok := readTree(d, depth+1)
			if !ok {
				return t, false
			}
			t.kids = append(t.kids, kid)
		}
		if _, err := d.Token(); err != nil {
			return t, false
		}
	}
	return t, true
}

// target is a file, or several of which one is enough, that a member of package.json names.
type target struct {
	where string
	any   []string // relative to the package; may hold one *, or end with a slash
}

// targets appends what the leaves name. An array is a list of alternatives.
func (t tree) targets(where string, to []target) []target {
	switch {
	case t.text != "":
		return append(to, target{where, []string{t.text}})
	case t.array:
		var any []string
		for _, kid := range t.kids {
			for _, one := range kid.targets(where, nil) {
				any = append(any, one.any...)
			}
		}
		if any == nil {
			return to
		}
		return append(to, target{where, any})
	}
	for i, kid := range t.kids {
		to = kid.targets(where+"["+t.keys[i]+"]", to)
	}
	return to
}

func checkExports(f *findings, p *Package, name string) {
	t, ok := p.tree(name)
	if !ok {
		f.problem("exports", name, "%s is nested deeper than %d", name, mostNested)
		return
	}
	paths := slices.ContainsFunc(t.keys, isSubpath)
	if paths && !allOf(t.keys, isSubpath) {
		f.problem("exports", name, `exports has conditions beside paths that begin with ".": Node.js refuses that`)
	}
	t.checkConditions(f, name, !paths)
	checkTargets(f, name, t)
}

func checkImports(f *findings, p *Package, name string) {
	t, ok := p.tree(name)
	if !ok {
		f.problem("exports", name, "%s is nested deeper than %d", name, mostNested)
		return
	}
	for _, key := range t.keys {
		if !strings.HasPrefix(key, "#") {
			f.problem("exports", name, "imports has %q, but what Node.js looks for begins with #", key)
		}
	}
	t.checkConditions(f, name, false)
}

func isSubpath(key string) bool { return strings.HasPrefix(key, ".") }

func allOf(keys []string, is func(string) bool) bool {
	return !slices.ContainsFunc(keys, func(key string) bool { return !is(key) })
}

// checkConditions looks at the order of conditions: the first that holds counts.
func (t tree) checkConditions(f *findings, where string, conditions bool) {
	if conditions {
		if i := slices.Index(t.keys, "default"); i >= 0 && i < len(t.keys)-1 {
			f.problem("exports-order", where, "%s has conditions after \"default\", which no client ever reaches", where)
		}
		types := func(key string) bool { return key == "types" || strings.HasPrefix(key, "types@") }
		if i := slices.Index(t.keys, "types"); i > 0 && !allOf(t.keys[:i], types) {
			f.advise("exports-order", where, "%s should have \"types\" first: the first condition that holds counts", where)
		}
	}
	for i, kid := range t.kids {
		if t.array {
			kid.checkConditions(f, where, true)
			continue
		}
		kid.checkConditions(f, where+"["+t.keys[i]+"]", true)
	}
}

func checkTargets(f *findings, name string, t tree) {
	for _, one := range t.targets(name, nil) {
		if !slices.ContainsFunc(one.any, func(path string) bool { return strings.HasPrefix(path, "./") }) {
			f.problem("exports-target", one.where, "%s is %q, but must begin with ./", one.where, one.any[0])
		}
	}
}

func checkBin(f *findings, p *Package, name string) {
	if p.object(name) == nil {
		if p.text(name) == "" {
			f.problem("bin", name, "bin names no file")
		}
		return
	}
	commands := p.object(name)
	for _, command := range sorted(commands) {
		if path, _ := commands[command].(string); path == "" {
			f.problem("bin", name+"."+command, "bin.%s names no file", command)
		}
		if command == "" || strings.ContainsAny(command, `/\`) && !strings.HasPrefix(command, "@") {
			f.problem("bin", name+"."+command, "%q can be no command", command)
		}
	}
}
