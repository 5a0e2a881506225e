package httpd_test

import (
	"strings"
	"testing"
)

// form is the body of a form's upload. A part is "name|value" or "name|file|value".
func form(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		name, value, _ := strings.Cut(p, "|")
		b.WriteString("--xx\r\nContent-Disposition: form-data; name=\"" + name + `"`)
		if file, bytes, ok := strings.Cut(value, "|"); ok {
			b.WriteString(`; filename="` + file + "\"\r\nContent-Type: x/y")
			value = bytes
		}
		b.WriteString("\r\n\r\n" + value + "\r\n")
	}
	return b.String() + "--xx--\r\n"
}

// Uploads by HTML forms, with the answers of CouchDB 3.5.0.
func TestFormConformance(t *testing.T) {
	const (
		upload = "Content-Type: multipart/form-data; boundary=xx\nReferer: http://$HOST/page"
		stubF  = `"f.bin":{"content_type":"x/y","revpos":2,"digest":"md5-XUFAKrxLKna5cZ2REBfFkg==","length":5,"stub":true}`
		stubG  = `"g":{"content_type":"x/y","revpos":3,"digest":"md5-…","length":3,"stub":true}`
	)
	conform(t, map[string][]step{"forms": {
		{do: "POST /db/a", header: upload, send: form("_doc|{}"), status: 201, want: `{"ok":true,"id":"a","rev":"$R1"}`, got: `Etag: "$R1"`},
		{do: "POST /db/a", header: upload, send: form("_doc|{}"), status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "POST /db/a", header: upload, send: form("_rev|$R1", "_attachments|f.bin|hello"), status: 201, want: `{"ok":true,"id":"a","rev":"2-40592ae986e03bd23f3d4bcfed97fccf"}`},
		{do: "POST /db/a", header: upload, send: form("_rev|$LAST", "_attachments|g|bye"), status: 201},
		{do: "GET /db/a", status: 200, want: `{"_id":"a","_rev":"$LAST","_attachments":{` + stubG + "," + stubF + "}}"},
		{do: "POST /db/a", header: upload, send: form("_rev|$LAST", "_attachments|g|again", "_attachments|h|x"), status: 201},
		{do: "GET /db/a/g", status: 200, want: "again"},
		{do: "GET /db/a/f.bin", status: 200, want: "hello"},
		{do: "POST /db/b", header: upload, send: form(`_doc|{"v":1}`, "_attachments|f|hello", "_attachments|g|bye"), status: 201, want: `{"ok":true,"id":"b","rev":"1-5e092fc027a6a237aefca8a95538d153"}`},
		{do: "POST /db/b?rev=$LAST", header: upload, send: form(`_doc|{"v":2}`), status: 201},
		{do: "GET /db/b", status: 200, want: `{"_id":"b","_rev":"$LAST","v":2}`},
		{do: "POST /db/_design/x", header: upload, send: form("_doc|{}"), status: 201, want: `{"ok":true,"id":"_design/x","rev":"$R1"}`},
		{do: "POST /db/_design/y", as: "-", header: upload, send: form("_doc|{}"), status: 401},
		{do: "POST /db/c", header: upload, send: form("_rev|x"), status: 400, want: problem("bad_request", "Invalid rev format")},
		{do: "POST /db/c", header: upload, send: form("_doc|[]"), status: 400, want: problem("bad_request", "Document must be a JSON object")},
		{do: "POST /db/c", header: upload, send: form("_doc|{"), status: 400, want: problem("bad_request", "invalid UTF-8 JSON")},
		{do: "POST /db/c", header: upload, send: form("_doc|{}", "_attachments|_f|x"), status: 400, want: problem("bad_request", "Attachment name '_f' starts with prohibited character '_'")},
		{do: "POST /db/_c", header: upload, send: form("_doc|{}"), status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "POST /db/a", header: upload, send: form("_rev|9-x"), status: 404, theirs: 500},
		{do: "POST /db/c", header: upload, send: form(), status: 400, theirs: 500},
		{do: "POST /db/c", header: "Referer: http://$HOST/", send: "{}", status: 415, want: problem("bad_content_type", "Content-Type must be multipart/form-data")},
		{do: "POST /db/c", header: "Content-Type: application/x-www-form-urlencoded\nReferer: http://$HOST/", send: "a=b", status: 415},
		{do: "POST /db/c", send: "{}", status: 400, want: problem("bad_request", "Referer header required.")},
		{do: "POST /db/c", header: "Referer: http://elsewhere/", send: "{}", status: 400, want: problem("bad_request", "Referer header must match host.")},
	}})
}
