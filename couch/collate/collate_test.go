package collate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/keyorder"
)

func random(t testing.TB) *rand.Rand { return rand.New(rand.NewSource(int64(fixtures.Seed(t)))) }

func key(t testing.TB, raw string) []byte {
	k, err := Append(nil, []byte(raw))
	require.NoError(t, err, raw)
	return k
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// The order that CouchDB 3.5 was seen to give.
var inOrder = []string{
	`null`, `false`, `true`,
	`-1e300`, `-12345678901234567891`, `-12345678901234567890`, `-2`, `-1.5`, `-1`, `-0.5`, `0`, `1e-300`, `0.5`, `1`, `1.5`, `2`, `10`,
	`9007199254740991`, `9007199254740992`, `9007199254740993`, `9007199254740994`,
	`100000000000000000000`, `100000000000000000001`, `1e300`, `1` + strings.Repeat("0", 400), `1` + strings.Repeat("0", 399) + `1`,
	`""`, `"_"`, `"-"`, `","`, `";"`, `":"`, `"!"`, `"?"`, `"."`, `"'"`, `"\""`, `"("`, `")"`, `"["`, `"]"`, `"{"`, `"}"`, `"@"`, `"*"`, `"/"`,
	`"\\"`, `"&"`, `"#"`, `"%"`, `"+"`, `"<"`, `"="`, `">"`, `"|"`, `"~"`, `"$"`, `"0"`, `"1"`, `"10"`, `"2"`, `"9"`,
	`"a"`, `"A"`, `"ä"`, `"aa"`, `"aA"`, `"Aa"`, `"ab"`, `"aé"`, `"b"`, `"B"`, `"ba"`, `"foo"`, `"foo-bar"`, `"foobar"`, `"z"`, `"я"`, `"日"`, `"\ufff0"`, `"\uffff"`,
	`[]`, `[null]`, `["a"]`, `["a",1]`, `["a",{}]`, `["b"]`, `["b","c"]`, `["b","c","a"]`, `["b","d"]`, `["b","d","e"]`, `[[]]`, `[{}]`,
	`{}`, `{"a":1}`, `{"a":2}`, `{"b":1}`, `{"b":2}`, `{"b":2,"a":1}`, `{"b":2,"c":2}`,
}

func TestOrder(t *testing.T) {
	for i, a := range inOrder {
		for j, b := range inOrder {
			require.Equal(t, sign(i-j), bytes.Compare(key(t, a), key(t, b)), "%s %s", a, b)
			require.False(t, i != j && bytes.HasPrefix(key(t, a), key(t, b)), "prefix %s %s", a, b)
		}
	}
}

func TestAlike(t *testing.T) {
	for _, p := range [][2]string{
		{`1`, `1.0`}, {`0`, `-0`}, {`0.0`, `-0.0`}, {`100`, `1e2`}, {`"\u00e9"`, `"e\u0301"`}, {`"a\u0000"`, `"a"`},
		{` [ 1 , { "a" : null } ] `, `[1,{"a":null}]`}, {`"\u0041"`, `"A"`}, {`"\/"`, `"/"`},
	} {
		require.Equal(t, key(t, p[0]), key(t, p[1]), p)
	}
}

func TestRawOrder(t *testing.T) {
	order := []string{`-1`, `0`, `99`, `false`, `null`, `true`, `{}`, `{"a":1}`, `{"a":2}`, `{"b":0}`, `[]`, `[1]`, `[1,2]`, `[false]`, `[["a"]]`, `["a"]`, `""`, `"A"`, `"B"`, `"a"`, `"a\u0000"`, `"aa"`, `"b"`, `"\u00e9"`}
	var last []byte
	for _, raw := range order {
		k, err := AppendRaw(nil, []byte(raw))
		require.NoError(t, err)
		require.Negative(t, bytes.Compare(last, k), raw)
		last = k
	}
}

func TestInvalid(t *testing.T) {
	for _, raw := range []string{``, ` `, `nul`, `nulll`, `tru`, `01`, `-`, `1.`, `.5`, `1e`, `1e+`, `+1`, `"`, `"a`, `"\x"`, `"\u12"`, "\"\x01\"", `[`, `[1`, `[1,]`, `[,1]`, `[1 2]`, `{`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `1 2`, `]`, "1\x00", strings.Repeat("[", Depth+1) + strings.Repeat("]", Depth+1)} {
		_, err := Append(nil, []byte(raw))
		require.Error(t, err, "%.40q", raw)
	}
	_, err := Append(nil, []byte(strings.Repeat("[", Depth)+strings.Repeat("]", Depth)))
	require.NoError(t, err)
}

func TestArrayPrefix(t *testing.T) {
	whole := `["a\u0000\u00e9B",` + fmt.Sprint(1<<53+1) + `,-12345678901234567891,[1,[null]],{"a":[true]},false,1` + strings.Repeat("0", 400) + `1]`
	var items []json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(whole), &items))
	for _, o := range []*order{unicode, erlang} {
		full, err := appendTop(nil, []byte(whole), o)
		require.NoError(t, err)
		for n := 0; n < len(items); n++ {
			part, _ := json.Marshal(items[:n])
			want, err := appendTop(nil, part, o)
			require.NoError(t, err)
			got, ok := arrayPrefix(full, n, o)
			require.True(t, ok)
			require.Equal(t, want[:len(want)-1], got)
			got, ok = arrayPrefix(want, n, o)
			require.True(t, ok)
			require.Equal(t, want[:len(want)-1], got)
			_, ok = arrayPrefix(want, n+1, o)
			require.False(t, ok, "fewer than %d elements", n+1)
		}
	}
	_, ok := ArrayPrefix(key(t, `"a"`), 1)
	require.False(t, ok)
}

