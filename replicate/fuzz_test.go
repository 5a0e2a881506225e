package replicate

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostile is a database whose server answers everything with one body.
func hostile(contentType string, body []byte) *remote {
	answer := func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(body)), Request: req}, nil
	}
	return &remote{client: &http.Client{Transport: transport(answer)}, db: &url.URL{Scheme: "http", Host: "h", Path: "/db/"}}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }

const mixed = "multipart/mixed; boundary=b"

// Whatever a server answers: no panic, no end of the world, and documents are JSON.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []struct{ kind, body string }{
		{"application/json", `{"results":[{"seq":"1-x","id":"a","changes":[{"rev":"1-x"}],"deleted":true}],"last_seq":"1-x","pending":0}`},
		{"application/json", `{"results":[{"seq":[1,"g1"],"id":"a","changes":[]}],"last_seq":1}`},
		{"application/json", `{"a":{"missing":["1-x"],"possible_ancestors":["1-y"]}}`},
		{"application/json", `{"results":[{"id":"a","docs":[{"ok":{"_id":"a","_rev":"1-x"}},{"error":{"id":"a","rev":"1-x","error":"e","reason":"r"}}]},{"id":"b","docs":[]}]}`},
		{"application/json", `[{"ok":{"_id":"a","_rev":"1-x"}},{"missing":"1-y"}]`},
		{"application/json", `[{"id":"a","error":"forbidden","reason":"no"},{"ok":true,"id":"b"}]`},
		{mixed, "--b\r\nContent-Type: application/json\r\n\r\n{\"_rev\":\"1-x\"}\r\n--b\r\nContent-Type: application/json; error=\"true\"\r\n\r\n{\"missing\":\"1-y\"}\r\n--b--"},
		{mixed, "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\nContent-Type: application/json\r\n\r\n{\"_attachments\":{\"a\":{\"follows\":true}}}\r\n--c\r\nContent-Length: 1\r\n\r\nx\r\n--c--\r\n--b--"},
		{mixed, "--b\r\nContent-Type: multipart/related\r\n\r\n\r\n--b--"},
	} {
		f.Add(seed.kind, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		ctx, r := t.Context(), hostile(kind, body)
		o := Options{}.withDefaults()
		isJSON := func(d document) error {
			if d.err == nil {
				require.True(t, json.Valid(d.json), "%q", d.json)
			}
			for n := 0; d.parts != nil && n < 100; n++ {
				p, err := d.parts()
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, p)
			}
			return nil
		}
		_, _ = r.changes(ctx, feed{limit: -1, o: &o}, func(change) error { return nil })
		_, _ = r.diff(ctx, []change{{id: "a", revs: []string{"1-x"}}})
		_ = r.bulkGet(ctx, []ref{{"a", "1-x"}}, isJSON)
		_ = r.openRevs(ctx, "a", []string{"1-x"}, nil, isJSON)
		refused, err := r.bulkDocs(ctx, []json.RawMessage{[]byte(`{}`)})
		if err == nil {
			for _, e := range refused {
				require.Error(t, e.err)
			}
		}
		_ = r.put(ctx, document{id: "a", json: []byte(`{}`), parts: func() (part, error) { return part{}, io.EOF }})
	})
}

// A continuous feed's last line is no row, wherever its bytes are cut; all before it passes.
func FuzzEndlessFeed(f *testing.F) {
	f.Add([]byte("{\"seq\":1}\n\n{\"seq\":2}\n{\"last_seq\":2,\"pending\":0}\n"), 3)
	f.Add([]byte("{\"last"), 1)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		size = min(max(size, 1), 100)
		e := newEndless(io.NopCloser(bytes.NewReader(body)))
		var got []byte
		for {
			p := make([]byte, size)
			n, err := e.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				break
			}
		}
		want := string(body)
		if i := strings.Index("\n"+want, "\n"+string(lastLine)); i >= 0 {
			want = want[:i]
		}
		require.Equal(t, want, string(got))
	})
}

func FuzzMember(f *testing.F) {
	f.Add([]byte(`{"_id":"a", "_rev" : "1-x" ,"_attachments":{"a":{}}}`))
	f.Add([]byte(`{"a":[{"_rev":1}],"_rev":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var doc map[string]json.RawMessage
		valid := json.Unmarshal(raw, &doc) == nil && doc != nil
		begin, end, err := member(raw, "_rev")
		_, _ = revisionOf(raw), hasAttachments(raw)
		if valid {
			require.NoError(t, err)
			if _, there := doc["_rev"]; there {
				require.True(t, json.Valid(raw[begin:end]), "%q", raw[begin:end])
			} else {
				require.Equal(t, begin, end)
			}
		}
	})
}
