package httpd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// A part is one part of a multipart body, as a parser that is not ours reads it.
type part struct {
	header textproto.MIMEHeader
	body   string
}

func parts(t testing.TB, contentType, body string) (media string, list []part) {
	t.Helper()
	media, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	r := multipart.NewReader(strings.NewReader(body), params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return media, list
		}
		require.NoError(t, err)
		raw, err := io.ReadAll(p)
		require.NoError(t, err)
		list = append(list, part{p.Header, string(raw)})
	}
}

// attached are a document's attachments: one that is stored as gzip, one that is not, one empty.
var attached = []struct{ name, contentType, body string }{
	{"a text.txt", "text/plain", strings.Repeat("hello ", 100)},
	{`b"in.x`, "x/y", "\r\n--xx-\r\n\x00\xff"},
	{"c/empty", "x/y", ""},
}

// putThree stores them as multipart/related.
func putThree(t testing.TB, h *house, path string) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	atts := map[string]any{}
	for _, a := range attached {
		atts[a.name] = map[string]any{"content_type": a.contentType, "follows": true, "length": len(a.body)}
	}
	doc, err := json.Marshal(map[string]any{"n": 1, "_attachments": atts}) // in the order of names, as attached is
	require.NoError(t, err)
	for i := -1; i < len(attached); i++ {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		require.NoError(t, err)
		if i < 0 {
			_, err = p.Write(doc)
		} else {
			_, err = p.Write([]byte(attached[i].body))
		}
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	status, _, got := do(t, h.base, "", "PUT", path, "Content-Type: multipart/related; boundary=\""+w.Boundary()+"\"", body.String())
	require.Equal(t, 201, status, got)
}

// requireThree checks the parts of a multipart/related answer.
func requireThree(t testing.TB, list []part) {
	t.Helper()
	require.Len(t, list, 4)
	var doc struct {
		Attachments map[string]struct {
			Follows bool `json:"follows"`
			Length  int  `json:"length"`
		} `json:"_attachments"`
	}
	require.NoError(t, json.Unmarshal([]byte(list[0].body), &doc))
	require.Len(t, doc.Attachments, 3)
	for i, a := range attached {
		require.True(t, doc.Attachments[a.name].Follows)
		require.Equal(t, len(a.body), doc.Attachments[a.name].Length)
		p := list[i+1]
		require.Equal(t, a.contentType, p.header.Get("Content-Type"))
		_, disposition, err := mime.ParseMediaType(p.header.Get("Content-Disposition"))
		require.NoError(t, err)
		require.Equal(t, a.name, disposition["filename"])
		body := p.body
		if p.header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(body))
			require.NoError(t, err)
			raw, err := io.ReadAll(z)
			require.NoError(t, err)
			body = string(raw)
		}
		require.Equal(t, a.body, body, a.name)
	}
}

func ask(t testing.TB, h *house, method, path, header, body string) (media string, list []part) {
	t.Helper()
	status, headers, got := do(t, h.base, "", method, path, header, body)
	require.Equal(t, 200, status, got)
	return parts(t, headers.Get("Content-Type"), got)
}

func TestMultipartRoundTrip(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /parts", "", 201)
	h.must(t, "PUT /copies", "", 201)
	putThree(t, h, "/parts/d")
	for _, a := range attached {
		require.Equal(t, a.body, h.must(t, "GET /parts/d/"+strings.NewReplacer(" ", "%20", `"`, "%22").Replace(a.name), "", 200))
	}

	media, list := ask(t, h, "GET", "/parts/d?attachments=true&revs=true", "Accept: multipart/related", "")
	require.Equal(t, "multipart/related", media)
	requireThree(t, list)

	// What was sent goes into another database as it came: what replicators do.
	_, headers, raw := do(t, h.base, "", "GET", "/parts/d?attachments=true&revs=true", "Accept: multipart/related", "")
	status, _, got := do(t, h.base, "", "PUT", "/copies/d?new_edits=false", "Content-Type: "+headers.Get("Content-Type"), raw)
	require.Equal(t, 201, status, got)
	require.Equal(t, h.must(t, "GET /parts/d?revs=true&att_encoding_info=true", "", 200), h.must(t, "GET /copies/d?revs=true&att_encoding_info=true", "", 200))
	_, list = ask(t, h, "GET", "/copies/d?attachments=true", "Accept: multipart/related", "")
	requireThree(t, list)
}

