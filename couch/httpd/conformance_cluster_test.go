package httpd_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

var noSearch = problem("service unavailable", "Search is not available")

// What a single node without search answers where a cluster, or a node with it, has more to say.
var clusterScenarios = map[string][]step{
	"commit": {
		{do: "POST /db?batch=ok", send: `{"_id":"a"}`, status: 202, want: `{"ok":true,"id":"a"}`},
		{do: "PUT /db/b?batch=ok", send: `{}`, status: 202, want: `{"ok":true,"id":"b"}`},
		{do: "PUT /db/c?batch=ok&new_edits=false", send: `{"_rev":"1-x"}`, status: 202, want: `{"ok":true,"id":"c"}`},
		{do: "PUT /db/d?batch=no", send: `{}`, status: 201, want: `{"ok":true,"id":"d","rev":"$R1"}`},
		{do: "PUT /db/e?batch=ok", send: `{`, status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "PUT /db/_e?batch=ok", send: `{}`, status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "DELETE /db/d?batch=ok&rev=$R1", status: 200, want: `{"ok":true,"id":"d","rev":"$D2"}`},
		{do: "POST /db/_bulk_docs?batch=ok", send: `{"docs":[{"_id":"f"}]}`, status: 201, want: `[{"ok":true,"id":"f","rev":"$R1"}]`},
		{do: "PUT /db/g", header: "X-Couch-Full-Commit: false", send: `{}`, status: 201},
		{do: "PUT /db/h", header: "X-Couch-Full-Commit: x", send: `{}`, status: 201},
		{do: "POST /db/_ensure_full_commit", status: 201, want: `{"ok":true,"instance_start_time":"…"}`},
		{do: "POST /db/_ensure_full_commit?seq=9999", status: 201, want: `{"ok":true,…}`},
		{do: "POST /db/_ensure_full_commit", header: "Content-Type: text/plain", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		{do: "GET /db/_ensure_full_commit", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "PUT /db/_design/d", send: `{"views":{"v":{"map":"function(d){}"}}}`, status: 201},
		{do: "POST /db/_compact", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact?x=y", send: "{", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact/d", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact/none", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_compact", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "GET /db/_view_cleanup", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
	},
	"shards?q=1": {
		{do: "GET /db/_shards", status: 200, want: `{"shards":{"00000000-ffffffff":["…@127.0.0.1"]}}`},
		{do: "GET /db/_shards/some%2Fid", status: 200, want: `{"range":"00000000-ffffffff","nodes":["…@127.0.0.1"]}`},
		{do: "POST /db/_shards", status: 405, want: problem("method_not_allowed", "Only GET allowed")},
		{do: "GET /conformance_none/_shards", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "POST /db/_sync_shards", status: 202, want: `{"ok":true}`},
		{do: "POST /conformance_none/_sync_shards", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "GET /db/_sync_shards", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "PUT /db/_security", send: "{}", status: 200},
		{do: "POST /db/_sync_shards", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /db/_shards", as: "-", status: 200},
	},
	"shards_partitioned" + partitioned: {
		{do: "GET /db/_shards/a", status: 400, want: problem("illegal_docid", misformed)},
		{do: "GET /db/_shards/a:1", status: 200, want: `{"range":…}`},
	},
	"reshard": {
		{do: "GET /_reshard", status: 200, want: `{"state":"running","state_reason":null,"completed":0,"failed":0,"running":0,"stopped":0,"total":0}`},
		{do: "GET /_reshard", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /_reshard/state", status: 200, want: `{"state":"running","reason":null}`},
		{do: "GET /_reshard/jobs", status: 200, want: `{"total_rows":0,"offset":0,"jobs":[]}`},
		{do: "GET /_reshard/jobs/x", status: 404, want: problem("not_found", "missing")},
		{do: "DELETE /_reshard/jobs/x", status: 404, want: problem("not_found", "missing")},
		{do: "GET /_reshard/x", status: 404, want: problem("not_found", "missing")},
		{do: "PUT /_reshard/state", send: `{"state":"x"}`, header: "Content-Type: application/json", status: 400, want: problem("bad_request", "State field not `running` or `stopped`")},
		{do: "PUT /_reshard/state", send: `{}`, header: "Content-Type: application/json", status: 400, want: problem("bad_request", "Expected a `state` field")},
		{do: "PUT /_reshard/state", send: `{"state":"stopped","reason":"rest"}`, header: "Content-Type: application/json", status: 200, want: `{"ok":true}`},
		{do: "GET /_reshard/state", status: 200, want: `{"state":"stopped","reason":"rest"}`},
		{do: "PUT /_reshard/state", send: `{"state":"running"}`, header: "Content-Type: application/json", status: 200, want: `{"ok":true}`},
		{do: "GET /_reshard/state", status: 200, want: `{"state":"running","reason":null}`},
		{do: "POST /_reshard/jobs", send: `{}`, status: 400, want: problem("bad_request", "`job type must be `split`")},
		{do: "POST /_reshard/jobs", send: `{"type":"split","db":"conformance_none"}`, status: 400, want: problem("bad_request", "Invalid `db`")},
		{do: "DELETE /_reshard", status: 405, want: problem("method_not_allowed", "Only GET,HEAD allowed")},
		{do: "DELETE /_reshard/jobs", status: 405, want: problem("method_not_allowed", "Only GET,HEAD,POST allowed")},
		{do: "DELETE /_reshard/state", status: 405, want: problem("method_not_allowed", "Only GET,HEAD,PUT allowed")},
	},
	"cluster_setup": {
		{do: "GET /_cluster_setup", status: 200, want: `{"state":"single_node_enabled"}`},
		{do: `GET /_cluster_setup?ensure_dbs_exist=["conformance_cluster_setup"]`, status: 200, want: `{"state":"single_node_enabled"}`},
		{do: "GET /_cluster_setup?ensure_dbs_exist=x", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "GET /_cluster_setup", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "POST /_cluster_setup", send: `{}`, status: 400, want: problem("bad_request", "Invalid Action'")},
		{do: "POST /_cluster_setup", send: `{"action":"x"}`, status: 400, want: problem("bad_request", "Invalid Action'")},
		{do: "POST /_cluster_setup", send: `[]`, status: 400, want: problem("bad_request", "Missing JSON body'")},
		{do: "POST /_cluster_setup", send: `{"action":"finish_cluster"}`, status: 400, want: problem("bad_request", "Cluster is already finished")},
		{do: "POST /_cluster_setup", send: `{"action":"add_node"}`, status: 400, want: problem("bad_request", "Cluster is not enabled.")},
		{do: "PUT /_cluster_setup", status: 405, want: problem("method_not_allowed", "Only GET,POST allowed")},
	},
	"search": {
		{do: "PUT /db/_design/d", send: `{"indexes":{"i":{"index":"function(d){}"}}}`, status: 201},
		{do: "GET /db/_design/d/_search/i?q=x", status: 503, want: noSearch},
		{do: "POST /db/_design/d/_search/i", send: `{"q":"x"}`, status: 503, want: noSearch},
		{do: "DELETE /db/_design/d/_search/i", status: 405, want: problem("method_not_allowed", "Only GET,POST allowed")},
		{do: "GET /db/_design/none/_search/i?q=x", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_design/d/_search", status: 400, want: problem("bad_request", "path not recognized")},
		{do: "GET /db/_design/d/_search_info/i", status: 503, want: noSearch},
		{do: "POST /db/_design/d/_search_info/i", send: "{}", status: 405, want: problem("method_not_allowed", "Only GET allowed")},
		{do: "GET /db/_design/d/_search_info", status: 400, want: problem("bad_request", "path not recognized")},
		{do: "GET /db/_design/d/_search_disk_size/i", status: 503, want: noSearch},
		{do: "GET /db/_design/d/_nouveau/i?q=x", status: 404, want: problem("not_found", "missing")},
		{do: "POST /db/_design/d/_nouveau/i", send: `{"q":"x"}`, status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_design/d/_nouveau_info/i", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_design/d/_nouveau_info", status: 404, want: problem("not_found", "missing")},
		{do: "POST /db/_nouveau_cleanup", status: 202, want: `{"ok":true}`},
		{do: "GET /db/_nouveau_cleanup", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "GET /db/_search_cleanup", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "POST /_search_analyze", send: `{"analyzer":"standard","text":"x y"}`, status: 503, want: noSearch},
		{do: "POST /_nouveau_analyze", send: `{"analyzer":"standard","text":"x y"}`, status: 404, want: problem("not_found", "missing")},
		{do: "GET /_nouveau_analyze", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
		{do: "POST /_search_analyze", as: "-", send: `{}`, status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "POST /_reload_query_servers", status: 200, want: `{"ok":true}`},
		{do: "GET /_reload_query_servers", status: 405, want: problem("method_not_allowed", "Only POST allowed")},
	},
}

func TestClusterConformance(t *testing.T) { conform(t, clusterScenarios) }

// Where a CouchDB that is set up, or has no search process, stumbles over itself.
func TestSetUpSingleNode(t *testing.T) {
	h := start(t, httpd.Options{})
	status, _, body := do(t, h.base, "", "POST", "/_cluster_setup", "", `{"action":"enable_single_node","username":"second","password":"pw","port":5984,"bind_address":"127.0.0.1","singlenode":true}`)
	require.Equal(t, 201, status, body)
	require.Equal(t, "{\"ok\":true}\n", body)
	for _, name := range []string{"_users", "_replicator"} {
		status, _, body := do(t, h.base, "second:pw", "GET", "/"+name, "", "")
		require.Equal(t, 200, status, body)
	}
	status, _, body = do(t, h.base, "", "POST", "/_cluster_setup", "", `{"action":"enable_single_node","ensure_dbs_exist":["some","_users"]}`)
	require.Equal(t, 201, status, body)
	status, _, _ = do(t, h.base, "", "GET", "/some", "", "")
	require.Equal(t, 200, status)
	for action, want := range map[string]int{"enable_cluster": 501, "receive_cookie": 501, "remove_node": 501} {
		status, _, body := do(t, h.base, "", "POST", "/_cluster_setup", "", `{"action":"`+action+`"}`)
		require.Equal(t, want, status, body)
	}
	status, _, body = do(t, h.base, "", "POST", "/_reshard/jobs", "", `{"type":"split","db":"some"}`)
	require.Equal(t, 501, status, body)
	status, _, body = do(t, h.base, "", "POST", "/some/_search_cleanup", "", "")
	require.Equal(t, 202, status, body)
}
