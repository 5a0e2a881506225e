package audit

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse holds that what parses has one canonical form, that it is JSON of the same content, and that nothing
// which parses to the same form says something else.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"_id":"eu-aaaaaaaaaaaaa:0000000001","ok":true,"details":{"a":"b"}}`, `{"a":"\ud800"}`, `{"a":"x","a":"y"}`, `{"a":1}`, `{"a":null}`,
		`{"a":["x"]}`, `{"a":{"b":{"c":{"d":"e"}}}}`, `{"a":"\u0000\"\\/ü𝄞"} `, `{"a":"b"}{}`, `{"\u0061":"b"}`, "{\"a\":\"\xff\"}", `{"a":"\ufffd"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parse(raw)
		if err != nil {
			return
		}
		canonical := o.canonical(nil)
		again, err := parse(canonical)
		require.NoError(t, err)
		require.Equal(t, o, again)
		require.Equal(t, string(canonical), string(again.canonical(nil)))
		var want, got any
		require.NoError(t, json.Unmarshal(raw, &want))
		require.NoError(t, json.Unmarshal(canonical, &got))
		require.Equal(t, want, got)
		entryOf("x", o) // whatever it is
	})
}
