package httpd_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// A document of thousands of conflicts is written, read, told, fetched and
// purged as replicators and people do.
func TestThousandsOfLeaves(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 500
	}
	h := start(t, httpd.Options{})
	began := time.Now()
	ask := func(method, path, body string, status int) string {
		t.Helper()
		code, _, got := do(t, h.base, "", method, path, "", body)
		require.Equal(t, status, code, got[:min(len(got), 500)])
		t.Logf("%8s  %s %s", time.Since(began).Round(time.Millisecond), method, path)
		began = time.Now()
		return got
	}
	revs, docs, wanted := make([]string, n), make([]string, n), make([]string, n)
	for i := range revs {
		hash := fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15)
		revs[i] = "2-" + hash
		docs[i] = fmt.Sprintf(`{"_id":"a","_revisions":{"start":2,"ids":["%s","root"]},"n":%d}`, hash, i)
		wanted[i] = fmt.Sprintf(`{"id":"a","rev":"%s"}`, revs[i])
	}
	ask("PUT", "/db", "", 201)
	require.Equal(t, "[]\n", ask("POST", "/db/_bulk_docs", `{"new_edits":false,"docs":[`+strings.Join(docs, ",")+`]}`, 201))
	list, err := json.Marshal(revs)
	require.NoError(t, err)

	var doc struct {
		Rev       string   `json:"_rev"`
		Conflicts []string `json:"_conflicts"`
	}
	require.NoError(t, json.Unmarshal([]byte(ask("GET", "/db/a?conflicts=true", "", 200)), &doc))
	require.ElementsMatch(t, revs, append(doc.Conflicts, doc.Rev))
	var open []struct{ OK map[string]any }
	require.NoError(t, json.Unmarshal([]byte(ask("GET", "/db/a?open_revs=all&revs=true", "", 200)), &open))
	require.Len(t, open, n)
	require.Equal(t, n, strings.Count(ask("GET", "/db/_changes?style=all_docs", "", 200), `{"rev":"2-`))
	require.Equal(t, "{}\n", ask("POST", "/db/_revs_diff", `{"a":`+string(list)+`}`, 200))
	got := ask("POST", "/db/_bulk_get?revs=true&latest=true", `{"docs":[`+strings.Join(wanted, ",")+`]}`, 200)
	require.Equal(t, n, strings.Count(got, `{"ok":{"_id":"a"`))

	for i := 0; i < n-1; i += 1000 {
		some, err := json.Marshal(revs[i:min(i+1000, n-1)])
		require.NoError(t, err)
		ask("POST", "/db/_purge", `{"a":`+string(some)+`}`, 201)
	}
	require.Contains(t, ask("GET", "/db/a?conflicts=true&revs=true", "", 200), `"_rev":"`+revs[n-1]+`","n":`)
	ask("POST", "/db/_purge", `{"a":["`+revs[n-1]+`"]}`, 201)
	ask("GET", "/db/a", "", 404)
}
