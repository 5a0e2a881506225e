package mango

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/collate"
	"settee/fixtures"
)

func random(t testing.TB) *rand.Rand { return rand.New(rand.NewSource(int64(fixtures.Seed(t)))) }

// rounds is how often a random test tries; -short tries less.
func rounds(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// The model decodes everything and carries a negation along instead of pushing it down.

type pairs []pair

type pair struct {
	name  string
	value any
}

func (p pairs) find(name string) (any, bool) {
	for _, m := range p {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

func decodeOrdered(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return decodeNext(d)
}

func decodeNext(d *json.Decoder) any {
	token, _ := d.Token()
	switch token {
	case json.Delim('{'):
		p := pairs{}
		for d.More() {
			name, _ := d.Token()
			value := decodeNext(d)
			for i, m := range p {
				if m.name == name.(string) {
					p = append(p[:i:i], p[i+1:]...)
					break
				}
			}
			p = append(p, pair{name.(string), value})
		}
		d.Token()
		return p
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decodeNext(d))
		}
		d.Token()
		return list
	}
	return token
}

func encode(v any) []byte {
	switch v := v.(type) {
	case pairs:
		b := []byte{'{'}
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			name, _ := json.Marshal(m.name)
			b = append(append(append(b, name...), ':'), encode(m.value)...)
		}
		return append(b, '}')
	case []any:
		b := []byte{'['}
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, encode(e)...)
		}
		return append(b, ']')
	}
	b, _ := json.Marshal(v)
	return b
}

// model evaluates one selector. raw: what surrounds is _id. literal: an operator
// of elements surrounds, in which $not is a plain negation.
type model struct{ raw, literal bool }

func (m model) holds(sel, value any, at []string, negated bool) bool {
	p, ok := sel.(pairs)
	if !ok || len(p) == 0 {
		return m.condition("$eq", sel, value, at, negated)
	}
	for _, c := range p {
		if m.member(c, value, at, negated) == negated {
			return negated // one false of an $and, or one true of its negation
		}
	}
	return !negated
}

func (m model) member(c pair, value any, at []string, negated bool) bool {
	if !strings.HasPrefix(c.name, "$") {
		return m.holds(c.value, value, append(at[:len(at):len(at)], strings.Split(c.name, ".")...), negated)
	}
	list, _ := c.value.([]any)
	switch c.name {
	case "$not":
		if m.literal {
			return m.holds(c.value, value, at, false) == negated
		}
		return m.holds(c.value, value, at, !negated)
	case "$and", "$or", "$nor":
		if len(list) == 0 {
			return true // CouchDB: of nothing, negated or not
		}
		if c.name == "$nor" && m.literal {
			return m.any(list, value, at, false) == negated
		}
		if c.name == "$nor" {
			negated = !negated
		}
		if (c.name == "$and") == negated {
			return m.any(list, value, at, negated)
		}
		for _, s := range list {
			if !m.holds(s, value, at, negated) {
				return false
			}
		}
		return true
	}
	return m.condition(c.name, c.value, value, at, negated)
}

func (m model) any(list []any, value any, at []string, negated bool) bool {
	for _, s := range list {
		if m.holds(s, value, at, negated) {
			return true
		}
	}
	return false
}

func (m model) condition(op string, arg, value any, at []string, negated bool) bool {
	for _, name := range at {
		switch v := value.(type) {
		case pairs:
			inner, ok := v.find(name)
			if !ok {
				return op == "$exists" && arg.(bool) == negated
			}
			value = inner
		case []any:
			n := arrayIndex(name)
			if n < 0 || n >= len(v) {
				return false
			}
			value = v[n]
		default:
			return false
		}
	}
	if len(at) == 1 && at[0] == "_id" {
		m.raw = true
	}
	m.literal = true // for what operators of elements hold
	return m.operator(op, arg, value) != negated
}

func (m model) compare(a, b any) int {
	key := collate.Append
	if m.raw {
		key = collate.AppendRaw
	}
	x, _ := key(nil, encode(a))
	y, _ := key(nil, encode(b))
	return bytes.Compare(x, y)
}

