package httpd_test

import "testing"

// updates are the update functions of one design document.
var updates = map[string]string{
	"new":       `function(doc, req) { if (!doc) return req.id ? [{_id: req.id, b: req.body}, 'new ' + req.id] : [{_id: req.uuid}, {body: 'made'}]; doc.n = (doc.n || 0) + 1; doc.seen = toJSON(req.form); return [doc, 'upd ' + doc.n] }`,
	"none":      `function() { return [null, 'nothing'] }`,
	"text":      `function() { return 'x' }`,
	"undef":     `function() {}`,
	"short":     `function(doc) { return [doc || {_id: 'zz'}] }`,
	"json":      `function() { return [null, {json: {a: 1}}] }`,
	"code":      `function() { return [null, {code: 418, body: 'x', headers: {'X-A': '1'}}] }`,
	"codedoc":   `function(doc, req) { return [{_id: 'c'}, {code: 404, body: 'x'}] }`,
	"noid":      `function() { return [{a: 1}, 'x'] }`,
	"badid":     `function() { return [{_id: '_bad'}, 'x'] }`,
	"badmember": `function() { return [{_id: 'q', _zork: 1}, 'x'] }`,
	"textdoc":   `function() { return ['foo', 'x'] }`,
	"listdoc":   `function() { return [[1], 'x'] }`,
	"undefdoc":  `function() { return [undefined, 'x'] }`,
	"conflict":  `function() { return [{_id: 'doc'}, 'x'] }`,
	"otherid":   `function() { return [{_id: 'other/x y'}, 'x'] }`,
	"del":       `function(doc) { doc._deleted = true; return [doc, 'deleted'] }`,
	"throws":    `function() { throw new Error('x') }`,
	"words":     `function() { throw ['error', 'not_found', 'x'] }`,
	"reason":    `function() { throw {error: 'forbidden', reason: 'x'} }`,
	"number":    `function() { return [null, 5] }`,
	"nullresp":  `function() { return [null, null] }`,
	"loop":      `function() { for (;;); }`,
	"syntax":    `function(`,
	"empty":     ``,
	"base64":    `function() { return [null, {base64: 'aGk='}] }`,
	"att":       `function() { return [{_id: 'att', _attachments: {'f.txt': {content_type: 'text/plain', data: 'aGk='}}}, 'x'] }`,
	"req":       `function(doc, req) { return [null, {json: [req.id, req.body, req.form, req.method]}] }`,
	"design":    `function(doc, req) { return [{_id: '_design/' + (req.query.name || 'zz')}, 'x'] }`,
	"refused":   `function() { return [{_id: 'refused', refuse: true}, 'x'] }`,
	"worse":     `function() { return [{_id: 'refused', refuse: true}, {zork: 1}] }`,
}

