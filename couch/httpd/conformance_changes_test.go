package httpd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// noRows is the answer of a feed that is one object, without rows.
func noRows(last, pending string) string {
	return "{\"results\":[\n\n],\n\"last_seq\":\"" + last + "-…\",\"pending\":" + pending + "}\n"
}

// rowOf is a row of a feed: the sequence's number, the id, and what follows it.
func rowOf(seq, id, rest string) string {
	return `{"seq":"` + seq + `-…","id":"` + id + `",` + rest + "}"
}

// feedOf is the answer of a feed that is one object.
func feedOf(last, pending string, rows ...string) string {
	s := "{\"results\":[\n"
	for i, r := range rows {
		if i > 0 {
			s += ",\r\n"
		}
		s += r
	}
	return s + "\n],\n\"last_seq\":\"" + last + "-…\",\"pending\":" + pending + "}\n"
}

const (
	changed1 = `"changes":[{"rev":"$R1"}]`
	deleted2 = `"changes":[{"rev":"$D2"}],"deleted":true`
)

// someChanges are a database's first steps: a, b deleted, c in conflict, a design document.
func someChanges(more ...step) []step {
	return append([]step{
		{do: "PUT /db/a", send: "{}", status: 201},
		{do: "PUT /db/b", send: "{}", status: 201},
		{do: "DELETE /db/b?rev=$R1", status: 200},
		{do: "POST /db/_bulk_docs", send: `{"new_edits":false,"docs":[{"_id":"c","n":1,"_revisions":{"start":2,"ids":["b","a"]}},{"_id":"c","n":2,"_revisions":{"start":2,"ids":["c","a"]}},{"_id":"c","_deleted":true,"_revisions":{"start":2,"ids":["d","a"]}}]}`, status: 201, want: "[]"},
	}, more...)
}

// What someChanges makes is told in one place. The sequence of c differs where
// a bulk of three revisions counts as three updates.
const (
	changedC = `"changes":[{"rev":"2-c"}]`
	leavesC  = `"changes":[{"rev":"2-c"},{"rev":"2-b"},{"rev":"2-d"}]`
)

// saw is the failure of a function that threw {error:"saw"} and a JSON text:
// CouchDB tells it as an Erlang term, in which the text is quoted once more.
func saw(text string) string {
	return `{"error":"…saw…` + strings.ReplaceAll(text, `"`, `…"`) + `…"}`
}

