package registry

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"settee/views/packuments"
)

// lineage is what is known of a package that one founder made: each part joins with its
// like by itself, whatever the order, so the whole does.
type lineage struct {
	founder  string
	created  string // the first
	modified string // the last
	numbers  map[string]*published
	lost     map[event]bool
	tags     map[string]pointer
	owners   map[string]owner
	stars    map[string]int
	access   access
	tfa      tfaMark
	readme   readme
	end      ending
	others   map[string][]byte // top members that registries elsewhere gave the package
	rivals   object            // as read: a family takes them
}

// published is the publish that has a number; the key is without build metadata.
type published struct {
	number string
	time   string
	raw    []byte // nil: unpublished
	gone   bool
	edited string

	digest, by string
	known      bool // digest and by were read out of raw
}

func (p *published) event() event {
	if !p.known {
		p.digest, p.by, p.known = integrityOf(p.raw), plain(packuments.Member(packuments.Member(p.raw, "_npmUser"), "name")), true
	}
	return event{p.number, p.time, p.digest, p.by}
}

func integrityOf(manifest []byte) string {
	return plain(packuments.Member(packuments.Member(manifest, "dist"), "integrity"))
}

// pointer is a dist-tag: what it was set to last. "" is nothing.
type pointer struct{ at, to string }

// owner is a maintainer where n is odd; raw is {name, email}.
type owner struct {
	n   int
	raw []byte
}

type access struct {
	n  int
	is string
}

type readme struct {
	readmeMark
	text []byte
}

// ending is when the package was unpublished, and what time.unpublished said; nil: it came back.
type ending struct {
	at  string
	was []byte
}

// known are the top members that a line has a place for, or makes anew.
var known = append([]string{"name", "access", "dist-tags", "time", "maintainers", "users", "readme", marksName}, hoisted...)

// lineageOf reads a packument.
func lineageOf(p *packument) *lineage {
	m, times := parseMarks(p.top.of(marksName)), p.times()
	gone := parseObject(times.of("unpublished"))
	l := &lineage{
		founder: m.founder, created: times.text("created"), modified: times.text("modified"), lost: m.lost, rivals: m.rivals,
		numbers: map[string]*published{}, tags: map[string]pointer{}, owners: map[string]owner{}, others: map[string][]byte{},
		access: access{m.access, p.top.text("access")}, tfa: m.tfa, end: ending{m.unpublished.at, m.unpublished.was},
	}
	l.readVersions(p, m, times)
	l.readTags(p, m, times)
	if !p.published() && gone != nil {
		l.end.was = nil
		if gone.at("name") >= 0 { // else nobody unpublished them all
			l.end.was = gone.without("maintainers").raw()
			if !m.unpublished.noted {
				l.end.at = gone.text("time")
			}
		}
	}
	l.readOwners(p.people(), m)
	l.stars = counted(m.stars, parseObject(p.top.of("users")), p.published())
	l.readReadme(p, m)
	for _, t := range p.top {
		if !slices.Contains(known, t.name) {
			l.others[t.name] = t.value
		}
	}
	return l
}

func reserved(name string) bool {
	return name == "created" || name == "modified" || name == "unpublished"
}

func (l *lineage) readVersions(p *packument, m *marks, times object) {
	at := times.index()
	for _, v := range p.versions {
		moment := ""
		if !reserved(v.name) {
			moment = plain(at[v.name])
			delete(at, v.name)
		}
		l.take(&published{number: v.name, time: moment, raw: v.value, edited: m.edited[v.name]})
	}
	for number, moment := range at {
		if !reserved(number) {
			was := m.gone[number]
			l.take(&published{number: number, time: plain(moment), gone: true, digest: was.digest, by: was.by, known: true})
		}
	}
}

// take notes a publish: of those of one number the first has it, and the others lost it.
func (l *lineage) take(p *published) {
	key := unbuilt(p.number)
	have := l.numbers[key]
	if have == nil {
		l.numbers[key] = p
		return
	}
	if have.number == p.number && have.time == p.time && have.gone == p.gone && have.edited == p.edited && bytes.Equal(have.raw, p.raw) && !p.gone {
		return
	}
	a, b := have.event(), p.event()
	switch order := a.compare(b); {
	case order < 0:
		l.lost[b] = true
	case order > 0:
		l.lost[a] = true
		l.numbers[key] = p
	case p.gone || have.gone:
		if p.gone {
			l.numbers[key] = p
		}
	default:
		l.numbers[key] = have.join(p)
	}
}

// join of what became of one publish: what it was edited to last, with the signatures of both.
func (p *published) join(o *published) *published {
	if bytes.Equal(p.raw, o.raw) {
		if p.edited < o.edited {
			return o
		}
		return p
	}
	bare, ours := unsigned(p.raw)
	other, theirs := unsigned(o.raw)
	last := *p
	if cmp.Or(cmp.Compare(p.edited, o.edited), bytes.Compare(bare, other)) < 0 {
		last, bare = *o, other
	}
	last.raw = united(bare, ours, theirs)
	return &last
}

