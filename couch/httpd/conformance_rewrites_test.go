package httpd_test

import (
	"strings"
	"testing"
)

// rewriting is a design document with things to rewrite to.
func rewriting(rewrites any) string {
	return design(map[string]any{
		"rewrites": rewrites,
		"views":    map[string]any{"v": map[string]string{"map": `function(doc) { if (doc.n) emit([doc.a, doc.n], doc.n) }`}},
		"shows":    map[string]string{"s": `function(doc, req) { return toJSON([doc && doc._id, req.query, req.path.slice(3), req.raw_path.split('/').slice(4).join('/'), req.method, req.id, req.body]) }`},
		"updates":  map[string]string{"u": `function(doc, req) { return [null, toJSON([req.method, req.body, req.query, req.form])] }`},
		"lists":    map[string]string{"l": `function(head, req) { var row, keys = []; while (row = getRow()) keys.push(row.key); return toJSON([keys, req.query.limit]) }`},
	})
}

type rule = map[string]any

var ruleRewrites = []rule{
	{"from": "", "to": "_show/s"},
	{"from": "/db/*", "to": "../../*"},
	{"from": "/doc/:id", "to": "_show/s/:id"},
	{"from": "/q/:a", "to": "_show/s/:a", "query": rule{"fixed": "1", "k": ":a", "miss": ":nope"}},
	{"from": "/view/:a", "to": "_view/v", "query": rule{"startkey": []any{":a"}, "endkey": []any{":a", rule{}}}},
	{"from": "/viewn/:a/:n", "to": "_view/v", "query": rule{"key": []any{":a", ":n"}}, "formats": rule{"n": "int"}},
	{"from": "/list", "to": "_list/l/v"},
	{"from": "/u", "to": "_update/u", "method": "POST"},
	{"from": "/u", "to": "_show/s", "method": "GET"},
	{"from": "/put/:id", "to": "../../:id", "method": "PUT"},
	{"from": "/abs", "to": "/_all_dbs"},
	{"from": "/up", "to": "../../"},
	{"from": "/star/*", "to": "_show/s/*"},
	{"from": "/mid/*/x", "to": "_show/s/mid"},
	{"from": "/again", "to": "_rewrite/again"},
	{"from": "/enc/:x", "to": "_show/s/:x"},
	{"from": "/kk", "to": "_show/s", "query": rule{"key": ":key", "startkey": "abc"}},
	{"from": "/undef", "to": "_show/s/:nope"},
	{"from": "/del/:id", "to": "_show/s/:id", "method": "DELETE"},
	{"from": "/never", "to": "_show/s", "method": 5},
}