var changesScenarios = map[string][]step{
	"changes": someChanges(
		step{do: "GET /db/_changes", status: 200, got: "Content-Type: application/json", want: feedOf("…", "0", rowOf("1", "a", changed1), rowOf("3", "b", deleted2), rowOf("…", "c", changedC))},
		step{do: "HEAD /db/_changes", status: 200, want: ""},
		step{do: "POST /db/_changes", status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1), rowOf("3", "b", deleted2), rowOf("…", "c", changedC))},
		step{do: "POST /db/_changes", send: "{}", status: 200, want: "{\"results\":[\n{…}\n],…"},
		step{do: "POST /db/_changes", header: "Content-Type: text/plain", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		step{do: "POST /db/_changes", send: "{", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		step{do: "POST /db/_changes", send: "[]", status: 400, want: problem("bad_request", "Request body must be a JSON object")},
		step{do: "PUT /db/_changes", status: 405},

		step{do: "GET /db/_changes?style=main_only&limit=1", status: 200, want: feedOf("1", "2", rowOf("1", "a", changed1))},
		step{do: "GET /db/_changes?style=all_docs", status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1), rowOf("3", "b", deleted2), rowOf("…", "c", leavesC))},
		step{do: "GET /db/_changes?descending=true", status: 200, want: feedOf("1", "0", rowOf("…", "c", changedC), rowOf("3", "b", deleted2), rowOf("1", "a", changed1))},
		step{do: "GET /db/_changes?descending=true&limit=1", status: 200, want: feedOf("…", "2", rowOf("…", "c", changedC))},
		step{do: "GET /db/_changes?descending=true&limit=0", status: 200, want: noRows("…", "3")},
		step{do: "GET /db/_changes?descending=true&since=now&limit=1", status: 200, want: feedOf("…", "2", rowOf("…", "c", changedC))},
		step{do: "GET /db/_changes?limit=0", status: 200, want: noRows("0", "3")},
		step{do: "GET /db/_changes?feed=continuous&limit=0", status: 200, want: `{"last_seq":"0-…","pending":3}` + "\n"},
		step{do: "GET /db/_changes?since=now", status: 200, want: noRows("…", "0")},
		step{do: "GET /db/_changes?since=0", status: 200, want: "{\"results\":[\n{…"},
		step{do: "GET /db/_changes?Since=now&LAST-EVENT-ID=0&Limit=1", status: 200, want: feedOf("1", "2", rowOf("1", "a", changed1))},
		step{do: "GET /db/_changes?since=now", header: "Last-Event-ID: 0", status: 200, want: noRows("…", "0")},
		step{do: "GET /db/_changes?unknown=1", status: 200},
		step{do: "GET /db/_changes?filter=/", status: 200, want: "{\"results\":[\n{…"},
		step{do: "GET /db/_changes?seq_interval=2&limit=3", status: 200, want: "{\"results\":[\n{\"seq\":null,…,\r\n{\"seq\":\"3-…,\r\n{\"seq\":null,…"},
		step{do: "GET /db/_changes?seq_interval=2", status: 200, want: "{\"results\":[\n{\"seq\":\"1-…,\r\n{\"seq\":null,…,\r\n{\"seq\":\"…"},
		step{do: "GET /db/_changes?feed=live&timeout=0", status: 200, want: rowOf("1", "a", changed1) + "\n" + rowOf("3", "b", deleted2) + "\n" + rowOf("…", "c", changedC) + "\n…" + `{"last_seq":"…","pending":0}`},
		step{do: "GET /db/_changes?feed=continuous&timeout=0&since=now", status: 200, want: "…" + `{"last_seq":"…","pending":0}` + "\n"},
		step{do: "GET /db/_changes?feed=continuous&limit=1", status: 200, want: rowOf("1", "a", changed1) + "\n" + `{"last_seq":"1-…","pending":2}` + "\n"},
		step{do: "GET /db/_changes?feed=continuous&descending=true", status: 200, want: rowOf("…", "c", changedC) + "\n" + rowOf("3", "b", deleted2) + "\n" + rowOf("1", "a", changed1) + "\n" + `{"last_seq":"1-…","pending":0}` + "\n"},
		step{do: "GET /db/_changes?feed=longpoll", status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1), rowOf("3", "b", deleted2), rowOf("…", "c", changedC))},
		step{do: "GET /db/_changes?feed=longpoll&since=now&timeout=1", status: 200, want: "{\"results\":[\n…\n],\n\"last_seq\":\"…\",\"pending\":0}\n"},
		step{do: "GET /db/_changes?feed=eventsource&timeout=0", header: "Last-Event-ID: 0", status: 200, got: "Content-Type: text/event-stream", want: "data: " + rowOf("1", "a", changed1) + "\nid: \"1-…\"\n\ndata: " + rowOf("3", "b", deleted2) + "\nid: \"3-…\"\n\ndata: " + rowOf("…", "c", changedC) + "\nid: \"…\"\n\n…"},
		step{do: "GET /db/_changes?feed=eventsource&timeout=0&since=now", status: 200, got: "Cache-Control: no-cache"},

		step{do: "GET /db/_changes?include_docs=true", status: 200, want: feedOf("…", "0",
			rowOf("1", "a", changed1+`,"doc":{"_id":"a","_rev":"$R1"}`), rowOf("3", "b", deleted2+`,"doc":{"_id":"b","_rev":"$D2","_deleted":true}`), rowOf("…", "c", changedC+`,"doc":{"_id":"c","_rev":"2-c","n":2}`))},
		step{do: "GET /db/_changes?include_docs=true&conflicts=true&style=all_docs&descending=true&limit=1", status: 200, want: feedOf("…", "2", rowOf("…", "c", leavesC+`,"doc":{"_id":"c","_rev":"2-c","n":2,"_conflicts":["2-b"]}`))},
		step{do: "PUT /db/t", send: `{"_attachments":{"t":{"content_type":"text/plain","data":"aGVsbG8="}}}`, status: 201},
		step{do: "GET /db/_changes?include_docs=true&descending=true&limit=1", status: 200, want: `…"_attachments":{"t":{"content_type":"text/plain","revpos":1,"digest":"md5-…","length":5,"stub":true}}}}…`},
		step{do: "GET /db/_changes?include_docs=true&attachments=true&descending=true&limit=1", status: 200, want: `…"_attachments":{"t":{"content_type":"text/plain","revpos":1,"digest":"md5-…","data":"aGVsbG8="}}}}…`},
		step{do: "GET /db/_changes?include_docs=true&att_encoding_info=true&descending=true&limit=1", status: 200, want: `…"encoding":"gzip","encoded_length":…`},
	),
	"changes_errors": {
		{do: "GET /db/_changes?feed=x", status: 400, want: problem("bad_request", "Supported `feed` types: normal, continuous, live, longpoll, eventsource")},
		{do: "GET /db/_changes?since=junk", status: 400, want: problem("bad_request", "Malformed sequence supplied in 'since' parameter.")},
		{do: "GET /db/_changes?feed=continuous&since=junk", status: 400, want: problem("bad_request", "Malformed sequence supplied in 'since' parameter.")},
		{do: "GET /db/_changes?heartbeat=0", status: 400, want: problem("bad_request", "The heartbeat value should be a positive integer (in milliseconds).")},
		{do: "GET /db/_changes?heartbeat=-1", status: 400, want: problem("bad_request", "The heartbeat value should be a positive integer (in milliseconds).")},
		{do: "GET /db/_changes?heartbeat=a1000", status: 400, want: `{"error":"bad_request",…heartbeat value…positive integer…`},
		{do: "GET /nosuchdb/_changes", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "GET /db/_changes", as: "-", status: 401, want: problem("unauthorized", "You are not authorized to access this db.")},
		{do: "GET /db/_changes?since=", status: 400, want: problem("bad_request", "Malformed sequence supplied in 'since' parameter.")},
		{do: "GET /db/_changes?heartbeat=false", status: 400, want: problem("bad_request", "Invalid heartbeat value. Expecting a positive integer value (in milliseconds).")},
		{do: "GET /db/_changes?seq_interval=0", status: 400, want: problem("bad_request", "invalid_seq_interval")},
		{do: "GET /db/_changes?seq_interval=a", status: 400, want: problem("bad_request", "invalid_seq_interval")},
		{do: "POST /db/_changes?filter=_doc_ids", status: 400, want: `{"error":"bad_request",…`},
		{do: "GET /db/_changes?filter=_doc_ids&doc_ids={", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "GET /db/_changes?filter=_x", status: 400, want: problem("bad_request", "unknown builtin filter name")},
		{do: "GET /db/_changes?filter=x", status: 400, want: problem("bad_request", "`filter` must be of the form `designname/filtername`")},
		{do: "GET /db/_changes?filter=x/y/z", status: 400, want: problem("bad_request", "`filter` must be of the form `designname/filtername`")},
		{do: "GET /db/_changes?filter=none/f", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_changes?filter=_view", status: 400, want: problem("bad_request", "`view` filter parameter is not provided.")},
		{do: "GET /db/_changes?filter=_view&view=none/v", status: 404, want: problem("not_found", "missing")},
		{do: "GET /db/_changes?filter=_selector", status: 400, want: problem("bad_request", "Selector must be specified in POST payload")},
		{do: "POST /db/_changes?filter=_selector", send: `{"selector":[]}`, status: 400, want: problem("bad_request", "Selector error: expected a JSON object")},
		{do: "POST /db/_changes?filter=_selector", send: `{}`, status: 400, want: problem("bad_request", "Selector error: expected a JSON object")},
		{do: "POST /db/_changes?filter=_selector", send: `{"selector":{"a":{"$foo":1}}}`, status: 400, want: problem("bad_request", "Invalid operator: $foo")},
		{do: "POST /db/_changes?filter=_selector", send: `{"selector":{},"fields":"a"}`, status: 400, want: problem("bad_request", "Selector error: fields must be JSON array")},
		{do: "POST /db/_changes?filter=_selector", send: `{"selector":{},"fields":[1]}`, status: 400, want: `{"error":"bad_request",…`},
		{do: "GET /db/_changes?filter=_doc_ids", status: 400, want: problem("bad_request", "`doc_ids` filter parameter is not a list of doc ids.")},
		{do: "GET /db/_changes?filter=_doc_ids&doc_ids=[1]", status: 400, want: problem("bad_request", "`doc_ids` filter parameter is not a list of doc ids.")},
		{do: "POST /db/_changes?filter=_doc_ids", send: `{"doc_ids":"a"}`, status: 400, want: problem("bad_request", "`doc_ids` filter parameter is not a list of doc ids.")},
		{do: "PUT /db/_design/d", send: `{"filters":{"f":"function(doc){return true}"}}`, status: 201},
		{do: "PUT /db/_design/syntax", send: `{"filters":{"f":"function("}}`, status: 201}, // it is compiled when it is used
		{do: "GET /db/_changes?filter=d/g", status: 404, want: problem("not_found", "missing json key: g")},
		{do: "GET /db/_changes?filter=_view&view=d/v", status: 404, want: problem("not_found", "missing json key: views")},
		{do: "PUT /db/_design/erl", send: `{"language":"cobol","filters":{"f":"PERFORM"}}`, status: 201},
		{do: "PUT /db/_design/bad1", send: `{"filters":[]}`, status: 400, want: problem("invalid_design_doc", "`filters` field must have object type")},
		{do: "PUT /db/_design/bad2", send: `{"filters":{"f":1}}`, status: 400, want: problem("invalid_design_doc", "`filters.f` field must have string or object type")},
	},
	"changes_filters": someChanges(
		step{do: `GET /db/_changes?filter=_doc_ids&doc_ids=["c","none","a","a"]`, status: 200, want: feedOf("…", "…", rowOf("1", "a", changed1), rowOf("…", "c", changedC))},
		step{do: `GET /db/_changes?filter=_doc_ids&doc_ids=[]`, status: 200, want: noRows("…", "…")},
		step{do: `POST /db/_changes?filter=_doc_ids&style=all_docs`, send: `{"doc_ids":["c"]}`, status: 200, want: feedOf("…", "…", rowOf("…", "c", leavesC))},
		step{do: `POST /db/_changes?filter=_doc_ids&descending=true&limit=1`, send: `{"doc_ids":["a","b"]}`, status: 200, want: feedOf("3", "…", rowOf("3", "b", deleted2))},
		step{do: `GET /db/_changes?filter=_design`, status: 200, want: noRows("…", "…")},
		step{do: `POST /db/_changes?filter=_selector`, send: `{"selector":{"n":{"$gt":1}}}`, status: 200, want: feedOf("…", "0", rowOf("…", "c", changedC))},
		step{do: `POST /db/_changes?filter=_selector`, send: `{"selector":{"n":1}}`, status: 200, want: noRows("…", "0")},
		step{do: `POST /db/_changes?filter=_selector&style=all_docs&include_docs=true`, send: `{"selector":{"n":1}}`, status: 200, want: feedOf("…", "0", rowOf("…", "c", `"changes":[{"rev":"2-b"}],"doc":{"_id":"c","_rev":"2-c","n":2}`))},
		step{do: `POST /db/_changes?filter=_selector&include_docs=true`, send: `{"selector":{"n":{"$exists":true}},"fields":["n","_id"]}`, status: 200, want: feedOf("…", "0", rowOf("…", "c", changedC+`,"doc":{"n":2,"_id":"c"}`))},
		step{do: `POST /db/_changes?filter=_selector&include_docs=true`, send: `{"selector":{"_deleted":true},"fields":[]}`, status: 200, want: feedOf("…", "0", rowOf("3", "b", deleted2+`,"doc":{"_id":"b","_rev":"$D2","_deleted":true}`))},
		step{do: `POST /db/_changes?filter=_selector&conflicts=true`, send: `{"selector":{"_conflicts":{"$size":1}}}`, status: 200, want: feedOf("…", "0", rowOf("…", "c", changedC))},
		// CouchDB beats once a millisecond while it looks.
		step{do: `POST /db/_changes?filter=_selector&feed=continuous&timeout=0&limit=1`, send: `{"selector":{}}`, status: 200, want: "…" + rowOf("1", "a", changed1) + "\n" + `{"last_seq":"1-…","pending":2}` + "\n"},
		step{do: "PUT /db/_design/f", status: 201, send: `{"lib":{"m":"exports.odd=function(n){return n%2==1}"},
			"views":{"v":{"map":"function(doc){if(doc.n)emit(doc.n)}"},"throws":{"map":"function(doc){doc.a.b.c}"}},
			"filters":{"odd":"function(doc,req){return require('lib/m').odd(doc.n)}","deleted":"function(doc){return doc._deleted}",
			"query":"function(doc,req){return doc._id==req.query.id}","conflicted":"function(doc){return doc._conflicts}",
			"revisions":"function(doc){return doc._revisions.start==2&&doc._revisions.ids.length==1}",
			"this":"function(doc){return this.lib&&this._id=='_design/f'&&doc._id=='a'}",
			"throws":"function(doc){throw({error:'mine',reason:'because'})}","type":"function(doc){return doc.a.b.c}","syntax":"function(doc){"}}`},
		step{do: `GET /db/_changes?filter=_design`, status: 200, want: feedOf("…", "…", rowOf("…", "_design/f", `"changes":[{"rev":"1-…"}]`))},
		step{do: `GET /db/_changes?filter=_view&view=f/v`, status: 200, want: feedOf("…", "0", rowOf("…", "c", changedC))},
		step{do: `GET /db/_changes?filter=_view&view=f/v&style=all_docs`, status: 200, want: feedOf("…", "0", rowOf("…", "c", `"changes":[{"rev":"2-c"},{"rev":"2-b"}]`))},
		step{do: `GET /db/_changes?filter=f/odd`, status: 200, want: noRows("…", "0")},
		step{do: `GET /db/_changes?filter=f/odd&style=all_docs&include_docs=true`, status: 200, want: feedOf("…", "0", rowOf("…", "c", `"changes":[{"rev":"2-b"}],"doc":{"_id":"c","_rev":"2-c","n":2}`))},
		step{do: `GET /db/_changes?filter=f/deleted`, status: 200, want: feedOf("…", "0", rowOf("3", "b", deleted2))},
		step{do: `GET /db/_changes?filter=f/deleted&style=all_docs`, status: 200, want: feedOf("…", "0", rowOf("3", "b", deleted2), rowOf("…", "c", `"changes":[{"rev":"2-d"}]`))},
		step{do: `GET /db/_changes?filter=f/query&id=a`, status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1))},
		step{do: `POST /db/_changes?filter=f/query&id=a`, send: "{}", status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1))},
		step{do: `GET /db/_changes?filter=f/conflicted`, status: 200, want: noRows("…", "0")},
		step{do: `GET /db/_changes?filter=f/conflicted&conflicts=true`, status: 200, want: feedOf("…", "0", rowOf("…", "c", changedC))},
		step{do: `GET /db/_changes?filter=f/revisions&include_docs=true`, status: 200, want: feedOf("…", "0", rowOf("3", "b", deleted2+`,"doc":{"_id":"b","_rev":"$D2","_deleted":true}`), rowOf("…", "c", changedC+`,"doc":{"_id":"c","_rev":"2-c","n":2}`))},
		step{do: `GET /db/_changes?filter=f/this`, status: 200, want: feedOf("…", "0", rowOf("1", "a", changed1))},
		step{do: `GET /db/_changes?filter=f/deleted&limit=1`, status: 200, want: feedOf("…", "…", rowOf("3", "b", deleted2))},
		step{do: `GET /db/_changes?filter=f/deleted&feed=continuous&timeout=0`, status: 200, want: "…" + rowOf("3", "b", deleted2) + "\n…" + `{"last_seq":"…","pending":0}` + "\n"},
		step{do: `GET /db/_changes?filter=f/deleted&feed=longpoll`, status: 200, want: feedOf("…", "0", rowOf("3", "b", deleted2))},
		step{do: `GET /db/_changes?filter=f/throws`, status: 500, want: `{"error":"…mine…because…`},
		step{do: `GET /db/_changes?filter=f/type`, status: 500, want: `{"error":"…TypeError…`},
		step{do: `GET /db/_changes?filter=_view&view=f/throws`, status: 500, want: `{"error":"…TypeError…`},
		step{do: `GET /db/_changes?filter=f/syntax`, status: 500, want: `{"error":"…SyntaxError…`},
	),
	// What a function sees as req: it throws what it is asked for.
	"changes_request": {
		{do: "PUT /db/_design/r", status: 201, send: `{"filters":{"r":"function(doc,req){throw({error:'saw',reason:JSON.stringify(eval('('+req.query.e+')'))})}"}}`},
		{do: "GET /db/_changes?filter=r/r&e=Object.keys(req).sort()", status: 500, want: saw(`["body","cookie","form","headers","id","info","method","path","peer","query","raw_path","requested_path","secObj","userCtx","uuid"]`)},
		{do: "GET /db/_changes?filter=r/r&e=[req.method,req.path,req.requested_path[0],req.id]", status: 500, want: saw(`["GET",["conformance_changes_request","_changes"],"conformance_changes_request",null]`)},
		{do: "GET /db/_changes?filter=r/r&e=req.raw_path", status: 500, want: saw(`"/conformance_changes_request/_changes?filter=r/r&e=req.raw_path"`)},
		{do: "GET /db/_changes?descending=true&key=[1]&filter=r/r&e=req.query", status: 500, want: saw(`{…"descending":true,…}`)},
		{do: "GET /db/_changes?filter=r/r&e=[req.headers.Authorization,req.headers['X-Mine'],req.headers.Accept,typeof(req.headers.Host)]", header: "X-Mine: 1", status: 500, want: saw(`[null,"1","application/json","string"]`)},
		{do: "GET /db/_changes?filter=r/r&e=[req.body,req.form,req.cookie,req.peer]", status: 500, want: saw(`["undefined",{},{},"127.0.0.1"]`)},
		{do: "POST /db/_changes?filter=r/r&e=[req.body,req.method]", send: `{"x":1}`, status: 500, want: saw(`[{"x":1},"POST"]`)},
		{do: "GET /db/_changes?filter=r/r&e=[req.userCtx.db,req.userCtx.roles,req.secObj]", status: 500, want: saw(`["conformance_changes_request",["_admin"],{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}]`)},
		{do: "GET /db/_changes?filter=r/r&e=[req.info.db_name,req.info.doc_count,req.uuid.length]", status: 500, want: saw(`["…conformance_changes_request…",1,32]`)},
	},
}

func TestChangesConformance(t *testing.T) { conform(t, changesScenarios) }

// Where CouchDB 3.5 fails with 500 (or, for a limit below zero, answers all) the
// request is refused in the words of later releases.
func TestChangesRefuses(t *testing.T) {
	h := feeds(t, httpd.Options{})
	for query, reason := range map[string]string{
		"limit=a":             "The limit parameter should be a non-negative integer",
		"limit=-1":            "The limit value should be a non-negative integer",
		"timeout=a":           "The timeout parameter should be a non-negative integer",
		"timeout=-1":          "The timeout value should be a non-negative integer",
		"style=x":             "Supported `style` values: main_only, all_docs",
		"filter=_view&view=x": "`view` must be of the form `designname/viewname`",
	} {
		require.JSONEq(t, problem("bad_request", reason), h.must(t, "GET /feeds/_changes?"+query, "", 400))
	}
	h.must(t, "GET /feeds/_changes?limit=99999999999999999999&timeout=99999999999999999999", "", 200)
}