func (l *lineage) readTags(p *packument, m *marks, times object) {
	for _, t := range p.tags() {
		to := plain(t.value)
		at := times.text(to)
		if mark, ok := m.tags[t.name]; ok {
			at = mark.at
			if t.name == "latest" && mark.hidden && l.live(mark.to) == nil {
				to = mark.to
			}
		}
		l.tags[t.name] = pointer{at, unbuilt(to)}
	}
	for name, mark := range m.tags {
		if _, shown := l.tags[name]; !shown {
			l.tags[name] = pointer{mark.at, mark.to}
		}
	}
	maps.DeleteFunc(l.tags, func(_ string, t pointer) bool { return t == pointer{} }) // a latest that nobody set
}

// live is the version of a number, nil where there is none.
func (l *lineage) live(number string) *published {
	if p := l.numbers[unbuilt(number)]; p != nil && !p.gone {
		return p
	}
	return nil
}

func (l *lineage) readOwners(shown object, m *marks) {
	for name, n := range counted(m.owners, shown, true) {
		o := owner{n: n}
		if n%2 == 1 {
			o.raw = shown.of(name)
		}
		l.owners[name] = o
	}
}

// counted adds what a document shows to how often it changed: what is shown is odd.
func counted(changes map[string]int, shown object, complete bool) map[string]int {
	for _, m := range shown {
		if n := changes[m.name]; n%2 == 0 && string(m.value) != "false" {
			changes[m.name] = n + 1
		}
	}
	for name, n := range changes {
		if i := shown.at(name); complete && n%2 == 1 && (i < 0 || string(shown[i].value) == "false") {
			changes[name] = n + 1
		}
	}
	return changes
}

func (l *lineage) readReadme(p *packument, m *marks) {
	l.readme = readme{m.readme, p.top.of("readme")}
	if v := l.live(p.latest()); v != nil && l.readme.text != nil && m.readme == (readmeMark{}) {
		l.readme.readmeMark = readmeMark{v.time, v.event()}
	}
	if !l.has(l.readme.of) {
		l.readme.text = nil
	}
}

// has reports whether a publish is live. One that is not never is again.
func (l *lineage) has(e event) bool {
	v := l.live(e.number)
	return v != nil && v.event() == e
}

// join adds what is known of the same line. o must not be used any more.
func (l *lineage) join(o *lineage) *lineage {
	l.created, l.modified = min(l.created, o.created), max(l.modified, o.modified)
	maps.Copy(l.lost, o.lost)
	for _, p := range o.numbers {
		l.take(p)
	}
	join(l.tags, o.tags, pointer.join)
	join(l.owners, o.owners, owner.join)
	join(l.stars, o.stars, func(a, b int) int { return max(a, b) })
	join(l.others, o.others, greatest)
	l.access = l.access.join(o.access)
	l.tfa = l.tfa.join(o.tfa)
	l.readme = l.readme.join(o.readme)
	l.end = l.end.join(o.end)
	return l
}

// greatest decides by a fixed rule where nothing tells which came later.
func greatest(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return b
	}
	return a
}

// join of tags: what was set last counts.
func (t pointer) join(o pointer) pointer {
	if cmp.Or(cmp.Compare(t.at, o.at), cmp.Compare(t.to, o.to)) < 0 {
		return o
	}
	return t
}

// join of a maintainer: the longer history knows the other.
func (w owner) join(o owner) owner {
	if cmp.Or(cmp.Compare(w.n, o.n), bytes.Compare(w.raw, o.raw)) < 0 {
		return o
	}
	return w
}

// join of access: of changes made at once the restriction counts.
func (a access) join(o access) access {
	tight := func(a access) int {
		if a.is == "restricted" {
			return 1
		}
		return 0
	}
	if cmp.Or(cmp.Compare(a.n, o.n), cmp.Compare(tight(a), tight(o)), cmp.Compare(a.is, o.is)) < 0 {
		return o
	}
	return a
}

// join of what a publish asks for: of changes made at once the one that asks for more counts.
func (t tfaMark) join(o tfaMark) tfaMark {
	asks := func(t tfaMark) int {
		switch {
		case t.requires && !t.overrides:
			return 3
		case t.requires:
			return 2
		case !t.overrides:
			return 1
		}
		return 0
	}
	if cmp.Or(cmp.Compare(t.n, o.n), cmp.Compare(asks(t), asks(o))) < 0 {
		return o
	}
	return t
}

func (r readme) join(o readme) readme {
	if cmp.Or(cmp.Compare(r.at, o.at), r.of.compare(o.of), bytes.Compare(r.text, o.text)) < 0 {
		return o
	}
	return r
}

func (e ending) join(o ending) ending {
	if cmp.Or(cmp.Compare(e.at, o.at), bytes.Compare(e.was, o.was)) < 0 {
		return o
	}
	return e
}
