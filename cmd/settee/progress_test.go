package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		lines    int
		end      string
	}{
		{false, 11, "checking blobs: 100 %\n"}, // 0, 10, … 100
		{true, 1, "\rchecking blobs      [" + strings.Repeat("#", 40) + "] 100 %\n"},
	} {
		var out bytes.Buffer
		tell := (&progress{w: &out, verb: "checking", terminal: c.terminal}).of("blobs")
		for done := range int64(1001) {
			tell(done, 1000)
		}
		tell(1001, 1000) // written while it was counted
		require.Equal(t, c.lines, strings.Count(out.String(), "\n"), out.String())
		require.True(t, strings.HasSuffix(out.String(), c.end), "%q", out.String())
		if c.terminal {
			require.Equal(t, 101, strings.Count(out.String(), "\r"), "drawn again only where it changed")
		}
	}
	var out bytes.Buffer
	(&progress{w: &out}).of("blobs")(0, 0)
	require.Empty(t, out.String(), "nothing to check is no progress")
}
