package replicate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// remote is a database over HTTP, in CouchDB's protocol. Kivik's driver would hold attachments in memory, ends
// with a panic where an answer is not as expected, and does not tell the errors of _bulk_docs apart.
type remote struct {
	client *http.Client
	db     *url.URL // the database, "/" at its end, without user and password

	endpoint Endpoint // as it was given
}

// A wireError is an answer with a status of 400 and above, or a row that says as much.
type wireError struct {
	Status int
	Kind   string
	Reason string
	Header http.Header
}

func (e *wireError) Error() string {
	if e.Kind == "" {
		return fmt.Sprintf("HTTP status %d", e.Status)
	}
	return e.Kind + ": " + e.Reason
}

// HTTPStatus is what kivik.HTTPStatus asks for.
func (e *wireError) HTTPStatus() int { return e.Status }

// at is the URL of a path below the database, whose parts are escaped as ids must be.
func (r *remote) at(query url.Values, parts ...string) *url.URL {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = escapeID(p)
	}
	u := *r.db
	u.RawPath = u.EscapedPath() + strings.Join(escaped, "/")
	u.Path, _ = url.PathUnescape(u.RawPath)
	u.RawQuery = query.Encode()
	return &u
}

// escapeID escapes an id for a path; of design documents the slash after _design stays, or CouchDB redirects.
func escapeID(id string) string {
	if name, ok := strings.CutPrefix(id, "_design/"); ok {
		return "_design/" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	}
	return strings.ReplaceAll(url.QueryEscape(id), "+", "%20")
}

// do sends a request and gives its answer, or what error it is.
func (r *remote) do(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "", in)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return answer(r.client.Do(req))
}

