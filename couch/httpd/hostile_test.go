package httpd_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
	"settee/fixtures"
)

// An enemy makes requests that are nearly right.
type enemy struct{ *rand.Rand }

func (e enemy) pick(of ...string) string { return of[e.IntN(len(of))] }

// odd is a list of n choices of which the first is taken nine times out of ten.
func (e enemy) odd(usual string, others ...string) string {
	if e.IntN(10) > 0 {
		return usual
	}
	return e.pick(others...)
}

func (e enemy) junk(n int) string {
	b := make([]byte, e.IntN(n+1))
	for i := range b {
		b[i] = byte(e.Uint32())
	}
	return string(b)
}

var hole = regexp.MustCompile(`\{(\w+)(?::([^{}]+))?\}`)

// path fills a row of the route table, and sometimes breaks it.
func (e enemy) path(row string) string {
	path := hole.ReplaceAllStringFunc(row, func(h string) string {
		m := hole.FindStringSubmatch(h)
		switch name, only := m[1], m[2]; {
		case name == "verb":
			return only
		case name == "db":
			return e.odd("db", "_users", "_replicator", "DB", "none", "a%2Fb", "%00", strings.Repeat("d", 300))
		case name == "node":
			return e.odd("_local", "x")
		}
		return e.pick("a", "b", "d", "v", "f", "_design%2Fd", "_local%2Fx", "%00", "%ff", "%C3%28", "a%2Fb", "+", "..", "%2e%2e", "%", "%zz", "%u0041", "_x", "é", "😀", strings.Repeat("x", 3000))
	})
	return path + e.odd("", "/", "//", "/%", "?", ";x", "#f", "/"+e.junk(5))
}

var params = []string{
	"rev", "revs", "open_revs", "atts_since", "attachments", "latest", "conflicts", "meta", "local_seq", "new_edits", "batch", "since", "feed", "limit",
	"skip", "style", "filter", "doc_ids", "view", "timeout", "heartbeat", "include_docs", "descending", "seq_interval", "last-event-id", "key", "keys", "startkey", "endkey",
	"start_key_doc_id", "inclusive_end", "reduce", "group", "group_level", "update", "stale", "update_seq", "att_encoding_info", "count", "q", "n", "partitioned", "w", "states",
}

func (e enemy) value() string {
	return e.pick("true", "false", "1", "0", "-1", "99999999999999999999", "1e400", "null", `"a"`, "a", "all", "now", "[]", "{}", `["1-a"]`, `["1-a","x"]`, `[1]`, "{", `"`, "_selector",
		"_view", "d/f", "d/v", "_doc_ids", "continuous", "longpoll", "eventsource", "normal", "all_docs", "1-967a00dff5e02add41819138abb3284d", "%00", "%ff", "%", "", "😀", "\\ud800",
		strings.Repeat("[", 2000), strings.Repeat("9", 400), strings.Repeat("x", 3000))
}

func (e enemy) query() string {
	var b strings.Builder
	for i := e.IntN(4); i > 0; i-- {
		b.WriteString(e.pick("&", "&", "&&", ";") + e.pick(params...) + e.odd("=", "", "==") + strings.NewReplacer(" ", "+", `"`, "%22", "{", "%7B").Replace(e.value()))
	}
	if b.Len() == 0 {
		return ""
	}
	return "?" + b.String()[1:]
}

