package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAuditCommand has real acts of a real server listed and proved, over its API and from its folder, and finds
// what an admin did to the log.
func TestAuditCommand(t *testing.T) {
	data := t.TempDir()
	s := startServing(t, "--data", data, "--admin", "admin:a long password", "--region", "eu")
	_, answer := ask(t, "", "PUT", s.npm+user+"ada", signIn("ada", "a password of ada"))
	var login struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(answer), &login))
	publishes(t, "ada:a password of ada", s.npm, "left")
	publishes(t, "ada:a password of ada", s.npm, "right")
	ask(t, "", "PUT", s.npm+user+"ada", signIn("ada", "a wrong guess"))
	ask(t, "", "PUT", s.npm+user+"a password in the field of names", signIn("a password in the field of names", "x"))
	db := strings.Replace(s.couch, "http://", "http://admin:a%20long%20password@", 1)

	code, list, stderr := settee(t, "audit", "list", "--db", db, "--user", "ada")
	require.Equal(t, 0, code, stderr)
	require.Regexp(t, regexp.MustCompile(`(?s)failed  login\.failed .* ada +Name or password is incorrect\.\n.*ok +package\.publish  ada +127\.0\.0\.1  right@1\.0\.0 .*left@1\.0\.0.*ok +login .*ok +signup`), list)
	code, list, stderr = settee(t, "audit", "list", "--db", db, "--package", "left", "--since", "1h", "--json")
	require.Equal(t, 0, code, stderr)
	var e struct {
		ID, Act, By string
		OK          bool
	}
	require.NoError(t, json.Unmarshal([]byte(list), &e), "one line: %s", list)
	require.Equal(t, "package.publish ada", e.Act+" "+e.By)
	require.True(t, e.OK)

	code, proved, stderr := settee(t, "audit", "verify", "--db", db)
	require.Equal(t, 0, code, stderr)
	require.Regexp(t, `(?m)^1 chains, \d+ entries, 0 records beside them: 0 problems$`, proved)
	head := regexp.MustCompile(`(?m)^head (eu-\S+)$`).FindStringSubmatch(proved)[1]

	// No secret that these acts used is in the log, nor in the server's own.
	_, all := ask(t, "admin:a long password", "GET", s.couch+"/audit/_all_docs?include_docs=true", "")
	for _, secret := range []string{login.Token, login.Token[8:], "a password of ada", "a wrong guess", "a long password", "field of names"} {
		require.NotContains(t, all, secret)
	}

	status, doc := ask(t, "admin:a long password", "GET", s.couch+"/audit/"+e.ID, "")
	require.Equal(t, http.StatusOK, status)
	status, _ = ask(t, "admin:a long password", "PUT", s.couch+"/audit/"+e.ID, strings.Replace(doc, `"ada"`, `"bob"`, 1))
	require.Equal(t, http.StatusCreated, status)
	code, proved, _ = settee(t, "audit", "verify", "--db", db, "--head", head)
	require.Equal(t, 1, code)
	require.Contains(t, proved, "problem: altered: "+e.ID+": its content does not have its hash")
	require.Equal(t, 0, s.stop(t))
	require.Contains(t, s.stderr.String(), "audit: head")

	code, proved, _ = settee(t, "audit", "verify", "--data", data, "--head", head)
	require.Equal(t, 1, code)
	require.Contains(t, proved, "problem: altered: "+e.ID)
	code, list, _ = settee(t, "audit", "list", "--data", data, "--act", "package", "--limit", "1")
	require.Equal(t, 0, code)
	require.Contains(t, list, "right@1.0.0")
	other := strings.Replace(head, "eu-", "us-", 1)
	_, proved, _ = settee(t, "audit", "verify", "--data", data, "--head", other)
	require.Contains(t, proved, "problem: cut: "+strings.Split(other, "=")[0])
	_, _, stderr = settee(t, "audit", "verify", "--db", s.couch)
	require.NotEmpty(t, stderr)
}