func (m model) operator(op string, arg, value any) bool {
	list, isList := value.([]any)
	args, _ := arg.([]any)
	str, isText := value.(string)
	switch op {
	case "$eq":
		return m.compare(value, arg) == 0
	case "$ne":
		return m.compare(value, arg) != 0
	case "$lt":
		return m.compare(value, arg) < 0
	case "$lte":
		return m.compare(value, arg) <= 0
	case "$gt":
		return m.compare(value, arg) > 0
	case "$gte":
		return m.compare(value, arg) >= 0
	case "$exists":
		return arg.(bool)
	case "$in", "$nin":
		if !isList {
			list = []any{value}
		}
		for _, v := range list {
			for _, a := range args {
				if m.compare(v, a) == 0 {
					return op == "$in"
				}
			}
		}
		return op == "$nin"
	case "$all":
		return isList && allOf(args, list)
	case "$size":
		return isList && fmt.Sprint(len(list)) == string(arg.(json.Number))
	case "$type":
		return kindName(value) == arg
	case "$beginsWith":
		return isText && strings.HasPrefix(str, arg.(string))
	case "$regex":
		return isText && regexp.MustCompile(arg.(string)).MatchString(str)
	case "$mod":
		n, ok := value.(json.Number)
		i, whole := new(big.Int).SetString(string(n), 10)
		d, _ := new(big.Int).SetString(string(args[0].(json.Number)), 10)
		return ok && whole && i.Rem(i, d).String() == string(args[1].(json.Number))
	case "$elemMatch", "$allMatch":
		for _, v := range list {
			if m.holds(arg, v, nil, false) == (op == "$elemMatch") {
				return op == "$elemMatch"
			}
		}
		return op == "$allMatch" && len(list) > 0
	case "$keyMapMatch":
		p, _ := value.(pairs)
		for _, c := range p {
			if m.holds(arg, c.name, nil, false) {
				return true
			}
		}
		return false
	}
	panic(op)
}

func allOf(args, list []any) bool {
	for _, a := range args {
		found := false
		for _, v := range list {
			found = found || bytes.Equal(encode(a), encode(v))
		}
		if !found {
			return len(args) == 1 && bytes.Equal(encode(a), encode(list))
		}
	}
	return len(args) > 0
}

func kindName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// generator writes random selectors and documents that have a chance to meet.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.Intn(len(list))] }

func (g generator) value(depth int) string {
	switch n := g.Intn(10); {
	case n < 2 && depth > 0:
		return "[" + g.join(depth, g.value) + "]"
	case n < 4 && depth > 0:
		return g.object(depth)
	default:
		return g.pick("null", "true", "false", "0", "1", "2", "-7", "1.5", "12345678901234567890", `""`, `"a"`, `"A"`, `"ab"`, `"é"`, `"b\n"`, `"_"`)
	}
}

func (g generator) join(depth int, part func(int) string) string {
	var parts []string
	for range g.Intn(4) {
		parts = append(parts, part(depth-1))
	}
	return strings.Join(parts, ",")
}