func deep(open, middle, end string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

func (e enemy) json() string {
	n := 1 << e.IntN(14)
	switch e.IntN(15) {
	case 0:
		return deep("[", "", "]", n)
	case 1:
		return deep(`{"a":`, "1", "}", n)
	case 2:
		return `{"docs":[` + strings.Repeat(`{"_id":"x"},`, n/8) + `{}]}`
	case 3:
		return `{"docs":[{"_id":"x","_rev":"1-a","_attachments":{"f":{"data":"` + e.pick("", "aGk=", "%", strings.Repeat("A", n)) + `"}}}],"new_edits":` + e.pick("false", "true", "1") + `}`
	case 4:
		return `{"keys":[` + strings.Repeat(`"a",`, n/8) + e.pick(`"b"`, "1", "null", "{}", "") + `]}`
	case 5:
		return `{"a":` + e.pick(strings.Repeat("9", n), "1e400", "-", "01", "1.", "\"\\ud800\"", "\"\xff\"", "\"\x00\"", "tru", strings.Repeat(" ", n), "-0", "1E-999999999") + `}`
	case 6:
		return `{"selector":` + e.pick("{}", "[]", `{"$and":[]}`, `{"a":{"$regex":"(a+)+$"}}`, `{"$or":1}`, deep(`{"$not":`, "{}", "}", n), deep(`{"$and":[`, `{"a":1}`, "]}", n), `{"a":{"$x":1}}`, `{"a":{"$in":[`+strings.Repeat("1,", n)+`2]}}`) +
			`,"limit":` + e.pick("1", "-1", "1e9", `"x"`) + e.odd("", `,"bookmark":"g1AAAAA0eJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYmnGINkOGAyULEsAGk2Dec"`, `,"bookmark":"g1D_____eJwDAAAAAAE"`, `,"use_index":"a/b"`, `,"sort":["a"]`, `,"fields":["a..b"]`) + `}`
	case 7:
		return `{"_id":` + e.pick(`"x"`, `1`, `"_x"`, `""`, `"_design/d"`) + `,"_rev":` + e.pick(`"1-a"`, `"x"`, "1", "null", `"99999999999999999999-a"`) + `,"_deleted":` + e.pick("true", "1") + `}`
	case 8:
		return `{"_revisions":{"start":` + e.pick("1", "-1", "1e3", "99999999999999999999", `"1"`) + `,"ids":` + e.pick("[]", `["a"]`, `[1]`, `["a","b","c"]`, "[[]]") + `}}`
	case 9:
		return `{"views":{"v":{"map":` + e.pick(`"function(d){emit(d._id,1)}"`, `"function(d){while(1){}}"`, `"("`, "1", `"function(d){throw 1}"`) + `,"reduce":` + e.pick(`"_count"`, `"_x"`, `"function(k,v,r){return r}"`, "1") +
			`}},"filters":{"f":"function(d,r){return r.x.y}"},"validate_doc_update":` + e.pick(`"function(){throw({forbidden:1})}"`, `"function(){throw 1}"`, `"x"`, "1") + `}`
	case 10:
		return `{"queries":[` + e.pick("{}", "1", `{"keys":1}`, strings.Repeat("{},", n/64)+"{}") + `]}`
	case 11:
		return `{"a":["1-a","x",1],"b":1}`
	case 12:
		return e.junk(200)
	case 13:
		return `{"index":{"fields":` + e.pick(`["a"]`, `[""]`, `[{"a":1}]`, "{}", `["a..b"]`, `["`+strings.Repeat(`a","`, n)+`a"]`) + e.odd("", `,"partial_filter_selector":`+deep(`{"$and":[`, `{"a":1}`, "]}", n)) + `}` +
			e.odd("", `,"ddoc":"d"`, `,"name":"\u0000"`, `,"type":"text"`, `,"partitioned":true`) + `,"docids":["d",` + e.pick("1", `"x"`) + `]}`
	}
	return e.pick("{}", "[]", "null", "1", `""`, "", `{"a":1,"a":2}`, `{"source":"x","target":1}`, `{"name":"a","password":"b"}`, "\ufeff{}", `"1000"`, "5")
}

func (e enemy) multipart() (contentType, body string) {
	boundary := e.odd("xx", "", "x y", strings.Repeat("b", 80), "--", `"`)
	doc := e.odd(fmt.Sprintf(`{"_attachments":{"f":{"follows":true,"length":%d},"g":{"follows":true,"length":3}}}`, e.IntN(8)), e.json())
	body = e.odd("", "preamble\r\n", "\r\n") + "--" + boundary + "\r\nContent-Type: " + e.odd("application/json", "x/y", "") + "\r\n" + e.odd("", "Broken\r\n", strings.Repeat("X: y\r\n", 2000)) + "\r\n" + doc
	for i := e.IntN(4); i > 0; i-- {
		body += e.odd("\r\n", "\n", "") + "--" + boundary + e.odd("\r\n", "\n", " \r\n", "x") + e.odd("\r\n", "Content-Encoding: gzip\r\n\r\n", "") + e.pick("abc", "", e.junk(5000))
	}
	return "multipart/" + e.odd("related", "mixed", "form-data", "") + e.odd(`; boundary="`+boundary+`"`, "; boundary="+boundary, "; boundary", ""), body + e.odd("\r\n--"+boundary+"--", "") + e.odd("", "epilogue")
}

func (e enemy) headers(method string) (lines []string, body string) {
	contentType := e.odd("application/json", "text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-16", e.junk(20))
	body = e.json()
	if e.IntN(6) == 0 {
		contentType, body = e.multipart()
	}
	lines = []string{"Content-Type: " + contentType}
	if e.IntN(20) > 0 {
		lines = append(lines, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("admin:secret")))
	} else {
		lines = append(lines, e.pick("Authorization: Basic %", "Authorization: Bearer a.b.c", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(e.junk(9))), "Cookie: AuthSession="+e.junk(30), "Cookie: AuthSession=YWRtaW46"))
	}
	if e.IntN(8) == 0 {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, e.odd(body, strings.Repeat(" ", 4<<20))) // the other is a small bomb
		_ = z.Close()
		body = b.String()[:b.Len()-e.IntN(2)*e.IntN(b.Len())]
		lines = append(lines, "Content-Encoding: "+e.odd("gzip", "br", "GZIP", "gzip, gzip"))
	}
	for i := e.IntN(4); i > 0; i-- {
		lines = append(lines, e.pick(
			"Accept: multipart/mixed", "Accept: multipart/related", "Accept: */*;q=x", "Accept: ,,;", "Accept-Encoding: gzip;q=0", "If-None-Match: *", `If-Match: "1-a"`, "If-Match: x",
			"Range: bytes=0-1,-1", "Range: bytes=9-", "Range: bytes=a", "Destination: x", "Destination: _design/x?rev=1-a", "Destination: %zz", "Destination: http://x", "X-HTTP-Method-Override: "+e.pick("DELETE", "é", "GET"),
			"Origin: http://x", "Prefer: return=minimal", "X-Couch-Request-ID: "+e.junk(50), "X-Couch-Full-Commit: x", "Last-Event-ID: x", "Referer: http://x/", "Expect: 100-continue", "Expect: x", "X-Forwarded-Host: \"<>",
			"Content-MD5: x", "Bad Name: x", ": x", "X: "+strings.Repeat("y", 20000), "Connection: upgrade\r\nUpgrade: websocket", "Host: again", "If-Modified-Since: x", "Content-Length: 3"))
	}
	return lines, body
}

