package httpd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the slicer cuts out of a good body is what encoding/json finds in it; of
// a bad one it cuts no piece that does not lie in it.
func FuzzBulk(f *testing.F) {
	for _, seed := range []string{
		`{"docs":[]}`, `{"docs":[{"a":"]\\\""},{}],"new_edits":false}`, `{"docs":[1,"x",null,[[]]]}`, ` { "docs" : [ { } , {"b":{"c":[{}]}} ] } `,
		`{"docs":[{}],"docs":[1]}`, `{"d\u006fcs":[{}]}`, `{"docs":[{},]}`, `{"docs":[{}}]`, `{"new_edits":1}`, `{"all_or_nothing":true,"docs":[{}]}x`, `{"docs":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := readBulk(raw)
		var want struct {
			Docs     []json.RawMessage `json:"docs"`
			NewEdits *bool             `json:"new_edits"`
		}
		if err != nil || !json.Valid(raw) || strings.Contains(strings.ToLower(string(raw)), `\u`) || !exactKeys(raw) || json.Unmarshal(raw, &want) != nil {
			return
		}
		require.Len(t, b.docs, len(want.Docs), "%s", raw)
		for i, d := range b.docs {
			require.Equal(t, string(want.Docs[i]), string(d), "%s", raw)
		}
		require.Equal(t, want.NewEdits != nil && !*want.NewEdits, b.replicated, "%s", raw)
	})
}

// exactKeys reports that no name differs from ours by its case only, which
// encoding/json would take for the same.
func exactKeys(raw []byte) bool {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(raw, &all)
	for key := range all {
		if (strings.EqualFold(key, "docs") && key != "docs") || (strings.EqualFold(key, "new_edits") && key != "new_edits") {
			return false
		}
	}
	return true
}