// answer is an answer that is none of an error.
func answer(resp *http.Response, err error) (*http.Response, error) {
	if err != nil || resp.StatusCode < 400 {
		return resp, err
	}
	defer resp.Body.Close()
	e := &wireError{Status: resp.StatusCode, Header: resp.Header}
	var said struct {
		Error  string `json:"error"`
		Reason string `json:"reason"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said) == nil {
		e.Kind, e.Reason = said.Error, said.Reason
	}
	return nil, e
}

// post sends JSON.
func (r *remote) post(ctx context.Context, path string, query url.Values, v any) (*stream, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	resp, err := r.do(ctx, http.MethodPost, r.at(query, path), nil, body)
	if err != nil {
		return nil, err
	}
	return newStream(resp.Body), nil
}

func (r *remote) changes(ctx context.Context, f feed, yield func(change) error) (feedEnd, error) {
	query := url.Values{}
	for name, value := range f.params() {
		if name != "doc_ids" && name != "selector" { // they go into the body
			query.Set(name, fmt.Sprint(value))
		}
	}
	header := http.Header{}
	if f.waits {
		query.Set("feed", "continuous")           // what comes between two long polls would wait for the next one's way
		header.Set("Accept-Encoding", "identity") // a server, or a proxy, that compresses holds rows back
	}
	body, err := f.body()
	if err != nil {
		return feedEnd{}, err
	}
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	resp, err := r.do(ctx, method, r.at(query, "_changes"), header, body)
	if err != nil {
		return feedEnd{}, err
	}
	in := newStream(resp.Body)
	defer in.close()
	if f.waits {
		return in.lines(f, yield)
	}
	return in.rows(yield)
}

func (r *remote) diff(ctx context.Context, asked []change) (lacks []lack, err error) {
	revs := make(map[string][]string, len(asked))
	for _, c := range asked {
		revs[c.id] = append(revs[c.id], c.revs...)
	}
	in, err := r.post(ctx, "_revs_diff", nil, revs)
	if err != nil {
		return nil, err
	}
	defer in.close()
	err = in.object(func(id string) error {
		if revs[id] == nil {
			return errUnasked
		}
		var diff struct {
			Missing   []string `json:"missing"`
			Ancestors []string `json:"possible_ancestors"`
		}
		err := in.value(&diff)
		if len(diff.Missing) > 0 {
			lacks = append(lacks, lack{id, diff.Missing, diff.Ancestors})
		}
		return err
	})
	return lacks, err
}

func (r *remote) bulkGet(ctx context.Context, refs []ref, yield func(document) error) error {
	type entry struct {
		ID  string `json:"id"`
		Rev string `json:"rev"`
	}
	docs := make([]entry, len(refs))
	for i, ref := range refs {
		docs[i] = entry{ref.id, ref.rev}
	}
	query := url.Values{"revs": {"true"}, "latest": {"true"}, "attachments": {"false"}}
	in, err := r.post(ctx, "_bulk_get", query, map[string]any{"docs": docs})
	if err != nil {
		return err
	}
	defer in.close()
	return in.object(func(key string) error {
		if key != "results" {
			return in.skip()
		}
		return in.list(func() error {
			var result struct {
				ID   string `json:"id"`
				Docs []row  `json:"docs"`
			}
			if err := in.value(&result); err != nil {
				return err
			}
			for _, d := range result.Docs {
				if err := yield(d.document(result.ID)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// A row is one revision in an answer of JSON: of _bulk_get, or of open_revs.
type row struct {
	OK      json.RawMessage `json:"ok"`
	Missing string          `json:"missing"`
	Error   *struct {
		Rev    string `json:"rev"`
		Error  string `json:"error"`
		Reason string `json:"reason"`
	} `json:"error"`
}

func (r row) document(id string) document {
	switch {
	case r.Error != nil:
		return document{id: id, rev: r.Error.Rev, err: &wireError{Status: http.StatusNotFound, Kind: r.Error.Error, Reason: r.Error.Reason}}
	case r.OK == nil:
		return document{id: id, rev: r.Missing, err: errMissing}
	}
	return document{id: id, rev: revisionOf(r.OK), json: r.OK}
}

var errMissing = &wireError{Status: http.StatusNotFound, Kind: "not_found", Reason: "missing"}

// rowStatus is the status of a row's error in _bulk_docs; others are the server's own failures.
var rowStatus = map[string]int{
	"forbidden": http.StatusForbidden, "unauthorized": http.StatusUnauthorized, "conflict": http.StatusConflict,
	"document_too_large": http.StatusRequestEntityTooLarge, "attachment_too_large": http.StatusRequestEntityTooLarge,
	"missing_stub": http.StatusPreconditionFailed, "bad_request": http.StatusBadRequest, "doc_validation": http.StatusBadRequest,
	"illegal_docid": http.StatusBadRequest,
}

func (r *remote) bulkDocs(ctx context.Context, docs []json.RawMessage) (refused []refusal, err error) {
	resp, err := r.do(ctx, http.MethodPost, r.at(nil, "_bulk_docs"), http.Header{"X-Couch-Full-Commit": {"false"}}, bulk(docs))
	if err != nil {
		return nil, err
	}
	in := newStream(resp.Body)
	defer in.close()
	err = in.list(func() error {
		var row struct {
			ID     string `json:"id"`
			Rev    string `json:"rev"`
			Error  string `json:"error"`
			Reason string `json:"reason"`
		}
		if err := in.value(&row); err != nil || row.Error == "" {
			return err
		}
		status, known := rowStatus[row.Error]
		if !known {
			status = http.StatusInternalServerError
		}
		refused = append(refused, refusal{row.ID, row.Rev, &wireError{Status: status, Kind: row.Error, Reason: row.Reason}})
		return nil
	})
	return refused, err
}

// bulk is the body of _bulk_docs.
func bulk(docs []json.RawMessage) []byte {
	size := 64
	for _, d := range docs {
		size += len(d) + 1
	}
	body := append(make([]byte, 0, size), `{"new_edits":false,"docs":[`...)
	for i, d := range docs {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, d...)
	}
	return append(body, "]}"...)
}