// request is one request as it stands on the wire.
func (e enemy) request(rows []string) string {
	row := strings.Split(rows[e.IntN(len(rows))], "\t")
	method := e.pick(strings.Split(row[0], ",")...)
	method = e.odd(method, "GET", "POST", "PUT", "DELETE", "HEAD", "COPY", "OPTIONS", "PATCH", "TRACE", "get", "X", strings.Repeat("M", 300), "P UT", "")
	target := e.path(row[1])
	if strings.Contains(target, "_config") && method != "GET" {
		method = "GET" // or the enemy would soon be alone with a server that does as it says
	}
	lines, body := e.headers(method)
	head := method + " " + target + e.query() + e.odd(" HTTP/1.1", " HTTP/1.0", " HTTP/9.9", " http/1.1", "") + "\r\n" + e.odd("Host: x\r\n", "", "Host: \r\n") + strings.Join(append(lines, ""), "\r\n")
	switch e.IntN(10) {
	case 0, 1:
		return head + "Transfer-Encoding: " + e.odd("chunked", "gzip, chunked", "identity", "x") + "\r\n\r\n" + e.chunked(body)
	case 2:
		return head + "Content-Length: " + e.pick("-1", "x", "99999999999999999999", "5", fmt.Sprint(len(body)+10), "") + "\r\n\r\n" + body
	case 3:
		return head + "\r\n" + body
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

func (e enemy) chunked(body string) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(1+e.IntN(4096), len(body))
		fmt.Fprintf(&b, "%s%s\r\n%s%s", e.odd(fmt.Sprintf("%x", n), "zz", "-1", "fffffffffffffffff"), e.odd("", ";ext=1", ";"+strings.Repeat("x", 5000)), body[:n], e.odd("\r\n", "\n", ""))
		body = body[n:]
	}
	return b.String() + e.odd("0\r\n\r\n", "", "0\r\nTrailer: x\r\n\r\n", "0")
}

