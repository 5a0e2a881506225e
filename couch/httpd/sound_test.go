package httpd_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// documented are the 5xx that CouchDB has for what a client may send; this is
// the one place that admits them. Any other is a fault of ours. 501 is what is not
// built, and net/http's for transfer codings, as 505 is for versions.
var documented = map[int][]string{
	http.StatusNotImplemented:          nil,
	http.StatusHTTPVersionNotSupported: nil,
	http.StatusInternalServerError: {
		"unknown_query_language", // of a design document
		"invalid_value",          // what _stats cannot count
		"db_not_found",           // replication from what is not there
		"replication_auth_error", // with credentials that are refused there
		"error",                  // without a source, and where a peer fails
	},
	http.StatusServiceUnavailable: {"service unavailable", "required index service unavailable"}, // search
}

// faulty tells what is wrong with an answer, whatever was asked; a HEAD has no body to tell more.
func faulty(status int, body []byte, head bool) error {
	if status < 500 {
		return nil
	}
	words, known := documented[status]
	var said struct{ Error string }
	if known && (words == nil || head || json.Unmarshal(body, &said) == nil && slices.Contains(words, said.Error)) {
		return nil
	}
	return fmt.Errorf("%d is no documented error: %.300s", status, body)
}

// hanging is how long an answer may take; nothing is measured by it.
const hanging = time.Minute

// exchange sends requests on a connection of their own, in pieces that end where
// cuts say, and checks what comes back: whole answers of HTTP, JSON that is JSON,
// no fault; one for each request, or the server hangs up. The requests may be
// broken, so that one of them is several or none.
func exchange(addr string, requests []string, cuts []int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(hanging))
	go func() {
		at, raw := 0, strings.Join(requests, "")
		for _, cut := range append(cuts, len(raw)) {
			if cut > at && cut <= len(raw) {
				if _, err := io.WriteString(conn, raw[at:cut]); err != nil {
					return // the server had enough
				}
				at = cut
			}
		}
	}()
	in := bufio.NewReader(conn)
	for _, r := range requests {
		method, _, _ := strings.Cut(r, " ")
		if err := readAnswer(in, method); err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
	}
	return nil
}

var errHangs = errors.New("no end of the answer")

// readAnswer checks one answer; io.EOF: there is none.
func readAnswer(in *bufio.Reader, method string) error {
	if _, err := in.Peek(1); err != nil {
		return ended(err)
	}
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		if ended(err) == io.EOF {
			return io.EOF
		}
		return fmt.Errorf("not an answer: %w", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return ended(err)
	}
	if err := faulty(res.StatusCode, body, method == "HEAD"); err != nil {
		return err
	}
	if method != "HEAD" && res.Header.Get("Content-Type") == "application/json" && res.ContentLength > 0 && !json.Valid(body) {
		return fmt.Errorf("%d, not JSON: %.300q", res.StatusCode, body)
	}
	return nil
}

// ended tells a connection that the server ends, which it may, from one that hangs.
func ended(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errHangs
	}
	return io.EOF
}
