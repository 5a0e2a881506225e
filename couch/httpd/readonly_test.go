package httpd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/httpd"
)

// Clients may not write the documents of a copy, in any way, and all else.
func TestReadOnly(t *testing.T) {
	h := start(t, httpd.Options{ReadOnly: map[string]string{"copy": "Write it there."}})
	for _, s := range []step{
		{do: "PUT /copy", status: 201},
		{do: "PUT /other", status: 201},
		{do: "PUT /other/a", send: "{}", status: 201},
		{do: "PUT /copy/a", send: "{}", status: 403, want: problem("forbidden", "Write it there.")},
		{do: "POST /copy", send: "{}", status: 403, want: problem("forbidden", "Write it there.")},
		{do: "PUT /copy/_design/d", send: "{}", status: 403, want: problem("forbidden", "Write it there.")},
		{do: "PUT /copy/a/att", send: "x", status: 403, want: problem("forbidden", "Write it there.")},
		{do: "PUT /copy/a?new_edits=false", send: `{"_rev":"1-a"}`, status: 403, want: problem("forbidden", "Write it there.")},
		{do: "POST /copy/_bulk_docs", send: `{"docs":[{"_id":"a"}]}`, status: 201, want: `[{"id":"a","error":"forbidden","reason":"Write it there."}]`},
		{do: "POST /copy/_bulk_docs", send: `{"new_edits":false,"docs":[{"_id":"a","_rev":"1-a"}]}`, status: 201, want: `[{"id":"a","rev":"1-a","error":"forbidden","reason":"Write it there."}]`},
		{do: "PUT /copy/_local/checkpoint", send: "{}", status: 201}, // whoever replicates from here keeps one
		{do: "GET /copy", status: 200, want: `{…"doc_count":0,…}`},
		{do: "POST /copy/_compact", send: "{}", status: 202},
	} {
		method, path, _ := strings.Cut(s.do, " ")
		status, _, body := do(t, h.base, "", method, path, "Content-Type: application/json", s.send)
		require.Equal(t, s.status, status, "%s: %s", s.do, body)
		if s.want != "" {
			require.Regexp(t, pattern(s.want), body, s.do)
		}
	}
	db, err := h.store.DB("copy")
	require.NoError(t, err)
	d, err := couch.ParseDocument([]byte(`{"_id":"a","from":"there"}`))
	require.NoError(t, err)
	_, err = db.Put(t.Context(), d, couch.WriteOptions{})
	require.NoError(t, err, "the server itself writes")
	status, _, _ := do(t, h.base, "", "DELETE", "/copy/a?rev=1-x", "", "")
	require.NotEqual(t, 200, status)
}

// Who is no server admin reads what is kept, where _security lets them in, and writes nothing of it.
func TestKept(t *testing.T) {
	const reason = "Not yours."
	h := start(t, httpd.Options{Kept: map[string]string{"shop": reason}})
	step := func(user, method, path, send string, status int) {
		t.Helper()
		got, _, body := do(t, h.base, user, method, path, "Content-Type: application/json", send)
		require.Equal(t, status, got, "%s %s: %s", method, path, body)
		if status == 403 {
			require.Contains(t, body, reason)
		}
	}
	step("", "PUT", "/shop", "", 201)
	step("", "PUT", "/_users/org.couchdb.user:rea", `{"name":"rea","password":"secret-rea","type":"user","roles":["reader"]}`, 201)
	step("", "PUT", "/shop/_security", `{"admins":{"names":["rea"],"roles":[]},"members":{"roles":["reader"]}}`, 200)
	step("", "PUT", "/shop/a", "{}", 201)
	step("rea:secret-rea", "GET", "/shop/a", "", 200)
	step("rea:secret-rea", "PUT", "/shop/b", "{}", 403)
	step("rea:secret-rea", "PUT", "/shop/b?new_edits=false", `{"_rev":"1-a"}`, 403)
	step("rea:secret-rea", "PUT", "/shop/_design/d", "{}", 403)
	step("rea:secret-rea", "PUT", "/shop/_local/c", "{}", 201)
	status, _, body := do(t, h.base, "rea:secret-rea", "POST", "/shop/_bulk_docs", "Content-Type: application/json", `{"docs":[{"_id":"b"}]}`)
	require.Equal(t, 201, status)
	require.Contains(t, body, reason)
	step("", "PUT", "/shop/b", "{}", 201)
}