func byRules() []step {
	const r = "/db/_design/d/_rewrite"
	said := func(doc, query, path, raw, method, id string) string {
		return `[` + doc + `,` + query + `,` + path + `,"` + raw + `","` + method + `",` + id + `,"undefined"]`
	}
	return []step{
		{do: "PUT /db/_design/d", send: rewriting(ruleRewrites), status: 201},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"doc0","n":1,"a":"x"},{"_id":"doc1","n":2,"a":"x"},{"_id":"doc2","n":3,"a":"y"}]}`, status: 201},
		{do: "GET " + r, status: 200, want: said("null", "{}", `["_show","s"]`, "_show/s", "GET", "null")},
		{do: "GET " + r + "/", status: 200, want: said("null", "{}", `["_show","s"]`, "_show/s", "GET", "null")},
		{do: "GET " + r + "/doc/doc1", status: 200, want: said(`"doc1"`, `{"id":"doc1"}`, `["_show","s","doc1"]`, "_show/s/doc1?id=doc1", "GET", `"doc1"`)},
		{do: "GET " + r + "/doc/doc1?a=b", status: 200, want: said(`"doc1"`, `{"a":"b","id":"doc1"}`, `["_show","s","doc1"]`, "_show/s/doc1?a=b&id=doc1", "GET", `"doc1"`)},
		{do: "GET " + r + "/q/zz?own=1", status: 200, want: `[null,{…"fixed":"1"…},…`},
		{do: "GET " + r + "/q/zz?k=mine", status: 200, want: `[null,{…"k":"zz"…},…`},
		{do: "GET " + r + "/view/x", status: 200, want: "{\"total_rows\":3,\"offset\":0,\"rows\":[\r\n{\"id\":\"doc0\",\"key\":[\"x\",1],\"value\":1},\r\n{\"id\":\"doc1\",\"key\":[\"x\",2],\"value\":2}\r\n]}"},
		{do: "GET " + r + "/viewn/x/2", status: 200, want: "{…\"rows\":[\r\n{\"id\":\"doc1\",\"key\":[\"x\",2],\"value\":2}\r\n]}"},
		{do: `GET ` + r + `/list?limit=1&startkey=["x",2]`, status: 200, want: `[[["x",2]],"1"]`},
		{do: "GET " + r + "/u", status: 200, want: said("null", "{}", `["_show","s"]`, "_show/s", "GET", "null")},
		{do: "POST " + r + "/u", send: `{"a":1}`, status: 200, want: `["POST","{\"a\":1}",{},{}]`},
		{do: "POST " + r + "/u", send: `a=b`, header: "Content-Type: application/x-www-form-urlencoded", status: 200, want: `["POST","a=b",{},{"a":"b"}]`},
		{do: "PUT " + r + "/u", send: `{}`, status: 404, want: problem("not_found", "missing")},
		{do: "PUT " + r + "/put/new", send: `{}`, status: 201, want: `{"ok":true,"id":"new","rev":"$R1"}`, got: "Etag: \"$R1\""},
		{do: "GET " + r + "/abs", status: 404, want: problem("not_found", "Document is missing attachment")},
		{do: "GET " + r + "/up", status: 200, want: `{"instance_start_time":…`},
		{do: "GET " + r + "/star/a/b", status: 200, want: said("null", "{}", `["_show","s","a","b"]`, "_show/s/a/b", "GET", `"a/b"`)},
		{do: "GET " + r + "/star", status: 200, want: said("null", "{}", `["_show","s"]`, "_show/s", "GET", "null")},
		{do: "GET " + r + "/mid/a/x", status: 200, want: `[null,{},["_show","s","mid"],…`},
		{do: "GET " + r + "/db/doc1", status: 200, want: `{"_id":"doc1",…`},
		{do: "GET " + r + "/db/doc1?revs=true", status: 200, want: `{"_id":"doc1",…"_revisions":…`},
		{do: "GET " + r + "/db", status: 200, want: `{"instance_start_time":…`},
		{do: "GET " + r + "/again", status: 400, want: problem("bad_request", "Exceeded rewrite recursion limit")},
		{do: "GET " + r + "/nope", status: 404, want: problem("not_found", "missing")},
		{do: "GET " + r + "/never", status: 404, want: problem("not_found", "missing")},
		{do: "GET " + r + "/enc/a%2Fb%20c", status: 200, want: said("null", `{"x":"a/b c"}`, `["_show","s","a/b c"]`, "_show/s/a%2Fb+c?x=a%2Fb+c", "GET", `"a/b c"`)},
		{do: `GET ` + r + `/kk?key="x"`, status: 200, want: said("null", `{"key":"x","startkey":"abc"}`, `["_show","s"]`, "_show/s?key=%22x%22&startkey=%22abc%22", "GET", "null")},
		{do: "GET " + r + "/undef", status: 200, want: said("null", "{}", `["_show","s","undefined"]`, "_show/s/undefined", "GET", `"undefined"`)},
		{do: "DELETE " + r + "/del/z", status: 200, want: said("null", `{"id":"z"}`, `["_show","s","z"]`, "_show/s/z?id=z", "DELETE", `"z"`)},
		{do: "HEAD " + r + "/doc/doc1", status: 200, want: ""},
		{do: "GET " + r + "/doc//doc1/", status: 200},
		{do: "GET " + r + "/u", as: "-", status: 401},
	}
}

// rewrites tells what one design document's rewrites make of a request.
func rewrites(to any, do, send string, status int, want, got string) []step {
	return []step{
		{do: "PUT /db/_design/d", send: rewriting(to), status: 201},
		{do: "PUT /db/doc1", send: `{"n":1}`, status: 201},
		{do: strings.Replace(do, " ", " /db/_design/d/_rewrite", 1), send: send, status: status, want: want, got: got},
	}
}

func rewriteFunctions() map[string][]step {
	get := func(to any, status int, want string) []step {
		return rewrites(to, "GET /some/path?q=1", "", status, want, "")
	}
	return map[string][]step{
		"rewrite_rules":    byRules(),
		"rewrite_insecure": get([]rule{{"from": "/x", "to": "../../../_all_dbs"}}, 500, problem("insecure_rewrite_rule", "too many ../.. segments")),
		"rewrite_notarget": get([]rule{{"from": "/x"}}, 500, problem("error", "invalid_rewrite_target")),
		"rewrite_any":      get([]rule{{"to": "_show/s"}}, 200, `[null,{"q":"1"},…`),
		"rewrite_norule":   get([]any{"x", 5}, 404, problem("not_found", "missing")),
		"rewrite_empty":    get([]any{}, 404, problem("not_found", "missing")),
		"rewrite_badfrom":  get([]rule{{"from": 5, "to": "_show/s"}}, 500, ""),
		"rewrite_badquery": get([]rule{{"from": "*", "to": "_show/s", "query": 5}}, 500, ""),
		"rewrite_none": {
			{do: "PUT /db/_design/e", send: `{}`, status: 201},
			{do: "GET /db/_design/e/_rewrite/x", status: 404, want: problem("rewrite_error", "Invalid path.")},
			{do: "GET /db/_design/none/_rewrite/x", status: 404, want: problem("not_found", "missing")},
		},

		"rewrite_f_path":      get(`function(req) { return '_show/s' }`, 200, `[null,{"q":"1"},["_show","s"],"_show/s?q=1","GET",null,"undefined"]`),
		"rewrite_f_query":     get(`function(req) { return {path: '_show/s/doc1', query: {a: 'b'}} }`, 200, `["doc1",{"a":"b"},["_show","s","doc1"],"_show/s/doc1?a=b","GET","doc1","undefined"]`),
		"rewrite_f_code":      rewrites(`function(req) { return {code: 302, headers: {Location: 'http://example.com/'}, body: 'bye'} }`, "GET /x", "", 302, "bye", "Location: http://example.com/"),
		"rewrite_f_answer":    rewrites(`function(req) { return {code: 200, body: 'direct', headers: {'X-A': '1'}} }`, "GET /x", "", 200, "direct", "X-A: 1"),
		"rewrite_f_up":        get(`function(req) { return {path: '../../doc1', query: {}} }`, 200, `{"_id":"doc1",…`),
		"rewrite_f_null":      get(`function(req) { return null }`, 404, problem("rewrite_error", "Invalid path.")),
		"rewrite_f_number":    get(`function(req) { return 5 }`, 500, problem("rewrite_error", "bad rewrite")),
		"rewrite_f_list":      get(`function(req) { return [1] }`, 500, problem("rewrite_error", "bad rewrite")),
		"rewrite_f_nowhere":   get(`function(req) { return {} }`, 500, problem("rewrite_error", "Rewrite result must produce a new path.")),
		"rewrite_f_badpath":   get(`function(req) { return {path: 5} }`, 500, problem("rewrite_error", "bad path")),
		"rewrite_f_badcode":   get(`function(req) { return {code: 99} }`, 500, problem("rewrite_error", "bad code")),
		"rewrite_f_badbody":   get(`function(req) { return {path: '_show/s', body: 5} }`, 500, problem("rewrite_error", "bad body")),
		"rewrite_f_badheader": get(`function(req) { return {code: 200, headers: {a: 5}} }`, 500, problem("rewrite_error", `object key/value must be strings <<\"a\">>=5`)),
		"rewrite_f_unknown":   get(`function(req) { return {code: 200, body: 'x', zork: 1} }`, 200, "x"),
		"rewrite_f_body":      rewrites(`function(req) { return {path: '_update/u', method: 'POST', body: 'hey'} }`, "POST /x", `{"in":1}`, 200, `["POST","hey",{},{}]`, ""),
		"rewrite_f_nobody":    rewrites(`function(req) { return {path: '_update/u'} }`, "POST /x", `{"in":1}`, 200, `["POST","{\"in\":1}",{},{}]`, ""),
		"rewrite_f_req":       rewrites(`function(req) { return {code: 200, body: toJSON([Object.keys(req).sort(), req.path.slice(1), req.method, req.query, req.body])} }`, "POST /x?q=1", `{"in":1}`, 200, `[["body","cookie","headers","method","path","peer","query","raw_path","requested_path","secObj","userCtx"],["_design","d","_rewrite","x"],"POST",{"q":"1"},"{\"in\":1}"]`, ""),
		"rewrite_f_throws":    get(`function(req) { throw new Error('x') }`, 500, `{"error":"rewrite_error","reason":"function raised error: Error: x \nstacktrace: …"}`),
		"rewrite_f_object":    get(`function(req) { throw {forbidden: 'x'} }`, 500, problem("rewrite_error", `function raised error: [object Object] \nstacktrace: undefined`)),
		"rewrite_f_words":     get(`function(req) { throw ['error', 'not_found', 'z'] }`, 404, problem("not_found", "z")),
		"rewrite_f_again":     get(`function(req) { return '_rewrite/again' }`, 400, problem("bad_request", "Exceeded rewrite recursion limit")),
		"rewrite_f_syntax":    get(`function(`, 500, `{"error":"compilation_error",…}`),
		"rewrite_f_empty":     get(``, 404, problem("not_found", "missing rewrites function rewrites on design doc _design/d")),
	}
}

func TestConformanceRewrites(t *testing.T) { conform(t, rewriteFunctions()) }
