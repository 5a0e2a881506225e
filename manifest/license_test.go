package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLicenses(t *testing.T) {
	for text, want := range map[string]string{
		"MIT": "MIT", "(MIT OR Apache-2.0)": "MIT Apache-2.0", "MIT AND (ISC OR 0BSD)": "MIT ISC 0BSD", "Apache-2.0+": "Apache-2.0+", "GPL-2.0-only WITH Classpath-exception-2.0": "GPL-2.0-only",
		"((MIT))": "MIT", "LicenseRef-ours": "LicenseRef-ours", "DocumentRef-a:LicenseRef-b": "DocumentRef-a:LicenseRef-b", "BlueOak-1.0.0": "BlueOak-1.0.0", "GPL-3.0-or-later": "GPL-3.0-or-later",
	} {
		ids, advice, err := ParseLicense(text)
		require.NoError(t, err, text)
		require.Empty(t, advice, text)
		require.Equal(t, want, strings.Join(ids, " "), text)
	}
	for text, words := range map[string]string{"mit": `write "MIT"`, "apache-2.0 OR MIT": `write "Apache-2.0"`, "GPL-2.0": "-only or -or-later", "GPL-2.0+": "-only or -or-later"} {
		_, advice, err := ParseLicense(text)
		require.NoError(t, err, text)
		require.Contains(t, advice, words, text)
	}
	for text, words := range map[string]string{
		"": "missing", " ": "missing", "(": "missing", ")": "no licence", "(MIT": "not closed", "MIT)": "stands where", "MIT OR": "missing", "OR": "no licence", "MIT ISC": "stands where", "MIT or ISC": "stands where", "MIT/X11": "no licence",
		"BSD": "no licence", "Apache 2.0": "no licence", "MIT WITH": "no exception", "MIT WITH Foo": "no exception", "LicenseRef-": "no licence", "LicenseRef-a_b": "no licence", "MIT\x00": "no licence", strings.Repeat("(", 3000): "more than", strings.Repeat("(", 1999): "missing", "é": "no licence",
	} {
		_, _, err := ParseLicense(text)
		require.ErrorContains(t, err, words, "%q", text)
	}
}

func FuzzLicense(f *testing.F) {
	for _, text := range []string{"MIT", "(MIT OR Apache-2.0) AND ISC", "GPL-2.0-only WITH Classpath-exception-2.0", "(((", "LicenseRef-x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, _, err := ParseLicense(text)
		require.Equal(t, err != nil, len(ids) == 0 && err != nil)
		if err == nil {
			require.NotEmpty(t, ids)
			_, _, err = ParseLicense("(" + strings.Join(ids, " OR ") + ")")
			require.NoError(t, err, "what was found can be said again")
		}
	})
}
