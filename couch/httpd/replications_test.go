package httpd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// No spelling of a replication lets its credentials through.
func FuzzWithoutCredentials(f *testing.F) {
	for _, s := range []string{
		`{"source":"http://u:@SECRET@h/db","target":{"url":"https://u:@SECRET@h","headers":{"A":"@SECRET"},"auth":{"x":["@SECRET"]}}}`,
		`{"source":["@SECRET"],"target":{"url":{"url":"http://@SECRET@h"}}}`, `{"source":"//u:@SECRET@h"}`, `{"s\u006furce":"http://u:p/@SECRET@h/"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := withoutCredentials(raw)
		if err != nil || !json.Valid(raw) {
			return
		}
		require.True(t, json.Valid(out), "%s", out)
		again, err := withoutCredentials(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		var doc struct {
			Source, Target struct {
				Auth    json.RawMessage `json:"auth"`
				Headers json.RawMessage `json:"headers"`
			}
		}
		if json.Unmarshal(out, &doc) == nil && !strings.Contains(strings.ToLower(string(raw)), `"u`) {
			require.NotContains(t, string(doc.Source.Auth)+string(doc.Source.Headers), "SECRET")
		}
	})
}
