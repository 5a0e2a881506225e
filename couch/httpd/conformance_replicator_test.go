package httpd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// wants is a document of _replicator, which names the source and the target among the databases of these scenarios.
func wants(source, target, more string) string {
	return `{"source":"http://$ADMIN/conformance_r_` + source + `","target":"http://$ADMIN/conformance_r_` + target + `"` + more + `}`
}

const (
	figures = `"revisions_checked":…,"missing_revisions_found":…,"docs_read":…,"docs_written":…,"changes_pending":…,"doc_write_failures":0,"bulk_get_docs":…,"bulk_get_attempts":…,"checkpointed_source_seq":"…"`
	ranAs   = `{` + figures + `,"source_seq":"…","through_seq":"…"}`
	two     = `"revisions_checked":2,"missing_revisions_found":2,"docs_read":2,"docs_written":2,"changes_pending":…,"doc_write_failures":0,"bulk_get_docs":2,"bulk_get_attempts":2,"checkpointed_source_seq":"2-…"`
)

// shownAs is a line of _scheduler/docs of a job, without what it is of.
func shownAs(doc, db, source, state, info, errors string) string {
	return `{"database":"` + db + `/_replicator","doc_id":"` + doc + `","id":"…","node":"…","source":"http://$HOST/conformance_r_` + source + `/","target":"http://$HOST/conformance_r_t/",` +
		`"state":"` + state + `","info":` + info + `,"error_count":` + errors + `,"last_updated":"…Z","start_time":"…Z","source_proxy":null,"target_proxy":null}`
}

