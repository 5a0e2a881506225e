package httpd

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestMembersCutRawValues(t *testing.T) {
	got := map[string]string{}
	raw := []byte(` { "a" : [1,{"b":"]}\""}] , "":"x\\" ,"caf\u00e9":-1.5e3,"t":true,"o":{} } ` + "\n")
	require.NoError(t, members(raw, func(key string, value []byte) error {
		got[key] = string(value)
		return nil
	}))
	require.Equal(t, map[string]string{"a": `[1,{"b":"]}\""}]`, "": `"x\\"`, "café": "-1.5e3", "t": "true", "o": "{}"}, got)
}

func TestScanRefuses(t *testing.T) {
	for _, bad := range []string{"", " ", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a":1}x`, `{a:1}`, `{"a" 1}`, `[1]`, `{"a":}`, `{"a":"x}`, "{\"\xff\":1}"} {
		require.ErrorIs(t, members([]byte(bad), func(string, []byte) error { return nil }), errJSON, "%q", bad)
	}
	for _, bad := range []string{"", "[", "[1", "[1,", "[1,]", "[1 2]", "[1]]", `["a]`, "{}"} {
		require.ErrorIs(t, elements([]byte(bad), func([]byte) error { return nil }), errJSON, "%q", bad)
	}
}

// What the scanner accepts it cuts where encoding/json does; what encoding/json
// accepts it accepts.
func FuzzElements(f *testing.F) {
	for _, s := range []string{`[]`, `[1,"a",{"b":[]}]`, `["\\\"",-1e5, null ]`, `[[[[`, `["\u0000"]`, "[\x00]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var cut [][]byte
		err := elements(raw, func(v []byte) error {
			cut = append(cut, v)
			return nil
		})
		var want []json.RawMessage
		if json.Unmarshal(raw, &want) != nil || !isArray(raw) {
			return
		}
		require.NoError(t, err)
		require.Len(t, cut, len(want))
		for i := range want {
			require.Equal(t, string(bytes.TrimSpace(want[i])), string(cut[i]))
		}
	})
}

func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"docs":[{"_id":"a"}],"new_edits":false}`, `{"a\"b":"}"}`, `{"é":{}}`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		cut := map[string]string{}
		err := members(raw, func(k string, v []byte) error {
			cut[k] = string(v)
			return nil
		})
		var want map[string]json.RawMessage
		if !utf8.Valid(raw) || json.Unmarshal(raw, &want) != nil || !isObject(raw) {
			return
		}
		require.NoError(t, err)
		require.Len(t, cut, len(want))
		for k, v := range want {
			require.Equal(t, string(bytes.TrimSpace(v)), cut[k])
		}
	})
}

// Any text comes back from what appendString makes of it; bytes that are no
// text come back as replacement characters.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a/b", "\"\\\x00\n\r\t\x1f\x7f", "café 日本 😀", "\xff\xc0a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := appendString(nil, s)
		require.True(t, json.Valid(out) && utf8.Valid(out), "%q", out)
		var back string
		require.NoError(t, json.Unmarshal(out, &back))
		if utf8.ValidString(s) {
			require.Equal(t, s, back)
			again, err := text(out)
			require.NoError(t, err)
			require.Equal(t, s, again)
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"", "a=b&a=c", "rev=%zz", "a+b=c%20d", "&&=", "open_revs=[\"1-a\"]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		_, err := parseQuery(raw)
		if err != nil {
			require.ErrorIs(t, err, errURLEncoding)
			return
		}
		o, err := listOptions(raw, nil)
		if err == nil {
			_, _ = o.list()
			_, _ = o.view()
		}
	})
}
