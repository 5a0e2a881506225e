package httpd_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/fixtures/keyorder"
)

// scripts are code points of which keys are made. The package doc of collate names those
// that ICU orders otherwise.
var scripts = [][2]rune{{0x20, 0x7e}, {0xa1, 0x17f}, {0x370, 0x3ff}, {0x410, 0x44f}, {0x5d0, 0x5ea}, {0x621, 0x64a}, {0x904, 0x939}, {0x3041, 0x3096}, {0x30a1, 0x30fa}, {0xac00, 0xacff}}

// odd are those with a rule of their own: ignored ones, accents apart, the last of all.
var odd = []rune("\x00\x07\x7f\u00ad\u0301e\u0308o\u200b\ufff0\uffff")

type collator struct{ *rand.Rand }

func (c collator) text() string {
	var s strings.Builder
	for range c.IntN(4) {
		if c.IntN(4) == 0 {
			s.WriteRune(odd[c.IntN(len(odd))])
			continue
		}
		script := scripts[c.IntN(len(scripts))]
		if c.IntN(2) == 0 {
			script = scripts[0]
		}
		if r := script[0] + c.Int32N(script[1]-script[0]+1); r != 0x378 && r != 0x379 && !(r >= 0x37f && r < 0x384) && r != 0x38b && r != 0x38d && r != 0x3a2 {
			s.WriteRune(r)
		}
	}
	text, _ := json.Marshal(s.String())
	return string(text)
}

func (c collator) value(depth int) string {
	switch c.IntN(7 - depth) {
	case 0, 1:
		return c.text()
	case 2:
		return []string{"null", "true", "false", "0", "-1", "1.5", "1e+30", "9007199254740991", "-9007199254740991", "1e-300", "1.7976931348623157e+308"}[c.IntN(11)]
	case 3, 4:
		items := make([]string, c.IntN(3))
		for i := range items {
			items[i] = c.value(min(depth+1, 2))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		members := map[string]bool{}
		var list []string
		for range c.IntN(3) {
			// JavaScript moves members whose names are numbers to the front.
			if name := `"n` + c.text()[1:]; !members[name] {
				members[name] = true
				list = append(list, name+":"+c.value(min(depth+1, 2)))
			}
		}
		return "{" + strings.Join(list, ",") + "}"
	}
}

// A view orders keys as the plain order does, and documents of keys that are alike by their ids.
func TestCollation(t *testing.T) {
	seed := fixtures.Seed(t)
	base := open(t)
	c := collator{rand.New(rand.NewPCG(seed, 3))}
	db := fmt.Sprintf("/collation_%d", seed)
	status, _, body := do(t, base, "", "PUT", db+"?q=1", "", "")
	require.Equal(t, 201, status, body)
	defer do(t, base, "", "DELETE", db, "", "")
	keys := make([]string, 600)
	docs := make([]string, len(keys))
	for i := range keys {
		keys[i] = c.value(0)
		docs[i] = fmt.Sprintf(`{"_id":"%d","key":%s}`, i, keys[i])
	}
	status, _, body = do(t, base, "", "POST", db+"/_bulk_docs", "", `{"docs":[`+strings.Join(docs, ",")+`]}`)
	require.Equal(t, 201, status, body)
	status, _, body = do(t, base, "", "PUT", db+"/_design/d", "", `{"views":{"view":{"map":"function(d){ emit(d.key) }"},"raw":{"map":"function(d){ emit(d.key) }","options":{"collation":"raw"}}}}`)
	require.Equal(t, 201, status, body)
	for name, order := range map[string]*keyorder.Order{"view": keyorder.View(), "raw": keyorder.Raw()} {
		status, _, body := do(t, base, "", "GET", db+"/_design/d/_view/"+name, "", "")
		require.Equal(t, 200, status, body)
		var answer struct{ Rows []struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		require.Len(t, answer.Rows, len(keys))
		at := func(i int) string {
			var n int
			_, err := fmt.Sscan(answer.Rows[i].ID, &n)
			require.NoError(t, err)
			return keys[n]
		}
		for i := 1; i < len(keys); i++ {
			before, after := at(i-1), at(i)
			d := cmp.Or(order.Compare(keyorder.Parse(before), keyorder.Parse(after)), strings.Compare(answer.Rows[i-1].ID, answer.Rows[i].ID))
			require.Negative(t, d, "%s: %+q before %+q", name, before, after)
		}
	}
}
