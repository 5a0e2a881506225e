package main

import (
	"encoding/hex"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var regexpRev = regexp.MustCompile(`"_rev":"([^"]+)"`)

// publishesLarge is what publishes does with a tarball that has a file of its own in the store.
func publishesLarge(t *testing.T, who, npm, name string, seed int) {
	t.Helper()
	body, err := publishBody(name, "1.0.0", 200_000, seed)
	require.NoError(t, err)
	status, answer := ask(t, who, "PUT", npm+"/"+name, string(body))
	require.Equal(t, 201, status, answer)
}

// TestGC has a server that runs, and then the command itself, remove what is old and named by nothing.
func TestGC(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a server")
	}
	const who = "me:secret"
	data := t.TempDir()
	s := startServing(t, "--data", data, "--admin", who)
	for i, name := range []string{"stays", "goes", "goes-later"} {
		publishesLarge(t, who, s.npm, name, i)
	}
	raw := make([]byte, 150_000)
	rand.New(rand.NewSource(1)).Read(raw)
	note := hex.EncodeToString(raw) // text is kept compressed, and small attachments elsewhere
	status, answer := ask(t, who, "PUT", s.couch+"/db", "")
	require.Equal(t, 201, status, answer)
	status, answer = ask(t, who, "PUT", s.couch+"/db/doc/note.txt", note)
	require.Equal(t, 201, status, answer)
	unpublish := func(npm, name string) {
		t.Helper()
		_, doc := ask(t, who, "GET", npm+"/"+name+"?write=true", "")
		rev := regexpRev.FindStringSubmatch(doc)
		require.NotNil(t, rev, doc)
		status, answer := ask(t, who, "DELETE", npm+"/"+name+"/-rev/"+rev[1], "")
		require.Equal(t, 200, status, answer)
	}
	unpublish(s.npm, "goes")
	blobs := func() []string { return filesOf(t, filepath.Join(data, "tarballs"), strings.Repeat("[0-9a-f]", 128)) }
	require.Len(t, blobs(), 4)
	long := time.Now().Add(-72 * time.Hour)
	for _, file := range blobs() {
		require.NoError(t, os.Chtimes(file, long, long))
	}
	publishesLarge(t, who, s.npm, "young", 3)
	unpublish(s.npm, "young")

	at := strings.Replace(s.npm, "://", "://"+who+"@", 1)
	code, stdout, stderr := settee(t, "gc", "--server", at, "--dry-run")
	require.Equal(t, exitDone, code, stderr)
	require.Regexp(t, `^5 blobs, 1 would be removed: \d+\.\d kB\n$`, stdout)
	require.Contains(t, stderr, "sweeping blobs: 100 %\n")
	require.Len(t, blobs(), 5)
	code, stdout, stderr = settee(t, "gc", "--server", at)
	require.Equal(t, exitDone, code, stderr)
	require.Contains(t, stdout, "5 blobs, 1 removed: ")
	code, stdout, _ = settee(t, "gc", "--server", at)
	require.Equal(t, exitDone, code)
	require.Contains(t, stdout, "0 removed: 0 bytes")
	for _, name := range []string{"stays", "goes-later"} {
		status, _ = ask(t, who, "GET", s.npm+"/"+name+"/-/"+name+"-1.0.0.tgz", "")
		require.Equal(t, 200, status)
	}
	status, answer = ask(t, who, "GET", s.couch+"/db/doc/note.txt", "")
	require.Equal(t, 200, status)
	require.Equal(t, note, answer)

	for text, args := range map[string][]string{
		"--older":                          {"--older", "1h"},
		"--tarballs":                       {"--tarballs", "ftp://x"},
		"--server":                         {"--server", "127.0.0.1:4873"},
		"holds no store":                   {"--data", t.TempDir()},
		"holds no tarballs":                {"--data", t.TempDir(), "--db", s.couch},
		"ask the one that runs: settee gc": {"--data", data},
	} {
		code, _, stderr := settee(t, append([]string{"gc"}, args...)...)
		require.NotZero(t, code)
		require.Contains(t, stderr, text)
	}
	code, _, stderr = settee(t, "gc", "--server", strings.Replace(at, "secret", "wrong", 1))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "settee: the server: ")

	unpublish(s.npm, "goes-later")
	require.Equal(t, exitDone, s.stop(t), s.stderr.String())
	left := len(blobs())
	code, stdout, stderr = settee(t, "gc", "--data", data)
	require.Equal(t, exitDone, code, stderr)
	require.Contains(t, stdout, ", 1 removed: ")
	require.Len(t, blobs(), left-1)
	code, stdout, stderr = settee(t, "check", "--data", data)
	require.Equal(t, exitDone, code, stdout+stderr)
	code, stdout, _ = settee(t, "gc", "--help")
	require.Zero(t, code)
	require.Contains(t, stdout, "settee gc --server http://admin:PASSWORD@127.0.0.1:4873 --dry-run")
}
