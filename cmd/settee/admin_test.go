package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdminIsMadeOnceAndShownOnce(t *testing.T) {
	data := filepath.Join(t.TempDir(), "deep", "data")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // only listened
	addr := taken.Addr().String()

	// A first start that fails shows no password, so it keeps none.
	code, stdout, stderr := settee(t, "serve", "--data", data, "--npm", addr, "--couch", "127.0.0.1:0")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "settee: --npm "+addr+": another program listens there: stop it, or choose another address\n", stderr)
	require.Empty(t, stdout)
	require.NoFileExists(t, filepath.Join(data, "admin"))
	code, _, stderr = settee(t, "serve", "--data", data, "--npm", "127.0.0.1:0", "--couch", addr)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "--couch "+addr+": another program listens there")

	s := startServing(t, "--data", data)
	raw, err := os.ReadFile(filepath.Join(data, "admin"))
	require.NoError(t, err)
	who := strings.TrimSpace(string(raw))
	_, password, _ := strings.Cut(who, ":")
	require.Len(t, password, 26)
	require.Contains(t, s.banner, "admin   admin (password "+password+", shown once; kept in "+filepath.Join(data, "admin")+")")
	info, err := os.Stat(filepath.Join(data, "admin"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	status, answer := ask(t, who, "GET", s.couch+"/_all_dbs", "")
	require.Equal(t, http.StatusOK, status, answer)
	status, answer = ask(t, who, "GET", s.npm+"/-/whoami", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.JSONEq(t, `{"username":"admin"}`, answer)
	require.Equal(t, exitDone, s.stop(t))
	require.NotContains(t, s.stderr.String(), password)

	s = startServing(t, "--data", data)
	require.NotContains(t, s.banner, password)
	require.Contains(t, s.banner, "admin (password kept in ")
	status, _ = ask(t, who, "GET", s.couch+"/_all_dbs", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, exitDone, s.stop(t))

	s = startServing(t, "--data", data, "--admin", "me:other")
	status, _ = ask(t, who, "GET", s.couch+"/_all_dbs", "")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = ask(t, "me:other", "GET", s.couch+"/_all_dbs", "")
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, filesOf(t, data, "admin-*"), "a temporary file is left")
}

func TestAdminFileThatIsNone(t *testing.T) {
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "admin"), []byte("\n"), 0o600))
	code, _, stderr := settee(t, "serve", "--data", data, "--npm", "127.0.0.1:0", "--couch", "127.0.0.1:0")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "settee: "+filepath.Join(data, "admin")+": want NAME:PASSWORD\n", stderr)
}

func TestAdminThatCannotBeKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	a := admin{name: "admin", password: "p", file: filepath.Join(file, "admin"), made: true}
	require.ErrorContains(t, a.keep(), "keep the admin's password: mkdir "+file)
}
