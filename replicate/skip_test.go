package replicate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// What is skipped stays out, and the checkpoint goes past it.
func TestSkip(t *testing.T) {
	all := kinds(t)
	for name, kind := range all {
		t.Run(name, func(t *testing.T) {
			a, b := kind(t, "a_skip"+name), kind(t, "b_skip"+name)
			sow(t, a.DB)
			put(t, a.DB, "_design/last", `{}`)
			o := replicate.Options{ID: "skipping", BatchSize: 3, Skip: func(id string) bool { return strings.HasPrefix(id, "_design/") }}
			run(t, a, b, o)
			want := holds(t, a.DB, true)
			for id := range want {
				if strings.HasPrefix(id, "_design/") {
					delete(want, id)
				}
			}
			require.Equal(t, want, holds(t, b.DB, true))
			again := run(t, a, b, o)
			require.True(t, again.NoChanges)
		})
	}
}
