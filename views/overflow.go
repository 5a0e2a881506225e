package views

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"unicode/utf8"
)

// A reduction must shrink: one that collects what it reduces would grow with
// the view. CouchDB refuses an output that is long, and longer than half of its
// input, and so do we, measured as it measures: _sum by the size of Erlang's
// terms, JavaScript by the lines that its query server reads and writes. What is
// stored before a change of the setting stays as it was judged.

// guard is what happens where a reduction does not shrink: query_server_config/reduce_limit.
type guard struct {
	limit func() string // "true": it is an error; "log": it is logged; anything else: nothing
	log   *slog.Logger
	once  sync.Once // of an index, the first thing that goes wrong is logged
}

func (g *guard) warn(message string, pairs ...any) {
	g.once.Do(func() { g.log.Warn(message, pairs...) })
}

const overflowError = "reduce_overflow_error"

const (
	longTerm = 4906 // CouchDB's numbers, both of them
	longLine = 4096
)

// refuses reports whether the output is an error, and the words for it.
func (g *guard) refuses(input, output int) (reason string, refused bool) {
	reason = fmt.Sprintf("Reduce output must shrink more rapidly: input size: %d output size: %d", input, output)
	switch limit := g.limit(); limit {
	case "true", "log":
		g.warn("reduction does not shrink", "input", input, "output", output, "refused", limit == "true")
		return reason, limit == "true"
	}
	return reason, false
}

// shrinks is the output of _sum, or what it is instead. input is the size of what was added, as terms.
func (g *guard) shrinks(out []byte, input func() int) []byte {
	if len(out) < longTerm/4 { // no term is as much longer than its JSON
		return out
	}
	output := versionTerm + parseSum(out).term()
	if output <= longTerm {
		return out
	}
	in := versionTerm + listTerm + emptyTerm + input()
	if 2*output <= in {
		return out
	}
	reason, refused := g.refuses(in, output)
	if !refused {
		return out
	}
	b, _ := json.Marshal(failure{"builtin_reduce_error", reason})
	return b
}

// shrinksLine is the same for the output of a JavaScript function; input is how
// many characters the line of its arguments has, without the function.
func (g *guard) shrinksLine(out []byte, input func() int) []byte {
	if len(out) <= longLine/3 { // no character takes more bytes
		return out
	}
	output := characters(out) + len(`[]`)
	if output <= longLine {
		return out
	}
	in := input()
	if 2*output <= in {
		return out
	}
	reason, refused := g.refuses(in, output)
	if !refused {
		return out
	}
	return fail(overflowError, reason)
}

// characters is the length of a text in JavaScript.
func characters(text []byte) (n int) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if n++; r > 0xffff {
			n++
		}
		text = text[size:]
	}
	return n
}

// What parts of Erlang's external term format take.
const (
	versionTerm = 1
	listTerm    = 5 // of one that is not empty, with emptyTerm for its end
	emptyTerm   = 1
	binaryTerm  = 5
	tupleTerm   = 2
	floatTerm   = 9
	atomTerm    = 3
	stringTerm  = 3 // of a list of bytes
)

// term is the size of the value as a term.
func (s sum) term() int {
	switch s.kind {
	case sumOther:
		return anotherTerm(s.raw)
	case sumList:
		return listOfTerms(s.list)
	case sumObject:
		size := tupleTerm + emptyTerm
		if len(s.members) > 0 {
			size += listTerm
		}
		for _, m := range s.members {
			size += tupleTerm + binaryTerm + len(m.name) + m.term()
		}
		return size
	}
	return s.number.term()
}

func anotherTerm(raw []byte) int {
	if raw[0] != '"' {
		return atomTerm + len(raw)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return binaryTerm + len(raw) - 2
	}
	var text string
	_ = json.Unmarshal(raw, &text) // it was JSON
	return binaryTerm + len(text)
}

func listOfTerms(list []sum) int {
	if len(list) == 0 {
		return emptyTerm
	}
	size, bytes := listTerm+emptyTerm, true
	for _, item := range list {
		size += item.term()
		bytes = bytes && item.kind == sumNumber && item.isByte()
	}
	if bytes && len(list) < 1<<16 {
		return stringTerm + len(list)
	}
	return size
}

func (n number) isByte() bool { return !n.float && n.big == nil && n.i >= 0 && n.i < 256 }

func (n number) term() int {
	switch {
	case n.float:
		return floatTerm
	case n.isByte():
		return 2
	case n.big == nil && n.i == int64(int32(n.i)):
		return 5
	}
	return 3 + (n.long().BitLen()+7)/8
}
