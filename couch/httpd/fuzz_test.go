package httpd_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Whatever a server admin sends, the answer is never an internal error: that is
// what a panic gives too. A request that waits is ended as a leaving client ends it.
func FuzzRequest(f *testing.F) {
	// Not those of _changes: their functions throw errors of their own, with words of their own.
	for _, table := range []map[string][]step{scenarios, attachmentScenarios, clusterScenarios, dbUpdatesScenarios, partitionScenarios, purgeScenarios} {
		for _, steps := range table {
			for _, s := range steps {
				f.Add(s.do, s.header, s.send)
			}
		}
	}
	for _, s := range [][3]string{
		{"PUT /db/%2F%", "", "{}"}, {"GET /db/a?rev=%22", "", ""}, {"POST /db/_bulk_docs", "Content-Encoding: gzip", "\x1f\x8b"},
		{"PUT /db/a/b", "Content-Encoding: gzip", "junk"}, {"COPY /db/a", "Destination: _design/x?rev=1-a", ""},
		{"POST /db/_changes?filter=_doc_ids&feed=longpoll", "", `{"doc_ids":[]}`}, {"PUT /db/a", `Content-Type: multipart/related; boundary="x"`, "--x\r\n\r\n{}\r\n--x--"},
		{"GET /db/_all_docs?startkey={}&endkey=[]&skip=-1", "", ""}, {"POST /db/_revs_diff", "", `{"a":{}}`}, {"POST /_session", "", `{"name":1}`},
	} {
		f.Add(s[0], s[1], s[2])
	}
	h := start(f, httpd.Options{MaxBody: 1 << 20, MaxAttachment: 1 << 20})
	f.Fuzz(func(t *testing.T, line, header, body string) {
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		raw := line + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		for one := range strings.SplitSeq(header, "\n") {
			if one != "" {
				raw += one + "\r\n"
			}
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n" + body)))
		if err != nil {
			return
		}
		if len(r.Header["Authorization"]) == 0 {
			r.SetBasicAuth("admin", "secret")
		}
		if r.Method == "POST" && r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", "application/json")
		}
		create := httptest.NewRequest("PUT", "/db", nil)
		create.SetBasicAuth("admin", "secret")
		h.ServeHTTP(httptest.NewRecorder(), create)

		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(ctx))
		if ctx.Err() == nil {
			require.NoError(t, faulty(w.Code, w.Body.Bytes(), r.Method == "HEAD"), line)
		}
	})
}