func updateFunctions() []step {
	const u = "/db/_design/d/_update/"
	failed := func(message string) string {
		return `{"error":"render_error","reason":"function raised error: ` + message + ` \nstacktrace: …"}`
	}
	return []step{
		{do: "PUT /db/_design/d", send: design(map[string]any{"updates": updates}), status: 201},
		{do: "PUT /db/_design/v", send: vdu(`function(n, o, u) { if (n.refuse) throw({forbidden: 'no'}) }`), status: 201},
		{do: "PUT /db/doc", send: `{"n":1}`, status: 201},
		{do: "POST " + u + "new", status: 201, want: "made", got: "X-Couch-Update-Newrev: $R1\nContent-Type: text/html; charset=utf-8\nContent-Security-Policy: sandbox"},
		{do: "POST " + u + "none", status: 200, want: "nothing"},
		{do: "POST " + u + "text", status: 500, want: problem("render_error", "undefined response from update function")},
		{do: "POST " + u + "undef", status: 500, want: failed("TypeError: …")},
		{do: "POST " + u + "short", status: 500, want: problem("render_error", "undefined response from update function")},
		{do: "POST " + u + "json", status: 200, want: `{"a":1}`, got: "Content-Type: application/json"},
		{do: "POST " + u + "code", status: 418, want: "x", got: "X-A: 1"},
		{do: "POST " + u + "codedoc", status: 404, want: "x", got: "X-Couch-Id: c"},
		{do: "GET /db/c", status: 200},
		{do: "POST " + u + "noid", status: 400, want: problem("illegal_docid", "Document id must not be empty")},
		{do: "POST " + u + "badid", status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "POST " + u + "badmember", status: 400, want: problem("doc_validation", "Bad special document member: _zork")},
		{do: "POST " + u + "textdoc", status: 200, want: "x"},
		{do: "POST " + u + "listdoc", status: 200, want: "x"},
		{do: "POST " + u + "undefdoc", status: 200, want: "x"},
		{do: "POST " + u + "conflict", status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "POST " + u + "otherid", status: 201, want: "x", got: "X-Couch-Id: other%2Fx%20y"},
		{do: "POST " + u + "throws", status: 500, want: failed("Error: x")},
		{do: "POST " + u + "words", status: 404, want: problem("not_found", "x")},
		{do: "POST " + u + "reason", status: 403, want: problem("forbidden", "x")},
		{do: "POST " + u + "number", status: 500, want: problem("render_error", "undefined response from update function")},
		{do: "POST " + u + "nullresp", status: 500, want: problem("render_error", "undefined response from update function")},
		{do: "POST " + u + "loop", status: 500, want: problem("os_process_error", "OS process timed out.")},
		{do: "POST " + u + "syntax", status: 500, want: `{"error":"compilation_error",…}`},
		{do: "POST " + u + "empty", status: 404, want: problem("not_found", "missing updates function empty on design doc _design/d")},
		{do: "POST " + u + "base64", status: 200, want: "hi", got: "Content-Type: application/binary"},
		{do: "POST " + u + "att", status: 201, want: "x"},
		{do: "GET /db/att/f.txt", status: 200, want: "hi"},
		{do: "POST " + u + "design", status: 201, got: "X-Couch-Id: _design%2Fzz"},
		{do: "POST " + u + "refused", status: 403, want: problem("forbidden", "no")},
		{do: "POST " + u + "worse", status: 403, want: problem("forbidden", "no")},
		{do: "PUT " + u + "new/doc", status: 201, want: "upd 2", got: "X-Couch-Id: doc"},
		{do: "POST " + u + "new/doc", send: "a=b&c=d", header: "Content-Type: application/x-www-form-urlencoded", status: 201, want: "upd 3"},
		{do: "GET /db/doc", status: 200, want: `{"_id":"doc","_rev":"3-…","n":3,"seen":"{\"a\":\"b\",\"c\":\"d\"}"}`},
		{do: "PUT " + u + "new/fresh/er", send: "hello", status: 201, want: "new fresh/er", got: "X-Couch-Id: fresh%2Fer"},
		{do: "PUT " + u + "new/f%2Fg", send: "hello", status: 201, want: "new f/g"},
		{do: "DELETE " + u + "new/doc", status: 201, want: "upd 4"},
		{do: "POST " + u + "del/doc", status: 201, want: "deleted"},
		{do: "GET /db/doc", status: 404, want: problem("not_found", "deleted")},
		{do: "POST " + u + "req/x", send: "body", header: "Content-Type: text/plain", status: 200, want: `["x","body",{},"POST"]`},
		{do: "POST " + u + "req", status: 200, want: `[null,"",{},"POST"]`},
		{do: "GET " + u + "new/doc", status: 405, want: problem("method_not_allowed", "Update functions do not allow GET")},
		{do: "HEAD " + u + "new/doc", status: 405},
		{do: "POST " + u + "nosuch", status: 404, want: problem("not_found", "missing json key: nosuch")},
		{do: "POST /db/_design/d/_update", status: 404, want: problem("update_error", "Invalid path.")},
		{do: "POST " + u + "none", as: "-", status: 401},
		{do: "PUT /db/_security", send: `{"members":{"roles":[]}}`, status: 200},
		{do: "POST " + u + "new", as: "-", status: 201},
		{do: "POST " + u + "design?name=yy", as: "-", status: 401},
	}
}

func TestConformanceUpdates(t *testing.T) {
	conform(t, map[string][]step{"updates": patient(updateFunctions())})
}
