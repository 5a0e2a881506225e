package manifest

import (
	"bytes"
	"encoding/json"
	"path"
	"reflect"
	"slices"
	"strings"
)

// File is one file of a package; Path is relative to the package.
type File struct {
	Path string
	Size int64
}

// Facts are what a tarball showed that its package.json does not: kept with the version, as to
// look again would be to unpack again. The zero value of each says nothing is wrong or there.
type Facts struct {
	Packed    int64             `json:"packed,omitempty"`    // bytes of the tarball
	Readme    int64             `json:"readme,omitempty"`    // bytes of the readme
	License   string            `json:"license,omitempty"`   // the file
	Changelog string            `json:"changelog,omitempty"` // the file
	Types     string            `json:"types,omitempty"`     // the declarations, the first file of them
	Maps      int               `json:"maps,omitempty"`      // source maps
	Minified  int               `json:"minified,omitempty"`  // files that nobody reads without a source map
	Tests     int               `json:"tests,omitempty"`     // files of tests
	Entry     bool              `json:"entry,omitempty"`     // index.js or the like, where package.json names nothing
	Missing   map[string]string `json:"missing,omitempty"`   // member of package.json -> the file it names
	Unbundled []string          `json:"unbundled,omitempty"` // bundled dependencies that are not there
	Colliding []string          `json:"colliding,omitempty"` // files that are one where case does not count
	Secrets   []string          `json:"secrets,omitempty"`   // files that look like secrets
	Differing []string          `json:"differing,omitempty"` // members that the tarball's own package.json has otherwise
}

// Contents are what a tarball holds.
type Contents struct {
	Files   []File
	More    bool   // there are more files than are listed: nothing is said to be missing
	Size    int64  // of the tarball, in bytes
	Package []byte // the package.json in it
}

// mostNamed bounds each list in the facts.
const mostNamed = 10

// Inspect looks through what a tarball holds, beside what its publisher said of it.
func Inspect(p *Package, c Contents) Facts {
	facts := Facts{Packed: c.Size}
	targets := p.targets()
	w := newWanted(targets)
	bundled := map[string]bool{}
	for _, name := range p.bundled() {
		bundled[name] = false
	}
	folded := make(map[string]string, len(c.Files))
	for _, f := range c.Files {
		w.see(f.Path)
		facts.see(f, folded)
		if owner := ownerOf(f.Path); owner != "" {
			if _, is := bundled[owner]; is {
				bundled[owner] = true
			}
		}
	}
	if !c.More {
		for i, t := range targets {
			if !w.found[i] && len(facts.Missing) < mostNamed {
				if facts.Missing == nil {
					facts.Missing = map[string]string{}
				}
				facts.Missing[t.where] = shown(t.any[0])
			}
		}
		for _, name := range sorted(bundled) {
			if !bundled[name] {
				facts.Unbundled = listed(facts.Unbundled, name)
			}
		}
	}
	facts.Differing = differing(p, c.Package)
	return facts
}

func listed(list []string, name string) []string {
	if len(list) < mostNamed && !slices.Contains(list, name) {
		return append(list, shown(name))
	}
	return list
}

// ownerOf is the package whose package.json a bundled file is; "" of all else.
func ownerOf(file string) string {
	rest, found := strings.CutPrefix(file, "node_modules/")
	name, isManifest := strings.CutSuffix(rest, "/package.json")
	if !found || !isManifest || strings.Count(name, "/") > 1 || strings.Contains(name, "/") && name[0] != '@' {
		return ""
	}
	return name
}

// see takes one file in. It is called for each of up to thousands, so nothing in it is a pattern.
func (facts *Facts) see(f File, folded map[string]string) {
	lower := strings.ToLower(f.Path)
	if other, taken := folded[lower]; taken && other != f.Path {
		facts.Colliding = listed(facts.Colliding, f.Path)
	}
	folded[lower] = f.Path
	if strings.HasPrefix(lower, "node_modules/") {
		return // of others
	}
	folder, base := path.Split(lower)
	if folder == "" {
		facts.seeTop(base, f)
	}
	switch script, isScript := cutScript(base); {
	case isScript && strings.HasSuffix(script, ".d"):
		facts.Types = first(facts.Types, f.Path)
	case strings.HasSuffix(base, ".map"):
		facts.Maps++
	case isScript && (strings.HasSuffix(script, ".min") || strings.HasSuffix(script, "-min")):
		facts.Minified++
	case isScript && isTest(folder, script):
		facts.Tests++
	}
	if isSecret(folder, base) {
		facts.Secrets = listed(facts.Secrets, f.Path)
	}
}

