package httpd_test

import "testing"

var viewInfoScenarios = map[string][]step{
	"views_info": {
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"a"},{"_id":"b"}]}`, status: 201},
		{do: "PUT /db/_design/d", send: `{"views":{"v":{"map":"function(d){emit(1,1)}"}}}`, status: 201},
		{do: "PUT /db/_design/e", send: `{"views":{"v":{"map":"function(d){emit(1,1)}"}},"filters":{"f":"function(){}"}}`, status: 201},
		{do: "PUT /db/_design/none", send: `{"x":1}`, status: 201},
		{do: "PUT /db/_design/cob", send: `{"language":"cobol","views":{"v":{"map":"x"}}}`, status: 201},
		{do: "GET /db/_design/d/_view/v?limit=0", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n\r\n]}"},
		{do: "GET /db/_design/d/_info", status: 200, want: `{"name":"d","view_index":{"updates_pending":{"minimum":0,"preferred":0,"total":0},"waiting_commit":…,"waiting_clients":0,"updater_running":false,"update_seq":…,"sizes":{"file":…,"external":…,"active":…},"signature":"…","purge_seq":0,"language":"javascript","compact_running":false,"collator_versions":[…]}}`},
		{do: "GET /db/_design/e/_info", status: 200, want: `{"name":"e","view_index":{"updates_pending":{"minimum":0,"preferred":0,"total":0},"waiting_commit":…,"waiting_clients":0,"updater_running":false,"update_seq":…,"sizes":{"file":…,"external":…,"active":…},"signature":"…","purge_seq":0,"language":"javascript","compact_running":false,"collator_versions":[…]}}`},
		{do: "GET /db/_design/none/_info", status: 200, want: `{"name":"none","view_index":{"updates_pending":{…},"waiting_commit":…,"waiting_clients":0,"updater_running":false,"update_seq":…,"sizes":{"file":…,"external":…,"active":…},"signature":"…","purge_seq":0,"language":"javascript","compact_running":false,"collator_versions":[…]}}`},
		{do: "GET /db/_design/cob/_info", status: 200, want: `{"name":"cob","view_index":{"updates_pending":{…},"waiting_commit":…,"waiting_clients":0,"updater_running":false,"update_seq":…,"sizes":{"file":…,"external":…,"active":…},"signature":"…","purge_seq":0,"language":"cobol","compact_running":false,"collator_versions":[…]}}`},
		{do: "GET /db/_design/nope/_info", status: 404, want: `{"error":"not_found","reason":"missing"}`},
		{do: "POST /db/_design/d/_info", send: "{}", status: 405, want: `{"error":"method_not_allowed","reason":"Only GET allowed"}`},
		{do: "PUT /db/_design/d/_info", send: "{}", status: 405, want: `{"error":"method_not_allowed","reason":"Only GET allowed"}`},
		{do: "POST /db/_compact/d", send: "{}", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact/none", send: "{}", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact/cob", send: "{}", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_compact/nope", send: "{}", status: 404, want: `{"error":"not_found","reason":"missing"}`},
		{do: "GET /db/_compact/d", status: 405, want: `{"error":"method_not_allowed","reason":"Only POST allowed"}`},
		{do: "POST /db/_view_cleanup", send: "{}", status: 202, want: `{"ok":true}`},
		{do: "POST /db/_view_cleanup", send: "", status: 202, want: `{"ok":true}`},
		{do: "GET /db/_view_cleanup", status: 405, want: `{"error":"method_not_allowed","reason":"Only POST allowed"}`},
		{do: "GET /db/_design/none/_view/v", status: 404, want: `{"error":"not_found","reason":"missing_named_view"}`},
		{do: "GET /db/_design/none/_view/v?limit=x", status: 400, want: `{"error":"query_parse_error","reason":"Invalid value for integer: \"x\""}`},
		{do: "GET /db/_design/cob/_view/v", status: 500, want: `{"error":"unknown_query_language","reason":"cobol"…}`},
		{do: "GET /db/_design/cob/_view/none", status: 404, want: `{"error":"not_found","reason":"missing_named_view"}`},
		{do: "GET /db/_design/e/_view/v", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\",\"key\":1,\"value\":1},\r\n{\"id\":\"b\",\"key\":1,\"value\":1}\r\n]}"},
		{do: "GET /db/_design/d/_view/v?update=false", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\",\"key\":1,\"value\":1},\r\n{\"id\":\"b\",\"key\":1,\"value\":1}\r\n]}"},
	},
}

func TestViewInfoConformance(t *testing.T) { conform(t, viewInfoScenarios) }
