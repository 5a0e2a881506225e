package manifest

import (
	"slices"
	"strings"
)

// checkDependencies looks at every dependency that clients resolve. What only the package's own
// developers install is looked at no further than its type.
func (p *Package) checkDependencies(f *findings) {
	for _, kind := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
		o := p.object(kind)
		for _, name := range sorted(o) {
			if text, ok := o[name].(string); ok {
				p.checkDependency(f, kind, name, text)
			}
		}
	}
	development := p.object("devDependencies")
	for _, name := range sorted(development) {
		if _, both := p.object("dependencies")[name]; both {
			f.advise("dependency-twice", "devDependencies."+name, "%s is in dependencies and in devDependencies", name)
		}
	}
}

func (p *Package) checkDependency(f *findings, kind, name, text string) {
	where := kind + "." + name
	if refused, _ := Name(name); refused != nil {
		f.problem("dependency-name", where, "%q can be no package's name: %s", name, refused[0])
	}
	if name == p.Name() && name != "" {
		f.problem("dependency-self", where, "the package depends on itself")
	}
	switch s := ParseSpec(name, text); s.Kind {
	case Malformed:
		f.problem("dependency-range", where, "%s asks for %q, which is neither a range of versions, nor a dist-tag, nor an address", name, text)
	case Local, Foreign:
		if !slices.Contains(p.bundled(), name) {
			f.problem("dependency-local", where, "%s asks for %q, which nobody has who installs the package", name, text)
		}
	case Git, URL:
		f.advise("dependency-remote", where, "%s comes from %q, not from a registry: nobody checks that it stays the same", name, text)
	case Tag:
		f.advise("dependency-tag", where, "%s asks for the dist-tag %q: what that is changes", name, text)
	case Alias:
		if s.Name == p.Name() && s.Name != "" && s.Range == p.Version() {
			f.problem("dependency-self", where, "the package depends on itself")
		}
	case Range:
		if kind != "peerDependencies" && unbounded(s.Range) {
			f.advise("dependency-unbounded", where, "%s may be any version, ones too that are not made yet: say which", name)
		}
	}
}

// unbounded reports whether a range takes every version there will be.
func unbounded(text string) bool {
	switch strings.TrimSpace(text) {
	case "", "*", "x", "X", ">=0", ">=0.0.0", ">0", "latest":
		return true
	}
	return false
}

func checkPeersMeta(f *findings, p *Package, name string) {
	o := p.object(name)
	for _, peer := range sorted(o) {
		if _, ok := o[peer].(map[string]any); !ok {
			f.problem("type", name+"."+peer, "%s.%s is no object", name, peer)
		} else if _, there := p.object("peerDependencies")[peer]; !there {
			f.advise("peer-unknown", name+"."+peer, "%s is no peer dependency: what is said of it has no effect with npm", peer)
		}
	}
}

func checkBundled(f *findings, p *Package, name string) {
	checkTexts(f, p, name)
	if list, ok := p.of(name).([]any); ok {
		for _, each := range list {
			dependency, _ := each.(string)
			_, must := p.object("dependencies")[dependency]
			_, may := p.object("optionalDependencies")[dependency]
			if dependency != "" && !must && !may {
				f.advise("bundled-unknown", name+"."+dependency, "%s is bundled, but no dependency", dependency)
			}
		}
	}
}
