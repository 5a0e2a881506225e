package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// packument is the document that tells all that the line knows.
func (l *lineage) packument(name PackageName, rivals object) *packument {
	p := &packument{name: name, top: object{{"name", quote(string(name))}}}
	m := &marks{founder: l.founder, access: l.access.n, tfa: l.tfa, lost: l.lost, readme: l.readme.readmeMark, rivals: rivals,
		tags: map[string]tagMark{}, owners: map[string]int{}, stars: map[string]int{}, edited: map[string]string{}, gone: map[string]event{}}
	m.unpublished = unpublishedMark{noted: l.end.at != "" || l.end.was != nil, at: l.end.at}
	if l.access.is != "" {
		p.set("access", quote(l.access.is))
	}
	times := l.writeVersions(p, m)
	l.writeTags(p, m)
	l.writeStars(p, m)
	people := l.writeOwners(m)
	switch {
	case p.versions != nil:
		m.unpublished.was = l.end.was
		p.set("maintainers", people)
		l.writeLatest(p)
	case l.end.was != nil:
		times = append(times, member{"unpublished", parseObject(l.end.was).with("maintainers", people).raw()})
	case len(l.numbers) > 0: // no version is left, but nobody unpublished them all
		times = append(times, member{"unpublished", object{{"time", quote(l.modified)}, {"maintainers", people}}.raw()})
	default:
		p.set("maintainers", people)
	}
	p.set("time", times.raw())
	for _, name := range slices.Sorted(maps.Keys(l.others)) {
		p.set(name, l.others[name])
	}
	if raw := m.raw(); len(raw) > len("{}") {
		p.set(marksName, raw)
	}
	return p
}

// sorted are the publishes in their order.
func (l *lineage) sorted() []*published {
	return slices.SortedFunc(maps.Values(l.numbers), func(a, b *published) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.number, b.number))
	})
}

// writeVersions gives p the versions, spliced, and returns the members of time.
func (l *lineage) writeVersions(p *packument, m *marks) (times object) {
	if l.created != "" {
		times = append(times, member{"created", quote(l.created)})
	}
	if l.modified != "" {
		times = append(times, member{"modified", quote(l.modified)})
	}
	for _, v := range l.sorted() {
		if !reserved(v.number) && (v.gone || v.time != "") {
			times = append(times, member{v.number, quote(v.time)})
		}
		if v.gone {
			if v.digest != "" || v.by != "" {
				m.gone[v.number] = event{digest: v.digest, by: v.by}
			}
			continue
		}
		p.versions = append(p.versions, member{v.number, v.raw})
		if v.edited != "" {
			m.edited[v.number] = v.edited
		}
	}
	return times
}

func (l *lineage) writeTags(p *packument, m *marks) {
	tags := object{}
	for _, name := range slices.Sorted(maps.Keys(l.tags)) {
		t := l.tags[name]
		mark := tagMark{at: t.at}
		if v := l.live(t.to); v != nil {
			tags = append(tags, member{name, quote(v.number)})
		} else {
			mark.to, mark.hidden = t.to, true
		}
		m.tags[name] = mark
	}
	if p.versions == nil {
		return
	}
	if tags.at("latest") < 0 {
		tags = tags.with("latest", quote(cmp.Or(p.highest(whichever), p.versions[len(p.versions)-1].name)))
		if _, ok := m.tags["latest"]; !ok {
			m.tags["latest"] = tagMark{hidden: true}
		}
	}
	p.set("dist-tags", tags.raw())
}

func (l *lineage) writeStars(p *packument, m *marks) {
	users := object{}
	for _, name := range slices.Sorted(maps.Keys(l.stars)) {
		n := l.stars[name]
		if n%2 == 1 && p.versions != nil {
			users = append(users, member{name, []byte("true")})
		}
		if n > 1 || n == 1 && p.versions == nil {
			m.stars[name] = n
		}
	}
	if len(users) > 0 {
		p.set("users", users.raw())
	}
}

func (l *lineage) writeOwners(m *marks) (people []byte) {
	people = []byte{'['}
	for _, name := range slices.Sorted(maps.Keys(l.owners)) {
		o := l.owners[name]
		if o.n%2 == 1 {
			if len(people) > 1 {
				people = append(people, ',')
			}
			people = append(people, o.raw...)
		}
		if o.n > 1 {
			m.owners[name] = o.n
		}
	}
	return append(people, ']')
}

// writeLatest gives the package what it takes from its latest version, and the
// readme, if the very version that it came with is there.
func (l *lineage) writeLatest(p *packument) {
	hoist(p, parseObject(p.versions.of(p.latest())))
	if l.readme.text != nil && l.has(l.readme.of) {
		p.set("readme", l.readme.text)
	}
}

// lostTo reports whether a publish lost its number to other bytes. A version whose bytes are
// unknown, unpublished before they were noted, is not another where the time is the same.
func (l *lineage) lostTo(e event) bool {
	v := l.numbers[unbuilt(e.number)]
	if v == nil || e.digest == "" {
		return false
	}
	by := v.event()
	return by.digest != e.digest && (by.digest != "" || by.time != e.time)
}

// same reports whether two documents say the same, though a database in between may
// have written numbers and strings another way.
func (p *packument) same(o *packument) bool {
	return sameMembers(p.top, o.top) && sameMembers(p.versions, o.versions) && (p.versions == nil) == (o.versions == nil)
}

func sameMembers(a, b object) bool {
	if len(a) != len(b) {
		return false
	}
	theirs := b.index()
	for _, m := range a {
		other, ok := theirs[m.name]
		if !ok || !bytes.Equal(m.value, other) && !sameJSON(m.value, other) {
			return false
		}
	}
	return true
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
