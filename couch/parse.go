package couch

import (
	"bytes"
	"slices"
)

// docDigest is the body as Erlang terms, from which the revision id is computed.
type docDigest struct {
	terms []byte
	of    []byte // the Body it was computed from
}

// fresh reports whether the digest still belongs to body.
func (d *docDigest) fresh(body []byte) bool {
	return d.terms != nil && len(d.of) == len(body) && (len(body) == 0 || &d.of[0] == &body[0])
}

var errJSON = &Error{Kind: BadRequest, Reason: "invalid UTF-8 JSON"}

// ParseDocument reads a document from JSON: validates all of it in one pass,
// takes the underscore members out and keeps the rest as raw bytes.
// It keeps no reference to raw.
func ParseDocument(raw []byte) (*Document, error) {
	doc, twins, err := parseDocument(raw, reading{})
	if err == nil && twins {
		doc, _, err = parseDocument(withoutTwins(raw), reading{unique: true})
	}
	return doc, err
}

// A reading is how a text is read.
type reading struct {
	unique  bool     // no key comes twice
	ours    bool     // nobody changes the text afterwards: the body may be part of it
	learner *learner // nil: nothing is to be learnt
}

// parseDocument reads raw; twins tells that a key seems to come twice.
func parseDocument(raw []byte, how reading) (doc *Document, twins bool, err error) {
	l := how.learner
	var few struct { // on the stack, which is all that most documents need
		keys    [24]uint64
		runs    [2][2]int
		special [4]member
	}
	s := scanner{b: raw, unique: how.unique, out: make([]byte, 0, l.room(len(raw))), keys: few.keys[:0], learner: l}
	s.space()
	if s.i >= len(raw) || s.b[s.i] != '{' {
		if s.i < len(raw) && s.value() {
			if s.space(); s.i == len(raw) {
				return nil, false, &Error{Kind: BadRequest, Reason: "Document must be a JSON object"}
			}
		}
		return nil, false, errJSON
	}
	p := parts{raw: raw, begin: s.i, runs: few.runs[:0], special: few.special[:0]}
	if err := s.document(&p); err != nil {
		return nil, false, err
	}
	if s.space(); s.i != len(raw) {
		return nil, false, errJSON
	}
	if s.duplicate {
		return nil, true, nil
	}
	doc = &Document{}
	switch {
	case s.spaced:
		doc.Body = compacted(p.body())
	case how.ours && len(p.special) == 0:
		doc.Body = raw[p.begin:p.end:p.end]
	default:
		doc.Body = p.body()
	}
	doc.digest = docDigest{terms: s.out, of: doc.Body}
	if l != nil {
		doc.before, doc.now = l.before, l.remember(&s, &p, doc)
	}
	for _, m := range p.special {
		if err := doc.set(m.name, m.value); err != nil {
			return nil, false, err
		}
	}
	return doc, false, nil
}

// parts are what a document's top level consists of.
type parts struct {
	raw        []byte
	begin, end int
	runs       [][2]int // members to keep, without the commas around them
	special    []member
}

type member struct {
	name  string
	value []byte
}

// body copies the object without its special members.
func (p *parts) body() []byte {
	if len(p.special) == 0 {
		return bytes.Clone(p.raw[p.begin:p.end])
	}
	if len(p.runs) == 1 { // as where _id and _rev come first: one copy, of memory that need not be cleared before
		r := p.runs[0]
		body := bytes.Clone(p.raw[r[0]-1 : r[1]+1])
		body[0], body[len(body)-1] = '{', '}'
		return body
	}
	size := 2
	for _, r := range p.runs {
		size += r[1] - r[0] + 1
	}
	body := append(make([]byte, 0, size), '{')
	for i, r := range p.runs {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, p.raw[r[0]:r[1]]...)
	}
	return append(body, '}')
}

// compacted drops the white space between the tokens of valid JSON, in place. A
// line of a feed must hold no other line end, and CouchDB keeps none of it either.
func compacted(raw []byte) []byte {
	out := raw[:0]
	for i := 0; i < len(raw); {
		switch raw[i] {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			end := i + 1
			for ; raw[end] != '"'; end++ {
				if raw[end] == '\\' {
					end++
				}
			}
			out = append(out, raw[i:end+1]...)
			i = end + 1
		default:
			out = append(out, raw[i])
			i++
		}
	}
	return out
}

// document reads the top level object: its special members apart.
func (s *scanner) document(p *parts) error {
	start, count := s.openObject(), 0
	s.depth++
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == '}' {
		s.i++
		s.closeObject(start, 0)
		p.end = s.i
		return nil
	}
	joined := false // the member before was kept: this one lengthens its run
	for {
		begin, mark := s.i, len(s.out)
		s.out = append(s.out, etfTuple, 2)
		name, ok := s.key()
		if !ok {
			return errJSON
		}
		special := ""
		if len(name) > 0 && name[0] == '_' {
			special = string(name)
		}
		valueAt := s.i
		if !s.value() {
			return errJSON
		}
		switch {
		case special != "" && !bodyMembers[special]:
			p.special = append(p.special, member{special, s.b[valueAt:s.i]})
			s.out = s.out[:mark]
			joined = false
		default:
			count++
			if joined {
				p.runs[len(p.runs)-1][1] = s.i
			} else {
				p.runs = append(p.runs, [2]int{begin, s.i})
			}
			joined = true
		}
		more, ok := s.next('}')
		if !ok {
			return errJSON
		}
		if !more {
			break
		}
	}
	s.lookForTwins(0)
	s.closeObject(start, count)
	p.end = s.i
	return nil
}

// bodyMembers belong to the body: the replicator's, and the one that CouchDB
// reserves for access control of its own to come.
var bodyMembers = map[string]bool{
	"_access": true, "_replication_id": true, "_replication_state": true, "_replication_state_time": true,
	"_replication_state_reason": true, "_replication_stats": true,
}

// withoutTwins is JSON without the members of a name that comes again in the
// same object: the last one is left, in its place. raw is valid. The work is
// linear, however deep the twins lie.
func withoutTwins(raw []byte) []byte {
	w := walker{b: raw}
	var twins [][2]int
	w.twins(&twins)
	slices.SortFunc(twins, func(a, b [2]int) int { return a[0] - b[0] })
	out, at := make([]byte, 0, len(raw)), 0
	for _, span := range twins {
		if span[0] >= at { // else it lies in one that is left out
			out = append(out, raw[at:span[0]]...)
			at = span[1]
		}
	}
	return append(out, raw[at:]...)
}

// twins adds the spans to leave out of the value at the cursor, each from its
// member's name to the next member's.
func (w *walker) twins(spans *[][2]int) {
	switch w.space(); w.b[w.i] {
	case '{':
		var names []string
		var starts []int
		w.openMembers(func(name string, at int) {
			names, starts = append(names, name), append(starts, at)
			w.twins(spans)
		})
		later := make(map[string]bool, len(names))
		for i := len(names) - 1; i >= 0; i-- {
			if later[names[i]] {
				*spans = append(*spans, [2]int{starts[i], starts[i+1]})
			}
			later[names[i]] = true
		}
	case '[':
		w.elements(func(int) { w.twins(spans) })
	default:
		w.skip()
	}
}
