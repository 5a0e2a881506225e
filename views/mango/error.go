package mango

import (
	"strconv"
	"strings"
)

// Error says what is wrong with a selector or a list of fields, in CouchDB's words.
// All of them are the client's fault.
type Error struct {
	Name   string // CouchDB's "error"
	Reason string
}

func (e *Error) Error() string { return e.Name + ": " + e.Reason }

func badArgument(op string, arg []byte) error {
	return &Error{"bad_arg", "Bad argument for operator " + op + ": " + term(arg)}
}

// longestTerm bounds what a reason repeats of the request.
const longestTerm = 1000

// term writes JSON as CouchDB prints a value in its reasons: the Erlang term.
func term(raw []byte) string {
	var b strings.Builder
	writeTerm(&b, raw)
	if s := b.String(); len(s) <= longestTerm {
		return s
	}
	return b.String()[:longestTerm] + "..."
}

func writeTerm(b *strings.Builder, raw []byte) {
	if b.Len() > longestTerm {
		return
	}
	switch kind(raw) {
	case object:
		b.WriteString("{[")
		sep := ""
		for m := in(raw); m.next(); sep = "," {
			b.WriteString(sep + "{")
			writeTerm(b, m.name)
			b.WriteByte(',')
			writeTerm(b, m.value)
			b.WriteByte('}')
		}
		b.WriteString("]}")
	case array:
		b.WriteByte('[')
		sep := ""
		for m := in(raw); m.next(); sep = "," {
			b.WriteString(sep)
			writeTerm(b, m.value)
		}
		b.WriteByte(']')
	case text:
		writeBinary(b, raw)
	case number:
		b.WriteString(numberTerm(raw))
	default:
		b.Write(raw)
	}
}

func writeBinary(b *strings.Builder, raw []byte) {
	s, _ := decode(raw)
	b.WriteString("<<")
	for i, c := range s[:min(len(s), longestTerm)] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(c)))
	}
	b.WriteString(">>")
}

// numberTerm keeps integers and writes other numbers with a point, as Erlang does.
func numberTerm(raw []byte) string {
	if isInteger(raw) {
		return string(raw)
	}
	f, _ := strconv.ParseFloat(string(raw), 64)
	s := strconv.FormatFloat(f, 'g', -1, 64)
	mantissa, exponent, scientific := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if !scientific {
		return mantissa
	}
	return mantissa + "e" + strings.Replace(strings.TrimPrefix(exponent, "+"), "-0", "-", 1)
}
