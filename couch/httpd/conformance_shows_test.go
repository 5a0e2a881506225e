package httpd_test

import "testing"

// shown are the rows of shows, each a function of one design document: what it
// answers to a plain GET.
var shown = []struct {
	name, source string
	status       int
	want, got    string
	theirs       int
}{
	{name: "text", source: `function(doc, req) { return 'hello' }`, status: 200, want: "hello", got: "Content-Type: text/html; charset=utf-8\nContent-Security-Policy: sandbox\nVary: Accept\nContent-Length: 5"},
	{name: "object", source: `function(doc, req) { return {body: '<b>'} }`, status: 200, want: "<b>"},
	{name: "code", source: `function() { return {code: 418, body: 'tea', headers: {'Content-Type': 'text/plain', 'X-A': 'b'}} }`, status: 418, want: "tea", got: "Content-Type: text/plain\nX-A: b"},
	{name: "codetext", source: `function() { return {code: '404', body: 'x'} }`, status: 404, want: "x"},
	{name: "redirect", source: `function() { return {code: 302, headers: {Location: 'http://example.com/y'}} }`, status: 302, got: "Location: http://example.com/y"},
	{name: "json", source: `function() { return {json: {a: 1}} }`, status: 200, want: `{"a":1}`, got: "Content-Type: application/json\nContent-Length: 8"},
	{name: "base64", source: `function() { return {base64: 'aGk=', headers: {'Content-Type': 'image/png'}} }`, status: 200, want: "hi", got: "Content-Type: image/png"},
	{name: "badbase64", source: `function() { return {base64: '%%%'} }`, status: 500},
	{name: "stop", source: `function() { return {stop: true, body: 'x'} }`, status: 200, want: "x"},
	{name: "unknown", source: `function() { return {zork: 1, body: 'x'} }`, status: 500, want: `{"error":"external_response_error","reason":"Invalid data from external server: {<<\"zork\">>,1}"}`},
	{name: "status", source: `function() { return {status: 418, body: 'x'} }`, status: 500, want: `{"error":"external_response_error",…}`},
	{name: "nothing", source: `function() {}`, status: 200, want: "", got: "Content-Type: application/json\nContent-Length: 0"},
	{name: "null", source: `function() { return null }`, status: 200, want: ""},
	{name: "number", source: `function() { return 5 }`, status: 500, want: problem("render_error", "undefined response from show function")},
	{name: "array", source: `function() { return [1] }`, status: 500},
	{name: "bodynumber", source: `function() { return {body: 5} }`, status: 500},
	{name: "bodynull", source: `function() { return {body: null} }`, status: 500},
	{name: "bodylist", source: `function() { return {body: ['a', 'b']} }`, status: 200, want: "ab"},
	{name: "headerlist", source: `function() { return {body: '', headers: ['a']} }`, status: 500},
	{name: "headernumber", source: `function() { return {body: '', headers: {'X-A': 5}} }`, status: 200, got: "X-A: 5"},
	{name: "codefloat", source: `function() { return {code: 200.5, body: ''} }`, status: 500},
	{name: "etag", source: `function() { return {body: 'x', headers: {ETag: 'mine', Vary: 'Cookie'}} }`, status: 200, got: "Vary: Accept"},
	{name: "throwstext", source: `function() { throw 'x' }`, status: 500, want: problem("render_error", `function raised error: x \nstacktrace: undefined`)},
	{name: "throwserror", source: `function() { throw new Error('boo') }`, status: 500, want: `{"error":"render_error","reason":"function raised error: Error: boo \nstacktrace: …"}`},
	{name: "throwsobject", source: `function() { throw {forbidden: 'x'} }`, status: 500, want: problem("render_error", `function raised error: [object Object] \nstacktrace: undefined`)},
	{name: "throwswords", source: `function() { throw ['error', 'not_found', 'zz'] }`, status: 404, want: problem("not_found", "zz")},
	{name: "throwsreason", source: `function() { throw {error: 'forbidden', reason: 'zz'} }`, status: 403, want: problem("forbidden", "zz")},
	{name: "syntax", source: `function(`, status: 500, want: `{"error":"compilation_error",…}`},
	{name: "notfunction", source: `5`, status: 500, want: problem("compilation_error", "Expression does not eval to a function. (5)")},
	{name: "empty", source: ``, status: 404, want: problem("not_found", "missing shows function empty on design doc _design/d")},
	{name: "loop", source: `function() { for (;;); }`, status: 500, want: problem("os_process_error", "OS process timed out.")},
	{name: "log", source: `function() { log('x'); log({a: 1}); return 'ok' }`, status: 200, want: "ok"},
	{name: "sends", source: `function() { send('a'); send(5) }`, status: 200, want: "a5"},
	{name: "big", source: `function() { return new Array(1e6).join('xxxxxxxxxx') }`, status: 200, got: "Content-Length: 9999990"},
	{name: "this", source: `function() { return this._id + typeof this.shows }`, status: 200, want: "_design/dobject"},
	{name: "modern", source: `(doc, req) => { const {a, ...rest} = {a: 1, b: 2}; return [a ?? 0, rest?.b, ...new Set([1, 1])].join() }`, status: 200, want: "1,2,1"},
	// What would break out of a header's line, or is no status, CouchDB sends.
	{name: "crlf", source: `function() { return {body: 'x', headers: {'X-A': 'b\r\nX-Evil: 1'}} }`, status: 500, theirs: 200, want: `{"error":"external_response_error",…}`},
}