// besieged is a server with small bounds and short patience, and where it listens.
func besieged(t testing.TB, patience time.Duration) (h *house, addr string) {
	h = start(t, httpd.Options{MaxBody: 1 << 20, MaxAttachment: 1 << 20, Stall: patience})
	h.must(t, "PUT /_node/_local/_config/chttpd/changes_timeout", `"200"`, 200)
	front := httptest.NewUnstartedServer(h.Server)
	front.Config.ReadHeaderTimeout, front.Config.IdleTimeout = patience, patience
	front.Start()
	t.Cleanup(front.Close)
	return h, front.Listener.Addr().String()
}

func (h *house) quietly(method, path, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.SetBasicAuth("admin", "secret")
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// Nothing that can be put on a wire gives a fault, a hang, or memory that stays.
func TestHostile(t *testing.T) {
	seed := fixtures.Seed(t)
	h, addr := besieged(t, 500*time.Millisecond)
	rows, rounds := httpd.Routes(), 4000
	if testing.Short() {
		rounds = 400
	}
	before, goroutines := held(), runtime.NumGoroutine()
	var all sync.WaitGroup
	for worker := range 4 {
		e := enemy{rand.New(rand.NewPCG(seed, uint64(worker)))}
		all.Go(func() {
			for i := range rounds / 4 {
				if i%16 == 0 {
					h.quietly("PUT", "/db", "")
					h.quietly("PUT", "/db/a", `{"_attachments":{"f":{"data":"aGVsbG8="}}}`)
				}
				requests := []string{e.request(rows)}
				for e.IntN(8) == 0 {
					requests = append(requests, e.request(rows))
				}
				var cuts []int
				for at := 0; e.IntN(3) > 0; cuts = append(cuts, at) {
					at += 1 + e.IntN(1000)
				}
				if err := exchange(addr, requests, cuts); err != nil {
					t.Errorf("%v: %.2000q", err, requests)
					return
				}
			}
		})
	}
	all.Wait()
	h.must(t, "GET /_up", "", 200)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < goroutines+20 }, hanging, 20*time.Millisecond, "goroutines stay")
	require.Less(t, held()-before, int64(32<<20), "memory stays")
}

// held is the heap in use after a collection.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// hostileSeeds are requests that once were answered badly.
var hostileSeeds = []string{}

func FuzzWire(f *testing.F) {
	rows := httpd.Routes()
	for i := range uint64(60) {
		f.Add([]byte(enemy{rand.New(rand.NewPCG(1, i))}.request(rows)))
	}
	for _, raw := range hostileSeeds {
		f.Add([]byte(raw))
	}
	h, addr := besieged(f, 20*time.Millisecond)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if bytes.Contains(raw, []byte("_config")) {
			return
		}
		h.quietly("PUT", "/db", "")
		require.NoError(t, exchange(addr, []string{string(raw)}, nil))
	})
}
