package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"settee/upstream"
	"settee/views/packuments"
)

// far is what is to be known of another registry's packument.
type far struct {
	mark   []byte                     // where it is from, as package upstream wrote it
	hidden map[string]upstream.Hidden // versions that the rules do not show
	until  time.Time                  // when time changes what they show; zero: never
	notice string                     // what who reads it should be told

	vouched bool // versions have a signature of ours
	unkept  bool // it is not in the database
}

// altered reports whether something is hidden, or signed by us, or is not in the database at all. The database's index does not know of it, nor does any time in
// the packument tell when it came to be so.
func (p *packument) altered() bool {
	return p.far != nil && (len(p.far.hidden) > 0 || p.far.vouched || p.far.unkept)
}

// policyName is the member that tells npm which versions it cannot have, and why.
const policyName = "policyRestrictions"

// filter takes out what the rules hide at a moment, wherever the packument speaks of it. p is the caller's own.
func (p *packument) filter(rules upstream.Rules, now time.Time) *packument {
	if p.versions == nil {
		return p
	}
	times, seen := p.times().index(), parseObject(packuments.Member(p.far.mark, "seen"))
	var shown object
	var hidden []upstream.Hidden
	for _, v := range p.versions {
		h, hide := rules.Version(string(p.name), v.name, moment(times[v.name], seen, v.name, now), now)
		if !hide {
			shown = append(shown, v)
			continue
		}
		hidden = append(hidden, h)
		if !h.Until.IsZero() && (p.far.until.IsZero() || h.Until.Before(p.far.until)) {
			p.far.until = h.Until
		}
	}
	if len(hidden) == 0 {
		return p
	}
	p.far.hidden = make(map[string]upstream.Hidden, len(hidden))
	for _, h := range hidden {
		p.far.hidden[h.Version] = h
	}
	all := p.tags()
	p.versions = shown
	if p.versions == nil {
		p.versions = object{}
	}
	p.retime()
	p.moveTags(all)
	p.explain(hidden)
	return p
}

// moment is when a version was published; where that is not told, when it was first seen here.
func moment(told []byte, seen object, version string, now time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, plain(told)); err == nil {
		return at
	}
	if at, err := time.Parse(time.RFC3339, seen.text(version)); err == nil {
		return at
	}
	return now
}

// retime takes the hidden versions' times out, and the moment of their publish with them.
func (p *packument) retime() {
	var times object
	modified := ""
	for _, m := range p.times() {
		if _, hidden := p.far.hidden[m.name]; hidden || m.name == "modified" {
			continue
		}
		times = append(times, m)
		if at := plain(m.value); at > modified && m.name != "unpublished" {
			modified = at
		}
	}
	if times == nil {
		p.drop("time")
		return
	}
	p.set("time", append(times, member{"modified", quote(modified)}).raw())
}

// moveTags moves each dist-tag whose version is hidden to the highest that is shown and is not above it; latest, which
// clients need, to the highest there is if none is.
func (p *packument) moveTags(all object) {
	var tags object
	for _, t := range all {
		to := plain(t.value)
		if _, hidden := p.far.hidden[to]; !hidden {
			tags = append(tags, t)
			continue
		}
		fallback := p.below(to)
		if fallback == "" && t.name == "latest" {
			fallback = p.highest(whichever)
		}
		if fallback != "" {
			tags = append(tags, member{t.name, quote(fallback)})
		}
		if t.name == "latest" {
			p.far.notice = p.far.hidden[to].Why
			if fallback != "" {
				p.far.notice += fmt.Sprintf(" latest is %s here.", fallback)
			}
		}
	}
	p.set("dist-tags", tags.raw())
}

// below is the highest version that is shown and not above another; a prerelease only where that is one.
func (p *packument) below(number string) string {
	top, err := semver.NewVersion(number)
	if err != nil {
		return ""
	}
	var best *semver.Version
	for _, m := range p.versions {
		v, err := semver.NewVersion(m.name)
		if err == nil && v.LessThan(top) && (v.Prerelease() == "" || top.Prerelease() != "") && (best == nil || v.GreaterThan(best)) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// explain tells npm what it cannot have: it says so where a command names such a version.
func (p *packument) explain(hidden []upstream.Hidden) {
	var list object
	for _, h := range hidden {
		list = append(list, member{h.Version, object{{"name", quote(string(p.name))}, {"version", quote(h.Version)}}.raw()})
	}
	p.set(policyName, object{{"message", quote(reasons(hidden))}, {"versions", list.raw()}}.raw())
}

// reasons are words for all that is hidden at once, as npm has one message for every version: each rule tells of the highest that
// it hides and of how many more, the rule with the highest of all first.
func reasons(hidden []upstream.Hidden) string {
	type reason struct {
		top  *semver.Version
		why  string
		more int
	}
	byRule := make(map[string]*reason)
	for _, h := range hidden {
		v, err := semver.NewVersion(h.Version)
		if err != nil {
			continue // package upstream keeps none
		}
		r := byRule[h.Rule]
		if r == nil {
			byRule[h.Rule] = &reason{v, h.Why, 0}
			continue
		}
		r.more++
		if v.GreaterThan(r.top) {
			r.top, r.why = v, h.Why
		}
	}
	list := slices.SortedFunc(maps.Values(byRule), func(a, b *reason) int { return b.top.Compare(a.top) })
	var text []string
	for _, r := range list {
		text = append(text, r.why)
		switch {
		case r.more == 1:
			text = append(text, "So is another version.")
		case r.more > 1:
			text = append(text, fmt.Sprintf("So are %d other versions.", r.more))
		}
	}
	return strings.Join(text, " ")
}

// explained is an abbreviated packument with that member.
func (p *packument) explained(short []byte) []byte {
	why := p.top.of(policyName)
	if !p.altered() || why == nil {
		return short
	}
	short = append(append(short[:len(short)-1], `,"`+policyName+`":`...), why...)
	return append(short, '}')
}

// missing is the answer for a version that is not there, or not shown.
func (p *packument) missing(spec string) error {
	if p.far != nil {
		if h, hidden := p.far.of(spec); hidden {
			return &Error{Status: 404, Message: "version not found: " + h.Why, Notice: h.Why}
		}
	}
	return fail(404, "version not found: %s", spec)
}

// of is the highest hidden version that a number or a range means.
func (f *far) of(spec string) (upstream.Hidden, bool) {
	if h, exact := f.hidden[spec]; exact {
		return h, true
	}
	within, err := semver.NewConstraint(spec)
	if err != nil {
		return upstream.Hidden{}, false
	}
	var fits []*semver.Version
	for number := range f.hidden {
		if v, err := semver.NewVersion(number); err == nil && (within.Check(v) || spec == "*") {
			fits = append(fits, v)
		}
	}
	if len(fits) == 0 {
		return upstream.Hidden{}, false
	}
	return f.hidden[slices.MaxFunc(fits, (*semver.Version).Compare).Original()], true
}
