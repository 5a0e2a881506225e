package httpd_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Whatever is asked of the feed, it refuses in JSON or answers, never with an
// internal error, and an answer of the normal feed is JSON. Feeds that wait are left.
func FuzzChanges(f *testing.F) {
	for _, steps := range changesScenarios {
		for _, s := range steps {
			if path, query, ok := strings.Cut(s.do, "/_changes?"); ok && path != "" {
				f.Add(query, s.send)
			}
		}
	}
	h := feeds(f, httpd.Options{MaxBody: 1 << 20})
	h.must(f, "PUT /feeds/_design/f", `{"filters":{"even":"function(doc,req){return doc.n%2==0}"},"views":{"v":{"map":"function(doc){if(doc.n)emit(doc.n)}"}}}`, 201)
	for _, doc := range []string{`{"_id":"a","n":1}`, `{"_id":"b","n":2,"_attachments":{"t":{"data":"aGVsbG8="}}}`, `{"_id":"c","_deleted":true}`} {
		h.must(f, "POST /feeds", doc, 201)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		r := httptest.NewRequest(method, "/feeds/_changes", strings.NewReader(body))
		r.URL.RawQuery = query
		r.SetBasicAuth("admin", "secret")
		r.Header.Set("Content-Type", "application/json")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(ctx))
		require.Less(t, w.Code, 500, "%s %s: %s", query, body, w.Body)
		if ctx.Err() == nil && !strings.Contains(strings.ToLower(query), "feed") && w.Code != 304 {
			require.True(t, json.Valid(w.Body.Bytes()), "%s %s: %s", query, body, w.Body)
		}
	})
}
