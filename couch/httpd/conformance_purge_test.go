package httpd_test

import (
	"fmt"
	"strings"
	"testing"
)

var purgeScenarios = map[string][]step{
	"purge": {
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "PUT /db/a?rev=$R1", send: "{}", status: 201},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abc"}`, status: 201},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abb","old":true}`, status: 201},
		{do: "POST /db/_purge", send: `{}`, status: 201, want: `{"purge_seq":null,"purged":{}}`},
		{do: "POST /db/_purge", send: `{"a":["$R1"]}`, status: 201, want: `{"purge_seq":null,"purged":{"a":[]}}`},
		{do: "POST /db/_purge", send: `{"a":["$R2","$R1"],"b":["3-abc"],"none":["1-x"],"":["1-x"],"_local/x":["0-1"]}`, status: 201,
			want: `{"purge_seq":null,"purged":{"a":["$R2"],"b":["3-abc"],"none":[],"":[],"_local/x":[]}}`},
		{do: "GET /db/a", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/b", status: 200, want: `{"_id":"b","_rev":"3-abb","old":true}`},
		{do: "GET /db/_all_docs", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"rows\":[\r\n{\"id\":\"b\",\"key\":\"b\",\"value\":{\"rev\":\"3-abb\"}}\r\n]}"},
		{do: "GET /db/_changes", status: 200, want: "{\"results\":[\n{\"seq\":\"…\",\"id\":\"b\",\"changes\":[{\"rev\":\"3-abb\"}]}\n],\n\"last_seq\":\"…\",\"pending\":0}\n"},
		{do: "GET /db", status: 200, want: `{…"doc_del_count":0,"doc_count":1,…}`},
		{do: "GET /db/_purged_infos", status: 200, want: `{"purged_infos":[…{"id":"b","revs":["3-abc"]}…]}`},
		{do: "PUT /db/a", send: "{}", status: 201, want: `{"ok":true,"id":"a","rev":"$R1"}`},
		{do: "POST /db/_revs_diff", send: `{"b":["3-abc"]}`, status: 200, want: `{"b":{"missing":["3-abc"]}}`},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abc"}`, status: 201},
		{do: "GET /db/b?conflicts=true", status: 200, want: `{"_id":"b","_rev":"3-abc","_conflicts":["3-abb"]}`},
		{do: "POST /db/_purge", send: `{"a":["$R1"],"b":["3-abb","3-abc"]}`, status: 201, want: `{"purge_seq":null,"purged":{"a":["$R1"],"b":["3-abb","3-abc"]}}`},
		{do: "GET /db/_changes", status: 200, want: "{\"results\":[\n\n],\n\"last_seq\":\"…\",\"pending\":0}\n"},
		{do: "GET /db", status: 200, want: `{…"doc_del_count":0,"doc_count":0,…}`},
	},
	"purge_refused": {
		{do: "POST /db/_purge", send: `{"a":"x"}`, status: 400, want: problem("bad_request", "Invalid list of revisions")},
		{do: "POST /db/_purge", send: `{"a":["x"]}`, status: 400, want: problem("bad_request", "Invalid rev format")},
		{do: "POST /db/_purge", send: `{"a":[1]}`, status: 400, want: problem("bad_request", "Invalid rev format")},
		{do: "POST /db/_purge", send: `[]`, status: 400, want: problem("bad_request", "Request body must be a JSON object")},
		{do: "POST /db/_purge", send: `{`, status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "POST /db/_purge", send: `{}`, header: "Content-Type: text/plain", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		{do: "POST /db/_purge", send: tooMany(101, 1), status: 400, want: problem("bad_request", "Exceeded maximum number of documents.")},
		{do: "POST /db/_purge", send: tooMany(1, 1001), status: 400, want: problem("bad_request", "Exceeded maximum number of revisions.")},
		{do: "GET /db/_purge", status: 405, got: "Allow: POST", want: problem("method_not_allowed", "Only POST allowed")},
		{do: "POST /conformance_none/_purge", send: `{}`, status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "PUT /db/_security", send: `{}`, status: 200},
		{do: "POST /db/_purge", as: "-", send: `{}`, status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /db/_purged_infos_limit", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "GET /db/_purged_infos", as: "-", status: 200, want: `{"purged_infos":[]}`},
		{do: "GET /db/_purged_infos_limit", status: 200, want: "1000"},
		{do: "PUT /db/_purged_infos_limit", send: `0`, status: 400, want: problem("bad_request", "`purged_infos_limit` must be positive integer")},
		{do: "PUT /db/_purged_infos_limit", send: `"x"`, status: 400, want: problem("bad_request", "`purged_infos_limit` must be positive integer")},
		{do: "PUT /db/_purged_infos_limit", send: `7`, status: 200, want: `{"ok":true}`},
		{do: "GET /db/_purged_infos_limit", status: 200, want: "7"},
		{do: "DELETE /db/_purged_infos_limit", status: 405, want: problem("method_not_allowed", "Only GET,PUT allowed")},
		{do: "POST /db/_purged_infos", status: 405, want: problem("method_not_allowed", "Only GET allowed")},
		{do: "POST /db/_purge", send: tooMany(100, 10), status: 201},
	},
	"purge_views": {
		{do: "PUT /db/_design/d", send: `{"views":{"v":{"map":"function(d){emit(d.n,1)}","reduce":"_count"}}}`, status: 201},
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"1-a","n":1}`, status: 201},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"1-b","n":2}`, status: 201},
		{do: "GET /db/_design/d/_view/v?reduce=false", status: 200, want: "{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n{\"id\":\"a\",\"key\":null,\"value\":1},\r\n{\"id\":\"b\",\"key\":2,\"value\":1}\r\n]}"},
		{do: "POST /db/_purge", send: `{"a":["$R1"],"b":["1-b"]}`, status: 201},
		{do: "GET /db/_design/d/_view/v?reduce=false", status: 200, want: "{\"total_rows\":1,\"offset\":0,\"rows\":[\r\n{\"id\":\"b\",\"key\":1,\"value\":1}\r\n]}"},
		{do: "POST /db/_purge", send: `{"b":["1-a"]}`, status: 201},
		{do: "GET /db/_design/d/_view/v", status: 200, want: "{\"rows\":[\r\n\r\n]}"},
	},
}

// tooMany is a request that purges n documents of so many revisions each.
func tooMany(docs, revs int) string {
	list := strings.TrimSuffix(strings.Repeat(`"1-a",`, revs), ",")
	all := make([]string, docs)
	for i := range all {
		all[i] = fmt.Sprintf(`"%d":[%s]`, i, list)
	}
	return "{" + strings.Join(all, ",") + "}"
}

func TestPurgeConformance(t *testing.T) { conform(t, purgeScenarios) }
