package packuments

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

const sample = `{"_id":"@s/n","name":"@s/n","dist-tags":{"latest":"1.1.0","next":"2.0.0-rc.1"},"keywords":["CLI","tool",""],
 "maintainers":[{"name":"ann"},{"name":"bob"}],"users":{"cy":true,"dan":false},
 "time":{"created":"2024-01-01T00:00:00.000Z","modified":"2024-02-01T00:00:00.000Z","1.0.0":"2024-01-01T00:00:00.000Z","1.1.0":"2024-02-01T00:00:00.000Z"},
 "versions":{"1.0.0":{"deprecated":"old","dist":{"integrity":"sha512-a"}},"1.1.0":{"dependencies":{"a":"^1"},"dist":{"integrity":"sha512-b"}}}}`

func TestViews(t *testing.T) {
	tests := map[string][]row{
		"updated":     {{`"2024-02-01T00:00:00.000Z"`, `"1.1.0"`}},
		"maintainers": {{`"ann"`, `"1.1.0"`}, {`"bob"`, `"1.1.0"`}},
		"keywords":    {{`"cli"`, `"1.1.0"`}, {`"tool"`, `"1.1.0"`}},
		"scopes":      {{`["@s","ann"]`, `"1.1.0"`}, {`["@s","bob"]`, `"1.1.0"`}},
		"dist_tags":   {{`"@s/n"`, `{"latest":"1.1.0","next":"2.0.0-rc.1"}`}},
		"versions":    {{`["@s/n","1.0.0"]`, `{"time":"2024-01-01T00:00:00.000Z","deprecated":"old"}`}, {`["@s/n","1.1.0"]`, `{"time":"2024-02-01T00:00:00.000Z"}`}},
		"dependents":  {{`"a"`, `"^1"`}},
		"integrity":   {{`"sha512-a"`, `"1.0.0"`}, {`"sha512-b"`, `"1.1.0"`}},
		"starred":     {{`"cy"`, `"@s/n"`}},
	}
	for view, want := range tests {
		require.Equal(t, want, javascript(t, view, sample), view)
	}
}

func TestTombstonesAreOnlyInUpdated(t *testing.T) {
	const tombstone = `{"_id":"n","name":"n","time":{"modified":"2024-02-01T00:00:00.000Z","unpublished":{"name":"bob"}}}`
	for view := range views(t) {
		if view != "updated" {
			require.Empty(t, javascript(t, view, tombstone), view)
		}
	}
	require.Equal(t, []row{{`"2024-02-01T00:00:00.000Z"`, "null"}}, javascript(t, "updated", tombstone))
}

func views(t *testing.T) map[string]struct{ Map, Reduce string } {
	var d struct {
		ID, Language string
		Views        map[string]struct{ Map, Reduce string }
	}
	require.NoError(t, json.Unmarshal(DesignDoc(), &d))
	require.Equal(t, "javascript", d.Language)
	return d.Views
}

func TestDesignDocumentIsStable(t *testing.T) {
	require.Equal(t, string(DesignDoc()), string(DesignDoc()))
	found := views(t)
	require.Len(t, found, 10)
	require.Empty(t, found["abbreviated"].Reduce)
	for name := range reduces {
		require.Equal(t, "_count", found[name].Reduce)
	}
	require.Empty(t, Source("nothing"))
}