func TestOpenRevsMultipart(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /parts", "", 201)
	putThree(t, h, "/parts/d")
	h.must(t, "PUT /parts/d?new_edits=false", `{"_rev":"1-0","bare":true}`, 201)

	media, list := ask(t, h, "GET", `/parts/d?open_revs=all`, "Accept: multipart/mixed", "")
	require.Equal(t, "multipart/mixed", media)
	require.Len(t, list, 2)
	require.Equal(t, "application/json", list[0].header.Get("Content-Type"))
	require.Equal(t, `{"_id":"d","_rev":"1-0","bare":true}`, list[0].body)
	media, inner := parts(t, list[1].header.Get("Content-Type"), list[1].body)
	require.Equal(t, "multipart/related", media)
	requireThree(t, inner)

	_, list = ask(t, h, "GET", `/parts/d?open_revs=%5B%229-x%22%5D`, "Accept: multipart/mixed", "")
	require.Equal(t, []part{{textproto.MIMEHeader{"Content-Type": {`application/json; error="true"`}}, `{"missing":"9-x"}`}}, list)

	// _bulk_get says the same, each part under its document's name.
	media, list = ask(t, h, "POST", "/parts/_bulk_get?attachments=true", "Accept: multipart/related", `{"docs":[{"id":"d"},{"id":"none"}]}`)
	require.Equal(t, "multipart/related", media)
	require.Len(t, list, 3)
	require.Equal(t, "d", list[0].header.Get("X-Doc-Id"))
	_, inner = parts(t, list[0].header.Get("Content-Type"), list[0].body)
	requireThree(t, inner)
	require.Contains(t, list[1].body, `"bare":true`)
	require.Equal(t, `application/json; error="true"`, list[2].header.Get("Content-Type"))
	require.Contains(t, list[2].body, `"not_found"`)
}

func TestAttsSince(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /parts", "", 201)
	h.must(t, "PUT /parts/d?new_edits=false", `{"_rev":"1-a","_attachments":{"old":{"content_type":"x/y","data":"b2xk"}}}`, 201)
	h.must(t, "PUT /parts/d/new?rev=1-a", "new", 201)

	_, list := ask(t, h, "GET", `/parts/d?atts_since=%5B%221-a%22%5D`, "Accept: multipart/related", "")
	require.Len(t, list, 2, "only the newer one has its bytes")
	require.Equal(t, "new", list[1].body)
	require.Regexp(t, `"old":\{[^}]*"stub":true`, list[0].body)
	require.Regexp(t, `"new":\{[^}]*"follows":true`, list[0].body)

	_, list = ask(t, h, "GET", `/parts/d?atts_since=%5B%229-none%22%5D`, "Accept: multipart/related", "")
	require.Len(t, list, 3, "an unknown ancestor gives all")

	got := h.must(t, `GET /parts/d?atts_since=%5B%221-a%22%5D`, "", 200)
	require.Regexp(t, `"old":\{[^}]*"stub":true`, got)
	require.Regexp(t, `"new":\{[^}]*"data":"bmV3"`, got)
}

// Lists and feeds tell the encoding of what they include, as documents do.
func TestEncodingInfoInLists(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /parts", "", 201)
	putThree(t, h, "/parts/d")
	h.must(t, "PUT /parts/_design/v", `{"views":{"v":{"map":"function(d){emit(1)}"}}}`, 201)
	want := `"length":600,"stub":true,"encoding":"gzip","encoded_length":`
	for _, path := range []string{"_all_docs", "_changes", "_design/v/_view/v", "d"} {
		require.Contains(t, h.must(t, "GET /parts/"+path+"?include_docs=true&att_encoding_info=true", "", 200), want, path)
		require.NotContains(t, h.must(t, "GET /parts/"+path+"?include_docs=true", "", 200), "encoding", path)
		require.Contains(t, h.must(t, "GET /parts/"+path+"?include_docs=true&attachments=true", "", 200), `"data":"aGVsbG8g`, path)
	}
	require.Contains(t, h.must(t, "POST /parts/_all_docs", `{"keys":["d"],"include_docs":true,"att_encoding_info":true}`, 200), want)
}
