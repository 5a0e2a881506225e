package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKeywordsAreAList publishes what npm, and what yarn 4 and bun send.
func TestKeywordsAreAList(t *testing.T) {
	h := open(t)
	for name, is := range map[string]struct{ sent, served any }{
		"list": {[]string{"one", "two"}, []any{"one", "two"}}, "text": {"one, two", []any{"one", "two"}}, "word": {"one two", []any{"one two"}},
		"commas": {" , ", []any{}}, "empty": {"", ""}, "number": {7, 7.0}, "null": {nil, nil},
	} {
		doc := publishing(name, "1.0.0", sampleTarball(t, name, "1.0.0", 5))
		at(t, doc, "versions", "1.0.0").(dict)["keywords"] = is.sent
		h.sends(h.bob, "PUT", "/"+name, doc, 201)
		full := h.json("/" + name)
		require.Equal(t, is.served, full["keywords"], name)
		require.Equal(t, is.served, at(t, full, "versions", "1.0.0", "keywords"), name)
	}
}
