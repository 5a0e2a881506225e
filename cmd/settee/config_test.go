package main

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ask sends one request to the CouchDB API, as user:password, and returns its answer.
func (s *serving) ask(t *testing.T, who, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.couch+path, strings.NewReader(body))
	require.NoError(t, err)
	name, password, _ := strings.Cut(who, ":")
	req.SetBasicAuth(name, password)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, strings.TrimSpace(string(raw))
}

// What is configured while the server runs is there after a restart, its admins
// among it; what is only tried is not.
func TestConfig(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	const admin, bob = "admin:secret-word", "bob:s3cret-word"
	const config = "/_node/_local/_config/"
	data := filepath.Join(t.TempDir(), "data")
	s := startServing(t, "--data", data, "--admin", admin)
	u, err := url.Parse(s.couch)
	require.NoError(t, err)
	_, port := s.ask(t, admin, "GET", config+"chttpd/port", "")
	require.Equal(t, `"`+u.Port()+`"`, port)
	_, dir := s.ask(t, admin, "GET", config+"couchdb/database_dir", "")
	require.Equal(t, `"`+filepath.Join(data, "couch")+`"`, dir)

	for name, value := range map[string]string{"admins/bob": "s3cret-word", "log/level": "debug", "couchdb/max_document_size": "1000", "chttpd/require_valid_user": "true"} {
		status, body := s.ask(t, admin, "PUT", config+name, `"`+value+`"`)
		require.Equal(t, 200, status, body)
	}
	status, _ := s.ask(t, bob, "GET", "/_all_dbs", "")
	require.Equal(t, 200, status)
	require.Zero(t, s.stop(t))
	require.Contains(t, s.stderr.String(), "msg=request", "the log's level follows")
	require.NotContains(t, s.stderr.String(), "s3cret-word")

	s = startServing(t, "--data", data, "--admin", admin)
	status, _ = s.ask(t, bob, "PUT", "/db", "")
	require.Equal(t, 201, status)
	status, _ = s.ask(t, bob, "PUT", "/db/big", `{"text":"`+strings.Repeat("x", 1000)+`"}`)
	require.Equal(t, 413, status)
	status, _ = s.ask(t, "", "GET", "/", "")
	require.Equal(t, 401, status)
	require.Zero(t, s.stop(t))
}
