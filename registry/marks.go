package registry

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"settee/views/packuments"
)

// marksName is the member of a stored packument that tells what merging needs: who
// did something when. No client sees it.
const marksName = "settee"

// marks are what merging needs to know beside the packument itself.
type marks struct {
	founder     string // who owned the name when the package was made; "": unknown
	access      int    // how often it was changed
	tfa         tfaMark
	tags        map[string]tagMark
	owners      map[string]int    // how often one became or ceased to be a maintainer; where it is not 1 of one who is, 0 of one who is not
	stars       map[string]int    // the same of stars
	edited      map[string]string // version -> when it was deprecated, or no more
	gone        map[string]event  // unpublished version -> what it was
	lost        map[event]bool    // publishes that lost their number
	readme      readmeMark
	unpublished unpublishedMark
	rivals      object // founder -> the packument that lost the name
}

// tagMark is when a dist-tag was set, and to what where the document cannot show it:
// it was removed ("") or its version is gone.
type tagMark struct {
	at     string
	to     string
	hidden bool
}

// tfaMark is whether each publish asks for a second factor, and whether a token made for
// automation does without; n is how often that was changed.
type tfaMark struct {
	n                   int
	requires, overrides bool
}

func parseTFA(raw []byte) (t tfaMark) {
	o := parseObject(raw)
	t.n, _ = strconv.Atoi(string(o.of("n")))
	t.requires, t.overrides = string(o.of("requires")) == "true", string(o.of("overrides")) == "true"
	return t
}

func (t tfaMark) raw() []byte {
	return object{{"n", count(t.n)}, {"requires", strconv.AppendBool(nil, t.requires)}, {"overrides", strconv.AppendBool(nil, t.overrides)}}.raw()
}

// tfa is what a publish of the package asks for.
func (p *packument) tfa() tfaMark {
	if p == nil {
		return tfaMark{}
	}
	return parseTFA(packuments.Member(p.top.of(marksName), "tfa"))
}

// setTFA sets it in a clone.
func (p *packument) setTFA(t tfaMark) {
	t.n++
	p.set(marksName, parseObject(p.top.of(marksName)).with("tfa", t.raw()).raw())
}

// readmeMark is when the readme was set, and the publish it came with.
type readmeMark struct {
	at string
	of event
}

// unpublishedMark is when the package was unpublished, or came back.
type unpublishedMark struct {
	noted bool
	at    string
	was   []byte // time.unpublished, where the document shows versions that others published meanwhile
}

// event is one publish, whatever became of it.
type event struct{ number, time, digest, by string }

func sortedEvents(set map[event]bool) []event {
	return slices.SortedFunc(maps.Keys(set), event.compare)
}

// compare orders the publishes of a number: the first has it.
func (e event) compare(o event) int {
	return cmp.Or(cmp.Compare(e.time, o.time), cmp.Compare(e.digest, o.digest), cmp.Compare(e.number, o.number), cmp.Compare(e.by, o.by))
}

func parseMarks(raw []byte) *marks {
	o := parseObject(raw)
	m := &marks{founder: o.text("founder"), tags: map[string]tagMark{}, edited: map[string]string{}, gone: map[string]event{}, lost: map[event]bool{}}
	m.access, _ = strconv.Atoi(string(o.of("access")))
	for _, t := range parseObject(o.of("tags")) {
		mark := parseObject(t.value)
		m.tags[t.name] = tagMark{mark.text("at"), unbuilt(mark.text("to")), mark.at("to") >= 0}
	}
	m.tfa = parseTFA(o.of("tfa"))
	m.owners, m.stars = parseCounts(o.of("owners")), parseCounts(o.of("stars"))
	for _, v := range parseObject(o.of("edited")) {
		m.edited[v.name] = plain(v.value)
	}
	for _, v := range parseObject(o.of("gone")) {
		was := parseObject(v.value)
		m.gone[v.name] = event{number: v.name, digest: was.text("integrity"), by: was.text("by")}
	}
	for _, raw := range elements(o.of("lost")) {
		m.lost[parseEvent(raw)] = true
	}
	r := parseObject(o.of("readme"))
	m.readme = readmeMark{r.text("at"), parseEvent(r.of("of"))}
	u := parseObject(o.of("unpublished"))
	m.unpublished = unpublishedMark{u != nil, u.text("at"), u.of("was")}
	m.rivals = parseObject(o.of("rivals"))
	return m
}

func parseEvent(raw []byte) event {
	o := parseObject(raw)
	return event{o.text("version"), o.text("time"), o.text("integrity"), o.text("by")}
}

func (e event) raw() []byte {
	return object{{"version", quote(e.number)}, {"time", quote(e.time)}, {"integrity", quote(e.digest)}, {"by", quote(e.by)}}.raw()
}

func parseCounts(raw []byte) map[string]int {
	counts := map[string]int{}
	for _, m := range parseObject(raw) {
		if n, err := strconv.Atoi(string(m.value)); err == nil && n >= 0 {
			counts[m.name] = n
		}
	}
	return counts
}

// raw is the marks' text, members without anything to tell left out.
func (m *marks) raw() []byte {
	var o object
	add := func(name string, value []byte, needed bool) {
		if needed {
			o = append(o, member{name, value})
		}
	}
	add("founder", quote(m.founder), m.founder != "")
	add("access", number(int64(m.access)), m.access > 0)
	add("tfa", m.tfa.raw(), m.tfa != tfaMark{})
	add("tags", sortedObject(m.tags, tagMark.raw), len(m.tags) > 0)
	add("owners", sortedObject(m.owners, count), len(m.owners) > 0)
	add("stars", sortedObject(m.stars, count), len(m.stars) > 0)
	add("edited", sortedObject(m.edited, quote), len(m.edited) > 0)
	add("gone", sortedObject(m.gone, func(e event) []byte {
		return object{{"integrity", quote(e.digest)}, {"by", quote(e.by)}}.raw()
	}), len(m.gone) > 0)
	add("lost", rawEvents(m.lost), len(m.lost) > 0)
	add("readme", object{{"at", quote(m.readme.at)}, {"of", m.readme.of.raw()}}.raw(), m.readme != readmeMark{})
	was := object{{"at", quote(m.unpublished.at)}}
	if m.unpublished.was != nil {
		was = append(was, member{"was", m.unpublished.was})
	}
	add("unpublished", was.raw(), m.unpublished.noted)
	add("rivals", m.rivals.raw(), len(m.rivals) > 0)
	return o.raw()
}

func count(n int) []byte { return number(int64(n)) }

func (t tagMark) raw() []byte {
	o := object{{"at", quote(t.at)}}
	if t.hidden {
		o = append(o, member{"to", quote(t.to)})
	}
	return o.raw()
}

func rawEvents(set map[event]bool) []byte {
	out := []byte{'['}
	for i, e := range sortedEvents(set) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e.raw()...)
	}
	return append(out, ']')
}

// sortedObject is a map's text, its members in order.
func sortedObject[V any](m map[string]V, raw func(V) []byte) []byte {
	o := make(object, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		o = append(o, member{name, raw(m[name])})
	}
	return o.raw()
}

// later is the moment of a change to what was last changed at was: now, but never
// before what it follows, however the clocks of two regions differ.
func later(was string, now time.Time) string {
	moment := now.UTC().Format(isoTime)
	if moment > was {
		return moment
	}
	at, err := time.Parse(time.RFC3339, was)
	if err != nil {
		return moment
	}
	return at.UTC().Add(time.Millisecond).Format(isoTime)
}
