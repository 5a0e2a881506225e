package registry

import (
	"bytes"
	"slices"
	"time"
)

// note writes into an edited packument what a merge with edits made elsewhere must
// know: what differs from cur, nil where the package is new, and when it came to differ.
func (p *packument) note(cur *packument, now time.Time) {
	if cur == nil {
		cur = &packument{top: object{{marksName, p.top.of(marksName)}}}
	}
	m := parseMarks(cur.top.of(marksName))
	if p.top.text("access") != cur.top.text("access") {
		m.access++
	}
	if t := p.tfa(); t.n > m.tfa.n { // a tombstone has none of it, but what comes back does
		m.tfa = t
	}
	m.noteVersions(p, cur, now)
	m.noteTags(p, cur, now)
	toggled(m.owners, cur.people(), p.people())
	if p.versions != nil { // a tombstone has no stars, and takes none back
		toggled(m.stars, parseObject(cur.top.of("users")), parseObject(p.top.of("users")))
	}
	if text := p.top.of("readme"); text != nil && (cur.versions.at(p.latest()) < 0 || !bytes.Equal(text, cur.top.of("readme"))) {
		latest := published{number: p.latest(), time: p.timeOf(p.latest()), raw: p.versions.of(p.latest())}
		m.readme = readmeMark{later(m.readme.at, now), latest.event()}
	}
	was, is := parseObject(cur.tombstone()), parseObject(p.tombstone())
	switch {
	case is != nil && is.text("time") != was.text("time"):
		m.unpublished = unpublishedMark{noted: true, at: later(m.unpublished.at, now)}
	case is == nil && was != nil:
		m.unpublished = unpublishedMark{noted: true, at: later(max(m.unpublished.at, was.text("time")), now)}
	}
	p.drop(marksName)
	if raw := m.raw(); len(raw) > len("{}") {
		p.set(marksName, raw)
	}
}

// noteVersions notes versions that went, with what they were, and those that were edited.
func (m *marks) noteVersions(p, cur *packument, now time.Time) {
	var index map[string][]byte
	for i, v := range cur.versions {
		var next []byte
		if i < len(p.versions) && p.versions[i].name == v.name {
			next = p.versions[i].value
		} else {
			if index == nil {
				index = p.versions.index()
			}
			next = index[v.name]
		}
		switch {
		case next == nil:
			was := published{number: v.name, raw: v.value}
			m.gone[v.name] = was.event()
			delete(m.edited, v.name)
		case &next[0] != &v.value[0] && !bytes.Equal(next, v.value) && !sameButSigned(next, v.value):
			m.edited[v.name] = later(m.edited[v.name], now)
		}
	}
}

// noteTags notes what dist-tags were set to and when. A tag that went with its version
// was not removed by anybody, and a latest that took its place was not set.
func (m *marks) noteTags(p, cur *packument, now time.Time) {
	was, is := cur.tags(), p.tags()
	highest := func() string { return p.highest(whichever) }
	for _, t := range is {
		old, to := m.tagOf(t.name, was, cur), plain(t.value)
		derived := t.name == "latest" && old.to != "" && !p.holds(old.to)
		if bytes.Equal(t.value, was.of(t.name)) && !(derived && to != highest()) {
			continue
		}
		if derived && cur.holds(to) && to == highest() {
			m.tags[t.name] = tagMark{old.at, old.to, true}
			continue
		}
		m.tags[t.name] = tagMark{at: later(old.at, now)}
	}
	for _, t := range was {
		if is.at(t.name) >= 0 {
			continue
		}
		old := m.tagOf(t.name, was, cur)
		if p.holds(plain(t.value)) {
			old = tagMark{at: later(old.at, now)}
		}
		m.tags[t.name] = tagMark{old.at, old.to, true}
	}
}

// holds reports whether a version is there.
func (p *packument) holds(number string) bool {
	v, _ := p.version(number)
	return v != nil
}

// tagOf is what is known of a tag before an edit, its version included.
func (m *marks) tagOf(name string, tags object, cur *packument) tagMark {
	shown := tags.text(name)
	mark, noted := m.tags[name]
	switch {
	case !noted:
		return tagMark{at: cur.timeOf(shown), to: shown}
	case mark.hidden && name == "latest" && shown != "":
		return mark // what is shown stands in for one that is gone
	case !mark.hidden:
		mark.to = shown
	}
	return mark
}

// toggled counts who came and who went.
func toggled(counts map[string]int, was, is object) {
	names := map[string]bool{}
	for _, m := range slices.Concat(was, is) {
		names[m.name] = true
	}
	for name := range names {
		before, after := was.at(name) >= 0, is.at(name) >= 0
		n := counts[name]
		if before && n%2 == 0 {
			n++
		}
		if before != after {
			n++
		}
		if n > 1 {
			counts[name] = n
		}
	}
}
