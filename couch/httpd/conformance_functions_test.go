package httpd_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// design is a design document's body.
func design(members map[string]any) string {
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// vdu is a design document with a validation function.
func vdu(source string) string { return design(map[string]any{"validate_doc_update": source}) }

// refusing tells a validation function's document: each row is a database of its own.
func refusing(source string, status int, want string) []step {
	return []step{
		{do: "PUT /db/_design/v", send: vdu(source), status: 201},
		{do: "PUT /db/a", send: `{"n":1,"list":[2,1]}`, status: status, want: want},
	}
}

// tell is a validation function that tells what it was called with.
const tell = `function(newDoc, oldDoc, userCtx, secObj) { if (!newDoc.pass) throw({forbidden: toJSON([newDoc, oldDoc])}) }`

var validations = map[string][]step{
	"vdu_forbidden":    refusing(`function(n, o, u, s) { throw({forbidden: 'no'}) }`, 403, problem("forbidden", "no")),
	"vdu_unauthorized": refusing(`function(n, o, u, s) { throw({unauthorized: 'who'}) };`, 401, problem("unauthorized", "who")),
	"vdu_other":        refusing(`function(n, o, u, s) { throw({other: 'oth'}) }`, 500, problem("unknown_error", "oth")),
	"vdu_text":         refusing(`function(n, o, u, s) { throw('text') }`, 500, problem("unknown_error", "text")),
	"vdu_array":        refusing(`function(n) { throw(['fatal', 'k', 'zz']) }`, 500, problem("k", "zz")),
	"vdu_error":        refusing(`function(n) { throw new Error('boo') }`, 500, `{"error":"Error",…}`),
	"vdu_reference":    refusing(`function(n) { nope() }`, 500, `{"error":"ReferenceError",…}`),
	"vdu_null":         refusing(`function(n) { null.x }`, 500, `{"error":"TypeError",…}`),
	"vdu_syntax":       refusing(`function(n, o, u, s) {`, 500, `{"error":"compilation_error","reason":"…(function(n, o, u, s) {)"}`),
	"vdu_number":       refusing(`1`, 500, problem("compilation_error", "Expression does not eval to a function. (1)")),
	"vdu_empty":        refusing(``, 404, problem("not_found", "missing validate_doc_update function validate_doc_update on design doc _design/v")),
	"vdu_returns":      refusing(`function() { return 'x' }`, 201, ""),
	"vdu_arrow":        refusing(`(n) => { throw({forbidden: 'x'}) }`, 403, problem("forbidden", "x")),
	"vdu_statements":   refusing("var why = 'x';\nfunction help() { return why }\nfunction(n) { throw({forbidden: help()}) };", 403, problem("forbidden", "x")),
	"vdu_context": refusing(`function(n, o, u, s) { throw({forbidden: toJSON([n, o, u.roles, s, this._id])}) }`, 403,
		problem("forbidden", `[{\"_id\":\"a\",\"n\":1,\"list\":[2,1]},null,[\"_admin\"],{\"members\":{\"roles\":[\"_admin\"]},\"admins\":{\"roles\":[\"_admin\"]}},\"_design/v\"]`)),
	"vdu_drafts": refusing(`function(n) { n.x = 1; n.list.sort(); n.list.push(3); delete n.n; throw({forbidden: JSON.stringify([n, Object.isFrozen(n), n.list.length, isArray(n.list)])}) }`, 403,
		problem("forbidden", `[{\"_id\":\"a\",\"list\":[1,2,3],\"x\":1},false,3,true]`)),
	"vdu_sandbox": refusing(`function(n) { throw({forbidden: [typeof emit, typeof sum, typeof log, typeof toJSON, typeof isArray, typeof require, typeof getRow, typeof start, typeof send, typeof provides, typeof registerType, typeof JSON, typeof console, typeof print, typeof readline, typeof evalcx, typeof Couch, typeof setTimeout].join()}) }`, 403,
		problem("forbidden", "function,function,function,function,function,function,function,function,function,function,function,object,undefined,undefined,undefined,undefined,undefined,undefined")),
	"vdu_ddoc_fields": {
		{do: "PUT /db/_design/v", send: `{"validate_doc_update":5}`, status: 400, want: problem("invalid_design_doc", "`validate_doc_update` field must have string type")},
		{do: "PUT /db/_design/v", send: `{"validate_doc_update":null}`, status: 400, want: problem("invalid_design_doc", "`validate_doc_update` field must have string type")},
		{do: "PUT /db/_design/v", send: `{"shows":5}`, status: 400, want: problem("invalid_design_doc", "`shows` field must have object type")},
		{do: "PUT /db/_design/v", send: `{"lists":{"x":5}}`, status: 400, want: `{"error":"invalid_design_doc",…}`},
		{do: "PUT /db/_design/v", send: `{"updates":[]}`, status: 400, want: problem("invalid_design_doc", "`updates` field must have object type")},
		{do: "PUT /db/_design/v", send: `{"rewrites":{}}`, status: 400, want: `{"error":"invalid_design_doc","reason":"` + "`rewrites` field must have …"},
	},
	"vdu_ways": {
		{do: "PUT /db/a", send: `{"x":1}`, status: 201},
		{do: "PUT /db/a/f.txt?rev=$LAST", send: "hello", header: "Content-Type: application/octet-stream", status: 201},
		{do: "PUT /db/_design/v", send: vdu(tell), status: 201},
		{do: "GET /db/a", status: 200},
		{do: "DELETE /db/a?rev=2-f29a28ec9d5337209f13790f4e6797de", status: 403, want: problem("forbidden", `[{\"_id\":\"a\",\"_rev\":\"2-f29a28ec9d5337209f13790f4e6797de\",\"_deleted\":true,\"_revisions\":{\"start\":2,\"ids\":[\"f29a28ec9d5337209f13790f4e6797de\"]}},{\"_id\":\"a\",\"_rev\":\"2-f29a28ec9d5337209f13790f4e6797de\",\"x\":1,\"_revisions\":{\"start\":2,\"ids\":[\"f29a28ec9d5337209f13790f4e6797de\",\"0785e9eb543380151003dc452c3a001a\"]},\"_attachments\":{\"f.txt\":{\"content_type\":\"application/octet-stream\",\"revpos\":2,\"digest\":\"md5-XUFAKrxLKna5cZ2REBfFkg==\",\"length\":5,\"stub\":true}}}]`)},
		{do: "PUT /db/a", send: `{"_rev":"2-f29a28ec9d5337209f13790f4e6797de","_deleted":true,"why":1}`, status: 403, want: `{"error":"forbidden","reason":"[{…\"why\":1,\"_deleted\":true,…`},
		{do: "PUT /db/a", send: `{"_rev":"2-f29a28ec9d5337209f13790f4e6797de","_attachments":{"f.txt":{"stub":true},"g":{"data":"aGk="}}}`, status: 403, want: `{"error":"forbidden","reason":"[{…\"_attachments\":{\"f.txt\":{\"content_type\":\"application/octet-stream\",\"revpos\":2,\"digest\":\"md5-XUFAKrxLKna5cZ2REBfFkg==\",\"length\":5,\"stub\":true},\"g\":{…\"length\":2,\"stub\":true}}},{…`},
		{do: "PUT /db/a/h.txt?rev=2-f29a28ec9d5337209f13790f4e6797de", send: "hello", header: "Content-Type: text/plain", status: 403, want: `{"error":"forbidden","reason":"[{…\"h.txt\":…`},
		{do: "DELETE /db/a/f.txt?rev=2-f29a28ec9d5337209f13790f4e6797de", status: 403, want: `{"error":"forbidden",…`},
		{do: "PUT /db/a", send: `{}`, status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "PUT /db/a", send: `{"_rev":"2-abc"}`, status: 409},
		{do: "COPY /db/a", header: "Destination: z", status: 403, want: `{"error":"forbidden","reason":"[{\"_id\":\"z\",\"x\":1,\"_attachments\":{\"f.txt\":…},null]"}`},
		{do: "POST /db", send: `{"_id":"pp"}`, status: 403, want: problem("forbidden", `[{\"_id\":\"pp\"},null]`)},
		{do: "PUT /db/d?batch=ok", send: `{}`, status: 403, theirs: 202},
		{do: "PUT /db/_local/c", send: `{}`, status: 201},
		{do: "PUT /db/_design/w", send: `{}`, status: 201},
		{do: "POST /db/_bulk_docs", send: `{"docs":[{"_id":"b"},{"_id":"c","pass":1},{"_id":"a"}]}`, status: 201, want: `[{"id":"b","error":"forbidden","reason":"[{\"_id\":\"b\"},null]"},{"ok":true,"id":"c","rev":"…"},{"id":"a","error":"conflict","reason":"Document update conflict."}]`},
		{do: "POST /db/_bulk_docs", send: `{"new_edits":false,"docs":[{"_id":"b","_rev":"3-abc"},{"_id":"c","_rev":"4-abc","pass":1}]}`, status: 201, want: `[{"id":"b","rev":"3-abc","error":"forbidden","reason":"[{\"_id\":\"b\",\"_rev\":\"3-abc\",\"_revisions\":{\"start\":3,\"ids\":[\"abc\"]}},null]"}]`},
		{do: "POST /db/_bulk_docs", send: `{"new_edits":false,"docs":[{"_id":"a","_revisions":{"start":4,"ids":["x","y","f29a28ec9d5337209f13790f4e6797de","0785e9eb543380151003dc452c3a001a"]}}]}`, status: 201,
			want: `[{"id":"a","rev":"4-x","error":"forbidden","reason":"[{\"_id\":\"a\",\"_rev\":\"4-x\",\"_revisions\":{\"start\":4,\"ids\":[\"x\",\"y\",\"f29a28ec9d5337209f13790f4e6797de\",\"0785e9eb543380151003dc452c3a001a\"]}},{\"_id\":\"a\",\"_rev\":\"2-f29a28ec9d5337209f13790f4e6797de\",\"x\":1,…`},
		{do: "PUT /db/b?new_edits=false", send: `{"_rev":"3-abc"}`, status: 403, want: `{"error":"forbidden",…`},
		{do: "PUT /db/del", send: `{"pass":1}`, status: 201},
		{do: "PUT /db/del", send: `{"pass":1,"_deleted":true,"_rev":"$LAST"}`, status: 200},
		{do: "PUT /db/del", send: `{"new":1}`, status: 403, want: problem("forbidden", `[{\"_id\":\"del\",\"new\":1},null]`)},
	},
	"vdu_order": {
		{do: "PUT /db/_design/b", send: vdu(`function(n) { if (!n.b) throw({forbidden: 'b'}) }`), status: 201},
		{do: "PUT /db/_design/B", send: vdu(`function(n) { if (!n.B) throw({forbidden: 'B'}) }`), status: 201},
		{do: "PUT /db/_design/a", send: vdu(`function(n) { if (!n.a) throw({forbidden: 'a'}) }`), status: 201},
		{do: "PUT /db/x", send: `{}`, status: 403, want: problem("forbidden", "B")},
		{do: "PUT /db/x", send: `{"B":1}`, status: 403, want: problem("forbidden", "a")},
		{do: "PUT /db/x", send: `{"B":1,"a":1}`, status: 403, want: problem("forbidden", "b")},
		{do: "PUT /db/x", send: `{"B":1,"a":1,"b":1}`, status: 201},
	},
	"vdu_language": {
		{do: "PUT /db/_design/a", send: `{"language":"zork","validate_doc_update":"function(){}"}`, status: 201},
		{do: "PUT /db/x", send: `{}`, status: 500, want: problem("unknown_query_language", "zork")},
	},
	"vdu_loop": {
		{do: "PUT /db/_design/a", send: vdu(`function() { for (;;); }`), status: 201},
		{do: "PUT /db/loop", send: `{}`, status: 500, want: problem("os_process_error", "OS process timed out.")},
	},
	"vdu_require": {
		{do: "PUT /db/_design/a", send: design(map[string]any{
			"lib":                 map[string]any{"say": "exports.no = function(what) { throw({forbidden: require('./deep/words').sorry + what}) }", "deep": map[string]any{"words": "module.exports = {sorry: 'sorry, ' + module.id}"}},
			"validate_doc_update": "function(n) { require('lib/say').no(n._id) }",
		}), status: 201},
		{do: "PUT /db/x", send: `{}`, status: 403, want: problem("forbidden", "sorry, lib/deep/wordsx")},
	},
	"vdu_security": {
		{do: "PUT /db/_design/a", send: vdu(`function(n, o, u, s) { throw({forbidden: toJSON(s)}) }`), status: 201},
		{do: "PUT /db/_security", send: `{"members":{"roles":["x"]},"mine":1}`, status: 200},
		{do: "PUT /db/x", send: `{}`, status: 403, want: `{"error":"forbidden","reason":"{…\"mine\":1…`},
	},
}

func TestConformanceValidation(t *testing.T) {
	all := maps.Clone(validations)
	for name, steps := range all {
		all[name] = patient(steps)
	}
	conform(t, all)
}

// patient leaves out the steps that run into the time limit where tests are to be short.
func patient(steps []step) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return testing.Short() && strings.Contains(s.do, "/loop") })
}