func shows() []step {
	functions := map[string]string{}
	steps := []step{{do: "PUT /db/doc", send: `{"a":1.0}`, status: 201}, {}}
	for _, s := range shown {
		functions[s.name] = s.source
		steps = append(steps, step{do: "GET /db/_design/d/_show/" + s.name, status: s.status, want: s.want, got: s.got, theirs: s.theirs})
	}
	for name, source := range map[string]string{
		"doc":     `function(doc, req) { return toJSON(doc) }`,
		"req":     `function(doc, req) { return {json: req} }`,
		"throws":  `function(doc, req) { nope() }`,
		"prov":    `function(doc, req) { provides('html', function() { return '<b>' + this._id }); provides('json', function() { return {body: toJSON({a: 1})} }); provides('xml', function() { return {body: '<x/>'} }) }`,
		"reg":     `function(doc, req) { registerType('foo', 'application/foo', 'application/x-foo'); provides('foo', function() { return 'foo' }) }`,
		"both":    `function(doc, req) { provides('html', function() { send('s'); return 'h' }); return 'pre' }`,
		"changes": `function(doc, req) { doc.x = 1; req.query.y = 2; return toJSON([doc.x, req.query]) }`,
	} {
		functions[name] = source
	}
	const s = "/db/_design/d/_show/"
	steps[1] = step{do: "PUT /db/_design/d", send: design(map[string]any{"shows": functions}), status: 201}
	return append(steps,
		step{do: "GET " + s + "doc", status: 200, want: "null"},
		step{do: "GET " + s + "doc/doc", status: 200, want: `{"_id":"doc","_rev":"1-…","a":1…,"_revisions":{"start":1,"ids":["…"]}}`},
		step{do: "GET " + s + "doc/none", status: 200, want: "null"},
		step{do: "GET " + s + "doc/a/b/c", status: 200, want: "null"},
		step{do: "GET " + s + "doc/_design/d", status: 200, want: `{"_id":"_design/d",…`},
		step{do: "GET " + s + "throws/none", status: 404, want: problem("not_found", "document not found")},
		step{do: "GET " + s + "throws/doc", status: 500, want: `{"error":"render_error","reason":"function raised error: ReferenceError: …`},
		step{do: "GET " + s + "none", status: 404, want: problem("not_found", "missing json key: none")},
		step{do: "GET /db/_design/d/_show", status: 404, want: problem("show_error", "Invalid path.")},
		step{do: "GET /db/_design/none/_show/x", status: 404, want: problem("not_found", "missing")},
		step{do: "POST " + s + "text/doc", send: "{}", status: 200, want: "hello"},
		step{do: "PUT " + s + "text/doc", send: "{}", status: 200, want: "hello"},
		step{do: "DELETE " + s + "text/doc", status: 200, want: "hello"},
		step{do: "HEAD " + s + "text/doc", status: 200, want: "", got: "Content-Length: 5"},
		step{do: "GET " + s + "text", as: "-", status: 401, want: problem("unauthorized", "You are not authorized to access this db.")},
		step{do: `GET ` + s + `req/doc?a=b&key="x"&c=%20d`, header: "Cookie: a=b; c=d\nX-Mine: 1", status: 200,
			want: `{"info":{"instance_start_time":…},"uuid":"…","id":"doc","method":"GET","requested_path":["…","_design","d","_show","req","doc?a=b&key=\"x\"&c= d"],"path":["…","_design","d","_show","req","doc"],"raw_path":"/…/_design/d/_show/req/doc?a=b&key=%22x%22&c=%20d","query":{…},"headers":{…"X-Mine":"1"…},"body":"undefined","peer":"127.0.0.1","form":{},"cookie":{},"userCtx":{"db":"…","name":"…","roles":["_admin"]},"secObj":{"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}}}`},
		step{do: "POST " + s + "req/doc", send: "a=b&c=d+e", header: "Content-Type: application/x-www-form-urlencoded", status: 200, want: `{…"id":"doc","method":"POST",…"body":"a=b&c=d+e","peer":"127.0.0.1","form":{"a":"b","c":"d e"},…`},
		step{do: "HEAD " + s + "req", status: 200},
		step{do: "GET " + s + "req?key=zork", status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		step{do: "GET " + s + "changes/doc?a=b", status: 200, want: `[1,{"a":"b","y":2}]`},
		step{do: "GET " + s + "prov", header: "Accept: text/html", status: 200, want: "<b>_design/d", got: "Content-Type: text/html; charset=utf-8"},
		step{do: "GET " + s + "prov", header: "Accept: application/json", status: 200, want: `{"a":1}`, got: "Content-Type: application/json"},
		step{do: "GET " + s + "prov", header: "Accept: application/xml;q=0.5, text/html;q=0.3", status: 200, want: "<x/>", got: "Content-Type: application/xml"},
		step{do: "GET " + s + "prov", header: "Accept: text/xml", status: 200, want: "<x/>", got: "Content-Type: text/xml"},
		step{do: "GET " + s + "prov", header: "Accept: */*", status: 200, want: "<b>_design/d"},
		step{do: "GET " + s + "prov", header: "Accept: text/*", status: 200, want: "<b>_design/d"},
		step{do: "GET " + s + "prov", header: "Accept: image/png", status: 406, want: problem("not_acceptable", "Content-Type image/png not supported, try one of: application/xml, text/xml, application/x-xml, application/json, text/x-json, text/html; charset=utf-8")},
		step{do: "GET " + s + "prov?format=xml", status: 200, want: "<x/>", got: "Content-Type: application/xml"},
		step{do: "GET " + s + "prov?format=zork", status: 406, theirs: 500, want: `{"error":"not_acceptable",…}`},
		step{do: "GET " + s + "reg", header: "Accept: application/x-foo", status: 200, want: "foo", got: "Content-Type: application/x-foo"},
		step{do: "GET " + s + "both", header: "Accept: text/html", status: 200, want: "presh"},
	)
}

func TestConformanceShows(t *testing.T) { conform(t, map[string][]step{"shows": patient(shows())}) }
