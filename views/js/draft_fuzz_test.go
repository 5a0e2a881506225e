package js

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A draft that nobody touched is what it was; one whose every member was set to
// itself is equal to what JSON.parse makes of it.
func FuzzDraft(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,2.50,{"b":"\\\"\u00e9"}],"c":-1.5e3}`, `{"":{"":[]},"x":null,"y":[[],[{}]]}`, `{"a":1,"a":2}`, `{"length":3,"b":[true]}`, `{"1":1,"0":2}`} {
		f.Add([]byte(s))
	}
	p := designed(f, Limits{}, `{"updates":{
		"same":"function(doc) { return [doc, ''] }",
		"parsed":"function(doc) { return [JSON.parse(JSON.stringify(doc)), ''] }",
		"set":"function(doc) { (function walk(v) { if (v && typeof v === 'object') Object.keys(v).forEach(function(k) { walk(v[k]); v[k] = v[k] }) })(doc); return [doc, ''] }",
		"emptied":"function(doc) { Object.keys(doc).forEach(function(k) { delete doc[k] }); return [doc, ''] }"}}`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if !json.Valid(doc) || bytes.TrimSpace(doc)[0] != '{' || bytes.Count(doc, []byte("[")) > 100 || bytes.Count(doc, []byte("{")) > 100 || bytes.Contains(doc, []byte("proto")) {
			return
		}
		if !utf8.Valid(doc) || bytes.Contains(bytes.ToLower(doc), []byte(`\ud`)) { // the store takes none such

			return
		}
		run := func(name string) []byte {
			stored, _, err := p.Update(name, bytes.Clone(doc), []byte(`{"method":"POST"}`))
			require.NoError(t, err, name)
			return stored
		}
		var want bytes.Buffer
		require.NoError(t, json.Compact(&want, doc))
		require.Equal(t, want.String(), string(run("same")))
		require.Equal(t, "{}", string(run("emptied")))
		require.JSONEq(t, string(run("parsed")), string(run("set")))
	})
}
