package httpd_test

import (
	"strings"
	"testing"
)

func TestConformanceOfAttachments(t *testing.T) { conform(t, attachmentScenarios) }

// multipart/related bodies of the boundary xx: the document, then parts without headers.
func related(doc string, bodies ...string) string {
	return "--xx\r\nContent-Type: application/json\r\n\r\n" + doc + "\r\n--xx\r\n\r\n" + strings.Join(bodies, "\r\n--xx\r\n\r\n") + "\r\n--xx--"
}

const (
	relatedType = "Content-Type: multipart/related;boundary=\"xx\""
	noRange     = "requested_range_not_satisfiable"
	b64text     = "VGhpcyBpcyBhIGJhc2U2NCBlbmNvZGVkIHRleHQ=" // This is a base64 encoded text
)

var attachmentScenarios = map[string][]step{
	"attachments": {
		{do: "PUT /db/a/dir/bin.x", header: "Content-Type: x/y", send: "hello", status: 201, want: `{"ok":true,"id":"a","rev":"1-…"}`, got: "Etag: "},
		{do: "GET /db/a/dir/bin.x", status: 200, want: "hello", got: "Content-Type: x/y\nAccept-Ranges: bytes\nContent-Length: 5\nContent-Security-Policy: sandbox\nCache-Control: must-revalidate\nEtag: \"XUFAKrxLKna5cZ2REBfFkg==\""},
		{do: "GET /db/a/dir%2Fbin.x", status: 200, want: "hello"},
		{do: "HEAD /db/a/dir/bin.x", status: 200, got: "Content-Length: 5\nEtag: \"XUFAKrxLKna5cZ2REBfFkg==\""},
		{do: "GET /db/a/dir/bin.x", header: `If-None-Match: "XUFAKrxLKna5cZ2REBfFkg=="`, status: 304, got: "Etag: \"XUFAKrxLKna5cZ2REBfFkg==\""},
		{do: "GET /db/a/none", status: 404, want: problem("not_found", "Document is missing attachment")},
		{do: "GET /db/none/x", status: 404, want: problem("not_found", "missing")},
		{do: "PUT /db/a/other", send: "x", status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "PUT /db/a/other?rev=x", send: "x", status: 400, want: problem("bad_request", "Invalid rev format")},
		{do: "PUT /db/a/other?rev=4-abc", send: "x", status: 409, want: problem("not_found", "missing_rev")},
		{do: "PUT /db/a/_other", send: "x", status: 400, want: problem("bad_request", "Attachment name '_other' starts with prohibited character '_'")},
		{do: "PUT /db/_a/other", send: "x", status: 400, want: problem("illegal_docid", "Only reserved document ids may start with underscore.")},
		{do: "PUT /db/_local/a/other", send: "x", status: 400, want: problem("bad_request", "_local documents do not accept attachments.")},
		{do: "PUT /db/e/x", header: "Content-Encoding: br", send: "x", status: 415, want: problem("bad_content_type", "Only gzip and identity content-encodings are supported")},
		{do: "PUT /db/e/x", header: "Content-Encoding: identity", send: "", status: 201},
		{do: "GET /db/e/x", status: 200, got: "Content-Type: application/octet-stream\nContent-Length: 0"},
		{do: "POST /db/a/dir/bin.x", status: 405, want: `{"error":"method_not_allowed",…}`},
		{do: "DELETE /db/a/dir/bin.x", status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "DELETE /db/a/none", status: 404, want: problem("not_found", "Document is missing attachment")},
		{do: "DELETE /db/none/x", status: 404, want: problem("not_found", "missing")},
		{do: "DELETE /db/a/dir/bin.x?rev=4-abc", status: 409, want: problem("not_found", "missing_rev")},
	},
	// The newest attachment is the first, and so the revisions are what CouchDB computes.
	"attachment_order": {
		{do: "PUT /db/a/one", header: "Content-Type: x/y", send: "1", status: 201},
		{do: "PUT /db/a/two?rev=$LAST", header: "Content-Type: x/y", send: "2", status: 201, want: `{"ok":true,"id":"a","rev":"2-…"}`},
		{do: "GET /db/a", status: 200, want: `{"_id":"a","_rev":"$LAST","_attachments":{"two":{"content_type":"x/y","revpos":2,"digest":"md5-yB5yjZ1ML2NvBn+JzBSGLA==","length":1,"stub":true},"one":{"content_type":"x/y","revpos":1,"digest":"md5-xMpCOKC5I4INzFCab3WEmw==","length":1,"stub":true}}}`},
		{do: "PUT /db/a/one?rev=$LAST", header: "Content-Type: x/y", send: "3", status: 201, want: `{"ok":true,"id":"a","rev":"3-…"}`},
		{do: "GET /db/a", status: 200, want: `{…"_attachments":{"one":{"content_type":"x/y","revpos":3,…"two":{"content_type":"x/y","revpos":2,…}}`},
		{do: "DELETE /db/a/one?rev=$LAST", status: 200, want: `{"ok":true,"id":"a","rev":"4-…"}`},
		{do: "GET /db/a/one", status: 404, want: problem("not_found", "Document is missing attachment")},
		{do: "GET /db/a", status: 200, want: `{"_id":"a","_rev":"$LAST","_attachments":{"two":{…"revpos":2,…}}}`},
		{do: "DELETE /db/a?rev=$LAST", status: 200},
		{do: "PUT /db/a/x?rev=$LAST", send: "x", status: 409, want: problem("conflict", "Document update conflict.")},
		{do: "PUT /db/a/x", send: "x", status: 201, want: `{"ok":true,"id":"a","rev":"6-…"}`},
	},
	"attachment_ranges": {
		{do: "PUT /db/d", send: `{"_attachments":{"x":{"content_type":"x/y","data":"` + b64text + `"},"t":{"content_type":"text/plain","data":"` + b64text + `"},"e":{"content_type":"x/y","data":""}}}`, status: 201},
		{do: "GET /db/d/x", header: "Range: bytes=0-28", status: 206, want: "This is a base64 encoded text", got: "Content-Range: bytes 0-28/29\nContent-Length: 29\nContent-Type: x/y"},
		{do: "GET /db/d/x", header: "Range: bytes=0-", status: 200, want: "This is a base64 encoded text", got: "Content-Length: 29"},
		{do: "GET /db/d/x", header: "Range: bytes=0-,0-,0-", status: 200},
		{do: "GET /db/d/x", header: "Range: bytes:0-", status: 200},
		{do: "GET /db/d/x", header: "Range: bytes=a-b", status: 200},
		{do: "GET /db/d/x", header: "Range: bytes=2-", status: 206, want: "is is a base64 encoded text", got: "Content-Range: bytes 2-28/29\nContent-Length: 27"},
		{do: "GET /db/d/x", header: "Range: bytes=0-3", status: 206, want: "This", got: "Content-Range: bytes 0-3/29\nContent-Length: 4"},
		{do: "HEAD /db/d/x", header: "Range: bytes=0-3", status: 206, got: "Content-Range: bytes 0-3/29\nContent-Length: 4"},
		{do: "GET /db/d/x", header: "Range: bytes=10-15", status: 206, want: "base64", got: "Content-Range: bytes 10-15/29\nContent-Length: 6"},
		{do: "GET /db/d/x", header: "Range: bytes=25-99", status: 206, want: "text", got: "Content-Range: bytes 25-28/29"},
		{do: "GET /db/d/x", header: "Range: bytes=-3", status: 206, want: "ext", got: "Content-Range: bytes 26-28/29\nContent-Length: 3"},
		{do: "GET /db/d/x", header: "Range: bytes=5-3", status: 416, want: problem(noRange, "Requested range not satisfiable")},
		{do: "GET /db/d/x", header: "Range: bytes=29-", status: 416, want: problem(noRange, "Requested range not satisfiable")},
		{do: "GET /db/d/x", header: "Range: bytes=300-310", status: 416},
		{do: "GET /db/d/x", header: "Range: bytes=0-1,300-310", status: 416},
		{do: "GET /db/d/x", header: "Range: bytes=-0", status: 416},
		{do: "GET /db/d/x", header: "Range: bytes=0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1,0-1", status: 200},
		{do: "GET /db/d/x", header: "Range: bytes=0-3,-4", status: 206, want: "--…\r\nContent-Type: x/y\r\nContent-Range: bytes 0-3/29\r\n\r\nThis\r\n--…\r\nContent-Type: x/y\r\nContent-Range: bytes 25-28/29\r\n\r\ntext\r\n--…--"},
		{do: "GET /db/d/t", header: "Range: bytes=0-3", status: 200, want: "This is a base64 encoded text", got: "Accept-Ranges: none"},
		{do: "GET /db/d/t", header: "Range: bytes=300-310", status: 416},
		{do: "GET /db/d/e", header: "Range: bytes=0-", status: 200, got: "Content-Length: 0"},
		{do: "GET /db/d/e", header: "Range: bytes=0-0", status: 416},
	},
	"attachment_inline": {
		{do: "PUT /db/b", send: `{"_attachments":{"t.txt":{"content_type":"text/plain","data":"aGVsbG8="}}}`, status: 201},
		{do: "GET /db/b/t.txt", status: 200, want: "hello"},
		{do: "GET /db/b/t.txt", header: "Accept-Encoding: gzip", status: 200, got: "Content-Encoding: gzip"},
		{do: "GET /db/b/t.txt", header: "Accept-Encoding: identity", status: 200, want: "hello", got: "Content-Length: 5"},
		{do: "GET /db/b", status: 200, want: `{"_id":"b","_rev":"…","_attachments":{"t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-…","length":5,"stub":true}}}`},
		{do: "GET /db/b?att_encoding_info=true", status: 200, want: `{…"length":5,"stub":true,"encoding":"gzip","encoded_length":…}}}`},
		{do: "GET /db/b?attachments=true", status: 200, want: `{…"t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-…","data":"aGVsbG8="}}}`},
		{do: "GET /db/b?attachments=true&att_encoding_info=true", status: 200, want: `{…"data":"aGVsbG8=","encoding":"gzip","encoded_length":…}}}`},
		{do: "GET /db/b?attachments=true", header: "Accept: */*", status: 200, want: "--…\"length\":5,\"follows\":true,\"encoding\":\"gzip\",…"},
		{do: "PUT /db/b", send: `{"_rev":"$LAST","_attachments":{"t.txt":{"stub":true},"u":{"data":"aGVsbG8="}}}`, status: 201},
		{do: "GET /db/b", status: 200, want: `{…"t.txt":{"content_type":"text/plain","revpos":1,…},"u":{"content_type":"application/octet-stream","revpos":2,…}}}`},
		{do: "PUT /db/b", send: `{"_rev":"$LAST","_attachments":{"t.txt":{"stub":true,"revpos":9}}}`, status: 412, want: problem("missing_stub", "Invalid attachment stub in b for t.txt")},
		{do: "PUT /db/b", send: `{"_rev":"$LAST","_attachments":{"u":{"stub":true,"revpos":2,"digest":"md5-yB5yjZ1ML2NvBn+JzBSGLA==","length":99}}}`, status: 201},
		{do: "GET /db/b/t.txt", status: 404},
		{do: "GET /db/b?atts_since=[\"$LAST\"]", status: 200, want: `{…"u":{…"stub":true}}}`},
		{do: "GET /db/b?atts_since=[\"9-x\"]", status: 200, want: `{…"u":{…"data":"aGVsbG8="}}}`},
		// What was read with att_encoding_info can be written as it is: data is never encoded.
		{do: "PUT /db/again", send: `{"_attachments":{"t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-yB5yjZ1ML2NvBn+JzBSGLA==","data":"aGVsbG8=","encoding":"gzip","encoded_length":25}}}`, status: 201},
		{do: "GET /db/again/t.txt", status: 200, want: "hello"},
		{do: "PUT /db/n", send: `{"_attachments":{"f":{"stub":true}}}`, status: 412, want: `{"error":"missing_stub",…}`},
		{do: "PUT /db/n", send: `{"_attachments":{"f":{"data":"%"}}}`, status: 400, want: problem("bad_request", "Invalid attachment data for f")},
		{do: "PUT /db/n", send: `{"_attachments":{"f":{"data":1}}}`, status: 400, want: problem("bad_request", "Invalid attachment data for f")},
		{do: "PUT /db/n", send: `{"_attachments":{"f":{}}}`, status: 400, want: problem("bad_request", "Invalid attachment data for f")},
		{do: "PUT /db/n", send: `{"_attachments":[]}`, status: 400, want: problem("doc_validation", "Bad special document member: _attachments")},
		{do: "PUT /db/n", send: `{"_attachments":{"_f":{"data":""}}}`, status: 400, want: problem("bad_request", "Attachment name '_f' starts with prohibited character '_'")},
	},
	"attachment_multipart": {
		{do: "PUT /db/m?new_edits=false", header: relatedType, status: 201, want: `{"ok":true,"id":"m","rev":"2-b"}`,
			send: related(`{"_rev":"2-b","_attachments":{"f":{"content_type":"x/y","follows":true,"length":3,"revpos":2}}}`, "abc")},
		{do: "GET /db/m/f", status: 200, want: "abc"},
		// Replicators send again what they do not know to have arrived.
		{do: "PUT /db/m?new_edits=false", header: relatedType, status: 201, want: `{"ok":true,"id":"m","rev":"2-b"}`,
			send: related(`{"_rev":"2-b","_attachments":{"f":{"content_type":"x/y","follows":true,"length":3,"revpos":2}}}`, "abc")},
		{do: "PUT /db/multipart", header: relatedType, status: 201, want: `{"ok":true,"id":"multipart","rev":"1-…"}`,
			send: "a preamble\r\n" + related(`{"body":"This is a body.","_attachments":{"foo.txt":{"follows":true,"content_type":"application/test","length":21},"bar.txt":{"follows":true,"content_type":"application/test","length":20},"in":{"data":"aGVsbG8="},"baz.txt":{"follows":true,"content_type":"text/plain","length":19}}}`,
				"this is 21 chars long", "this is 20 chars lon", "this is 19 chars lo") + "epilogue"},
		{do: "GET /db/multipart/foo.txt", status: 200, want: "this is 21 chars long"},
		{do: "GET /db/multipart/bar.txt", status: 200, want: "this is 20 chars lon"},
		{do: "GET /db/multipart/baz.txt", status: 200, want: "this is 19 chars lo"},
		{do: "GET /db/multipart/in", status: 200, want: "hello"},
		{do: "PUT /db/multipart", header: relatedType, status: 201, want: `{"ok":true,"id":"multipart","rev":"2-…"}`,
			send: related(`{"_rev":"$LAST","body":"This is a body.","_attachments":{"foo.txt":{"stub":true,"content_type":"application/test"},"bar.txt":{"follows":true,"content_type":"application/test","length":18}}}`, "this is 18 chars l")},
		{do: "GET /db/multipart/baz.txt", status: 404},
		{do: "GET /db/multipart?attachments=true", header: "Accept: multipart/related,*/*;", status: 200, got: "Content-Length: 790",
			want: "--…\r\nContent-Type: application/json\r\n\r\n{\"_id\":\"multipart\",…}\r\n--…\r\nContent-Disposition: attachment; filename=\"foo.txt\"\r\nContent-Type: application/test\r\nContent-Length: 21\r\n\r\nthis is 21 chars long\r\n--…\r\nContent-Disposition: attachment; filename=\"bar.txt\"\r\nContent-Type: application/test\r\nContent-Length: 18\r\n\r\nthis is 18 chars l\r\n--…--"},
		{do: "PUT /db/n", header: relatedType, status: 400, want: problem("bad_request", "attachment longer than expected"),
			send: related(`{"_attachments":{"f":{"follows":true,"length":2}}}`, "abc")},
		{do: "PUT /db/n", header: relatedType, status: 400, want: problem("bad_request", "attachment shorter than expected"),
			send: related(`{"_attachments":{"f":{"follows":true,"length":4}}}`, "abc")},
		{do: "PUT /db/n", header: relatedType, status: 415, want: problem("bad_content_type", "Content-Type must be application/json"),
			send: "--xx\r\nContent-Type: text/plain\r\n\r\n{}\r\n--xx--"},
		{do: "GET /db/n", status: 404},
		{do: "PUT /db/n", header: relatedType, status: 400, want: problem("bad_request", "attachment shorter than expected"),
			send: related(`{"_attachments":{"f":{"follows":true,"length":3},"g":{"follows":true,"length":3}}}`, "abc")},
		{do: "PUT /db/extra", header: relatedType, status: 201, send: related(`{"_attachments":{"f":{"follows":true,"length":3}}}`, "abc", "more")},
		{do: "PUT /db/zero", header: relatedType, status: 201, send: related(`{"_attachments":{"f":{"follows":true,"length":0},"g":{"follows":true,"length":3}}}`, "", "abc")},
		{do: "GET /db/zero/g", status: 200, want: "abc"},
		{do: "PUT /db/good", header: relatedType, status: 201, send: related(`{"_attachments":{"f":{"follows":true,"length":3,"digest":"md5-kAFQmDzST7DWlj99KOF/cg=="}}}`, "abc")},
	},
}
