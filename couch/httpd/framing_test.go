package httpd_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// Every byte of each feed, as CouchDB sends it.
func TestFraming(t *testing.T) {
	h := feeds(t, httpd.Options{})
	h.must(t, "PUT /feeds/a", "{}", 201)
	h.must(t, "PUT /feeds/b", "{}", 201)
	_, tail, _ := strings.Cut(h.must(t, "GET /feeds/_changes?limit=0", "", 200), `"last_seq":"0`)
	tail, _, _ = strings.Cut(tail, `"`)
	seq := func(s string) string { return revs.Replace(strings.ReplaceAll(s, "~", tail)) }
	const a = `{"seq":"1~","id":"a","changes":[{"rev":"$R1"}]}`
	const b = `{"seq":"2~","id":"b","changes":[{"rev":"$R1"}]}`
	for query, want := range map[string]string{
		"":                                  "{\"results\":[\n" + a + ",\r\n" + b + "\n],\n\"last_seq\":\"2~\",\"pending\":0}\n\n",
		"limit=1":                           "{\"results\":[\n" + a + "\n],\n\"last_seq\":\"1~\",\"pending\":1}\n\n",
		"since=now":                         "{\"results\":[\n\n],\n\"last_seq\":\"2~\",\"pending\":0}\n\n",
		"feed=longpoll":                     "{\"results\":[\n" + a + ",\r\n" + b + "\n],\n\"last_seq\":\"2~\",\"pending\":0}\n\n",
		"feed=longpoll&since=now&timeout=0": "{\"results\":[\n\n],\n\"last_seq\":\"2~\",\"pending\":0}\n\n",
		"feed=continuous&timeout=0":         a + "\n" + b + "\n{\"last_seq\":\"2~\",\"pending\":0}\n\n",
		"feed=continuous&limit=1":           a + "\n{\"last_seq\":\"1~\",\"pending\":1}\n\n",
		"feed=eventsource&limit=2":          "data: " + a + "\nid: \"1~\"\n\ndata: " + b + "\nid: \"2~\"\n\n\n",
		"seq_interval=2&limit=2":            "{\"results\":[\n" + a + ",\r\n" + strings.Replace(b, `"2~"`, "null", 1) + "\n],\n\"last_seq\":\"2~\",\"pending\":0}\n\n",
	} {
		require.Equal(t, seq(want), h.must(t, "GET /feeds/_changes?"+query, "", 200), query)
	}
}

// The first bytes of a feed that waits come at once.
func TestFeedBegins(t *testing.T) {
	h := feeds(t, httpd.Options{})
	r, _ := listen(t, h, "feed=longpoll&since=now&heartbeat=60000") // its headers have come
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "{\"results\":[\n", line)
	for _, feed := range []string{"continuous", "eventsource"} {
		_, leave := listen(t, h, "since=now&heartbeat=60000&feed="+feed)
		leave()
	}
}

// The normal feed has an entity tag that changes with the database and the question.
func TestChangesTag(t *testing.T) {
	h := feeds(t, httpd.Options{})
	tag := func(path, known string) (int, string) {
		status, header, _ := do(t, h.base, "", "GET", path, "If-None-Match: "+known, "")
		return status, header.Get("Etag")
	}
	status, first := tag("/feeds/_changes", "none")
	require.Equal(t, http.StatusOK, status)
	require.NotEmpty(t, first)
	status, again := tag("/feeds/_changes", first)
	require.Equal(t, http.StatusNotModified, status)
	require.Equal(t, first, again)
	status, other := tag("/feeds/_changes?include_docs=true", first)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, first, other)
	h.must(t, "PUT /feeds/a", "{}", 201)
	status, later := tag("/feeds/_changes", first)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, first, later)
	_, header, _ := do(t, h.base, "", "HEAD", "/feeds/_changes", "", "")
	require.Equal(t, later, header.Get("Etag"))
	post := func(body, known string) (int, string) {
		status, header, _ := do(t, h.base, "", "POST", "/feeds/_changes?filter=_doc_ids", "If-None-Match: "+known, body)
		return status, header.Get("Etag")
	}
	_, ofA := post(`{"doc_ids":["a"]}`, "none")
	status, ofB := post(`{"doc_ids":["b"]}`, ofA)
	require.Equal(t, http.StatusOK, status)
	require.NotEqual(t, ofA, ofB)
	status, _ = post(`{"doc_ids":["b"]}`, ofB)
	require.Equal(t, http.StatusNotModified, status, "CouchDB does so for POST, too")
	for _, feed := range []string{"longpoll", "continuous", "eventsource"} {
		status, none := tag("/feeds/_changes?timeout=0&feed="+feed, later)
		require.Equal(t, http.StatusOK, status)
		require.Empty(t, none, feed)
	}
}

// A consumer of old: it reads sequences with parseInt and comes back with the
// number alone, by query or by the header of an EventSource.
func TestNumbersAsSequences(t *testing.T) {
	h := feeds(t, httpd.Options{})
	for _, id := range []string{"a", "b", "c"} {
		h.must(t, "PUT /feeds/"+id, "{}", 201)
	}
	for _, query := range []string{"since=2", "since=%222%22", "last-event-id=2", "since=0&Last-Event-ID=2"} {
		body := h.must(t, "GET /feeds/_changes?"+query, "", 200)
		require.NotContains(t, body, `"id":"b"`, query)
		require.Contains(t, body, `"id":"c"`, query)
	}
	_, _, body := do(t, h.base, "", "GET", "/feeds/_changes?feed=eventsource&timeout=0&since=0", "Last-Event-ID: 2", "")
	require.NotContains(t, body, `"id":"b"`)
	require.Contains(t, body, `"id":"c"`)
}

func TestClosingServerTellsLastSeq(t *testing.T) {
	h := feeds(t, httpd.Options{})
	h.must(t, "PUT /feeds/a", "{}", 201)
	r, _ := listen(t, h, "feed=continuous&heartbeat=60000")
	readTo(t, r, `"id":"a"`)
	require.NoError(t, h.Close())
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Regexp(t, `^\{"last_seq":"1-[^"]+","pending":0\}\n\n$`, string(rest))
}
