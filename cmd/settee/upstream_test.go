package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/upstream"
)

func TestUpstreamSettings(t *testing.T) {
	parsed := func(args ...string) (upstream.Options, error) {
		var s settings
		err := s.parse(args, io.Discard)
		return s.upstream.options, err
	}
	o, err := parsed("--upstream", "https://npm.example.com", "--upstream", "@acme=https://ann:s3cret@npm.acme.example", "--upstream-token", "npm.example.com=s3cret",
		"--cooldown", "7d", "--cooldown-except", "@acme", "--upstream-deny", "lodash@<4.17.21", "--upstream-fresh", "90s", "--upstream-inside", "10.0.0.0/8",
		"--upstream-mirror", "known", "--upstream-feed", "https://feed.example.com/_changes")
	require.NoError(t, err)
	require.Len(t, o.Targets, 2)
	require.Equal(t, 7*24*time.Hour, o.Rules.Cooldown)
	require.Equal(t, 90*time.Second, o.Fresh)
	require.Equal(t, upstream.MirrorKnown, o.Mirror)
	require.Equal(t, "feed.example.com", o.Targets[0].Feed.Host)
	require.Len(t, o.Rules.Deny, 1)
	require.Len(t, o.Inside, 1)

	file := filepath.Join(t.TempDir(), "settee.yaml")
	require.NoError(t, os.WriteFile(file, []byte("upstream:\n  - https://npm.example.com\n  - '@acme=https://npm.acme.example'\ncooldown: 36h\n"), 0o600))
	o, err = parsed("--config", file)
	require.NoError(t, err)
	require.Len(t, o.Targets, 2)
	require.Equal(t, 36*time.Hour, o.Rules.Cooldown)
	t.Setenv("SETTEE_UPSTREAM", "https://npm.example.com left-*=https://other.example")
	t.Setenv("SETTEE_UPSTREAM_TOKEN", "left-*=s3cret")
	o, err = parsed()
	require.NoError(t, err)
	require.Len(t, o.Targets, 2)
	t.Setenv("SETTEE_UPSTREAM", "")
	t.Setenv("SETTEE_UPSTREAM_TOKEN", "")

	const url = "https://npm.example.com"
	for _, args := range [][]string{
		{"--upstream", "s3cret"}, {"--upstream", "https://ann:s3cret%@x"}, {"--upstream", "@a=ftp://ann:s3cret@x"}, {"--upstream", url, "--upstream", url},
		{"--upstream", url, "--upstream-token", "s3cret"}, {"--upstream", url, "--upstream-token", "other=s3cret"}, {"--upstream", url, "--cooldown", "7 days"}, {"--upstream", url, "--cooldown", "-1h"},
		{"--cooldown", "7d"}, {"--upstream-deny", "x"}, {"--upstream", url, "--upstream-deny", "x@what"}, {"--upstream", url, "--upstream-mirror", "some"},
		{"--upstream", url, "--upstream-feed", url}, {"--upstream", url, "--upstream-mirror", "all", "--upstream-feed", "@a=https://ann:s3cret@x"}, {"--upstream", url, "--upstream-inside", "here"},
	} {
		_, err := parsed(args...)
		var mistake usageError
		require.ErrorAs(t, err, &mistake, args)
		require.NotContains(t, err.Error(), "s3cret", args)
	}
}
