package manifest

import (
	"path"
	"slices"
	"strings"
)

// targets are the files that the package names for who uses it.
func (p *Package) targets() (list []target) {
	named := func(where, file string, suffixes ...string) {
		if file == "" {
			return
		}
		t := target{where: where}
		for _, suffix := range append([]string{""}, suffixes...) {
			t.any = append(t.any, file+suffix)
		}
		list = append(list, t)
	}
	named("main", p.text("main"), ".js", ".json", ".node", ".cjs", "/index.js", "/index.json", "/index.node")
	named("module", p.text("module"), ".js", ".mjs", "/index.js")
	named("browser", p.text("browser"), ".js", "/index.js")
	for _, field := range []string{"types", "typings"} {
		named(field, p.text(field), ".d.ts", ".d.mts", "/index.d.ts")
	}
	named("bin", p.text("bin"), ".js")
	commands := p.object("bin")
	for _, command := range sorted(commands) {
		file, _ := commands[command].(string)
		named("bin."+command, file, ".js")
	}
	for _, field := range []string{"exports", "imports"} {
		t, _ := p.tree(field)
		for _, one := range t.targets(field, nil) {
			if one.any = slices.DeleteFunc(one.any, func(s string) bool { return !strings.HasPrefix(s, "./") }); len(one.any) > 0 {
				list = append(list, one)
			}
		}
	}
	return list
}

// entered reports whether the package says by any member what is to be used of it.
func (p *Package) entered() bool {
	for _, field := range []string{"main", "module", "browser", "exports", "bin", "types", "typings", "directories", "style", "sass"} {
		if v := p.of(field); v != nil && v != "" {
			return true
		}
	}
	return false
}

// wanted is an index of targets that a walk over the files ticks off.
type wanted struct {
	found    []bool
	exact    map[string][]int
	patterns []pattern
}

// pattern is a target with a *, or a folder.
type pattern struct {
	before, after string
	of            int
}

func newWanted(targets []target) *wanted {
	w := &wanted{found: make([]bool, len(targets)), exact: map[string][]int{}}
	for i, t := range targets {
		for _, file := range t.any {
			switch before, after, star := strings.Cut(file, "*"); {
			case star:
				w.patterns = append(w.patterns, pattern{strings.TrimPrefix(before, "./"), after, i})
			case strings.HasSuffix(file, "/") && len(t.any) == 1: // all of a folder
				w.patterns = append(w.patterns, pattern{clean(file) + "/", "", i})
			default:
				w.exact[clean(file)] = append(w.exact[clean(file)], i)
			}
		}
	}
	return w
}

// clean is a path as files of the listing have it. It cannot leave the package.
func clean(file string) string { return strings.TrimPrefix(path.Clean("/"+file), "/") }

func (w *wanted) see(file string) {
	for _, i := range w.exact[file] {
		w.found[i] = true
	}
	for _, p := range w.patterns {
		if len(file) >= len(p.before)+len(p.after) && strings.HasPrefix(file, p.before) && strings.HasSuffix(file, p.after) {
			w.found[p.of] = true
		}
	}
}
