package manifest

import (
	"strings"
)

// known member of package.json: its types, what is said where it is missing, and what is looked at.
type knownMember struct {
	name    string
	kinds   kind
	missing string
	check   func(f *findings, p *Package, name string)
}

// schema is every member that a client or a page of packages reads.
var schema = []knownMember{
	{name: "name", kinds: isText, missing: "the package has no name", check: checkName},
	{name: "version", kinds: isText, missing: "the package has no version"},
	{name: "description", kinds: isText, missing: "say in a sentence what the package is for: searches show it", check: checkDescription},
	{name: "keywords", kinds: isArray | isText, check: checkKeywords},
	{name: "license", kinds: isText | isObject, missing: `say under which licence the package may be used, as "license": "MIT", or "UNLICENSED" if under none`, check: checkLicense},
	{name: "licenses", kinds: isArray, check: checkLicenses},
	{name: "repository", kinds: isText | isObject, missing: "say where the sources are, as \"repository\"", check: checkRepository},
	{name: "homepage", kinds: isText, check: checkURLs},
	{name: "bugs", kinds: isText | isObject, check: checkBugs},
	{name: "funding", kinds: isText | isObject | isArray, check: checkFunding},
	{name: "author", kinds: isText | isObject, check: checkPeople},
	{name: "contributors", kinds: isArray, check: checkPeople},
	{name: "private", kinds: isBool, check: checkPrivate},
	{name: "type", kinds: isText, check: checkModuleType},
	{name: "main", kinds: isText | isBool},
	{name: "module", kinds: isText},
	{name: "browser", kinds: isText | isObject | isBool},
	{name: "types", kinds: isText},
	{name: "typings", kinds: isText},
	{name: "exports", kinds: isText | isObject | isArray, check: checkExports},
	{name: "imports", kinds: isObject, check: checkImports},
	{name: "bin", kinds: isText | isObject, check: checkBin},
	{name: "man", kinds: isText | isArray, check: checkTexts},
	{name: "directories", kinds: isObject},
	{name: "files", kinds: isArray, check: checkTexts},
	{name: "scripts", kinds: isObject, check: checkTexts},
	{name: "config", kinds: isObject},
	{name: "dependencies", kinds: isObject, check: checkTexts},
	{name: "devDependencies", kinds: isObject, check: checkTexts},
	{name: "optionalDependencies", kinds: isObject, check: checkTexts},
	{name: "peerDependencies", kinds: isObject, check: checkTexts},
	{name: "peerDependenciesMeta", kinds: isObject, check: checkPeersMeta},
	{name: "acceptDependencies", kinds: isObject, check: checkTexts},
	{name: "bundleDependencies", kinds: isArray | isBool, check: checkBundled},
	{name: "bundledDependencies", kinds: isArray | isBool, check: checkBundled},
	{name: "overrides", kinds: isObject},
	{name: "engines", kinds: isObject | isArray, check: checkEngines},
	{name: "os", kinds: isArray | isText, check: checkTexts},
	{name: "cpu", kinds: isArray | isText, check: checkTexts},
	{name: "libc", kinds: isArray | isText, check: checkTexts},
	{name: "publishConfig", kinds: isObject},
	{name: "workspaces", kinds: isArray | isObject},
	{name: "sideEffects", kinds: isBool | isArray | isText},
	{name: "packageManager", kinds: isText},
	{name: "gypfile", kinds: isBool},
	{name: "deprecated", kinds: isText | isBool},
}

func checkName(f *findings, p *Package, name string) {
	refused, outdated := Name(p.text(name))
	for _, why := range append(refused, outdated...) {
		f.problem("name", name, "%s", why)
	}
}

func checkDescription(f *findings, p *Package, name string) {
	if strings.TrimSpace(p.text(name)) == "" {
		f.advise("description-missing", name, "the description is empty: searches show it")
	}
}

func checkKeywords(f *findings, p *Package, name string) {
	list, ok := p.of(name).([]any)
	if !ok {
		f.advise("keywords", name, "keywords should be an array of words, not one string")
	}
	seen := map[string]bool{}
	for _, each := range list {
		word, ok := each.(string)
		switch lower := strings.ToLower(strings.TrimSpace(word)); {
		case !ok:
			f.problem("keywords", name, "a keyword is no string")
		case lower == "":
			f.advise("keywords", name, "a keyword is empty")
		case seen[lower]:
			f.advise("keywords", name, "the keyword %q occurs twice", word)
		default:
			seen[lower] = true
		}
	}
}

func checkPrivate(f *findings, p *Package, name string) {
	if p.of(name) == true {
		f.advise("private", name, `the package says "private": true, which is to keep it from being published`)
	}
}

func checkModuleType(f *findings, p *Package, name string) {
	if t := p.text(name); t != "module" && t != "commonjs" {
		f.problem("module-type", name, `type is %q, but Node.js knows "module" and "commonjs" only`, t)
	}
}

// checkTexts finds what is no string in an array or object of strings.
func checkTexts(f *findings, p *Package, name string) {
	switch v := p.of(name).(type) {
	case []any:
		for _, each := range v {
			if _, ok := each.(string); !ok {
				f.problem("type", name, "%s should hold strings only", name)
				return
			}
		}
	case map[string]any:
		for _, key := range sorted(v) {
			if _, ok := v[key].(string); !ok {
				f.problem("type", name+"."+key, "%s.%s is no string", name, key)
			}
		}
	}
}

func checkEngines(f *findings, p *Package, name string) {
	engines, ok := p.of(name).(map[string]any)
	if !ok {
		f.problem("engines", name, "engines is an array; clients read an object, as {\"node\": \">=20\"}")
	}
	for _, engine := range sorted(engines) {
		if text, ok := engines[engine].(string); !ok || !loose.matches(text) {
			f.problem("engines", name+"."+engine, "engines.%s is no range of versions", engine)
		}
	}
}
