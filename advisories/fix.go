package advisories

import (
	"context"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Packages tells what could be installed. It is asked by one goroutine of each audit.
type Packages interface {
	// Versions are a package's; nil where there is none, or none for who asks.
	Versions(ctx context.Context, name string) []string
	// Needs are the ranges that a version of it depends on, by name.
	Needs(ctx context.Context, name, version string) map[string]string
}

// Action is what mends some flaws.
type Action struct {
	Action   string     `json:"action"` // install: of what the project depends on itself; update: of what that depends on; review: nothing is known to help
	Module   string     `json:"module"`
	Target   string     `json:"target,omitempty"` // the version
	IsMajor  bool       `json:"isMajor"`
	Depth    int        `json:"depth,omitempty"` // of an update
	Resolves []*Resolve `json:"resolves"`
}

// Resolve is a flaw on a way that an action mends.
type Resolve struct {
	ID       int64  `json:"id"`
	Path     string `json:"path"`
	Dev      bool   `json:"dev"`
	Optional bool   `json:"optional"`
	Bundled  bool   `json:"bundled"`
}

// actions says what to do about the last package of each way.
func (a *Advisories) actions(ctx context.Context, ways []way, packages Packages) []*Action {
	m := &mending{ctx: ctx, known: a, packages: packages, sound: map[string][]*semver.Version{}, ranges: map[string]*semver.Constraints{}, left: mostLookedInto}
	all := []*Action{}
	for _, w := range ways {
		is := m.mend(w)
		i := slices.IndexFunc(all, func(other *Action) bool {
			return other.Action == is.Action && other.Module == is.Module && other.Target == is.Target && other.IsMajor == is.IsMajor
		})
		if i < 0 {
			all = append(all, is)
			i = len(all) - 1
		}
		n := w[len(w)-1]
		all[i].Depth = max(all[i].Depth, is.Depth)
		for _, flaw := range n.flaws {
			all[i].Resolves = append(all[i].Resolves, &Resolve{flaw.Number, w.String(), n.Dev, n.Optional, n.Bundled})
		}
	}
	return all
}

// mending is the search for versions that help.
type mending struct {
	ctx      context.Context
	known    *Advisories
	packages Packages
	sound    map[string][]*semver.Version // versions without flaws, by name, the newest first
	ranges   map[string]*semver.Constraints
	left     int // packages and versions that may be looked into
}

// mostLookedInto bounds an audit: who sends a tree needs no account.
const mostLookedInto = 2000

// mend finds what helps against the flaws at the end of a way: another version within the range that is asked for, else another
// of the package that the project itself depends on, with which none of the flawed versions is installed any more.
func (m *mending) mend(w way) *Action {
	n := w[len(w)-1]
	by := n.parent
	if len(w) > 1 {
		by = w[len(w)-2]
	}
	asked, required := by.Requires[n.name]
	if v := m.best(n.name, asked); required && v != nil && !n.Bundled {
		if len(w) == 1 {
			return &Action{Action: "install", Module: n.name, Target: v.Original()}
		}
		return &Action{Action: "update", Module: n.name, Target: v.Original(), Depth: len(w)}
	}
	if v := m.above(w); v != nil {
		from, _ := parseVersion(w[0].Version)
		return &Action{Action: "install", Module: w[0].name, Target: v.Original(), IsMajor: breaks(from, v)}
	}
	return &Action{Action: "review", Module: n.name}
}

// breaks reports whether a project may have to change for another version.
func breaks(from, to *semver.Version) bool {
	return from == nil || from.Major() != to.Major() || from.Major() == 0 && from.Minor() != to.Minor()
}

// best is the newest sound version of a package in a range.
func (m *mending) best(name, asked string) *semver.Version {
	in := m.rangeOf(asked)
	if in == nil {
		return nil
	}
	for _, v := range m.soundOf(name) {
		if in.Check(v) {
			return v
		}
	}
	return nil
}

// mostTried is how many versions of a package are looked into.
const mostTried = 50

// above is the newest version of the first package on a way that mends what is at its end; one that breaks nothing
// counts before newer ones.
func (m *mending) above(w way) *semver.Version {
	from, err := parseVersion(w[0].Version)
	if err != nil {
		return nil
	}
	var breaking *semver.Version
	tried := 0
	for _, v := range m.soundOf(w[0].name) {
		if !v.GreaterThan(from) || v.Prerelease() != "" || breaking != nil && breaks(from, v) {
			continue
		}
		if tried++; tried > mostTried {
			break
		}
		if !m.mended(w[0].name, v.Original(), w[1:]) {
			continue
		}
		if !breaks(from, v) {
			return v
		}
		breaking = v
	}
	return breaking
}

// mended reports whether a version of a package comes without the flaw at the end of the rest of a way: it does
// not need what is next there, or what would be installed of that comes without it.
func (m *mending) mended(name, version string, rest way) bool {
	if len(rest) == 0 {
		return true // it is the flawed package itself, in a sound version
	}
	if m.left--; m.left < 0 {
		return false
	}
	next := rest[0].name
	asked, needed := m.packages.Needs(m.ctx, name, version)[next]
	if !needed {
		return true
	}
	v := m.best(next, asked)
	return v != nil && m.mended(next, v.Original(), rest[1:])
}

// soundOf are the versions of a package in which no flaw is known.
func (m *mending) soundOf(name string) []*semver.Version {
	list, known := m.sound[name]
	if known || m.packages == nil {
		return list
	}
	if m.left--; m.left < 0 {
		return nil
	}
	for _, text := range m.packages.Versions(m.ctx, name) {
		v, err := semver.StrictNewVersion(text)
		if err == nil && len(m.known.Known(name, text)) == 0 {
			list = append(list, v)
		}
	}
	slices.SortFunc(list, func(x, y *semver.Version) int { return y.Compare(x) })
	m.sound[name] = list
	return list
}

// rangeOf reads what a package asks for; nil is what is no range of versions: a tag, or a URL.
func (m *mending) rangeOf(asked string) *semver.Constraints {
	in, known := m.ranges[asked]
	if known {
		return in
	}
	text := strings.TrimSpace(asked)
	if text == "" || text == "latest" {
		text = "*"
	}
	in, err := semver.NewConstraint(text)
	if err != nil {
		in = nil
	}
	m.ranges[asked] = in
	return in
}
