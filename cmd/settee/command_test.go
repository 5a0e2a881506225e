package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHelp: each command explains itself, once, and its flags, if it has any.
func TestHelp(t *testing.T) {
	for _, c := range commands {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, exitDone, run(t.Context(), []string{c.name, "--help"}, &out, &out))
			text := out.String()
			head, _, _ := strings.Cut(text, "\n")
			require.Contains(t, head, "settee "+c.name)
			require.Equal(t, 1, strings.Count(text, head+"\n"), text)
			if c.name != "bench" { // which explains its flags otherwise
				require.Equal(t, strings.Contains(text, "\n  --"), strings.Contains(text, "\nFlags:\n"), text)
			}
			var again bytes.Buffer
			require.Equal(t, exitDone, run(t.Context(), []string{"help", c.name}, &again, &again))
			require.Equal(t, text, again.String())
		})
	}
}

// TestFlagsAmongWords: flags may stand before, between and after words, and each is read once.
func TestFlagsAmongWords(t *testing.T) {
	for _, args := range []string{
		"create robot --cidr 10.0.0.0/8 --cidr ::1/128 --db http://x",
		"--cidr 10.0.0.0/8 create --cidr ::1/128 --db http://x robot",
		"--db http://x --cidr 10.0.0.0/8 --cidr ::1/128 create robot",
	} {
		var j tokenJob
		require.NoError(t, j.read(strings.Fields(args), io.Discard), args)
		require.Equal(t, []string{"create", "robot"}, []string{j.verb, j.user}, args)
		require.Equal(t, many{"10.0.0.0/8", "::1/128"}, j.cidr, args)
	}
	var j tokenJob
	require.ErrorContains(t, j.read([]string{"ls", "--bogus", "ada"}, io.Discard), "settee token --help lists the flags")
}
