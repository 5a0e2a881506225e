package auth

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateUser(t *testing.T) {
	const good = `{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":[]`
	for doc, reason := range map[string]string{
		good + `}`:                      "",
		good + `,"password":"abc"}`:     "",
		`{"_id":"x","_deleted":true}`:   "",
		good + `,"roles":["_metrics"]}`: "",
		good + `,"password_scheme":"pbkdf2","iterations":10,"derived_key":"00"}`:                          "",
		`{"_id":"org.couchdb.user:ada","name":"ada","roles":[]}`:                                          "doc.type must be user",
		`{"_id":"org.couchdb.user:ada","name":"ada","roles":[],"Type":"user"}`:                            "doc.type must be user",
		`{"_id":"org.couchdb.user:","type":"user","roles":[]}`:                                            "doc.name is required",
		`{"_id":"org.couchdb.user:","name":"","type":"user","roles":[]}`:                                  "doc.name is required",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user"}`:                                       "doc.roles must exist",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":null}`:                          "doc.roles must exist",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":"dev"}`:                         "doc.roles must be an array",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":{}}`:                            "doc.roles must be an array",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","roles":["a",1]}`:                       "doc.roles can only contain strings",
		`{"_id":"org.couchdb.user:bob","name":"ada","type":"user","roles":[]}`:                            "Doc ID must be of the form org.couchdb.user:name",
		good + `,"roles":["_admin"]}`:                                                                     "No system roles (starting with underscore) in users db.",
		good + `,"password_sha":"00"}`:                                                                    "Users with password_sha must have a salt. See /_utils/script/couch.js for example code.",
		good + `,"password_scheme":"md5"}`:                                                                "Password scheme `md5` not supported.",
		good + `,"password_scheme":"pbkdf2","derived_key":"00"}`:                                          "iterations must be a number.",
		good + `,"password_scheme":"pbkdf2","iterations":null,"derived_key":"00"}`:                        "iterations must be a number.",
		good + `,"password_scheme":"pbkdf2","iterations":1}`:                                              "derived_key must be a string.",
		`{"_id":"org.couchdb.user:_ada","name":"_ada","type":"user","roles":[]}`:                          "Username may not start with underscore.",
		`{"_id":"org.couchdb.user:a:b","name":"a:b","type":"user","roles":[]}`:                            "Character `:` is not allowed in usernames.",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","\u0072oles":["_x"],"unrelated":[1,2]}`: "No system roles (starting with underscore) in users db.",
	} {
		err := ValidateUser(json.RawMessage(doc))
		if reason == "" {
			require.NoError(t, err, doc)
			continue
		}
		require.Equal(t, &Error{Kind: Forbidden, Reason: reason}, err, doc)
	}
	require.ErrorIs(t, ValidateUser(json.RawMessage(`[]`)), errNotObject)
}

func TestMayEditUser(t *testing.T) {
	const ada, roles = `{"name":"ada","roles":["b","a"]}`, `{"name":"ada","roles":["a","b"]}`
	for name, c := range map[string]struct{ who, doc, old, reason string }{
		"anonymous signs up":       {"", `{"name":"ada","roles":[]}`, "", ""},
		"anonymous takes roles":    {"", ada, "", "Only _admin may set roles"},
		"anonymous edits":          {"", ada, ada, "You may only update your own user document."},
		"anonymous deletes":        {"", `{"_deleted":true}`, ada, "Only admins may delete other user docs."},
		"deletes what is not":      {"ada", `{"_deleted":true}`, "", "Only admins may delete other user docs."},
		"own, roles in any order":  {"ada", roles, ada, ""},
		"own, a new role":          {"ada", `{"name":"ada","roles":["a","b","c"]}`, ada, "Only _admin may edit roles"},
		"own, another role":        {"ada", `{"name":"ada","roles":["a","c"]}`, ada, "Only _admin may edit roles"},
		"own, another name":        {"ada", `{"name":"bob","roles":["a","b"]}`, ada, "Usernames can not be changed."},
		"own, deletes":             {"ada", `{"_deleted":true}`, ada, ""},
		"another's":                {"bob", ada, ada, "You may only update your own user document."},
		"another's, deletes":       {"bob", `{"_deleted":true}`, ada, "Only admins may delete other user docs."},
		"an admin sets roles":      {"root", ada, "", ""},
		"an admin edits roles":     {"root", `{"name":"ada","roles":[]}`, ada, ""},
		"an admin deletes another": {"root", `{"_deleted":true}`, ada, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id := Identity{Name: c.who}
			if c.who == "root" {
				id.Roles = []string{"_admin"}
			}
			var old json.RawMessage
			if c.old != "" {
				old = json.RawMessage(c.old)
			}
			err := MayEditUser(id, json.RawMessage(c.doc), old)
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, forbidden(c.reason), err)
		})
	}
}
