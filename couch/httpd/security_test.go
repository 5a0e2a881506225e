package httpd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseSecurity(t *testing.T) {
	for raw, want := range map[string]security{
		``:   {},
		`{}`: {},
		`{"admins":{"names":["a"],"roles":["r"]},"members":{"names":["b"]}}`: {people{[]string{"a"}, []string{"r"}}, people{Names: []string{"b"}}},
		`{"readers":{"names":["b"]}}`:                                        {Members: people{Names: []string{"b"}}},
		`{"readers":{"names":["b"]},"members":{}}`:                           {},
		`{"members":{"roles":["x"]},"readers":{"names":["b"]}}`:              {Members: people{Roles: []string{"x"}}},
		`{"Admins":{"names":["a"]},"ADMINS":{"names":["a"]},"other":7}`:      {},
		`{"admins":{"Names":["a"]}}`:                                         {},
		`{"\u0061dmins":{"names":["\u0061"]}}`:                               {Admins: people{Names: []string{"a"}}},
		`{"cloudant":{"x":["_admin"]},"couchdb_auth_only":true}`:             {},
	} {
		got, err := parseSecurity([]byte(raw))
		require.NoError(t, err, raw)
		for _, p := range []*people{&got.Admins, &got.Members, &want.Admins, &want.Members} {
			p.Names, p.Roles = append([]string{}, p.Names...), append([]string{}, p.Roles...)
		}
		require.Equal(t, want, got, raw)
	}
	for raw, reason := range map[string]string{
		`[]`:                                      "Security object must be a JSON object",
		`null`:                                    "Security object must be a JSON object",
		`{"admins":[]}`:                           "admins or members must be a JSON list of strings",
		`{"members":null}`:                        "admins or members must be a JSON list of strings",
		`{"admins":{"names":"a"}}`:                "names must be a JSON list of strings",
		`{"admins":{"names":[1]}}`:                "names must be a JSON list of strings",
		`{"members":{"roles":[null]}}`:            "roles must be a JSON list of strings",
		`{"members":{"roles":{}}}`:                "roles must be a JSON list of strings",
		`{"readers":{"roles":["a",{"b":"c"}]}}`:   "roles must be a JSON list of strings",
		`{"admins":{"names":["a"]},"members":{}`:  "invalid UTF-8 JSON",
		`{"admins":{"names":["a",]},"members":{}`: "invalid UTF-8 JSON",
	} {
		_, err := parseSecurity([]byte(raw))
		require.Equal(t, badRequest(reason), err, raw)
	}
	for _, test := range []struct {
		sec           security
		name, role    string
		member, admin bool
	}{
		{security{}, "", "", true, false},
		{security{Members: people{Roles: []string{"r"}}}, "", "", false, false},
		{security{Members: people{Names: []string{""}}}, "", "", false, false}, // "" is nobody's name
		{security{Members: people{Roles: []string{"r"}}}, "a", "r", true, false},
		{security{Admins: people{Names: []string{"a"}}}, "a", "", true, true},
		{security{Admins: people{Names: []string{"a"}}}, "A", "", true, false},
		{security{Admins: people{Names: []string{"a"}}}, "a ", "", true, false},
	} {
		require.Equal(t, test.member, test.sec.member(test.name, []string{test.role}), "%+v", test)
		require.Equal(t, test.admin, test.sec.Admins.has(test.name, []string{test.role}), "%+v", test)
	}
}

// What the scanner reads is what a decoder reads, by exact names.
func FuzzSecurity(f *testing.F) {
	for _, s := range []string{`{}`, `{"admins":{"names":["a"],"roles":["r"]},"members":{"names":["b"]}}`, `{"readers":{"names":["b"]}}`, `{"admins":{"names":["\ud800"]}}`, `{"admins":1,"admins":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sec, err := parseSecurity(raw)
		if err != nil || len(raw) == 0 {
			return
		}
		var all map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &all))
		var admins map[string]json.RawMessage
		if len(all["admins"]) > 0 {
			require.NoError(t, json.Unmarshal(all["admins"], &admins))
		}
		var names []string
		if len(admins["names"]) > 0 {
			require.NoError(t, json.Unmarshal(admins["names"], &names))
		}
		require.ElementsMatch(t, names, sec.Admins.Names)
	})
}

// No spelling of a replication lets its credentials through.
func FuzzWithoutCredentials(f *testing.F) {
	for _, s := range []string{
		`{"source":"http://u:@SECRET@h/db","target":{"url":"https://u:@SECRET@h","headers":{"A":"@SECRET"},"auth":{"x":["@SECRET"]}}}`,
		`{"source":["@SECRET"],"target":{"url":{"url":"http://@SECRET@h"}}}`, `{"source":"//u:@SECRET@h"}`, `{"s\u006furce":"http://u:p/@SECRET@h/"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := withoutCredentials(raw)
		if err != nil || !json.Valid(raw) {
			return
		}
		require.True(t, json.Valid(out), "%s", out)
		again, err := withoutCredentials(out)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
		var doc struct {
			Source, Target struct {
				Auth    json.RawMessage `json:"auth"`
				Headers json.RawMessage `json:"headers"`
			}
		}
		if json.Unmarshal(out, &doc) == nil && !strings.Contains(strings.ToLower(string(raw)), `"u`) {
			require.NotContains(t, string(doc.Source.Auth)+string(doc.Source.Headers), "SECRET")
		}
	})
}
