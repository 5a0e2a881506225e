package couch

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
)

// A memory is what reading a large document taught, for the next text of the same document, most of which it has
// been before: the terms of its long members, and the pieces of its body.
type memory struct {
	db     uint32
	id     DocID
	text   []byte // that was read: the body, or a copy with its white space
	spaced bool
	body   []byte
	terms  []byte
	values map[string]remembered

	pieces atomic.Pointer[[]bodyPiece] // nil: not cut yet
}

// remembered is a value, an object that is a member of a member, and its terms.
type remembered struct{ text, terms []byte }

// longValue is from how many bytes on a value is remembered: of shorter ones the map would take more than the time it saves is worth.
const longValue = 256

// A learner reads with the help of a memory, and makes the next one.
type learner struct {
	before *memory // nil: none
	spans  []span
}

// room is how many bytes the terms of a text of so many may take: strings and members a few more than their text.
func (l *learner) room(text int) int {
	if l == nil || l.before == nil || len(l.before.text) > text {
		return text + text/4 + 32
	}
	more := text - len(l.before.text) // most of it is what it was
	return len(l.before.terms) + more + more/4 + 4<<10
}

// A span is a value's name and place in what is read and in the terms.
type span struct {
	name                 string
	from, to, begin, end int
}

// wide reads a member's value at the depth where large documents have their large parts.
func (s *scanner) wide(name []byte) bool {
	if s.i >= len(s.b) || s.b[s.i] != '{' {
		return s.value()
	}
	of := span{name: string(name), from: s.i, begin: len(s.out)}
	if s.learner.before != nil {
		known := s.learner.before.values[of.name]
		if known.text != nil && bytes.HasPrefix(s.b[s.i:], known.text) { // it ends where it did: with its brace
			s.i += len(known.text)
			s.out = append(s.out, known.terms...)
			s.spaced = s.spaced || s.learner.before.spaced
			s.learnt(of)
			return true
		}
	}
	if !s.value() {
		return false
	}
	s.learnt(of)
	return true
}

func (s *scanner) learnt(of span) {
	if of.to, of.end = s.i, len(s.out); of.to-of.from >= longValue {
		s.learner.spans = append(s.learner.spans, of)
	}
}

// remember makes the memory of what was read into doc.
func (l *learner) remember(s *scanner, p *parts, doc *Document) *memory {
	m := &memory{body: doc.Body, terms: s.out, spaced: s.spaced, values: make(map[string]remembered, len(l.spans))}
	runs := p.runs
	if m.text = doc.Body; m.spaced || len(p.special) == 0 {
		runs = [][2]int{{p.begin, p.end}}
	}
	if m.spaced {
		m.text = bytes.Clone(p.raw[p.begin:p.end])
	}
	at := 0 // where the run begins in text
	if len(runs) > 0 && runs[0][0] > p.begin {
		at = 1 // after the brace
	}
	for _, of := range l.spans {
		for len(runs) > 0 && of.from >= runs[0][1] {
			at += runs[0][1] - runs[0][0] + 1 // and the comma
			runs = runs[1:]
		}
		if len(runs) == 0 || of.from < runs[0][0] {
			continue // a part of a special member
		}
		from := at + of.from - runs[0][0]
		m.values[of.name] = remembered{m.text[from : from+of.to-of.from], s.out[of.begin:of.end:of.end]}
	}
	return m
}

// mostRemembered is how many bytes memories take: of two documents as large as the largest packuments of the public registry.
const mostRemembered = 128 << 20

// memories are those of the large documents that were written last.
type memories struct {
	mu   sync.Mutex
	list []*memory // the last one first
}

func (m *memory) size() int {
	n := len(m.body) + cap(m.terms)
	if m.spaced {
		n += len(m.text)
	}
	return n
}

func (all *memories) of(db uint32, id DocID) *memory {
	all.mu.Lock()
	defer all.mu.Unlock()
	if i := all.at(db, id); i >= 0 {
		return all.list[i]
	}
	return nil
}

func (all *memories) at(db uint32, id DocID) int {
	return slices.IndexFunc(all.list, func(m *memory) bool { return m.db == db && m.id == id })
}

// keep puts a memory in the place of that of the same document.
func (all *memories) keep(m *memory) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if i := all.at(m.db, m.id); i >= 0 {
		all.list = slices.Delete(all.list, i, i+1)
	}
	all.list = slices.Insert(all.list, 0, m)
	size := 0
	for i, each := range all.list {
		if size += each.size(); size > mostRemembered {
			clear(all.list[i:])
			all.list = all.list[:i]
			return
		}
	}
}

// Parse is ParseDocument for a document that is to be stored under an id. Of a large one that was stored before it reads
// only what is new: the rest is compared with what it was. What is remembered are copies, but of a text that is ours,
// which nobody will change: then the body is part of it where it has no special members and no white space.
func (db *DB) Parse(id DocID, raw []byte, ours bool) (*Document, error) {
	if len(raw) < db.store.o.piecedFrom {
		return ParseDocument(raw)
	}
	l := &learner{before: db.store.memories.of(db.number, id)}
	doc, twins, err := parseDocument(raw, reading{ours: ours, learner: l})
	if twins && err == nil {
		return ParseDocument(raw)
	}
	if err == nil {
		doc.now.db, doc.now.id = db.number, id
		db.store.memories.keep(doc.now)
	}
	return doc, err
}

// like cuts a body as firstPiece does, but knows the pieces that it had before without looking at more than whether
// they are the same: where a cut is depends on nothing beyond the byte after it.
func like(before *memory) (first func(body []byte) (piece bodyPiece, known bool)) {
	if before == nil || before.pieces.Load() == nil {
		return func([]byte) (bodyPiece, bool) { return bodyPiece{}, false }
	}
	pieces, whole := *before.pieces.Load(), before.body
	const sign = 32 // bytes by which a piece is looked for where the one that followed it is another
	begins, starts := make(map[string]int, len(pieces)), make([]int, len(pieces)+1)
	for i, each := range pieces {
		starts[i+1] = starts[i] + each.length
		begins[string(each.bytes[:min(sign, each.length)])] = i
	}
	next := 0
	same := func(i int, body []byte) bool {
		if i >= len(pieces) || !bytes.HasPrefix(body, pieces[i].bytes) {
			return false
		}
		n, end := pieces[i].length, starts[i+1]
		if end == len(whole) || n == len(body) {
			return end == len(whole) && n == len(body)
		}
		return whole[end] == body[n]
	}
	return func(body []byte) (bodyPiece, bool) {
		i := next
		if !same(i, body) {
			var met bool
			if i, met = begins[string(body[:min(sign, len(body))])]; !met || !same(i, body) {
				return bodyPiece{}, false
			}
		}
		next = i + 1
		return pieces[i], true
	}
}
