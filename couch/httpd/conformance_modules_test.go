package httpd_test

import "testing"

// modules are what a show requires, by the name in its query.
func modules() []step {
	steps := []step{{do: "PUT /db/_design/d", send: design(map[string]any{
		"lib": map[string]any{
			"bad": "syntax error(", "throws": "throw new Error('boo')", "words": "throw ['error', 'not_found', 'q']", "number": 5,
			"ok": "exports.x = require('./obj/a').x; exports.id = module.id", "nested": "require('./throws')", "missing": "require('./nope')",
			"obj": map[string]string{"a": "exports.x = 1"}, "whole": "module.exports = function() { return 'f' }()",
			"one": "exports.a = 1; require('lib/two')", "two": "exports.b = require('lib/one').a",
			"deep": map[string]string{"d": "exports.x = require('../ok').x; exports.y = require('./e').y", "e": "exports.y = module.id"},
			"sees": "exports.sees = [typeof emit, typeof sum, typeof isArray, typeof send, typeof require].join()",
		},
		"shows": map[string]string{"s": "function(doc, req) { return toJSON(require(req.query.p)) }"},
	}), status: 201}}
	for _, m := range []struct {
		name   string
		status int
		want   string
	}{
		{"lib/ok", 200, `{"x":1,"id":"lib/ok"}`},
		{"lib/whole", 200, `"f"`},
		{"lib/deep/d", 200, `{"x":1,"y":"lib/deep/e"}`},
		{"lib/obj/a", 200, `{"x":1}`},
		{"lib/one", 200, `{"a":1}`},
		{"lib/sees", 200, `{"sees":"function,function,function,function,function"}`},
		{"lib/bad", 500, `{"error":"compilation_error","reason":"Module require('lib/bad') raised error SyntaxError: …`},
		{"lib/throws", 500, problem("compilation_error", "Module require('lib/throws') raised error Error: boo")},
		{"lib/words", 500, problem("compilation_error", "Module require('lib/words') raised error error,not_found,q")},
		{"lib/nested", 500, problem("compilation_error", "Module require('lib/nested') raised error error,compilation_error,Module require('./throws') raised error Error: boo")},
		{"lib/missing", 500, `{"error":"compilation_error","reason":"Module require('lib/missing') raised error error,invalid_require_path,Object has no property \"nope\".…`},
		{"lib/number", 500, problem("invalid_require_path", "Must require a JavaScript string, not: number")},
		{"lib/obj", 500, problem("invalid_require_path", "Must require a JavaScript string, not: object")},
		{"lib/nope", 500, `{"error":"invalid_require_path","reason":"Object has no property \"nope\".…`},
		{"lib/ok/zz", 500, `{"error":"invalid_require_path","reason":"Object has no property \"zz\".…`},
		{"nope", 500, `{"error":"invalid_require_path","reason":"Object has no property \"nope\".…`},
	} {
		for range 2 { // a module that failed is tried again
			steps = append(steps, step{do: "GET /db/_design/d/_show/s?p=" + m.name, status: m.status, want: m.want})
		}
	}
	return steps
}

func TestConformanceModules(t *testing.T) { conform(t, map[string][]step{"modules": modules()}) }
