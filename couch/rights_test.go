package couch

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRights(t *testing.T) {
	for raw, want := range map[string]Rights{
		``:   {},
		`{}`: {},
		`{"admins":{"names":["a"],"roles":["r"]},"members":{"names":["b"]}}`: {People{[]string{"a"}, []string{"r"}}, People{Names: []string{"b"}}},
		`{"readers":{"names":["b"]}}`:                                        {Members: People{Names: []string{"b"}}},
		`{"readers":{"names":["b"]},"members":{}}`:                           {},
		`{"members":{"roles":["x"]},"readers":{"names":["b"]}}`:              {Members: People{Roles: []string{"x"}}},
		`{"Admins":{"names":["a"]},"ADMINS":{"names":["a"]},"other":7}`:      {},
		`{"admins":{"Names":["a"]}}`:                                         {},
		`{"\u0061dmins":{"names":["\u0061"]}}`:                               {Admins: People{Names: []string{"a"}}},
		`{"cloudant":{"x":["_admin"]},"couchdb_auth_only":true}`:             {},
	} {
		got, err := ParseRights([]byte(raw))
		require.NoError(t, err, raw)
		for _, p := range []*People{&got.Admins, &got.Members, &want.Admins, &want.Members} {
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
		_, err := ParseRights([]byte(raw))
		require.Equal(t, &Error{Kind: BadRequest, Reason: reason}, err, raw)
	}
	for _, test := range []struct {
		sec           Rights
		name, role    string
		member, admin bool
	}{
		{Rights{}, "", "", true, false},
		{Rights{Members: People{Roles: []string{"r"}}}, "", "", false, false},
		{Rights{Members: People{Names: []string{""}}}, "", "", false, false}, // "" is nobody's name
		{Rights{Members: People{Roles: []string{"r"}}}, "a", "r", true, false},
		{Rights{Admins: People{Names: []string{"a"}}}, "a", "", true, true},
		{Rights{Admins: People{Names: []string{"a"}}}, "A", "", true, false},
		{Rights{Admins: People{Names: []string{"a"}}}, "a ", "", true, false},
	} {
		require.Equal(t, test.member, test.sec.Member(test.name, []string{test.role}), "%+v", test)
		require.Equal(t, test.admin, test.sec.Admin(test.name, []string{test.role}), "%+v", test)
	}
}

// What the scanner reads is what a decoder reads, by exact names.
func FuzzRights(f *testing.F) {
	for _, s := range []string{`{}`, `{"admins":{"names":["a"],"roles":["r"]},"members":{"names":["b"]}}`, `{"readers":{"names":["b"]}}`, `{"admins":{"names":["\ud800"]}}`, `{"admins":1,"admins":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sec, err := ParseRights(raw)
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
