package httpd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http/httpguts"
)

// Whatever a function answers, what is sent has a status of HTTP's and headers that
// stay in their lines.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{`{}`, `{"code":200,"body":"x","headers":{"A":"b","B":["c","d"],"C":5,"D":null}}`, `{"base64":"aGk="}`, `{"json":{"a":1}}`, `{"code":"404"}`, `{"headers":{"a\r\nb":"c"}}`, `{"headers":{"a":"b\u0000c"}}`, `{"body":["a",1]}`, `{"stop":true}`, `{"code":1e3}`, `{"headers":[1]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		r, err := parseResponse(raw)
		if err != nil {
			return
		}
		require.True(t, r.status == 0 || r.status >= 200 && r.status <= 599)
		checkHeaders(t, r.headers)
	})
}

func checkHeaders(t *testing.T, h http.Header) {
	for name, values := range h {
		require.True(t, httpguts.ValidHeaderFieldName(name), "%q", name)
		require.False(t, ofConnection[name])
		for _, v := range values {
			require.True(t, httpguts.ValidHeaderFieldValue(v), "%q", v)
		}
	}
}

// Whatever a function of rewrites answers is refused or a target within bounds.
func FuzzRewriteTarget(f *testing.F) {
	for _, s := range []string{`{"path":"a"}`, `{"path":"../..","method":"GET","query":{"a":"b"},"headers":{"A":"b"},"body":"x"}`, `{"code":302,"headers":{"Location":"x"}}`, `{"method":"G T"}`, `{"code":99}`, `{"query":{"a":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		target, err := parseRewriteTarget(raw)
		if err != nil {
			return
		}
		require.True(t, target.code == 0 || target.code >= 200 && target.code < 600)
		require.NotContains(t, target.method, " ")
		checkHeaders(t, target.headers)
	})
}

// Whatever the rules, a path is sent to a target that is a path and a query, escaped.
func FuzzRewriteRules(f *testing.F) {
	for _, s := range []string{`[{"from":"/:a/*","to":"x/:a/*","query":{"q":":a","l":[":a",1],"n":5,"o":{}},"formats":{"a":"int"}}]`, `[{"to":"../.."}]`, `[{"from":"a/:b","to":":c","method":"GET"}]`, `[1,"x"]`, `[{"from":"*","to":"a?b","query":{"key":":key","*":"*"}}]`} {
		f.Add([]byte(s), "1/b%2F?&c", `key="x"`)
	}
	f.Fuzz(func(t *testing.T, raw []byte, path, word string) {
		if !json.Valid(raw) || !isArray(raw) {
			return
		}
		rules, err := parseRewriteRules(raw, true)
		if err != nil {
			return
		}
		segments := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
		for i := range rules {
			bound, rest, ok := rules[i].match("GET", segments)
			if !ok {
				continue
			}
			target := rules[i].target(bound, rest, []binding{{name: "w", word: word}})
			u, err := url.Parse("http://h/" + target)
			require.NoError(t, err, target)
			_, err = url.ParseQuery(u.RawQuery)
			require.NoError(t, err, target)
		}
	})
}
