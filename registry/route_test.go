package registry

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMethodsThatAreNotThere: the answer names those that are, to people and, as HTTP wants it, to programs.
func TestMethodsThatAreNotThere(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/left", "GET, PUT"},
		{"OPTIONS", "/left/-/left-1.0.0.tgz", "GET"},
	} {
		res := h.do(c.method, c.path, "", nil)
		require.Equal(t, 405, res.Status, c)
		require.Equal(t, c.allow, res.Header.Get("Allow"), c)
		require.Equal(t, c.method+" is not allowed here, but "+c.allow, res.JSON()["error"])
	}
}
