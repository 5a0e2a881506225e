package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// A folder and a server that runs, there and back, and again with nothing new.
func TestReplicate(t *testing.T) {
	server := startServing(t, "--data", t.TempDir(), "--npm", "off", "--admin", "me:secret")
	there := strings.Replace(server.couch, "http://", "http://me:secret@", 1)
	status, answer := ask(t, "me:secret", "PUT", server.couch+"/shop", "")
	require.Equal(t, http.StatusCreated, status, answer)
	for _, doc := range []string{"a", "b", "c"} {
		status, answer := ask(t, "me:secret", "PUT", server.couch+"/shop/"+doc, `{"type":"`+doc+`"}`)
		require.Equal(t, http.StatusCreated, status, answer)
	}
	data := t.TempDir()
	replicates := func(args ...string) (out, log string) {
		var stdout, stderr bytes.Buffer
		args = append([]string{"replicate", "--data", data}, args...)
		require.Equal(t, exitDone, run(t.Context(), args, &stdout, &stderr), "%v: %s", args, &stderr)
		require.NotContains(t, stdout.String()+stderr.String(), "secret")
		return stdout.String(), stderr.String()
	}
	out, log := replicates(there+"/shop", "mine", "--create-target")
	require.Contains(t, out, "3 revisions looked at, 3 missing, 3 read, 3 written, 0 refused")
	require.Contains(t, log, "replicating changes: 100 %")
	out, log = replicates(there+"/shop", "mine")
	require.Contains(t, out, "0 revisions looked at")
	require.Empty(t, log)

	out, _ = replicates("mine", there+"/back", "--create-target", "--selector", `{"type":"b"}`, "--json")
	var r struct{ History []replicate.Session }
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.EqualValues(t, 1, r.History[0].DocsWritten)
	status, answer = ask(t, "me:secret", "GET", server.couch+"/back/_all_docs", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, answer, `"id":"b"`)
	require.NotContains(t, answer, `"id":"a"`)
}