func (g generator) object(depth int) string {
	var members []string
	for _, name := range []string{"a", "b", "c", "_id"} {
		if g.Intn(2) == 0 {
			members = append(members, fmt.Sprintf("%q:%s", name, g.value(depth-1)))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g generator) field() string {
	return g.pick("a", "b", "c", "_id", "a.b", "b.0", "a.1.c", "c.a")
}

func (g generator) selector(depth int) string {
	if depth == 0 {
		return fmt.Sprintf(`{%q:%s}`, g.field(), g.leaf(0))
	}
	switch g.Intn(8) {
	case 0:
		return fmt.Sprintf(`{"$not":%s}`, g.selector(depth-1))
	case 1, 2, 3:
		return fmt.Sprintf(`{%q:[%s]}`, g.pick("$and", "$or", "$nor"), g.join(depth, g.selector))
	case 4:
		return fmt.Sprintf(`{%q:%s,%q:%s}`, "a", g.leaf(depth-1), g.pick("b", "c", "$not"), g.selector(depth-1))
	case 5:
		return fmt.Sprintf(`{%q:{"$not":%s}}`, g.field(), g.leaf(depth-1))
	}
	return fmt.Sprintf(`{%q:%s}`, g.field(), g.leaf(depth))
}

func (g generator) leaf(depth int) string {
	if depth > 0 {
		switch g.Intn(4) {
		case 0:
			return fmt.Sprintf(`{%q:%s}`, g.pick("$elemMatch", "$allMatch", "$keyMapMatch"), g.pick(g.selector(depth-1), g.leaf(depth-1)))
		case 1:
			return fmt.Sprintf(`{%q:[%s]}`, g.pick("$in", "$nin", "$all"), g.join(depth, g.value))
		}
	}
	return g.pick(
		fmt.Sprintf(`{%q:%s}`, g.pick("$eq", "$ne", "$lt", "$lte", "$gt", "$gte"), g.value(1)),
		fmt.Sprintf(`{"$exists":%s}`, g.pick("true", "false")),
		fmt.Sprintf(`{"$type":%q}`, g.pick("null", "number", "string", "array", "object", "boolean")),
		`{"$size":2}`, `{"$mod":[3,-1]}`, `{"$mod":[2,0]}`, `{"$regex":"^a"}`, `{"$beginsWith":"a"}`)
}

func TestMatchAgreesWithModel(t *testing.T) {
	g := generator{random(t)}
	hits := 0
	for range rounds(40000) {
		selector, doc := g.selector(3), g.object(3)
		s, err := Compile([]byte(selector))
		if err != nil {
			require.ErrorContains(t, err, "missing a field name", selector)
			continue
		}
		want := model{}.holds(decodeOrdered([]byte(selector)), decodeOrdered([]byte(doc)), nil, false)
		require.Equal(t, want, s.Match([]byte(doc)), "%s\n%s\n%s", selector, s, doc)
		if want {
			hits++
		}
		again, err := Compile([]byte(s.String()))
		require.NoError(t, err, s)
		require.Equal(t, want, again.Match([]byte(doc)), "%s", s)
	}
	require.Greater(t, hits, rounds(4000), "the documents hardly meet the selectors")
}

// A negation and what it negates never both hold; where the field is there, one does.
func TestNegation(t *testing.T) {
	g := generator{random(t)}
	for range rounds(20000) {
		leaf, doc := g.leaf(2), g.object(3)
		yes, err := Compile([]byte(`{"a":` + leaf + `}`))
		require.NoError(t, err, leaf)
		no, err := Compile([]byte(`{"$not":{"a":` + leaf + `}}`))
		require.NoError(t, err, leaf)
		_, there := decodeOrdered([]byte(doc)).(pairs).find("a")
		if there || strings.HasPrefix(leaf, `{"$exists"`) {
			require.NotEqual(t, yes.Match([]byte(doc)), no.Match([]byte(doc)), "%s %s", leaf, doc)
		} else {
			require.False(t, yes.Match([]byte(doc)) || no.Match([]byte(doc)), "%s %s", leaf, doc)
		}
	}
}

func TestDeMorgan(t *testing.T) {
	g := generator{random(t)}
	for range rounds(20000) {
		a, b, doc := g.selector(2), g.selector(2), []byte(g.object(3))
		for _, row := range [][2]string{
			{`{"$not":{"$and":[%s,%s]}}`, `{"$or":[{"$not":%s},{"$not":%s}]}`},
			{`{"$not":{"$or":[%s,%s]}}`, `{"$and":[{"$not":%s},{"$not":%s}]}`},
			{`{"$nor":[%s,%s]}`, `{"$and":[{"$not":%s},{"$not":%s}]}`},
			{`{"$and":[%s,%s]}`, `{"$not":{"$nor":[{"$and":[%s,%s]}]}}`},
		} {
			left, err := Compile(fmt.Appendf(nil, row[0], a, b))
			require.NoError(t, err)
			right, err := Compile(fmt.Appendf(nil, row[1], a, b))
			require.NoError(t, err)
			require.Equal(t, left.Match(doc), right.Match(doc), "%s\n%s\n%s", left, right, doc)
		}
	}
}

// Printable texts of ASCII collate alike only if they are the same: isPlain relies on it.
func TestPlainTextsDiffer(t *testing.T) {
	r := random(t)
	one := func() []byte {
		s := make([]byte, r.Intn(4))
		for i := range s {
			s[i] = byte(' ' + r.Intn('~'-' '+1))
		}
		return appendQuoted(nil, string(s))
	}
	for range rounds(100000) {
		a, b := one(), one()
		x, err := collate.Append(nil, a)
		require.NoError(t, err)
		y, err := collate.Append(nil, b)
		require.NoError(t, err)
		require.Equal(t, bytes.Equal(a, b), bytes.Equal(x, y), "%s %s", a, b)
	}
}
