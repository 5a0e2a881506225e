package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestClusterHoldsTheDocuments runs the registry of one process on the documents
// of another, over its CouchDB API: what --db does with an Apache CouchDB.
func TestClusterHoldsTheDocuments(t *testing.T) {
	cluster := startServing(t, "--data", t.TempDir(), "--npm", "off", "--admin", "me:secret")
	require.Empty(t, cluster.npm)
	db := strings.Replace(cluster.couch, "http://", "http://me:secret@", 1)
	data := t.TempDir()
	front := startServing(t, "--data", data, "--db", db)
	require.Empty(t, front.couch, "the cluster answers for itself")
	require.NoFileExists(t, filepath.Join(data, "admin"), "the cluster's admin is the registry's")
	require.NoDirExists(t, filepath.Join(data, "couch"))
	require.NotContains(t, front.banner, "secret")

	// An account and its token, made over npm, are documents of the cluster.
	status, answer := ask(t, "", "PUT", front.npm+"/-/user/org.couchdb.user:ann", `{"name":"ann","password":"ann-password","email":"a@example.com","type":"user","roles":[]}`)
	require.Equal(t, http.StatusCreated, status, answer)
	var login struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(answer), &login))
	require.True(t, strings.HasPrefix(login.Token, "npm_"), answer)
	status, answer = ask(t, "me:secret", "GET", cluster.couch+"/_users/org.couchdb.user:ann", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.NotContains(t, answer, "ann-password")

	body, err := publishBody("far", "1.0.0", 500, 1)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, bearer(t, login.Token, "PUT", front.npm+"/far", string(body)))
	status, answer = ask(t, "me:secret", "GET", cluster.couch+"/registry/far", "")
	require.Equal(t, http.StatusOK, status, answer)
	require.Contains(t, answer, `"1.0.0"`)

	installs(t, front.npm, "far")
	require.Equal(t, exitDone, front.stop(t), front.stderr.String())

	// Nothing but tarballs lived in the first front: the next one serves the rest.
	front = startServing(t, "--data", data, "--db", db)
	installs(t, front.npm, "far")
	require.Equal(t, http.StatusOK, bearer(t, login.Token, "GET", front.npm+"/-/whoami", ""))
	status, answer = ask(t, "me:secret", "GET", front.npm+"/-/whoami", "")
	require.Equal(t, http.StatusOK, status, answer)
	publishes(t, "me:secret", front.npm, "far-too")
	require.Equal(t, exitDone, front.stop(t), front.stderr.String())
	require.Equal(t, exitDone, cluster.stop(t), cluster.stderr.String())
}

// installs asks what an installing client asks.
func installs(t *testing.T, npm, name string) {
	t.Helper()
	req, err := http.NewRequest("GET", npm+"/"+name, nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/vnd.npm.install-v1+json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // decoded to the end
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var p struct {
		Versions map[string]struct{ Dist struct{ Tarball string } }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&p))
	status, tarball := ask(t, "", "GET", p.Versions["1.0.0"].Dist.Tarball, "")
	require.Equal(t, http.StatusOK, status)
	want, err := packTarball(name, "1.0.0", 500, 1)
	require.NoError(t, err)
	require.Equal(t, string(want), tarball)
}

// bearer sends a request with a token and returns the answer's status.
func bearer(t *testing.T, token, method, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}
