package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Dependency is a direct dependency as far as the registry that asks knows it.
type Dependency struct {
	Name            string   `json:"name"`
	Spec            string   `json:"spec"`
	Version         string   `json:"version,omitempty"` // what is installed here; "" if that is not known
	License         string   `json:"license,omitempty"`
	Deprecated      string   `json:"deprecated,omitempty"`
	Missing         string   `json:"missing,omitempty"` // why nobody can install it from here; "" if that is not known
	Vulnerabilities []string `json:"vulnerabilities,omitempty"`
}

// Check is one of the things that make a package good to use.
type Check struct {
	Code   string `json:"code"`
	Passed bool   `json:"passed"`
	Weight int    `json:"weight"`
	Text   string `json:"text"` // what is so, or what to do
}

// Report is the quality of one version.
type Report struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	Score    int       `json:"score"` // of 100: the weight of the checks that passed
	Checks   []Check   `json:"checks"`
	Findings []Finding `json:"findings"`

	License        string       `json:"license,omitempty"`
	Types          string       `json:"types,omitempty"`  // the file of declarations
	Module         string       `json:"module,omitempty"` // commonjs, module or both
	InstallScripts []string     `json:"installScripts,omitempty"`
	Size           Size         `json:"size"`
	Dependencies   []Dependency `json:"dependencies"`
	Circle         []string     `json:"circle,omitempty"` // of packages that depend on each other, this one first and last
}

// Size are bytes and files.
type Size struct {
	Packed   int64 `json:"packed,omitempty"`
	Unpacked int64 `json:"unpacked,omitempty"`
	Files    int64 `json:"files,omitempty"`
}

// mostUnpacked is where a package begins to be large: the 95th percentile of what is published has half of it.
const mostUnpacked = 10 << 20

// Subject is what a report is made of.
type Subject struct {
	*Package
	Facts        *Facts // nil: nobody looked into the tarball
	Size         Size   // as dist says it
	Readme       bool   // the package has a readme, wherever it came from
	Dependencies []Dependency
	Circle       []string
}

// A row of the table of checks. nil facts are those of a tarball that nobody looked into: rows
// that need them are left out then.
type row struct {
	code   string
	weight int
	facts  bool // needs them
	passes func(s *Subject, found []Finding) bool
	good   string
	bad    string // what to do
}

var rows = []row{
	{"readme", 15, false, func(s *Subject, _ []Finding) bool { return s.Readme || s.Facts != nil && s.Facts.Readme > 0 },
		"has a readme", "write a README.md: what the package is for and how it is used"},
	{"description", 5, false, func(s *Subject, _ []Finding) bool { return strings.TrimSpace(s.text("description")) != "" },
		"has a description", `say in "description" what the package is for`},
	{"license", 15, false, func(s *Subject, found []Finding) bool {
		return s.License() != "" && !has(found, "license-invalid") && !has(found, "license-missing")
	}, "says its licence", `say the licence as SPDX writes it, as "license": "MIT"`},
	{"license-file", 5, true, func(s *Subject, _ []Finding) bool {
		return s.Facts.License != "" || s.License() == "UNLICENSED"
	}, "has the licence's text", "put the licence's text into a file LICENSE"},
	{"repository", 5, false, func(s *Subject, found []Finding) bool {
		return s.of("repository") != nil && !has(found, "repository")
	}, "says where its sources are", `say in "repository" where the sources are`},
	{"types", 10, true, func(s *Subject, _ []Finding) bool { return s.Facts.Types != "" || !s.importable() },
		"has types", `bring TypeScript declarations along, and name them in "types"`},
	{"entry-points", 15, true, func(s *Subject, found []Finding) bool {
		return len(s.Facts.Missing) == 0 && (s.entered() || s.Facts.Entry) && !has(found, "exports", "exports-target", "bin")
	}, "has the files that it names", "name files that are in the package; look at \"files\" and at .npmignore"},
	{"changelog", 3, true, func(s *Subject, _ []Finding) bool { return s.Facts.Changelog != "" },
		"has a changelog", "keep a CHANGELOG.md: those who update read it"},
	{"source-maps", 2, true, func(s *Subject, _ []Finding) bool { return s.Facts.Minified == 0 || s.Facts.Maps > 0 },
		"can be read, or has source maps", "add source maps to what is minified"},
	{"tests", 5, true, func(s *Subject, _ []Finding) bool { return s.Facts.Tests > 0 || tested(s.Package) },
		"is tested", `say in "scripts" how it is tested, as "test": "node --test"`},
	{"install-scripts", 5, false, func(s *Subject, _ []Finding) bool { return len(s.Installs()) == 0 },
		"runs nothing on installing", "do without install scripts: many install without running them"},
	{"size", 5, false, func(s *Subject, _ []Finding) bool { return s.Size.Unpacked <= mostUnpacked },
		"is small", `leave out what nobody needs, by "files"`},
	{"dependencies", 5, false, func(s *Subject, found []Finding) bool {
		return s.Circle == nil && !slices.ContainsFunc(s.Dependencies, func(d Dependency) bool { return d.Deprecated != "" || d.Missing != "" }) &&
			!slices.ContainsFunc(found, func(f Finding) bool { return f.Level == Problem && strings.HasPrefix(f.Code, "dependency-") })
	}, "has dependencies that all can install", "look at the dependencies that are named below"},
	{"vulnerabilities", 5, false, func(s *Subject, _ []Finding) bool {
		return !slices.ContainsFunc(s.Dependencies, func(d Dependency) bool { return len(d.Vulnerabilities) > 0 })
	}, "has no dependency with a known vulnerability", "update the dependencies that have known vulnerabilities"},
}

