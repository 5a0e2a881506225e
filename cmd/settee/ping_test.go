package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPing(t *testing.T) {
	s := startServing(t, "--data", t.TempDir(), "--admin", "me:secret")
	npm, couch := strings.TrimPrefix(s.npm, "http://"), strings.TrimPrefix(s.couch, "http://")
	_, port, err := net.SplitHostPort(npm)
	require.NoError(t, err)
	t.Setenv("SETTEE_COUCH", couch) // where serve would find it, and so does ping
	for _, args := range [][]string{
		{"ping", "--npm", npm}, {"ping", "--npm", "0.0.0.0:" + port}, {"ping", "--npm", ":" + port},
		{"ping", "--npm", npm, "--couch", "off"}, {"ping", "--npm", "off"}, {"ping", "--npm", npm, "--couch", "127.0.0.1:1", "--db", "http://couch:5984"},
	} {
		code, _, stderr := settee(t, args...)
		require.Equal(t, exitDone, code, "%v: %s", args, stderr)
	}
	for _, args := range [][]string{{"ping", "--npm", "127.0.0.1:1"}, {"ping", "--npm", npm, "--couch", "127.0.0.1:1"}} {
		code, _, stderr := settee(t, args...)
		require.Equal(t, exitFailed, code, args)
		require.Contains(t, stderr, "refused")
	}
	for _, args := range [][]string{{"ping", "--npm", "off", "--couch", "off"}, {"ping", "--npm", "nowhere", "--couch", "off"}} {
		code, _, stderr := settee(t, args...)
		require.Equal(t, exitUsage, code, "%v: %s", args, stderr)
	}
	require.Equal(t, exitDone, s.stop(t))
	code, _, _ := settee(t, "ping", "--npm", npm)
	require.Equal(t, exitFailed, code, "it has ended")

	sick := httptest.NewServer(http.NotFoundHandler())
	defer sick.Close()
	code, _, stderr := settee(t, "ping", "--npm", strings.TrimPrefix(sick.URL, "http://"), "--couch", "off")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "404")
}
