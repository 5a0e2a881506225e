package httpd_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/httpd"
	"settee/tarballs"
)

// A line is a connection on which a test says what it likes.
type line struct {
	net.Conn
	t testing.TB
}

func dial(t testing.TB, h *house) *line {
	t.Helper()
	conn, err := net.Dial("tcp", h.base.Host)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(hanging)))
	return &line{conn, t}
}

// head is the head of an admin's request, without the empty line.
func head(line string, headers ...string) string {
	auth := base64.StdEncoding.EncodeToString([]byte("admin:secret"))
	return line + " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + auth + "\r\n" + strings.Join(append(headers, ""), "\r\n")
}

// status reads an answer's first line.
func (l *line) status() string {
	l.t.Helper()
	first, err := bufio.NewReader(l).ReadString('\n')
	require.NoError(l.t, err)
	return strings.TrimSpace(first)
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// storing is a house with a folder of blobs. Where it has served, nothing of what did not come whole is left in it.
func storing(t *testing.T, stall time.Duration) (*house, func()) {
	dir := t.TempDir()
	blobs, err := tarballs.Folder(dir)
	require.NoError(t, err)
	h := startOn(t, couch.Options{Blobs: tarballs.Blobs(blobs)}, httpd.Options{Stall: stall, MaxAttachment: 1 << 20})
	h.must(t, "PUT /db", "", 201)
	return h, func() {
		h.must(t, "PUT /db/whole/f", strings.Repeat("x", 300<<10), 201) // the server is well
		require.Eventually(t, func() bool {
			for info, err := range blobs.List(t.Context()) {
				require.NoError(t, err)
				require.NoError(t, blobs.Delete(t.Context(), info.Digest))
			}
			return len(files(t, filepath.Join(dir, "tmp"))) == 0
		}, time.Minute, 50*time.Millisecond, "what is left: %v", files(t, dir))
		h.must(t, "DELETE /db", "", 200) // its blob is swept
	}
}

// Of an upload that does not come whole nothing is kept: no document, no blob
// that a sweep leaves, no file that is not a blob. The client hears why, or the
// connection is cut.
func TestBrokenUploads(t *testing.T) {
	patient, left := storing(t, time.Minute)
	impatient, leftThere := storing(t, 300*time.Millisecond)
	large := strings.Repeat("0123456789abcdef", 20<<10) // 320 kB: a blob
	const oneMB = 1 << 20
	related := "Content-Type: multipart/related; boundary=xx"
	part := func(doc string) string {
		return "--xx\r\nContent-Type: application/json\r\n\r\n" + doc + "\r\n--xx\r\n\r\n"
	}
	follows := func(length int) string {
		return fmt.Sprintf(`{"_attachments":{"f":{"follows":true,"content_type":"x/y","length":%d}}}`, length)
	}
	sized := func(headers []string, body string) string {
		return head("PUT /db/d", append(headers, fmt.Sprint("Content-Length: ", len(body)))...) + "\r\n" + body
	}
	for name, c := range map[string]struct {
		send   string
		stays  bool // the client does not hang up
		status string
	}{
		"hangs up":                   {head("PUT /db/d/f", fmt.Sprint("Content-Length: ", oneMB)) + "\r\n" + large, false, ""},
		"stalls":                     {head("PUT /db/d/f", fmt.Sprint("Content-Length: ", oneMB)) + "\r\n" + large, true, "408"},
		"stalls at once":             {head("PUT /db/d/f", "Content-Length: 5") + "\r\n", true, "408"},
		"chunked, hangs up":          {head("PUT /db/d/f", "Transfer-Encoding: chunked") + "\r\n50000\r\n" + large + "\r\n", false, ""},
		"chunked, stalls":            {head("PUT /db/d/f", "Transfer-Encoding: chunked") + "\r\n50000\r\n" + large + "\r\n", true, "408"},
		"chunked, no number":         {head("PUT /db/d/f", "Transfer-Encoding: chunked") + "\r\n50000\r\n" + large + "\r\nzz\r\n", true, "400"},
		"chunked, negative":          {head("PUT /db/d/f", "Transfer-Encoding: chunked") + "\r\n-5\r\nhello\r\n0\r\n\r\n", true, "400"},
		"too large":                  {head("PUT /db/d/f", fmt.Sprint("Content-Length: ", oneMB+1)) + "\r\n" + large, true, "413"},
		"too large, chunked":         {head("PUT /db/d/f", "Transfer-Encoding: chunked") + "\r\n" + strings.Repeat("50000\r\n"+large+"\r\n", 4) + "0\r\n\r\n", true, "413"},
		"not gzip":                   {head("PUT /db/d/f", "Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(large))) + "\r\n" + large, true, "400"},
		"half a gzip":                {head("PUT /db/d/f", "Content-Encoding: gzip", "Content-Length: 30") + "\r\n" + zipped(large)[:30], true, "400"},
		"another digest":             {head("PUT /db/d/f", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==", fmt.Sprint("Content-Length: ", len(large))) + "\r\n" + large, true, "400"},
		"another revision":           {head("PUT /db/d/f?rev=1-abc", fmt.Sprint("Content-Length: ", len(large))) + "\r\n" + large, true, "409"},
		"related, no parts":          {sized([]string{related}, "hello"), true, "400"},
		"related, no boundary":       {sized([]string{"Content-Type: multipart/related"}, "hello"), true, "400"},
		"related, not JSON":          {sized([]string{related}, part("{")+"--xx--"), true, "400"},
		"related, not JSON's type":   {sized([]string{related}, "--xx\r\nContent-Type: x/y\r\n\r\n{}\r\n--xx--"), true, "415"},
		"related, JSON without end":  {sized([]string{related}, "--xx\r\nContent-Type: application/json\r\n\r\n{}"), true, "400"},
		"related, short":             {sized([]string{related}, part(follows(len(large)+1))+large+"\r\n--xx--"), true, "400"},
		"related, long":              {sized([]string{related}, part(follows(len(large)-1))+large+"\r\n--xx--"), true, "400"},
		"related, too large":         {sized([]string{related}, part(follows(oneMB+1))+large+"\r\n--xx--"), true, "413"},
		"related, too large, untold": {sized([]string{related}, part(`{"_attachments":{"f":{"follows":true}}}`)+strings.Repeat(large, 4)+"\r\n--xx--"), true, "413"},
		"related, no last boundary":  {sized([]string{related}, part(follows(len(large)))+large), true, "400"},
		"related, part missing":      {sized([]string{related}, part(follows(len(large)))+"\r\n--xx--"), true, "400"},
		"related, another digest": {sized([]string{related}, part(strings.Replace(follows(len(large)), `"length"`,
			`"digest":"md5-AAAAAAAAAAAAAAAAAAAAAA==","length"`, 1))+large+"\r\n--xx--"), true, "400"},
		"related, stalls": {head("PUT /db/d", related, fmt.Sprint("Content-Length: ", oneMB)) + "\r\n" + part(follows(len(large))) + large, true, "408"},
		"JSON, stalls":    {head("PUT /db/d", "Content-Length: 50") + "\r\n{\"a\":", true, "408"},
		"JSON, hangs up":  {head("PUT /db/d", "Content-Length: 50") + "\r\n{\"a\":", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := patient
			if c.status == "408" {
				h = impatient
			}
			conn := dial(t, h)
			_, _ = io.WriteString(conn, c.send) // the server may hang up before it has all
			if !c.stays {
				require.NoError(t, conn.Close())
			} else {
				require.Equal(t, c.status, strings.Fields(conn.status())[1])
			}
			h.must(t, "GET /db/d", "", 404)
		})
	}
	left()
	leftThere()
}

func files(t testing.TB, dir string) (list []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return nil
	})
	return list
}

// A client that sends a byte now and then to keep its connection is cut too.
func TestTrickle(t *testing.T) {
	h := start(t, httpd.Options{Stall: 300 * time.Millisecond})
	h.must(t, "PUT /db", "", 201)
	conn := dial(t, h)
	_, err := io.WriteString(conn, head("PUT /db/d", "Content-Length: 1000000")+"\r\n")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := conn.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	require.Equal(t, "HTTP/1.1 408 Request Timeout", conn.status())
	require.NoError(t, conn.Close())
	<-ended
}

// A request is bounded as a whole, also where its parts are small.
func TestRequestSize(t *testing.T) {
	h := start(t, httpd.Options{})
	h.must(t, "PUT /db", "", 201)
	h.must(t, "PUT /_node/_local/_config/chttpd/max_http_request_size", `"1000"`, 200)
	h.must(t, "PUT /db/a/f", strings.Repeat("x", 1001), http.StatusRequestEntityTooLarge)
	h.must(t, "PUT /db/a/f", strings.Repeat("x", 1000), 201)
	h.must(t, "PUT /_node/_local/_config/couchdb/max_attachment_size", `"10"`, 200)
	h.must(t, "PUT /db/b/f", strings.Repeat("x", 11), http.StatusRequestEntityTooLarge)
	h.must(t, "PUT /db/b/f", strings.Repeat("x", 10), 201)
	inline := `{"_id":"c","_attachments":{"f":{"data":"` + base64.StdEncoding.EncodeToString(make([]byte, 11)) + `"}}}`
	h.must(t, "PUT /db/c", inline, http.StatusRequestEntityTooLarge)
	h.must(t, "POST /db/_bulk_docs", `{"docs":[`+inline+`]}`, http.StatusRequestEntityTooLarge)
}
