package httpd_test

import "testing"

// partitioned is how the databases of these scenarios are made; q=1 is what we have ourselves.
const partitioned = "?partitioned=true&q=1"

const (
	misformed  = "Doc id must be of form partition:id"
	threeDocs  = `{"docs":[{"_id":"a:1","n":1},{"_id":"a:2","n":2},{"_id":"b:1:x","n":3}]}`
	countViews = `"views":{"v":{"map":"function(d){emit([d.n,d._id],1)}","reduce":"_sum"}}`
)

func rowsOf(total, offset, rows string) string {
	return `{"total_rows":` + total + `,"offset":` + offset + `,"rows":[` + "\r\n" + rows + "\r\n]}"
}

var partitionScenarios = map[string][]step{
	"partition_ids" + partitioned: {
		{do: "GET /db", status: 200, want: `{…"props":{"partitioned":true},…}`},
		{do: "PUT /db/foo", send: "{}", status: 400, want: problem("illegal_docid", misformed)},
		{do: "PUT /db/:x", send: "{}", status: 400, want: problem("illegal_partition", "Partition must not be empty")},
		{do: "PUT /db/x:", send: "{}", status: 400, want: problem("illegal_docid", "Document id must not be empty")},
		{do: "PUT /db/_x:1", send: "{}", status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "PUT /db/a:1", send: "{}", status: 201, want: `{"ok":true,"id":"a:1","rev":"$R1"}`},
		{do: "PUT /db/a:1:2?new_edits=false", send: `{"_rev":"1-x"}`, status: 201},
		{do: "PUT /db/_local/x", send: "{}", status: 201},
		{do: "PUT /db/_design/x", send: "{}", status: 201},
		{do: "GET /db/foo", status: 400, want: problem("illegal_docid", misformed)},
		{do: "GET /db/foo?open_revs=all", status: 400, want: problem("illegal_docid", misformed)},
		{do: "DELETE /db/foo?rev=1-a", status: 400, want: problem("illegal_docid", misformed)},
		{do: "GET /db/foo/att", status: 400, want: problem("illegal_docid", misformed)},
		{do: "PUT /db/foo/att", send: "x", status: 400, want: problem("illegal_docid", misformed)},
		{do: "COPY /db/a:1", header: "Destination: foo", status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db", send: "{}", status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"foo"},{"_id":"c:1"}]}`, status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_bulk_docs", send: `{"new_edits":false,"docs":[{"_id":"foo","_rev":"1-a"}]}`, status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_revs_diff", send: `{"foo":["1-a"]}`, status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_purge", send: `{"foo":["1-a"]}`, status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_all_docs", send: `{"keys":["foo","a:1"]}`, status: 400, want: problem("illegal_docid", misformed)},
		{do: "POST /db/_bulk_get", send: `{"docs":[{"id":"foo"}]}`, status: 200, want: `{"results":[{"id":"foo","docs":[{"error":{…` + misformed + `…}}]}]}`},
		{do: "GET /db/c:1", status: 404, want: problem("not_found", "missing")},
		{do: `GET /db/_all_docs?key="foo"`, status: 200, want: rowsOf("3", "3", "")},
	},
	"partition_info" + partitioned: {
		{do: "POST /db/_bulk_docs", send: threeDocs, status: 201},
		{do: "GET /db/a:2", status: 200, want: `{"_id":"a:2",…}`},
		{do: "GET /db/_partition/a", status: 200, want: `{"db_name":"…","sizes":{"active":…,"external":14},"partition":"a","doc_count":2,"doc_del_count":0}`},
		{do: "PUT /db/b:2?new_edits=false", send: `{"_rev":"1-a","_deleted":true}`, status: 200},
		{do: "GET /db/_partition/b", status: 200, want: `{"db_name":"…","sizes":{…},"partition":"b","doc_count":1,"doc_del_count":1}`},
		{do: "GET /db/_partition/a%2Fb", status: 200, want: `{"db_name":"…","sizes":{"active":0,"external":0},"partition":"a/b","doc_count":0,"doc_del_count":0}`},
		{do: "GET /db/_partition/_x", status: 400, want: problem("illegal_partition", "Partition must not start with an underscore")},
		{do: "GET /db/_partition/a:b", status: 400, want: problem("illegal_partition", "Partition must not contain a colon")},
		{do: "GET /db/_partition", status: 400, want: problem("bad_request", "invalid_partition_req")},
		{do: "GET /db/_partition/", status: 400, want: problem("bad_request", "invalid_partition_req")},
		{do: "POST /db/_partition/a", send: "{}", status: 405, want: problem("method_not_allowed", "Only GET allowed")},
		{do: "GET /db/_partition/a/x", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_partition/a/_design/x", status: 404, want: problem("not_found", "missing")},
	},
	"partition_all_docs" + partitioned: {
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"a:1"},{"_id":"a:2"},{"_id":"a;"},{"_id":"b:1"}]}`, status: 400},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"a:1"},{"_id":"a:2"},{"_id":"a;:"},{"_id":"b:1"}]}`, status: 400},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"a:1"},{"_id":"a:2"},{"_id":"a;:1"},{"_id":"b:1"}]}`, status: 201},
		{do: "GET /db/_partition/a/_all_docs", status: 200, want: rowsOf("4", "0", "{\"id\":\"a:1\",…},\r\n{\"id\":\"a:2\",\"key\":\"a:2\",\"value\":{\"rev\":\"$R1\"}}")},
		{do: "GET /db/_all_docs?partition=b", status: 200, want: rowsOf("4", "3", `{"id":"b:1",…}`)},
		{do: "GET /db/_partition/a/_all_docs?limit=1&skip=1", status: 200, want: rowsOf("4", "1", `{"id":"a:2",…}`)},
		{do: "GET /db/_partition/a/_all_docs?descending=true", status: 200, want: rowsOf("4", "…", "{\"id\":\"a:2\",…},\r\n{\"id\":\"a:1\",…}")},
		{do: `GET /db/_partition/a/_all_docs?startkey="a:2"`, status: 200, want: rowsOf("4", "1", `{"id":"a:2",…}`)},
		{do: `GET /db/_partition/b/_all_docs?startkey="Z"`, status: 200, want: rowsOf("4", "3", `{"id":"b:1",…}`)},
		{do: `GET /db/_partition/a/_all_docs?endkey="a:2"&inclusive_end=false`, status: 200, want: rowsOf("4", "0", `{"id":"a:1",…}`)},
		{do: `GET /db/_partition/a/_all_docs?key="b:1"`, status: 200, want: rowsOf("4", "…", "")},
		{do: "GET /db/_partition/none/_all_docs", status: 200, want: rowsOf("4", "4", "")},
		{do: `POST /db/_partition/a/_all_docs`, send: `{"limit":1,"include_docs":true}`, status: 200, want: rowsOf("4", "0", `{"id":"a:1",…"doc":{"_id":"a:1","_rev":"$R1"}}`)},
		{do: `POST /db/_partition/a/_all_docs`, send: `{"keys":["a:1"]}`, status: 200, want: rowsOf("4", "null", `{"id":"a:1",…}`)},
		{do: `POST /db/_partition/a/_all_docs/queries`, send: `{"queries":[{"limit":1},{"skip":1}]}`, status: 200, want: `{"results":[…{"id":"a:1",…{"id":"a:2",…]}`},
		{do: "GET /db/_partition/a/_all_docs?partition=b", status: 400, want: problem("bad_request", "Conflicting value for `partition` in query string")},
		{do: "GET /db/_partition/_x/_all_docs", status: 400, want: problem("illegal_partition", "Partition must not start with an underscore")},
		{do: "PUT /db/_partition/a/_all_docs", status: 405, want: problem("method_not_allowed", "Only GET,HEAD,POST allowed")},
	},
	"partition_views" + partitioned: {
		{do: "POST /db/_bulk_docs", send: threeDocs, status: 201},
		{do: "PUT /db/_design/p", send: "{" + countViews + "}", status: 201},
		{do: "PUT /db/_design/g", send: `{"options":{"partitioned":false},` + countViews + "}", status: 201},
		{do: "PUT /db/_design/x", send: `{"options":{"partitioned":"x"},` + countViews + "}", status: 400, want: problem("invalid_design_doc", "`options.partitioned` field must have boolean type")},
		{do: "GET /db/_partition/a/_design/p/_view/v?reduce=false", status: 200, want: rowsOf("3", "0", "{\"id\":\"a:1\",\"key\":[1,\"a:1\"],\"value\":1},\r\n{\"id\":\"a:2\",\"key\":[2,\"a:2\"],\"value\":1}")},
		{do: "GET /db/_partition/b/_design/p/_view/v?reduce=false", status: 200, want: rowsOf("3", "2", `{"id":"b:1:x","key":[3,"b:1:x"],"value":1}`)},
		{do: "GET /db/_partition/a/_design/p/_view/v?reduce=false&descending=true&limit=1", status: 200, want: rowsOf("3", "…", `{"id":"a:2",…}`)},
		{do: "GET /db/_partition/a/_design/p/_view/v?reduce=false&startkey=[2]", status: 200, want: rowsOf("3", "1", `{"id":"a:2",…}`)},
		{do: "GET /db/_partition/a/_design/p/_view/v?reduce=false&endkey=[2]", status: 200, want: rowsOf("3", "0", `{"id":"a:1",…}`)},
		{do: "GET /db/_partition/a/_design/p/_view/v?reduce=false&include_docs=true&skip=1", status: 200, want: rowsOf("3", "1", `{"id":"a:2",…,"doc":{"_id":"a:2",…}}`)},
		{do: "GET /db/_partition/a/_design/p/_view/v", status: 200, want: "{\"rows\":[\r\n{\"key\":null,\"value\":2}\r\n]}"},
		{do: "GET /db/_partition/none/_design/p/_view/v", status: 200, want: "{\"rows\":[\r\n\r\n]}"},
		{do: "GET /db/_partition/a/_design/p/_view/v?group_level=1", status: 200, want: "{\"rows\":[\r\n{\"key\":[1],\"value\":1},\r\n{\"key\":[2],\"value\":1}\r\n]}"},
		{do: "POST /db/_partition/a/_design/p/_view/v", send: `{"keys":[[2,"a:2"]],"reduce":false}`, status: 200, want: rowsOf("3", "1", `{"id":"a:2",…}`)},
		{do: "POST /db/_partition/a/_design/p/_view/v/queries", send: `{"queries":[{"limit":1,"reduce":false},{}]}`, status: 200, want: `{"results":[…{"id":"a:1",…{"key":null,"value":2}…]}`},
		{do: "GET /db/_design/p/_view/v?partition=a&reduce=false&limit=1", status: 200, want: rowsOf("3", "0", `{"id":"a:1",…}`)},
		{do: "POST /db/_design/p/_view/v", send: `{"partition":"a","reduce":false,"limit":1}`, status: 200, want: rowsOf("3", "0", `{"id":"a:1",…}`)},
		{do: "GET /db/_design/p/_view/v", status: 400, want: problem("query_parse_error", "`partition` parameter is mandatory for queries to this view.")},
		{do: "POST /db/_design/p/_view/v/queries", send: `{"queries":[{}]}`, status: 400, want: problem("query_parse_error", "`partition` parameter is mandatory for queries to this view.")},
		{do: "GET /db/_partition/a/_design/g/_view/v", status: 400, want: problem("query_parse_error", "`partition` parameter is not supported in this design doc")},
		{do: "GET /db/_design/g/_view/v", status: 200, want: "{\"rows\":[\r\n{\"key\":null,\"value\":3}\r\n]}"},
		{do: "GET /db/_partition/a/_design/none/_view/v", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_partition/a/_design/p/_view/none", status: 404, want: problem("not_found", "missing_named_view")},
		{do: "GET /db/_partition/a:b/_design/p/_view/v", status: 400, want: problem("illegal_partition", "Partition must not contain a colon")},
		{do: "GET /db/_partition/a/_design/p/_info", status: 200, want: `{"name":"p","view_index":{…}}`},
		{do: "POST /db/_purge", send: `{"a:1":["1-731bef401491606a3b246ed178e697c1"]}`, status: 201, want: `{…"purged":{"a:1":["…"]}}`},
		{do: "GET /db/_partition/a/_design/p/_view/v", status: 200, want: "{\"rows\":[\r\n{\"key\":null,\"value\":1}\r\n]}"},
	},
	"partition_none": {
		{do: "PUT /conformance_other?partitioned=maybe", status: 400, want: problem("bad_request", "Invalid `partitioned` parameter")},
		{do: "GET /db", status: 200, want: `{…"props":{},…}`},
		{do: "PUT /db/foo", send: "{}", status: 201},
		{do: "GET /db/_partition/a", status: 400, want: problem("bad_request", "database is not partitioned")},
		{do: "GET /db/_partition/a/_all_docs", status: 400, want: problem("bad_request", "database is not partitioned")},
		{do: "GET /db/_all_docs?partition=a", status: 400, want: problem("query_parse_error", "`partition` parameter is not supported on this db")},
		{do: "PUT /db/_design/d", send: `{"options":{"partitioned":true},` + countViews + "}", status: 400, want: problem("invalid_design_doc", "partitioned option cannot be true in a non-partitioned database.")},
		{do: "PUT /db/_design/d", send: `{"options":{"partitioned":false},` + countViews + "}", status: 201},
		{do: "GET /db/_design/d/_view/v?partition=a", status: 400, want: problem("query_parse_error", "`partition` parameter is not supported in this design doc")},
		{do: "GET /db/_partition/a/_design/d/_view/v", status: 400, want: problem("bad_request", "database is not partitioned")},
		{do: "GET /db/_partition", status: 400, want: problem("bad_request", "invalid_partition_req")},
	},
}

func TestPartitionConformance(t *testing.T) { conform(t, partitionScenarios) }
