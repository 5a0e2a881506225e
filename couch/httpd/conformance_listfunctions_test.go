package httpd_test

import "testing"

// lists are the list functions of one design document.
var lists = map[string]string{
	"basic":      `function(head, req) { start({headers: {'Content-Type': 'text/plain', 'X-H': '1'}}); send('head:' + toJSON(head) + '\n'); var r; while (r = getRow()) send(toJSON(r) + '\n'); return 'tail' }`,
	"simple":     `function(head, req) { send('first '); var r; while (r = getRow()) send(r.key + ' '); return 'tail' }`,
	"never":      `function() { return 'never' }`,
	"early":      `function() { send('a'); getRow(); send('b'); return 'c' }`,
	"code":       `function() { start({code: 404, headers: {'X-A': 'y'}}); return 'nf' }`,
	"late":       `function() { getRow(); start({code: 404, headers: {'X-A': 'late'}}); send('z'); getRow(); return 'nf' }`,
	"again":      `function() { send('a'); start({code: 202}); send('b') }`,
	"throws":     `function() { throw new Error('boo') }`,
	"throwslate": `function() { start({headers: {'X-A': 'b'}}); send('abc'); getRow(); send('def'); throw new Error('boo') }`,
	"words":      `function() { throw ['error', 'not_found', 'zz'] }`,
	"unknown":    `function() { start({zork: 'zz'}); return 'x' }`,
	"objects":    `function() { send({a: 1}); send(5); send([1, 2]) }`,
	"sendnull":   `function() { send(null) }`,
	"loop":       `function() { for (;;); }`,
	"req":        `function(head, req) { return toJSON([req.query, req.method, req.body, req.form, req.id]) }`,
	"syntax":     `function(`,
	"empty":      ``,
	"over":       `function() { var n = 0; while (getRow()) n++; return '' + n + getRow() + getRow() }`,
	"crlf":       `function() { start({headers: {'X-A': 'b\r\nX-Evil: 1'}}); return 'x' }`,
	"badcode":    `function() { start({code: 99}); return 'x' }`,
	"this":       `function() { return this._id + typeof this.lists }`,
	"lib":        `function() { return require('lib/a').name }`,
	"prov":       `function(head, req) { provides('html', function() { send('<ul>'); var r; while (r = getRow()) send('<li>' + r.key); return '</ul>' }); provides('json', function() { send('['); var r, c = ''; while (r = getRow()) { send(c + toJSON(r.key)); c = ',' } return ']' }); provides('text', function() { return 'text' }) }`,
}

