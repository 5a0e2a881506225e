package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// damaged is the folder of a stopped server with two packages, a document and an attachment.
func damaged(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	s := startServing(t, "--data", data, "--admin", "me:secret")
	publishes(t, "me:secret", s.npm, "whole")
	publishes(t, "me:secret", s.npm, "broken")
	status, answer := ask(t, "me:secret", "PUT", s.couch+"/db", "")
	require.Equal(t, 201, status, answer)
	status, answer = ask(t, "me:secret", "PUT", s.couch+"/db/doc", `{"a":1}`)
	require.Equal(t, 201, status, answer)

	// The server holds its folder: nothing looks into it meanwhile.
	code, stdout, stderr := settee(t, "check", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Empty(t, stdout)
	require.Equal(t, "settee: --data "+data+": another settee is running there: stop it first\n", stderr)
	code, _, stderr = settee(t, "serve", "--data", data, "--npm", "127.0.0.1:0", "--couch", "127.0.0.1:0")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "another settee is running there")

	require.Equal(t, exitDone, s.stop(t), s.stderr.String())
	code, stdout, stderr = settee(t, "check", "--data", data)
	require.Equal(t, exitDone, code, stderr)
	require.Regexp(t, `^\d+ databases, \d+ documents, \d+ revisions, 0 attachments, 2 blobs, 2 versions: 0 problems\n$`, stdout)
	require.Contains(t, stderr, "checking blobs: 100 %\n") // no terminal: plain lines
	require.NotContains(t, stderr, "\r")
	return data
}

func TestCheckFindsDamage(t *testing.T) {
	data := damaged(t)
	packs := filesOf(t, filepath.Join(data, "tarballs"), "*") // and their indexes
	require.Len(t, packs, 2)

	t.Run("a changed byte", func(t *testing.T) {
		slices.Sort(packs)
		raw, err := os.ReadFile(packs[0])
		require.NoError(t, err)
		raw[200] ^= 1 // of the first blob
		require.NoError(t, os.WriteFile(packs[0], raw, 0o600))
		code, stdout, stderr := settee(t, "check", "--data", data)
		require.Equal(t, exitFailed, code)
		require.Regexp(t, `(?m)^problem: blob sha512-\S+: .*the bytes do not have the expected sha512$`, stdout)
		require.Regexp(t, `(?m)^problem: (whole|broken)@1\.0\.0: its tarball: .*the bytes do not have the expected sha512$`, stdout)
		require.Contains(t, stdout, ": 2 problems\n") // the blob, and what is lost with it
		require.Contains(t, stderr, "settee: "+data+": 2 problems\n")
	})
	t.Run("no tarballs", func(t *testing.T) {
		for _, file := range packs {
			require.NoError(t, os.Remove(file))
		}
		code, stdout, _ := settee(t, "check", "--data", data)
		require.Equal(t, exitFailed, code)
		require.Regexp(t, `(?m)^problem: broken@1\.0\.0: its tarball: `, stdout)
		require.Regexp(t, `(?m)^problem: whole@1\.0\.0: its tarball: `, stdout)
		require.Contains(t, stdout, "0 blobs, 2 versions: 2 problems\n")
	})
	t.Run("a broken manifest", func(t *testing.T) {
		manifests := filesOf(t, filepath.Join(data, "couch"), "MANIFEST-*")
		require.NotEmpty(t, manifests)
		for _, file := range manifests {
			require.NoError(t, os.WriteFile(file, []byte("no manifest"), 0o600))
		}
		code, stdout, stderr := settee(t, "check", "--data", data)
		require.Equal(t, exitFailed, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "settee: open --data "+data)
		require.NotContains(t, stderr, "another settee")
		require.NotContains(t, stderr, "goroutine")
	})
}