func sign(n int) int { return min(1, max(-1, n)) }

var alphabet = []rune("abAB zZ019_-.\"\\/\x00\x07\u00e9e\u0301\u00e4\u00df\u0101\u03b1\u03b2\u0436\u05d0\u65e5\u672c\uac00\ufff0\uffff\U0001f600")

func randomText(r *rand.Rand) string {
	var s strings.Builder
	for range r.Intn(6) {
		s.WriteRune(alphabet[r.Intn(len(alphabet))])
	}
	return s.String()
}

// randomValue is the JSON of any value.
func randomValue(r *rand.Rand, depth int) string {
	switch r.Intn(9 - depth) {
	case 0:
		return "null"
	case 1:
		return fmt.Sprint(r.Intn(2) == 0)
	case 2:
		return fmt.Sprint(r.Intn(7) - 3)
	case 3:
		return []string{"0.5", "-0.5", "9007199254740993", "9007199254740992", "-9007199254740993", "1e3", "1000", "123456789012345678901234567890", "123456789012345678901234567891", "-123456789012345678901234567890", "-0", "1.0", "5e-324", "1.7976931348623157e308"}[r.Intn(14)]
	case 4, 5:
		return quote(randomText(r))
	case 6:
		items := make([]string, r.Intn(4))
		for i := range items {
			items[i] = randomValue(r, min(depth+1, 3))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		members := make([]string, r.Intn(3))
		for i := range members {
			members[i] = quote(randomText(r)) + ":" + randomValue(r, min(depth+1, 3))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
}

func TestKeysOrderAsValues(t *testing.T) {
	r := random(t)
	for _, c := range []struct {
		order *order
		slow  *keyorder.Order
	}{{unicode, keyorder.View()}, {erlang, keyorder.Raw()}} {
		for range 30000 {
			a, b := randomValue(r, 0), randomValue(r, 0)
			keyA, err := appendTop(nil, []byte(a), c.order)
			require.NoError(t, err)
			keyB, err := appendTop(nil, []byte(b), c.order)
			require.NoError(t, err)
			require.Equal(t, c.slow.Compare(keyorder.Parse(a), keyorder.Parse(b)), bytes.Compare(keyA, keyB), "%s %s", a, b)
		}
	}
}

// The table of ASCII weights must give what the long way gives.
func TestASCIIAgreesWithTheLongWay(t *testing.T) {
	r := random(t)
	for range 30000 {
		s := make([]byte, r.Intn(12))
		for i := range s {
			s[i] = byte(r.Intn(128))
		}
		require.Equal(t, appendSlow(nil, s), appendWeights(nil, s), "%q", s)
	}
}

func FuzzAppend(f *testing.F) {
	for _, s := range inOrder {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, o := range []*order{unicode, erlang} {
			k, err := appendTop([]byte("x"), raw, o)
			if err != nil {
				require.Equal(t, "x", string(k))
				require.False(t, json.Valid(raw), "refused")
				return
			}
			require.True(t, json.Valid(raw), "accepted")
			require.Equal(t, len(k)-1, length(k[1:], o))
			require.NotEqual(t, byte(0xff), k[1])
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for name, raw := range map[string]string{
		"ascii": `"left-pad-with-a-longer-name"`, "unicode": `"Übergrößenträger"`, "pair": `["alpha",12345]`, "bigint": `123456789012345678901`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst, _ = Append(dst[:0], []byte(raw))
			}
		})
	}
}
