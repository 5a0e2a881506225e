package mango

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// Error says what is wrong with a selector, a search or an index, in CouchDB's words.
type Error struct {
	Name   string // CouchDB's "error"
	Reason string
}

func (e *Error) Error() string { return e.Name + ": " + e.Reason }

// statuses are of what is not here. All else is the client's fault, also where CouchDB says 500.
var statuses = map[string]int{
	"required index service unavailable": http.StatusServiceUnavailable,
	"index_not_found":                    http.StatusNotFound,
}

// HTTPStatus is the status CouchDB answers with; Kivik reads it too.
func (e *Error) HTTPStatus() int { return cmp.Or(statuses[e.Name], http.StatusBadRequest) }

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

// pretty is term where CouchDB prints it for people: texts are legible.
func pretty(raw []byte) string {
	s := prettyTerm(raw)
	if len(s) > longestTerm {
		return s[:longestTerm] + "..."
	}
	return s
}

func prettyTerm(raw []byte) string {
	switch kind(raw) {
	case object:
		var parts []string
		for _, m := range distinct(raw) {
			parts = append(parts, "{"+prettyBinary([]byte(m.name))+","+prettyTerm(m.value)+"}")
		}
		return "{[" + strings.Join(parts, ",") + "]}"
	case array:
		return prettyList(raw)
	case text:
		s, _ := decode(raw)
		return prettyBinary(s)
	case number:
		return numberTerm(raw)
	}
	return string(raw)
}

// prettyList: a list of printable characters is a string to Erlang.
func prettyList(raw []byte) string {
	var parts []string
	var s []byte
	for m := in(raw); m.next(); {
		parts = append(parts, prettyTerm(m.value))
		if n, err := strconv.ParseUint(string(m.value), 10, 8); err == nil {
			s = append(s, byte(n))
		}
	}
	if len(s) == len(parts) && len(s) > 0 && printable(s) {
		return quotedTerm(s)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func prettyBinary(s []byte) string {
	if !printable(s) {
		var b strings.Builder
		writeBinary(&b, appendQuoted(nil, string(s)))
		return b.String()
	}
	if len(s) == 0 {
		return "<<>>"
	}
	return "<<" + quotedTerm(s) + ">>"
}

// printable reports whether Erlang prints bytes as text.
func printable(s []byte) bool {
	for _, c := range s {
		if (c < ' ' || c > '~') && c < 160 && !strings.ContainsRune("\n\r\t\v\b\f\x1b", rune(c)) {
			return false
		}
	}
	return true
}

var termEscapes = strings.NewReplacer("\"", `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`, "\b", `\b`, "\f", `\f`, "\x1b", `\e`)

func quotedTerm(s []byte) string {
	latin := make([]rune, len(s))
	for i, c := range s {
		latin[i] = rune(c)
	}
	return `"` + termEscapes.Replace(string(latin)) + `"`
}