// seeTop takes in a file that lies beside package.json.
func (facts *Facts) seeTop(base string, f File) {
	stem, _, _ := strings.Cut(base, ".")
	switch stem {
	case "readme":
		facts.Readme = max(facts.Readme, f.Size)
	case "changelog", "changes", "history", "releases", "news":
		facts.Changelog = first(facts.Changelog, f.Path)
	case "index", "server":
		facts.Entry = facts.Entry || slices.Contains(entered, f.Path)
	default:
		if word, _, _ := strings.Cut(stem, "-"); slices.Contains(licences, word) {
			facts.License = first(facts.License, f.Path)
		}
	}
}

var (
	licences = []string{"license", "licence", "licenses", "copying", "unlicense"}
	entered  = []string{"index.js", "index.json", "index.node", "index.d.ts", "server.js"}
)

// cutScript is the name of a script without what says its language.
func cutScript(base string) (stem string, ok bool) {
	extension := path.Ext(base)
	switch extension {
	case ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx":
		return strings.TrimSuffix(base, extension), true
	}
	return base, false
}

func isTest(folder, script string) bool {
	for _, end := range []string{"test", "spec"} {
		if before, found := strings.CutSuffix(script, end); found && (before == "" || strings.ContainsAny(before[len(before)-1:], "._-")) {
			return true
		}
	}
	for part := range strings.SplitSeq(folder, "/") {
		switch part {
		case "test", "tests", "__tests__", "spec", "specs":
			return true
		}
	}
	return false
}

// isSecret reports whether a file is one that is made to hold secrets.
func isSecret(folder, base string) bool {
	switch base {
	case ".env", ".env.local", ".env.production", ".env.development", ".npmrc", ".netrc", ".pypirc", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519":
		return true
	case "credentials":
		return strings.HasSuffix("/"+folder, "/.aws/")
	case "config":
		return strings.HasSuffix("/"+folder, "/.git/")
	}
	switch path.Ext(base) {
	case ".pem", ".p12", ".pfx", ".keystore":
		return true
	}
	return false
}

func first(is, next string) string {
	if is == "" {
		return shown(next)
	}
	return is
}

// compared are the members that clients read now from the registry, now from the tarball.
var compared = []string{"dependencies", "optionalDependencies", "peerDependencies", "bin", "os", "cpu", "engines", "scripts"}

// differing are the members that are one thing to who asks the registry and another to who
// unpacks. Among the scripts those count that run on installing.
func differing(p *Package, raw []byte) (names []string) {
	inside := Parse(bytes.TrimPrefix(raw, []byte("\ufeff")))
	if inside.members == nil || p.members == nil {
		return nil
	}
	for _, name := range compared {
		if name == "bin" && inside.object("directories")["bin"] != nil {
			continue // npm makes bin of the folder
		}
		said, is := meant(p, name), meant(inside, name)
		if !reflect.DeepEqual(said, is) {
			names = append(names, name)
		}
	}
	return names
}

// meant is a member less what clients make of it on publishing.
func meant(p *Package, name string) any {
	switch name {
	case "scripts":
		running := map[string]any{}
		for _, event := range p.Installs() {
			running[event] = p.object("scripts")[event]
		}
		if p.of("gypfile") == true {
			delete(running, "install") // npm adds it
		}
		return running
	case "bin":
		return commands(p)
	case "dependencies":
		all := map[string]any{}
		for name, spec := range p.object("dependencies") {
			if _, optional := p.object("optionalDependencies")[name]; !optional { // npm has them in both
				all[name] = spec
			}
		}
		return all
	}
	if o, ok := p.of(name).(map[string]any); ok && len(o) == 0 {
		return nil
	}
	return p.of(name)
}

// commands are the commands of bin with the files cleaned, as npm writes them.
func commands(p *Package) map[string]string {
	all := map[string]string{}
	if file := p.text("bin"); file != "" {
		name := p.Name()
		all[name[strings.LastIndexByte(name, '/')+1:]] = clean(file)
	}
	for command, file := range p.object("bin") {
		if text, ok := file.(string); ok {
			all[path.Base(strings.ReplaceAll(command, `\`, "/"))] = clean(text)
		}
	}
	return all
}

// ParseFacts reads what was kept; ok is false where nothing was.
func ParseFacts(raw []byte) (f Facts, ok bool) {
	return f, len(raw) > 0 && json.Unmarshal(raw, &f) == nil
}