func has(found []Finding, codes ...string) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return slices.Contains(codes, f.Code) })
}

func tested(p *Package) bool {
	script, _ := p.object("scripts")["test"].(string)
	return script != "" && !strings.Contains(script, "no test specified")
}

// importable reports whether somebody may import the package: it is more than commands.
func (p *Package) importable() bool {
	return p.of("bin") == nil || p.of("main") != nil || p.of("exports") != nil || p.of("module") != nil
}

// moduleKind says how the package can be loaded.
func (p *Package) moduleKind() string {
	if !p.importable() {
		return ""
	}
	own := "commonjs"
	if p.text("type") == "module" {
		own = "module"
	}
	exports := string(p.members["exports"])
	requires, imports := strings.Contains(exports, `"require"`), strings.Contains(exports, `"import"`) || p.text("module") != ""
	if requires && imports || own == "commonjs" && imports || own == "module" && requires {
		return "both"
	}
	return own
}

// Judge makes the report. It is pure: of the same subject it is the same.
func Judge(s Subject) Report {
	found := findings(s.Check())
	s.judgeFacts(&found)
	s.judgeDependencies(&found)
	r := Report{
		Name: s.Name(), Version: s.Version(), Findings: found, License: s.License(), Module: s.moduleKind(),
		InstallScripts: s.Installs(), Size: s.Size, Dependencies: s.Dependencies, Circle: s.Circle,
	}
	if s.Facts != nil {
		r.Types, r.Size.Packed = s.Facts.Types, s.Facts.Packed
	}
	passed, all := 0, 0
	for _, row := range rows {
		if row.facts && s.Facts == nil {
			continue
		}
		c := Check{row.code, row.passes(&s, found), row.weight, row.bad}
		all += row.weight
		if c.Passed {
			c.Text = row.good
			passed += row.weight
		}
		r.Checks = append(r.Checks, c)
	}
	r.Score = passed * 100 / all
	return r
}

func (s *Subject) judgeFacts(f *findings) {
	if s.Facts == nil {
		return
	}
	for _, where := range sorted(s.Facts.Missing) {
		f.problem("file-missing", where, "%s is %q, which is not in the package", where, s.Facts.Missing[where])
	}
	for _, name := range s.Facts.Unbundled {
		f.problem("bundled-missing", "bundleDependencies."+name, "%s is to be bundled, but is not in the package", name)
	}
	for _, name := range s.Facts.Differing {
		f.problem("manifest-differs", name, "%s in the tarball's package.json is not what was published: clients go by the one or the other", name)
	}
	for _, file := range s.Facts.Secrets {
		f.problem("secret", "", "%s looks like a secret: if it is one, it is known now; replace it, and unpublish this version", file)
	}
	for _, file := range s.Facts.Colliding {
		f.problem("files-collide", "", "%s is there twice for systems that do not tell capitals apart", file)
	}
	if !s.entered() && !s.Facts.Entry {
		f.advise("entry-missing", "", "the package names no file to begin with, and has no index.js")
	}
}

func (s *Subject) judgeDependencies(f *findings) {
	for _, d := range s.Dependencies {
		where := "dependencies." + d.Name
		if d.Missing != "" {
			f.problem("dependency-missing", where, "%s %s", d.Name, d.Missing)
		}
		if d.Deprecated != "" {
			f.advise("dependency-deprecated", where, "%s@%s is deprecated: %s", d.Name, d.Version, d.Deprecated)
		}
		for _, id := range d.Vulnerabilities {
			f.problem("vulnerability", where, "%s@%s has a known vulnerability: %s", d.Name, d.Version, id)
		}
	}
	if s.Circle != nil {
		f.advise("dependency-circle", "dependencies", "the packages depend on each other: %s", strings.Join(s.Circle, " > "))
	}
}

// mostTold is how many problems a publisher is told of by a notice each.
const mostTold = 4

// Notices are what a publisher is told at once: problems, what is urgent first, then what was not met. A package that has
// none and meets all that is easily met is told nothing.
func (r Report) Notices() (lines []string) {
	var problems []string
	urgent := 0
	for _, f := range r.Findings {
		switch {
		case f.Level != Problem:
		case f.Code == "secret" || f.Code == "vulnerability":
			problems = slices.Insert(problems, urgent, f.Text)
			urgent++
		default:
			problems = append(problems, f.Text)
		}
	}
	lines = problems[:min(len(problems), mostTold)]
	if more := len(problems) - mostTold; more > 0 {
		lines = append(lines[:mostTold:mostTold], fmt.Sprintf("and %d more problems", more))
	}
	var unmet []string
	for _, c := range r.Checks {
		if !c.Passed && c.Weight >= 5 {
			unmet = append(unmet, c.Code)
		}
	}
	if len(unmet) > 0 {
		lines = append(lines, fmt.Sprintf("quality %d of 100; not met: %s", r.Score, strings.Join(unmet, ", ")))
	}
	return lines
}
