package httpd_test

import (
	"testing"
)

// ends are the source and target of a scenario's replications: its own database, and another that stays empty
// or is not there.
func ends(source, target, more string) string {
	return `{"source":"` + source + `","target":"` + target + `"` + more + `}`
}

const (
	replicated = "conformance_replicate"
	replica    = "conformance_replica"
	history    = `{"session_id":"…","start_time":"…, … GMT","end_time":"…, … GMT","start_last_seq":…,"end_last_seq":"…","recorded_seq":"…",`
)

// chosen asks for a part of a scenario's database, in a target of its own.
func chosen(target, more string) string {
	return ends("conformance_replicate_options", chosenDB[1:]+target, ","+more)
}

const chosenDB = "/conformance_chosen_"

var replicateScenarios = map[string][]step{
	"checkpoints": { // CouchDB's replicator sends back what it has read
		{do: "PUT /db/_local/c", send: `{"session_id":"a"}`, status: 201, want: `{"ok":true,"id":"_local/c","rev":"0-1"}`},
		{do: "PUT /db/_local/c", send: `{"_id":"_local/c","_rev":"0-1","session_id":"b","_revisions":{"start":0,"ids":["1"]}}`, status: 201, want: `{"ok":true,"id":"_local/c","rev":"0-2"}`},
		{do: "PUT /db/_local/c", send: `{"_revisions":{"start":0,"ids":["2"]},"session_id":"c"}`, status: 201, want: `{"ok":true,"id":"_local/c","rev":"0-3"}`},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"_local/c","_rev":"0-3","_revisions":{"start":0,"ids":["3"]},"session_id":"d"}]}`, status: 201, want: `[{"ok":true,"id":"_local/c","rev":"0-4"}]`},
		{do: "GET /db/_local/c", status: 200, want: `{"_id":"_local/c","_rev":"0-4","session_id":"d"}`},
	},
	"replicate": {
		{do: "DELETE /" + replica, status: 404},
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "PUT /db/b", send: "{}", status: 201},
		{do: "POST /_replicate", send: ends(replicated, replica, ""), status: 500, want: `{"error":"db_not_found","reason":"could not open http://…/` + replica + `/"}`},
		{do: "POST /_replicate", send: ends("conformance_none", replicated, ""), status: 500, want: `{"error":"db_not_found","reason":"could not open http://…/conformance_none/"}`},
		{do: "POST /_replicate", send: ends(replicated, replica, `,"create_target":true`), status: 200,
			want: `{"ok":true,"session_id":"…","source_last_seq":"2-…","replication_id_version":4,"history":[` + history +
				`"missing_checked":2,"missing_found":2,"docs_read":2,"docs_written":2,"doc_write_failures":0,"bulk_get_docs":2,"bulk_get_attempts":2}]}`},
		{do: "GET /" + replica + "/a", status: 200, want: `{"_id":"a","_rev":"$R1"}`},
		{do: "POST /_replicate", send: ends(replicated, replica, ""), status: 200, want: `{"ok":true,"no_changes":true,"session_id":"…",…}`},
		{do: "PUT /db/c", send: "{}", status: 201},
		{do: "PUT /db/d", send: "{}", status: 201},
		{do: "POST /_replicate", send: ends(replicated, replica, `,"doc_ids":["c"]`), status: 200, want: `{"ok":true,…"docs_written":1,…}`},
		{do: "GET /" + replica + "/d", status: 404},
		{do: "POST /_replicate", send: ends(replicated, replica, `,"selector":{"_id":"d"},"use_checkpoints":false`), status: 200},
		{do: "GET /" + replica + "/d", status: 200},
		{do: "POST /_replicate", send: `{"source":{"url":"` + replicated + `"},"target":"` + replica + `"}`, status: 200},
		{do: "POST /_replicate", send: ends("http://nobody:wrong@$HOST/"+replicated, replica, ""), status: 500,
			want: `{"error":"replication_auth_error","reason":"{session_request_unauthorized,\"http://$HOST/_session\",\"nobody\"}"}`},
		{do: "POST /_replicate", send: ends("http://$HOST/"+replicated, replica, ""), status: 401,
			want: problem("unauthorized", "unauthorized to access or create database http://$HOST/"+replicated+"/")},
		{do: "DELETE /" + replica, status: 200},
	},
	"replicate_refused": {
		{do: "POST /_replicate", as: "-", send: "{}", status: 401, want: problem("unauthorized", "You are not an authenticated user")},
		{do: "POST /_replicate", send: "{", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "POST /_replicate", send: "[]", status: 400, want: problem("bad_request", "Request body must be a JSON object")},
		{do: "POST /_replicate", send: "{}", header: "Content-Type: text/plain", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		{do: "PUT /_replicate", send: "{}", status: 405, got: "Allow: POST", want: problem("method_not_allowed", "Only POST allowed")},
		{do: "POST /_replicate", send: "{}", status: 500, want: problem("error", "Missing replicator database")},
		{do: "POST /_replicate", send: `{"source":"x"}`, status: 500, want: problem("error", "Missing replicator database")},
		{do: "POST /_replicate", send: `{"source":{"x":1},"target":"x"}`, status: 400, want: problem("invalid_replication", "endpoint has an invalid url")},
		{do: "POST /_replicate", send: ends("x", "y", `,"cancel":1`), status: 400, want: problem("bad_request", "parameter `cancel` must be a boolean")},
		{do: "POST /_replicate", send: ends("x", "y", `,"continuous":1`), status: 400, want: problem("bad_request", "parameter `continuous` must be a boolean")},
		{do: "POST /_replicate", send: ends("x", "y", `,"create_target":1`), status: 400, want: problem("bad_request", "parameter `create_target` must be a boolean")},
		{do: "POST /_replicate", send: ends("x", "y", `,"create_target_params":1`), status: 400, want: problem("bad_request", "parameter `create_target_params` must be a JSON object")},
		{do: "POST /_replicate", send: ends("x", "y", `,"winning_revs_only":1`), status: 400, want: problem("bad_request", "parameter `winning_revs_only` must be a boolean")},
		{do: "POST /_replicate", send: ends("x", "y", `,"query_params":1`), status: 400, want: problem("bad_request", "parameter `query_params` must be an object")},
		{do: "POST /_replicate", send: ends("x", "y", `,"doc_ids":1`), status: 400, want: problem("bad_request", "parameter `doc_ids` must be an array")},
		{do: "POST /_replicate", send: ends("x", "y", `,"doc_ids":[1]`), status: 400, theirs: 500},
		{do: "POST /_replicate", send: ends("x", "y", `,"selector":1`), status: 400, want: problem("bad_request", "parameter `selector` must be a JSON object")},
		{do: "POST /_replicate", send: ends("x", "y", `,"selector":{},"doc_ids":[]`), status: 400, want: problem("bad_request", "`doc_ids`,`filter`,`selector` are mutually exclusive")},
		{do: "POST /_replicate", send: ends("x", "y", `,"use_bulk_get":1`), status: 400, want: problem("bad_request", "parameter `use_bulk_get` must be a boolean")},
		{do: "POST /_replicate", send: ends("x", "y", `,"filter":"x"`), status: 500, want: problem("error", "Invalid filter. Must match `ddocname/filtername`.")},
		{do: "POST /_replicate", send: ends("replicate", "y", `,"filter":"_view","query_params":{"view":"a"}`), status: 400, want: problem("bad_request", "Invalid `view` parameter.")},
		{do: "POST /_replicate", send: ends("x", "y", `,"worker_processes":"x"`), status: 400, theirs: 500},
		{do: "POST /_replicate", send: ends("x", "y", `,"proxy":"http://h","source_proxy":"http://h"`), status: 400, want: problem("bad_request", "`proxy` is mutually exclusive with `source_proxy`")},
		{do: "POST /_replicate", send: ends("conformance_replicate_refused", "y", `,"filter":"a/b"`), status: 404,
			want: "{\"error\":\"not_found\",\"reason\":\"Couldn't open document `_design/a` from source database `http://…/conformance_replicate_refused/`: {error,<<\\\"not_found\\\">>}\"}"},
		{do: "POST /_replicate", send: `{"cancel":true,"id":"nope"}`, status: 404, want: problem("not_found", "missing")},
		{do: "POST /_replicate", send: `{"cancel":true,"replication_id":"nope+continuous"}`, status: 404, want: problem("not_found", "missing")},
		{do: "POST /_replicate", send: ends("x", "y", `,"cancel":true`), status: 404, want: problem("not_found", "missing")},
	},
	// What is replicated, and how.
	"replicate_options": {
		{do: "PUT /db/_design/d", send: `{"filters":{"odd":"function(doc, req) { return doc.n % 2 == req.query.rest }","all":"function() { return true }"},"views":{"few":{"map":"function(doc) { if (doc.n < 2) emit(doc.n) }"}}}`, status: 201},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"0","n":0},{"_id":"1","n":1},{"_id":"2","n":2},{"_id":"3","n":3}]}`, status: 201},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"0","_rev":"1-a","n":0},{"_id":"4","_rev":"2-b","_deleted":true}],"new_edits":false}`, status: 201},
		{do: "POST /_replicate", send: chosen("odd", `"create_target":true,"create_target_params":{"q":"1","n":1},"filter":"d/odd","query_params":{"rest":"1"}`), status: 200, want: `{"ok":true,…"docs_written":2,…}`},
		{do: "GET " + chosenDB + "odd", status: 200, want: `{…"doc_del_count":0,"doc_count":2,…}`},
		{do: "POST /_replicate", send: chosen("odd", `"filter":"d/odd","query_params":{"rest":"1"}`), status: 200, want: `{"ok":true,"no_changes":true,…}`},
		{do: "POST /_replicate", send: chosen("odd", `"filter":"d/odd","query_params":{"rest":"0"}`), status: 200, want: `{"ok":true,"session_id":"…"…}`},
		{do: "GET " + chosenDB + "odd", status: 200, want: `{…"doc_count":4,…}`},
		{do: "POST /_replicate", send: chosen("few", `"create_target":true,"filter":"_view","query_params":{"view":"d/few"}`), status: 200},
		{do: "GET " + chosenDB + "few", status: 200, want: `{…"doc_count":2,…}`},
		{do: "POST /_replicate", send: chosen("design", `"create_target":true,"filter":"_design"`), status: 200},
		{do: "GET " + chosenDB + "design/_all_docs", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"rows\":[\r\n{\"id\":\"_design/d\",…}\r\n]}"},
		{do: "POST /_replicate", send: chosen("since", `"create_target":true,"since_seq":"4-0"`), status: 200, theirs: 500}, // none of its own
		{do: "DELETE " + chosenDB + "since", status: 200},
		{do: "POST /_replicate", send: chosen("winners", `"create_target":true,"winning_revs_only":true`), status: 200, want: `{"ok":true,…"docs_written":6,…}`},
		{do: "GET " + chosenDB + "winners/0?conflicts=true", status: 200, want: `{"_id":"0","_rev":"1-…","n":0}`},
		{do: "POST /_replicate", send: chosen("all", `"create_target":true,"use_bulk_get":false,"use_checkpoints":true,"checkpoint_interval":1000,"worker_processes":1,"worker_batch_size":2,"http_connections":2,"connection_timeout":5000,"retries_per_request":1,"socket_options":"[{keepalive, true}]"`),
			status: 200, want: `{"ok":true,…"docs_written":7,"doc_write_failures":0,"bulk_get_docs":0,"bulk_get_attempts":0}]}`},
		{do: "GET " + chosenDB + "all/0?conflicts=true", status: 200, want: `{"_id":"0","_rev":"…","n":0,"_conflicts":["1-…"]}`},
		{do: "GET " + chosenDB + "all/4", status: 404, want: problem("not_found", "deleted")},
		{do: "POST /_replicate", send: chosen("winners", `"use_checkpoints":false`), status: 200, want: `{"ok":true,"use_checkpoints":false}`},
		// What the target's validator refuses is counted.
		{do: "PUT " + chosenDB + "strict?q=1", status: 201},
		{do: "PUT " + chosenDB + "strict/_design/v", send: `{"validate_doc_update":"function(doc) { if (doc.n == 1) throw({forbidden: 'one'}) }"}`, status: 201},
		{do: "POST /_replicate", send: chosen("strict", `"doc_ids":["1","2","none"]`), status: 200, want: `{"ok":true,"session_id":"…","source_last_seq":"…","replication_id_version":4,"start_time":"…","end_time":"…","docs_read":2,"docs_written":1,"doc_write_failures":1,"history":[{…}]}`},
		{do: "GET " + chosenDB + "strict/1", status: 404},
		{do: "DELETE " + chosenDB + "odd", status: 200},
		{do: "DELETE " + chosenDB + "few", status: 200},
		{do: "DELETE " + chosenDB + "design", status: 200},
		{do: "DELETE " + chosenDB + "winners", status: 200},
		{do: "DELETE " + chosenDB + "all", status: 200},
		{do: "DELETE " + chosenDB + "strict", status: 200},
	},
	// Who is no server admin replicates with their own rights, and ends what is theirs.
	"replicate_person": {
		{do: "PUT /_users/org.couchdb.user:conformance_joe", send: `{"name":"conformance_joe","password":"joejoe","type":"user","roles":[]}`, status: 201},
		{do: "PUT /_users/org.couchdb.user:conformance_jim", send: `{"name":"conformance_jim","password":"jimjim","type":"user","roles":[]}`, status: 201},
		{do: "PUT /db/_security", send: `{"members":{"names":["conformance_joe"]}}`, status: 200},
		{do: "PUT /conformance_person?q=1", status: 201},
		{do: "PUT /conformance_person/_security", send: `{"members":{"names":["conformance_joe"]}}`, status: 200},
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "PUT /db/_design/d", send: "{}", status: 201},
		{do: "POST /_replicate", as: jim, send: ends("conformance_replicate_person", "conformance_person", ""), status: 403, want: `{"error":"forbidden","reason":"http://…/conformance_replicate_person/"}`},
		{do: "POST /_replicate", as: joe, send: ends("conformance_replicate_person", "conformance_person", ""), status: 200, want: `{"ok":true,…"docs_written":1,"doc_write_failures":1,…}`},
		{do: "GET /conformance_person/a", as: joe, status: 200},
		{do: "POST /_replicate", as: joe, send: ends("conformance_replicate_person", "conformance_person_new", `,"create_target":true`), status: 401,
			want: `{"error":"unauthorized","reason":"unauthorized to access or create database http://…/conformance_person_new/"}`},
		{do: "POST /_replicate", as: joe, send: ends("conformance_replicate_person", "conformance_person", `,"continuous":true`), status: 202, want: `{"ok":true,"_local_id":"…+continuous"}`},
		{do: "GET /_scheduler/jobs/$JOB", status: 200, want: `{"database":null,"id":"$JOB",…"user":"conformance_joe","doc_id":null,…}`},
		{do: "POST /_replicate", as: jim, send: `{"cancel":true,"id":"$JOB"}`, status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "POST /_replicate", as: joe, send: `{"cancel":true,"replication_id":"$JOB"}`, status: 200, want: `{"ok":true,"_local_id":"$JOB"}`},
		{do: "POST /_replicate", as: joe, send: ends("conformance_replicate_person", "conformance_person", `,"continuous":true`), status: 202},
		{do: "POST /_replicate", send: `{"cancel":true,"_local_id":"$JOB"}`, status: 200, want: `{"ok":true,"_local_id":"$JOB"}`},
		{do: "DELETE /conformance_person", status: 200},
		{do: "GET /_users/org.couchdb.user:conformance_joe", status: 200},
		{do: "DELETE /_users/org.couchdb.user:conformance_joe?rev=$SEEN", status: 200},
		{do: "GET /_users/org.couchdb.user:conformance_jim", status: 200},
		{do: "DELETE /_users/org.couchdb.user:conformance_jim?rev=$SEEN", status: 200},
	},
	"replicate_continuous": {
		{do: "PUT /" + replica + "_c", status: 201},
		{do: "POST /_replicate", send: ends("conformance_replicate_continuous", replica+"_c", `,"continuous":true`), status: 202, want: `{"ok":true,"_local_id":"…+continuous"}`},
		{do: "POST /_replicate", send: ends("conformance_replicate_continuous", replica+"_c", `,"continuous":true`), status: 202},
		{do: "GET /_scheduler/jobs", status: 200, want: `{"total_rows":…,"offset":0,"jobs":[…{"database":null,"id":"…+continuous","pid":"<…>","source":"http://…/conformance_replicate_continuous/","target":"http://…/` + replica +
			`_c/","user":"…","doc_id":null,"info":…,"history":[{"timestamp":"…Z","type":"started"},{"timestamp":"…Z","type":"added"}],"node":"…","start_time":"…Z"}…]}`},
		{do: "POST /_replicate", send: ends("conformance_replicate_continuous", replica+"_c", `,"continuous":true,"cancel":true`), status: 200, want: `{"ok":true,"_local_id":"…+continuous"}`},
		{do: "POST /_replicate", send: ends("conformance_replicate_continuous", replica+"_c", `,"continuous":true,"cancel":true`), status: 404},
		{do: "DELETE /" + replica + "_c", status: 200},
	},
	"scheduler": {
		{do: "GET /_scheduler/jobs", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /_scheduler", status: 404, want: `{"error":"not found"}`},
		{do: "GET /_scheduler/zork", status: 404, want: `{"error":"not found"}`},
		{do: "POST /_scheduler/jobs", send: "{}", status: 405, got: "Allow: GET,HEAD"},
		{do: "GET /_scheduler/jobs?limit=x", status: 400, want: problem("query_parse_error", "limit must be an integer")},
		{do: "GET /_scheduler/jobs?skip=-1", status: 400, want: problem("query_parse_error", "skip not in range of [0,infinity]")},
		{do: "GET /_scheduler/jobs?limit=0", status: 200, want: `{"total_rows":…,"offset":0,"jobs":[]}`},
		{do: "GET /_scheduler/jobs/nope", status: 404, want: problem("not_found", "missing")},
		{do: "GET /_scheduler/docs/zork", status: 400, want: problem("bad_request", "Invalid path")},
		{do: "GET /_scheduler/docs/a/b", status: 400, want: problem("bad_request", "Invalid path")},
		{do: "GET /_scheduler/docs/nosuch/_replicator", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "PUT /conformance_s%2F_replicator?q=1", status: 201},
		{do: "GET /_scheduler/docs/conformance_s/_replicator/nope", status: 404, want: problem("not_found", "missing")},
		{do: "GET /_scheduler/docs/conformance_s/_replicator/a/b", status: 400, want: problem("bad_request", "Invalid path")},
		{do: "GET /_scheduler/docs/conformance_s/_replicator?states=zork", status: 400,
			want: problem("query_parse_error", "States must be one or more of [initializing,error,running,pending,crashing,completed,failed]")},
		{do: "GET /_scheduler/docs/conformance_s%2F_replicator?limit=x", status: 400, want: `{"error":"query_parse_error","reason":"Invalid value for integer: \"x\""}`},
		{do: "GET /_scheduler/docs/conformance_s%2F_replicator", status: 200, want: "{\"total_rows\":0,\"offset\":0,\"docs\":[\r\n\r\n]}"},
		// What has failed is not tried, and told of.
		{do: "PUT /conformance_s%2F_replicator/f", send: ends("a", "b", `,"_replication_state":"failed","_replication_state_reason":"no"`), status: 201},
		{do: "GET /_scheduler/docs/conformance_s%2F_replicator?states=Failed,completed", status: 200,
			want: "{\"total_rows\":1,\"offset\":0,\"docs\":[\r\n{\"database\":\"conformance_s/_replicator\",\"doc_id\":\"f\",\"id\":null,\"source\":\"a\",\"target\":\"b\",\"state\":\"failed\",\"error_count\":1,\"info\":{\"error\":\"no\"},\"start_time\":null,\"last_updated\":null}\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_s/_replicator?states=running", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"docs\":[\r\n\r\n]}"},
		{do: "GET /_scheduler/docs/conformance_s/_replicator/f", status: 200, want: `{"database":"conformance_s/_replicator","doc_id":"f",…"state":"failed",…}`},
		// What could never run is refused.
		{do: "PUT /conformance_s%2F_replicator/x", send: ends("a", "b", ""), status: 403, want: problem("forbidden", "local_endpoints_not_supported")},
		{do: "PUT /conformance_s%2F_replicator/x", send: "{}", status: 403, want: problem("forbidden", "Missing replicator database")},
		{do: "PUT /conformance_s%2F_replicator/x", send: ends("http://h/a", "http://h/b", `,"continuous":1`), status: 403,
			want: problem("forbidden", "{throw,{bad_request,<<\\\"parameter `continuous` must be a boolean\\\">>}}")},
		{do: "PUT /conformance_s%2F_replicator/x", send: ends("http://h/a", "http://h/b", `,"doc_ids":["x"],"filter":"a/b"`), status: 403,
			want: problem("forbidden", "{throw,{bad_request,\\\"`doc_ids`,`filter`,`selector` are mutually exclusive\\\"}}")},
		{do: "PUT /conformance_s%2F_replicator/x", send: ends("http://h/a", "http://h/b", `,"filter":"x"`), status: 403, want: problem("forbidden", "Invalid filter. Must match `ddocname/filtername`.")},
		{do: "PUT /conformance_s%2F_replicator/x", send: `{"source":{"url":1},"target":"http://h/b"}`, status: 403, want: problem("forbidden", "endpoint has an invalid url")},
		{do: "POST /conformance_s%2F_replicator/_bulk_docs", send: `{"docs":[{"_id":"x"}]}`, status: 403, want: problem("forbidden", "Missing replicator database")},
		{do: "DELETE /conformance_s%2F_replicator", status: 200},
	},
}

func TestReplicateConformance(t *testing.T) { conform(t, replicateScenarios) }
