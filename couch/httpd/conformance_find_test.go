package httpd_test

import (
	"strings"
	"testing"
)

// docsOf is an answer of _find: its documents and what follows them.
func docsOf(docs, rest string) string {
	if docs != "" {
		docs = "\r\n" + docs
	}
	return "{\"docs\":[" + docs + "\r\n]" + strings.ReplaceAll(rest, "; ", ",\r\n") + "}\r\n\n"
}

const (
	unindexed = `; "warning": "No matching index found, create an index to optimize query time."`
	scanned   = `\nThe number of documents examined is high in proportion to the number of results returned. Consider adding a more specific index to improve this."`
)

var people = step{do: "POST /db/_bulk_docs", status: 201, send: `{"docs":[
{"_id":"a","name":"Ada","age":36,"at":{"city":"London"},"likes":["maths","music"]},
{"_id":"b","name":"Bob","age":25,"at":{"city":"Paris"},"likes":[]},
{"_id":"c","name":"Cid","age":41,"at":{"city":"London"}},
{"_id":"d","name":"Dee","at":null},
{"_id":"e","name":"Eve","age":"old"},
{"_id":"f","name":"Flo","age":36.0,"x.y":1}]}`}

// Mango, with the answers of CouchDB 3.5.0.
func TestFindConformance(t *testing.T) {
	conform(t, map[string][]step{
		"find_unindexed": {
			people,
			{do: "POST /db/_find", send: `{"selector":{"age":36}}`, status: 200, want: docsOf("{\"_id\":\"a\",\"_rev\":\"1-…\",\"name\":\"Ada\",\"age\":36,\"at\":{\"city\":\"London\"},\"likes\":[\"maths\",\"music\"]},\r\n{\"_id\":\"f\",…}", `; "bookmark": "…"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{"age":{"$gt":100}},"fields":["_id"]}`, status: 200, want: docsOf("{\"_id\":\"e\"}", `; "bookmark": "…"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{"nothing":1}}`, status: 200, want: docsOf("", `; "bookmark": "nil"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{},"fields":["_id"],"limit":2}`, status: 200, want: docsOf("{\"_id\":\"a\"},\r\n{\"_id\":\"b\"}", `; "bookmark": "…"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{"$or":[]}}`, status: 200, want: docsOf("", "")},
			{do: "POST /db/_find", send: `{"selector":{"_id":{"$gte":"b","$lt":"d"}},"fields":["_id"],"sort":["_id"]}`, status: 200, want: docsOf("{\"_id\":\"b\"},\r\n{\"_id\":\"c\"}", `; "bookmark": "…"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{"_id":{"$gte":"b","$lt":"d"}},"fields":["_id"],"sort":[{"_id":"desc"}]}`, status: 200, want: docsOf("{\"_id\":\"c\"},\r\n{\"_id\":\"b\"}", `; "bookmark": "…"`+unindexed)},
			{do: "POST /db/_find", send: `{"selector":{"age":36},"sort":["age"]}`, status: 400, want: problem("no_usable_index", "No index exists for this sort, try indexing by the sort fields.")},
			{do: "GET /db/_find", status: 405, got: "Allow: POST", want: problem("method_not_allowed", "Only POST allowed")},
			{do: "POST /db/_find", header: "Content-Type: text/plain", send: "{}", status: 415},
			{do: "POST /db/_find/x", send: "{}", status: 400, want: problem("missing_required_key", "Missing required key: selector")},
		},
		"find_indexed": {
			people,
			{do: "POST /db/_index", send: `{"index":{"fields":["age"]}}`, status: 200, want: `{"result":"created","id":"_design/…","name":"…"}`},
			{do: "POST /db/_find", send: `{"selector":{"age":{"$gt":30}},"fields":["_id","age"]}`, status: 200, want: docsOf("{\"_id\":\"a\",\"age\":36},\r\n{\"_id\":\"f\",\"age\":36.0},\r\n{\"_id\":\"c\",\"age\":41},\r\n{\"_id\":\"e\",\"age\":\"old\"}", `; "bookmark": "…"`)},
			{do: "POST /db/_find", send: `{"selector":{"age":{"$gt":30,"$lt":"a"}},"fields":["_id"],"sort":[{"age":"desc"}]}`, status: 200, want: docsOf("{\"_id\":\"c\"},\r\n{\"_id\":\"f\"},\r\n{\"_id\":\"a\"}", `; "bookmark": "…"`)},
			{do: "POST /db/_find", send: `{"selector":{"age":{"$gt":40,"$lt":40}}}`, status: 200, want: docsOf("", "")},
			{do: "POST /db/_find", send: `{"selector":{"age":{"$beginsWith":"ol"}},"execution_stats":true}`, status: 200, want: docsOf(`{"_id":"e",…}`, `; "bookmark": "…"; "execution_stats": {"total_keys_examined":1,"total_docs_examined":1,"total_quorum_docs_examined":0,"results_returned":1,"execution_time_ms":…}`)},
			{do: "POST /db/_find", send: `{"selector":{"age":36},"fields":["_id"],"limit":1}`, status: 200, want: docsOf(`{"_id":"a"}`, `; "bookmark": "g2wAAAACaAJkAA5zdGFydGtleV9kb2NpZG0AAAABYWgCZAAIc3RhcnRrZXlrAAEkag"`)},
			{do: "POST /db/_find", send: `{"selector":{"age":36},"fields":["_id"],"limit":1,"bookmark":"g2wAAAACaAJkAA5zdGFydGtleV9kb2NpZG0AAAABYWgCZAAIc3RhcnRrZXlrAAEkag"}`, status: 200, want: docsOf(`{"_id":"f"}`, `; "bookmark": "…"`)},
		},
		"index": {
			{do: "GET /db/_index", status: 200, want: `{"total_rows":1,"indexes":[{"ddoc":null,"name":"_all_docs","type":"special","def":{"fields":[{"_id":"asc"}]}}]}`},
			{do: "POST /db/_index", send: `{"index":{"fields":["a"]}}`, status: 200, want: `{"result":"created","id":"_design/7095fd2321a986309496ad2ac9c3498246175757","name":"7095fd2321a986309496ad2ac9c3498246175757"}`},
			{do: "POST /db/_index", send: `{"index":{"fields":["a"]}}`, status: 200, want: `{"result":"exists","id":"_design/7095fd2321a986309496ad2ac9c3498246175757","name":"7095fd2321a986309496ad2ac9c3498246175757"}`},
			{do: "POST /db/_index", send: `{"index":{"fields":["b",{"c":"asc"}]},"ddoc":"x","name":"y"}`, status: 200, want: `{"result":"created","id":"_design/x","name":"y"}`},
			{do: "GET /db/_index", status: 200, want: `{"total_rows":3,"indexes":[{"ddoc":null,…},{"ddoc":"_design/7095fd2321a986309496ad2ac9c3498246175757",…},{"ddoc":"_design/x","name":"y","type":"json","partitioned":false,"def":{"fields":[{"b":"asc"},{"c":"asc"}]}}]}`},
			{do: "GET /db/_design/x", status: 200, want: `{"_id":"_design/x","_rev":"1-…","language":"query","views":{"y":{"map":{"fields":{"b":"asc","c":"asc"},"partial_filter_selector":{}},"reduce":"_count","options":{"def":{"fields":["b",{"c":"asc"}]}}}}}`},
			{do: "DELETE /db/_index/x/json/y", status: 200, want: `{"ok":true}`},
			{do: "DELETE /db/_index/_design/x/json/y", status: 404, want: problem("not_found", "missing")},
			{do: "GET /db/_design/x", status: 404, want: problem("not_found", "deleted")},
		},
	})
}
