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
		good + `,"password_sha":"00"}`:                                                                    "Users with password_sha must have a salt.See /_utils/script/couch.js for example code.",
		good + `,"password_scheme":"md5"}`:                                                                "Password scheme `md5` not supported.",
		good + `,"password_scheme":"pbkdf2","derived_key":"00"}`:                                          "iterations must be a number.",
		good + `,"password_scheme":"pbkdf2","iterations":null,"derived_key":"00"}`:                        "iterations must be a number.",
		good + `,"password_scheme":"pbkdf2","iterations":1}`:                                              "derived_key must be a string.",
		`{"_id":"org.couchdb.user:_ada","name":"_ada","type":"user","roles":[]}`:                          "Username may not start with underscore.",
		`{"_id":"org.couchdb.user:a:b","name":"a:b","type":"user","roles":[]}`:                            "Character `:` is not allowed in usernames.",
		`{"_id":"org.couchdb.user:ada","name":"ada","type":"user","\u0072oles":["_x"],"unrelated":[1,2]}`: "No system roles (starting with underscore) in users db.",
	} {
		o, err := parseObject(json.RawMessage(doc))
		require.NoError(t, err)
		edit := UserEdit{ID: o.text("_id"), Doc: json.RawMessage(doc), By: Identity{Roles: []string{adminRole}}}
		o.scan("_deleted", &edit.Deleted)
		err = edit.Validate()
		if reason == "" {
			require.NoError(t, err, doc)
			continue
		}
		require.Equal(t, &Error{Kind: Forbidden, Reason: reason}, err, doc)
	}
	require.ErrorIs(t, UserEdit{Doc: json.RawMessage(`[]`)}.Validate(), errNotObject)
}

func TestMayEditUser(t *testing.T) {
	const ada, roles = `{"name":"ada","type":"user","roles":["b","a"]}`, `{"name":"ada","type":"user","roles":["a","b"]}`
	doc := func(roles string) string { return `{"name":"ada","type":"user","roles":[` + roles + `]}` }
	const gone = "gone"
	for name, c := range map[string]struct{ who, doc, old, reason string }{
		"anonymous signs up":             {"", doc(""), "", ""},
		"anonymous takes roles":          {"", ada, "", "Only _admin may set roles"},
		"anonymous takes a system role":  {"", doc(`"_admin"`), "", "Only _admin may set roles"},
		"anonymous edits":                {"", ada, ada, "You may only update your own user document."},
		"anonymous deletes":              {"", gone, ada, "Only admins may delete other user docs."},
		"anonymous deletes the nameless": {"", gone, `{"type":"user"}`, "Only admins may delete other user docs."},
		"deletes what is not":            {"ada", gone, "", "Only admins may delete other user docs."},
		"own, roles in any order":        {"ada", roles, ada, ""},
		"own, a new role":                {"ada", doc(`"a","b","c"`), ada, "Only _admin may edit roles"},
		"own, another role":              {"ada", doc(`"a","c"`), ada, "Only _admin may edit roles"},
		"own, another name":              {"ada", roles, `{"name":"bob"}`, "Usernames can not be changed."},
		"own, deletes":                   {"ada", gone, ada, ""},
		"another's":                      {"bob", ada, ada, "You may only update your own user document."},
		"another's, deletes":             {"bob", gone, ada, "Only admins may delete other user docs."},
		"an admin sets roles":            {"root", ada, "", ""},
		"an admin edits roles":           {"root", doc(""), ada, ""},
		"an admin renames":               {"root", ada, `{"name":"bob"}`, "Usernames can not be changed."},
		"an admin sets a system role":    {"root", doc(`"_admin"`), ada, "No system roles (starting with underscore) in users db."},
		"an admin deletes another":       {"root", gone, ada, ""},
		"a db admin edits roles":         {"keeper", doc(""), ada, ""},
		"a db admin deletes another":     {"keeper", gone, ada, "Only admins may delete other user docs."},
	} {
		t.Run(name, func(t *testing.T) {
			edit := UserEdit{ID: userID("ada"), By: Identity{Name: c.who}, DBAdmin: c.who == "keeper"}
			if c.who == "root" {
				edit.By.Roles = []string{adminRole}
			}
			if edit.Deleted = c.doc == gone; !edit.Deleted {
				edit.Doc = json.RawMessage(c.doc)
			}
			if c.old != "" {
				edit.Old = json.RawMessage(c.old)
			}
			err := edit.Validate()
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, forbidden(c.reason), err)
		})
	}
}