func listFunctions() []step {
	steps := []step{
		{do: "PUT /db/_design/d", send: design(map[string]any{"lists": lists, "lib": map[string]string{"a": "exports.name = 'a module'"},
			"views": map[string]any{"v": map[string]string{"map": `function(doc) { if (doc.n) emit(doc._id, doc.n) }`, "reduce": "_sum"}}}), status: 201},
		{do: "PUT /db/_design/e", send: `{"views":{"w":{"map":"function(doc) { if (doc.n) emit(doc.n, {_id: doc.link}) }"}}}`, status: 201},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"doc0","n":1,"link":"doc0"},{"_id":"doc1","n":2,"link":"doc0"},{"_id":"doc2","n":3,"link":"doc0"}]}`, status: 201},
	}
	const l = "/db/_design/d/_list/"
	rows := []string{`{"id":"doc0","key":"doc0","value":1}` + "\n", `{"id":"doc1","key":"doc1","value":2}` + "\n", `{"id":"doc2","key":"doc2","value":3}` + "\n"}
	all := `head:{"total_rows":3,"offset":0}` + "\n" + rows[0] + rows[1] + rows[2] + "tail"
	return append(steps,
		step{do: "GET " + l + "basic/v?reduce=false", status: 200, want: all, got: "Content-Type: text/plain\nX-H: 1\nContent-Security-Policy: sandbox"},
		step{do: "GET " + l + "simple/v?reduce=false", status: 200, want: "first doc0 doc1 doc2 tail", got: "Content-Type: application/json"},
		step{do: "GET " + l + "never/v?reduce=false", status: 200, want: "never"},
		step{do: "GET " + l + "never/v?reduce=false&limit=0", status: 200, want: "never"},
		step{do: "GET " + l + "early/v?reduce=false", status: 200, want: "abc"},
		step{do: "GET " + l + "code/v?reduce=false", status: 404, want: "nf", got: "X-A: y"},
		step{do: "GET " + l + "late/v?reduce=false", status: 404, want: "znf", got: "X-A: late"},
		step{do: "GET " + l + "again/v?reduce=false", status: 202, want: "ab"},
		step{do: "GET " + l + "throws/v?reduce=false", status: 500, want: `{"error":"render_error","reason":"function raised error: Error: boo \nstacktrace: …"}`},
		step{do: "GET " + l + "throwslate/v?reduce=false", status: 200, got: "X-A: b", want: "abc\n" + `{"code":500,"error":"render_error","reason":"function raised error: Error: boo \nstacktrace: …"}`},
		step{do: "GET " + l + "words/v?reduce=false", status: 404, want: problem("not_found", "zz")},
		step{do: "GET " + l + "unknown/v?reduce=false", status: 500, want: `{"error":"external_response_error",…}`},
		step{do: "GET " + l + "objects/v?reduce=false", status: 200, want: "[object Object]51,2"},
		step{do: "GET " + l + "sendnull/v?reduce=false", status: 500, want: `{"error":"render_error","reason":"function raised error: TypeError: …`},
		step{do: "GET " + l + "loop/v?reduce=false", status: 500, want: problem("os_process_error", "OS process timed out.")},
		step{do: "GET " + l + "syntax/v", status: 500, want: `{"error":"compilation_error",…}`},
		step{do: "GET " + l + "empty/v", status: 404, want: problem("not_found", "missing lists function empty on design doc _design/d")},
		step{do: "GET " + l + "over/v?reduce=false", status: 200, want: "3nullnull"},
		step{do: "GET " + l + "crlf/v", status: 500, theirs: 200, want: `{"error":"external_response_error",…}`},
		step{do: "GET " + l + "this/v", status: 200, want: "_design/dobject"},
		step{do: "GET " + l + "lib/v", status: 200, want: "a module"},
		step{do: "GET " + l + "basic/v", status: 200, want: "head:{}\n{\"key\":null,\"value\":6}\ntail"},
		step{do: "GET " + l + "basic/v?group=true", status: 200, want: "head:{}\n{\"key\":\"doc0\",\"value\":1}\n{\"key\":\"doc1\",\"value\":2}\n{\"key\":\"doc2\",\"value\":3}\ntail"},
		step{do: "GET " + l + "basic/e/w?limit=1", status: 200, want: "head:{\"total_rows\":3,\"offset\":0}\n{\"id\":\"doc0\",\"key\":1,\"value\":{\"_id\":\"doc0\"}}\ntail"},
		step{do: "GET " + l + "basic/e/w?include_docs=true&skip=1&limit=1", status: 200, want: "head:{\"total_rows\":3,\"offset\":1}\n{\"id\":\"doc1\",\"key\":2,\"value\":{\"_id\":\"doc0\"},\"doc\":{\"_id\":\"doc0\",\"_rev\":\"…\",\"n\":1,\"link\":\"doc0\"}}\ntail"},
		step{do: `GET ` + l + `basic/v?reduce=false&keys=["doc1","zz","doc0"]`, status: 200, want: "head:{…}\n" + rows[1] + rows[0] + "tail"},
		step{do: "POST " + l + "basic/v?reduce=false", send: `{"keys":["doc2"]}`, status: 200, want: "head:{…}\n" + rows[2] + "tail"},
		step{do: "POST " + l + "basic/v?reduce=false", send: `{}`, status: 200, want: all},
		step{do: "POST " + l + "basic/v?reduce=false", send: ``, status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		step{do: "POST " + l + "basic/v?reduce=false", send: `a=b`, header: "Content-Type: application/x-www-form-urlencoded", status: 415, want: problem("bad_content_type", "Content-Type must be application/json")},
		step{do: "POST " + l + "req/v?reduce=false&x=y", send: `{"keys":["doc2"],"x":1}`, status: 200, want: `[{"reduce":"false","x":"y"},"POST",{"keys":["doc2"],"x":1},{},null]`},
		step{do: "GET " + l + "req/v?reduce=false", status: 200, want: `[{"reduce":"false"},"GET","undefined",{},null]`},
		step{do: "GET " + l + "simple/_all_docs?limit=2", status: 200, want: "first _design/d _design/e tail"},
		step{do: "GET " + l + "basic/_all_docs?limit=1", status: 200, want: "head:{\"total_rows\":5,\"offset\":0}\n{\"id\":\"_design/d\",\"key\":\"_design/d\",\"value\":{\"rev\":\"…\"}}\ntail"},
		step{do: "GET " + l + "basic/v?reduce=false&descending=true&skip=1", status: 200, want: "head:{\"total_rows\":3,\"offset\":1}\n" + rows[1] + rows[0] + "tail"},
		step{do: "GET " + l + "basic/none", status: 404, want: problem("not_found", "missing_named_view")},
		step{do: "GET " + l + "none/v", status: 404, want: problem("not_found", "missing json key: none")},
		step{do: "GET " + l + "basic", status: 404, want: problem("list_error", "Invalid path.")},
		step{do: "GET " + l + "basic/d/v/x", status: 404, want: problem("list_error", "Invalid path.")},
		step{do: "GET " + l + "basic/none/v", status: 404, theirs: 500, want: problem("not_found", "missing")},
		step{do: "GET " + l + "basic/v?limit=a", status: 400, want: `{"error":"query_parse_error",…}`},
		step{do: "GET " + l + "basic/v?reduce=false&group=true", status: 400, want: `{"error":"query_parse_error","reason":"Invalid use of grouping on a map view."}`},
		step{do: "PUT " + l + "basic/v", send: "{}", status: 405, got: "Allow: GET,POST,HEAD", want: problem("method_not_allowed", "Only GET,POST,HEAD allowed")},
		step{do: "HEAD " + l + "basic/v", status: 200, got: "Content-Type: text/plain\nX-H: 1", want: ""},
		step{do: "GET " + l + "prov/v?reduce=false", header: "Accept: text/html", status: 200, want: "<ul><li>doc0<li>doc1<li>doc2</ul>", got: "Content-Type: text/html; charset=utf-8"},
		step{do: "GET " + l + "prov/v?reduce=false", status: 200, want: `["doc0","doc1","doc2"]`, got: "Content-Type: application/json"},
		step{do: "GET " + l + "prov/v?reduce=false", header: "Accept: text/plain", status: 200, want: "text", got: "Content-Type: text/plain; charset=utf-8"},
		step{do: "GET " + l + "prov/v?reduce=false", header: "Accept: image/png", status: 406, want: `{"error":"not_acceptable",…}`},
		step{do: "GET " + l + "basic/v", as: "-", status: 401},
	)
}

func TestConformanceListFunctions(t *testing.T) {
	conform(t, map[string][]step{"list_functions": patient(listFunctions())})
}
