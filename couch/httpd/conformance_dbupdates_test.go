package httpd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

const noFeedOf = "Supported `feed` types: normal, continuous, longpoll, eventsource"

// They are played while there is a database of the global changes, which has
// at least the creation of the scenario's own.
var dbUpdatesScenarios = map[string][]step{
	"db_updates": {
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "GET /_db_updates?feed=longpoll&timeout=5000", status: 200, want: "{\"results\":[\n{\"db_name\":\"…\",\"type\":\"…\",\"seq\":\"…\"}…\n],\n\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates", status: 200, want: "{\"results\":[\n{\"db_name\":\"…\",\"type\":\"…\",\"seq\":\"…\"}…\n],\n\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?limit=0", status: 200, want: "{\"results\":[\n\n],\n\"last_seq\":\"0…\"}\n\n"},
		{do: "GET /_db_updates?limit=1", status: 200, want: "{\"results\":[\n{\"db_name\":\"…\",\"type\":\"…\",\"seq\":\"…\"}\n],\n\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?since=now", status: 200, want: "{\"results\":[\n\n],\n\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?descending=true", status: 200, want: "{\"results\":[\n{…\"}…"},
		{do: "GET /_db_updates?feed=continuous&timeout=50", status: 200, want: "{\"db_name\":\"…\",\"type\":\"…\",\"seq\":\"…\"}\n…{\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?feed=continuous&timeout=50&limit=1", status: 200, want: "{\"db_name\":\"…\",\"type\":\"…\",\"seq\":\"…\"}\n{\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?feed=eventsource&timeout=50&limit=1", status: 200, got: "Content-Type: text/event-stream", want: "data: {…}\nid: \"…\"\n\n"},
		{do: "GET /_db_updates?feed=longpoll&timeout=50&since=now", status: 200, want: "{\"results\":[\n…\n],\n\"last_seq\":\"…\"}\n\n"},
		{do: "GET /_db_updates?feed=x", status: 400, want: problem("bad_request", noFeedOf)},
		{do: "GET /_db_updates?feed=live", status: 400, want: problem("bad_request", noFeedOf)},
		{do: "GET /_db_updates?since=x", status: 400, want: problem("bad_request", "Malformed sequence supplied in 'since' parameter.")},
		{do: "GET /_db_updates?limit=x", status: 400, want: problem("bad_request", "invalid_integer")},
		{do: "GET /_db_updates?limit=-1", status: 400, want: problem("bad_request", "invalid_integer")},
		{do: "GET /_db_updates?timeout=x", status: 400, want: problem("bad_request", "invalid_integer")},
		{do: "GET /_db_updates?heartbeat=x", status: 400, want: problem("bad_request", "invalid_integer")},
		{do: "GET /_db_updates?heartbeat=0", status: 200},
		{do: "GET /_db_updates", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "POST /_db_updates", send: "{}", status: 405, want: problem("method_not_allowed", "Only GET allowed")},
		{do: "GET /_global_changes/_all_docs?limit=1&include_docs=true", status: 200,
			want: "{\"total_rows\":…,\"offset\":0,\"rows\":[\r\n{\"id\":\"…ed:…\",…,\"doc\":{\"_id\":\"…ed:…\",\"_rev\":\"…\"}}\r\n]}"},
	},
}

func TestDBUpdatesConformance(t *testing.T) {
	base := open(t)
	status, _, body := do(t, base, "", "GET", "/_db_updates", "", "")
	if status == 404 {
		require.Equal(t, problem("not_found", "Database does not exist.")+"\n", body)
		status, _, body = do(t, base, "", "PUT", "/_global_changes", "", "")
		require.Equal(t, 201, status, body)
		defer do(t, base, "", "DELETE", "/_global_changes", "", "")
	}
	conformOn(t, base, dbUpdatesScenarios)
}

type dbUpdate struct {
	Name string `json:"db_name"`
	Type string `json:"type"`
	Seq  string `json:"seq"`
}

// A live feed tells of each thing once, in order, a batch at a time.
func TestDBUpdatesLive(t *testing.T) {
	h := start(t, httpd.Options{})
	status, _, _ := do(t, h.base, "", "PUT", "/_global_changes", "", "")
	require.Equal(t, 201, status)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", h.address+"/_db_updates?feed=continuous&heartbeat=100&since=now", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	for _, call := range []string{"PUT /one", "PUT /two", "PUT /one/a", "PUT /one/b", "PUT /two/_local/x"} {
		method, path, _ := strings.Cut(call, " ")
		status, _, body := do(t, h.base, "", method, path, "", "{}")
		require.Equal(t, 201, status, body)
	}
	lines, beats := bufio.NewScanner(res.Body), 0
	next := func() dbUpdate {
		for lines.Scan() {
			if lines.Text() == "" {
				beats++
				continue
			}
			var u dbUpdate
			require.NoError(t, json.Unmarshal(lines.Bytes(), &u), lines.Text())
			return u
		}
		require.NoError(t, lines.Err())
		return dbUpdate{}
	}
	told := []string{}
	for range 3 {
		u := next()
		told = append(told, u.Type+" "+u.Name)
	}
	require.Equal(t, []string{"created one", "created two", "updated one"}, told)
	status, _, _ = do(t, h.base, "", "DELETE", "/two", "", "")
	require.Equal(t, 200, status)
	u := next()
	require.Equal(t, "deleted two", u.Type+" "+u.Name)
	require.Positive(t, beats, "it beats while it collects")

	status, _, body := do(t, h.base, "", "GET", "/_db_updates?since="+u.Seq, "", "")
	require.Equal(t, 200, status)
	require.Equal(t, "{\"results\":[\n\n],\n\"last_seq\":\""+u.Seq+"\"}\n\n", body)

	// What somebody else keeps there is no update.
	status, _, _ = do(t, h.base, "", "PUT", "/_global_changes/notes", "", "{}")
	require.Equal(t, 201, status)
	_, _, body = do(t, h.base, "", "GET", "/_db_updates?since="+u.Seq, "", "")
	require.Contains(t, body, "{\"results\":[\n\n],")

	// The feed ends with its database.
	status, _, _ = do(t, h.base, "", "DELETE", "/_global_changes", "", "")
	require.Equal(t, 200, status)
	require.Empty(t, next().Type, "last_seq")
	for lines.Scan() {
		require.Empty(t, lines.Text())
	}
}