// Documents of a _replicator database, which is the scenario's own, through their states.
var replicatorScenarios = map[string][]step{
	"completed%2F_replicator": {
		{do: "PUT /conformance_r_s?q=1", status: 201},
		{do: "PUT /conformance_r_s/a", send: "{}", status: 201},
		{do: "PUT /conformance_r_s/b", send: "{}", status: 201},
		{do: "PUT /db/one", send: wants("s", "t", `,"create_target":true,"mine":[1.0]`), status: 201},
		{do: "GET /db/one", soon: true, status: 200,
			want: `{"_id":"one","_rev":"2-…","source":"http://$ADMIN/conformance_r_s","target":"http://$ADMIN/conformance_r_t","create_target":true,"mine":[1.0],"owner":"…",` +
				`"_replication_state":"completed","_replication_state_time":"…Z","_replication_stats":{` + two + `,"start_time":"…Z"}}`},
		{do: "GET /conformance_r_t/b", status: 200, want: `{"_id":"b","_rev":"$R1"}`},
		{do: "GET /_scheduler/docs/conformance_completed/_replicator/one", status: 200,
			want: `{"database":"conformance_completed/_replicator","doc_id":"one","id":null,"source":"http://$HOST/conformance_r_s/","target":"http://$HOST/conformance_r_t/",` +
				`"state":"completed","error_count":0,"info":{` + two + `},"start_time":"…Z","last_updated":"…Z"}`},
		{do: "GET /_scheduler/docs/conformance_completed%2F_replicator/one", status: 200},
		{do: "GET /_scheduler/docs/conformance_completed/_replicator?states=completed", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"docs\":[\r\n{…\"doc_id\":\"one\",…}\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_completed/_replicator?states=running,crashing", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"docs\":[\r\n\r\n]}"},
		{do: "HEAD /_scheduler/docs/conformance_completed/_replicator", status: 200},
		// Without its state it is done again.
		{do: "PUT /conformance_r_s/c", send: "{}", status: 201},
		{do: "GET /db/one", status: 200},
		{do: "PUT /db/one?rev=$SEEN", send: wants("s", "t", ""), status: 201},
		{do: "GET /db/one", soon: true, status: 200, want: `{"_id":"one","_rev":"4-…"_replication_state":"completed",…"docs_written":3,…}`},
		{do: "HEAD /conformance_r_t/c", status: 200},
		// With it, edited, it is not.
		{do: "PUT /db/one?rev=$SEEN", send: wants("none", "t", `,"_replication_state":"completed","_replication_stats":{"docs_written":7,"start_time":"x"}`), status: 201},
		{do: "GET /_scheduler/docs/conformance_completed/_replicator/one", status: 200, want: `{…"id":null,"source":"http://$HOST/conformance_r_none/",…"state":"completed","error_count":0,"info":{"docs_written":7},"start_time":"x","last_updated":null}`},
		{do: "DELETE /conformance_r_s", status: 200},
		{do: "DELETE /conformance_r_t", status: 200},
	},
	"crashing%2F_replicator": {
		{do: "PUT /db/one", send: wants("none", "t", ""), status: 201},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator/one", soon: true, status: 200,
			want: shownAs("one", "conformance_crashing", "none", "crashing", `{"error":"db_not_found: could not open http://$HOST/conformance_r_none/"}`, "1")},
		{do: "GET /_scheduler/jobs/$JOB", status: 200, want: `{"database":"conformance_crashing/_replicator","id":"$JOB","pid":null,"source":"http://$HOST/conformance_r_none/",` +
			`"target":"http://$HOST/conformance_r_t/","user":null,"doc_id":"one","info":null,"history":[` +
			`{"timestamp":"…Z","type":"crashed","reason":"db_not_found: could not open http://$HOST/conformance_r_none/"},{"timestamp":"…Z","type":"started"},{"timestamp":"…Z","type":"added"}],"node":"…","start_time":"…Z"}`},
		{do: "GET /db/one", status: 200, want: `{"_id":"one","_rev":"1-…","source":"http://$ADMIN/conformance_r_none","target":"http://$ADMIN/conformance_r_t","owner":"…"}`},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator?states=crashing", status: 200, want: "{\"total_rows\":1,…\r\n{…\"state\":\"crashing\",…}\r\n]}"},
		// It is not asked for any more.
		{do: "DELETE /db/one?rev=$SEEN", status: 200},
		{do: "GET /_scheduler/jobs/$JOB", soon: true, status: 404, want: problem("not_found", "missing")},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator/one", status: 404, want: problem("not_found", "missing")},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator", status: 200, want: "{\"total_rows\":0,\"offset\":0,\"docs\":[\r\n\r\n]}"},
		// Others that cannot be reached, in their words.
		{do: "PUT /db/nobody", send: `{"source":"http://conformance_nobody:wrong@$HOST/a","target":"http://$ADMIN/conformance_r_t"}`, status: 201},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator/nobody", soon: true, status: 200,
			want: `{…"state":"crashing","info":{"error":"{replication_auth_error,\n    {session_request_unauthorized,\"http://$HOST/_session\",…\"conformance_nobody\"}}"},"error_count":1,…}`},
		{do: "PUT /db/anon", send: `{"source":"http://$HOST/_users","target":"http://$ADMIN/conformance_r_t"}`, status: 201},
		{do: "GET /_scheduler/docs/conformance_crashing/_replicator/anon", soon: true, status: 200,
			want: `{…"state":"crashing","info":{"error":"unauthorized: unauthorized to access or create database http://$HOST/_users/"},"error_count":1,…}`},
	},
	"running%2F_replicator": {
		{do: "PUT /conformance_r_s?q=1", status: 201},
		{do: "PUT /conformance_r_t?q=1", status: 201},
		{do: "PUT /conformance_r_s/a", send: "{}", status: 201},
		{do: "PUT /db/one", send: wants("s", "t", `,"continuous":true,"user_ctx":{"name":"joe","roles":["_admin"]}`), status: 201},
		{do: "GET /_scheduler/docs/conformance_running/_replicator/one", soon: true, status: 200, want: shownAs("one", "conformance_running", "s", "running", ranAs, "0")},
		{do: "GET /_scheduler/jobs/$JOB", status: 200, want: `{"database":"conformance_running/_replicator","id":"$JOB","pid":"<…>","source":"http://$HOST/conformance_r_s/","target":"http://$HOST/conformance_r_t/",` +
			`"user":"joe","doc_id":"one","info":{…},"history":[{"timestamp":"…Z","type":"started"},{"timestamp":"…Z","type":"added"}],"node":"…","start_time":"…Z"}`},
		{do: "GET /_active_tasks", soon: true, status: 200, want: `[…{"node":"…","pid":"<…>","process_status":"…","bulk_get_attempts":…,"bulk_get_docs":…,"changes_pending":…,"checkpoint_interval":30000,"checkpointed_source_seq":"…",` +
			`"continuous":true,"database":"…conformance_running/_replicator…","doc_id":"one","doc_write_failures":0,"docs_read":…,"docs_written":…,"missing_revisions_found":…,"replication_id":"$JOB","revisions_checked":…,` +
			`"source":"http://$HOST/conformance_r_s/","source_seq":"…","started_on":…,"target":"http://$HOST/conformance_r_t/","through_seq":"…","type":"replication","updated_on":…,"user":"joe"}…]`},
		{do: "GET /db/one", status: 200, want: `{"_id":"one","_rev":"1-…","continuous":true,"user_ctx":{"name":"joe","roles":["_admin"]},"owner":"…"}`},
		{do: "PUT /conformance_r_s/b", send: "{}", status: 201},
		{do: "GET /conformance_r_t/b", soon: true, status: 200},
		// Another one for the same is no job.
		{do: "PUT /db/two", send: wants("s", "t", `,"continuous":true`), status: 201},
		{do: "GET /db/two", soon: true, status: 200, want: `{"_id":"two","_rev":"2-…","continuous":true,"owner":"…","_replication_state":"failed","_replication_state_time":"…Z",` +
			"\"_replication_state_reason\":\"Replication `$JOB` specified by document `two` already started, triggered by document `one` from db `conformance_running/_replicator`\"}"},
		{do: "GET /_scheduler/docs/conformance_running/_replicator?states=failed", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"docs\":[\r\n{\"database\":\"conformance_running/_replicator\",\"doc_id\":\"two\",\"id\":null,…" +
			"\"state\":\"failed\",\"error_count\":1,\"info\":{\"error\":\"Replication `…`…\"},\"start_time\":\"…Z\",\"last_updated\":\"…Z\"}\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_running/_replicator?limit=1", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"docs\":[\r\n{…\"doc_id\":\"one\",…\"source_proxy\":null,\"target_proxy\":null}\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_running/_replicator?skip=1", status: 200, want: "{\"total_rows\":2,\"offset\":1,\"docs\":[\r\n{…\"doc_id\":\"two\",…\"last_updated\":\"…Z\"}\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_running/_replicator?descending=true", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"docs\":[\r\n{…\"doc_id\":\"two\",…},\r\n{…\"doc_id\":\"one\",…}\r\n]}"},
		// Edited, it is another one.
		{do: "GET /db/one", status: 200},
		{do: "PUT /db/one?rev=$SEEN", send: wants("s", "t", `,"continuous":true,"doc_ids":["c"]`), status: 201},
		{do: "GET /_scheduler/jobs/$JOB", soon: true, status: 404},
		{do: "GET /_scheduler/docs/conformance_running/_replicator/one", soon: true, status: 200, want: shownAs("one", "conformance_running", "s", "running", "…", "0")},
		{do: "PUT /conformance_r_s/d", send: "{}", status: 201},
		{do: "PUT /conformance_r_s/c", send: "{}", status: 201},
		{do: "GET /conformance_r_t/c", soon: true, status: 200},
		{do: "GET /conformance_r_t/d", status: 404},
		// Ended by its id it stays ended, and its document says nothing of that.
		{do: "POST /_replicate", send: `{"cancel":true,"id":"$JOB"}`, status: 200, want: `{"ok":true,"_local_id":"$JOB"}`},
		{do: "GET /_scheduler/jobs/$JOB", soon: true, status: 404},
		{do: "GET /_scheduler/docs/conformance_running/_replicator/one", status: 200, theirs: 500, // a function_clause
			want: `{"database":"conformance_running/_replicator","doc_id":"one","id":null,"source":"…","target":"…","state":null,"error_count":0,"info":null,"start_time":null,"last_updated":null}`},
		{do: "DELETE /conformance_r_s", status: 200},
		{do: "DELETE /conformance_r_t", status: 200},
	},
	"erring%2F_replicator": {
		{do: "PUT /conformance_r_s?q=1", status: 201},
		{do: "PUT /db/one", send: wants("s", "t", `,"filter":"d/f"`), status: 201},
		{do: "GET /_scheduler/docs/conformance_erring/_replicator/one", soon: true, status: 200, want: `{"database":"conformance_erring/_replicator","doc_id":"one","id":null,"state":"error",` +
			"\"info\":{\"error\":\"Couldn't open document `_design/d` from source database `http://$HOST/conformance_r_s/`: {error,<<\\\"not_found\\\">>}\"},\"error_count\":1,\"node\":\"…\",\"last_updated\":\"…Z\",\"start_time\":\"…Z\"}"},
		{do: "GET /_scheduler/docs/conformance_erring%2F_replicator?states=error", status: 200, want: "{\"total_rows\":1,…\r\n{…\"state\":\"error\",…}\r\n]}"},
		{do: "GET /db/one", status: 200, want: `{"_id":"one","_rev":"1-…"owner":"…"}`},
		// Revisions that have their names are held to the same, and belong to somebody too.
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"ok","_rev":"1-a","source":"http://127.0.0.1:1/a","target":"http://127.0.0.1:1/b"},{"_id":"bad","_rev":"1-a","source":"a","target":"b"}],"new_edits":false}`,
			status: 403, want: problem("forbidden", "local_endpoints_not_supported")},
		{do: "GET /db/ok", status: 404},
		{do: "PUT /db/bad?new_edits=false", send: `{"_rev":"1-a","source":"http://127.0.0.1:1/a"}`, status: 403, want: problem("forbidden", "Missing replicator database")},
		{do: "PUT /db/ok?new_edits=false", send: `{"_rev":"1-a","source":"http://127.0.0.1:1/a","target":"http://127.0.0.1:1/b"}`, status: 201},
		{do: "GET /db/ok", status: 200, want: `{"_id":"ok","_rev":"1-a","source":"http://127.0.0.1:1/a","target":"http://127.0.0.1:1/b","owner":"…"}`},
		{do: "DELETE /conformance_r_s", status: 200},
	},
	"transient%2F_replicator": {
		{do: "PUT /conformance_r_s?q=1", status: 201},
		{do: "PUT /conformance_r_t?q=1", status: 201},
		{do: "POST /_replicate", send: wants("s", "t", `,"continuous":true`), status: 202, want: `{"ok":true,"_local_id":"…+continuous"}`},
		{do: "PUT /db/one", send: wants("s", "t", `,"continuous":true`), status: 201},
		{do: "GET /_scheduler/docs/conformance_transient/_replicator/one", soon: true, status: 200, want: `{…"id":null,"state":"error",` +
			"\"info\":{\"error\":\"Replication `$JOB` specified by document `one` already running as a transient replication, started via `_replicate` API endpoint\"},\"error_count\":1,…}"},
		{do: "GET /_scheduler/jobs/$JOB", status: 200, want: `{"database":null,"id":"$JOB",…"doc_id":null,…}`},
		{do: "POST /_replicate", send: wants("s", "t", `,"continuous":true,"cancel":true`), status: 200, want: `{"ok":true,"_local_id":"$JOB"}`},
		{do: "GET /_scheduler/jobs/$JOB", soon: true, status: 404},
		{do: "DELETE /conformance_r_s", status: 200},
		{do: "DELETE /conformance_r_t", status: 200},
	},
	"dropped%2F_replicator": {
		{do: "PUT /conformance_r_s?q=1", status: 201},
		{do: "PUT /conformance_r_t?q=1", status: 201},
		{do: "PUT /db/one", send: wants("s", "t", `,"continuous":true`), status: 201},
		{do: "GET /_scheduler/docs/conformance_dropped/_replicator/one", soon: true, status: 200, want: `{…"id":"…+continuous",…"state":"running",…}`},
		{do: "DELETE /db", status: 200},
		{do: "GET /_scheduler/jobs/$JOB", soon: true, status: 404},
		{do: "GET /_scheduler/docs/conformance_dropped/_replicator/one", status: 404},
		{do: "DELETE /conformance_r_s", status: 200},
		{do: "DELETE /conformance_r_t", status: 200},
	},
	"owned%2F_replicator": {
		{do: "PUT /db/_security", send: `{"members":{"names":["conformance_joe","conformance_jim"]}}`, status: 200},
		{do: "PUT /_users/org.couchdb.user:conformance_joe", send: `{"name":"conformance_joe","password":"joejoe","type":"user","roles":[]}`, status: 201},
		{do: "PUT /_users/org.couchdb.user:conformance_jim", send: `{"name":"conformance_jim","password":"jimjim","type":"user","roles":[]}`, status: 201},
		{do: "PUT /db/one", as: joe, send: secretive(""), status: 201, want: `{"ok":true,"id":"one","rev":"1-…"}`},
		{do: "GET /db/one", as: joe, status: 200, want: `{"_id":"one","_rev":"$LAST","source":{"url":"http://u:pw@127.0.0.1:1/a","headers":{"Authorization":"Bearer x"},"auth":{"basic":{"username":"u","password":"p"}}},"target":"http://u:pw@127.0.0.1:1/b","owner":"conformance_joe"}`},
		{do: "GET /db/one", status: 200, want: `{"_id":"one",…"target":"http://u:pw@127.0.0.1:1/b","owner":"conformance_joe"}`},
		{do: "GET /db/one", as: jim, status: 200, want: `{"_id":"one","_rev":"1-…","source":{"url":"http://…127.0.0.1:1/a"},"target":"http://127.0.0.1:1/b","owner":"conformance_joe"}`}, // CouchDB shows the user of a url that is a member
		{do: "PUT /db/one?rev=$LAST", as: jim, send: secretive(`,"owner":"conformance_joe"`), status: 403, want: problem("forbidden", "Can't update replication documents from other users.")},
		{do: "PUT /db/two", as: jim, send: secretive(`,"owner":"conformance_joe"`), status: 403, want: problem("forbidden", "Can't update replication documents from other users.")},
		{do: "PUT /db/two", as: jim, send: secretive(`,"owner":null`), status: 403, want: problem("forbidden", "Can't update replication documents from other users.")},
		{do: "PUT /db/two", send: secretive(`,"owner":"conformance_joe","doc_ids":["2"]`), status: 201},
		{do: "GET /db/two", as: joe, status: 200, want: `{…"target":"http://u:pw@127.0.0.1:1/b","owner":"conformance_joe","doc_ids":["2"]}`},
		{do: "PUT /db/three", send: secretive(`,"owner":null,"doc_ids":["3"]`), status: 201},
		{do: "GET /db/three", status: 200, want: `{…"owner":"…","doc_ids":["3"]}`},
		{do: "GET /_scheduler/docs/conformance_owned/_replicator", as: jim, status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /_scheduler/jobs", as: jim, status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /_scheduler/docs/conformance_owned/_replicator", soon: true, status: 200, want: "{\"total_rows\":3,…\"source\":\"http://127.0.0.1:1/a/\",\"target\":\"http://127.0.0.1:1/b/\",…}"},
		{do: "GET /db/one", as: joe, status: 200},
		{do: "PUT /db/one?rev=$SEEN", as: jim, send: secretive(""), status: 403, theirs: 201}, // it is his then
		{do: "GET /_users/org.couchdb.user:conformance_joe", status: 200},
		{do: "DELETE /_users/org.couchdb.user:conformance_joe?rev=$SEEN", status: 200},
		{do: "GET /_users/org.couchdb.user:conformance_jim", status: 200},
		{do: "DELETE /_users/org.couchdb.user:conformance_jim?rev=$SEEN", status: 200},
	},
}

const joe, jim = "conformance_joe:joejoe", "conformance_jim:jimjim"

// secretive is a document with credentials wherever they may be.
func secretive(more string) string {
	return `{"source":{"url":"http://u:pw@127.0.0.1:1/a","headers":{"Authorization":"Bearer x"},"auth":{"basic":{"username":"u","password":"p"}}},"target":"http://u:pw@127.0.0.1:1/b"` + more + `}`
}

func TestReplicatorConformance(t *testing.T) {
	base := open(t)
	if *couchURL != "" { // it waits up to 5 s before each job
		const jitter = "/_node/_local/_config/replicator/startup_jitter"
		status, _, before := do(t, base, "", "PUT", jitter, "", `"10"`)
		require.Equal(t, 200, status, before)
		t.Cleanup(func() {
			if before == "\"\"\n" {
				do(t, base, "", "DELETE", jitter, "", "")
				return
			}
			do(t, base, "", "PUT", jitter, "", before)
		})
	}
	conformOn(t, base, replicatorScenarios)
}
