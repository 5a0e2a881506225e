package replicate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// openRevs reads multipart/mixed, whose parts are documents or, where attachments follow, multipart/related.
func (r *remote) openRevs(ctx context.Context, id string, revs, since []string, yield func(document) error) error {
	query := url.Values{"revs": {"true"}, "latest": {"true"}, "att_encoding_info": {"true"}}
	list, _ := json.Marshal(revs) // strings always can be
	query.Set("open_revs", string(list))
	if len(since) > 0 {
		list, _ = json.Marshal(since[:min(len(since), revsAtOnce)])
		query.Set("atts_since", string(list))
	}
	query.Set("attachments", "true")
	resp, err := r.do(ctx, http.MethodGet, r.at(query, id), http.Header{"Accept": {"multipart/mixed, application/json;q=0.5"}}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return openRevsJSON(id, resp.Body, yield)
	}
	mixed := multipart.NewReader(resp.Body, params["boundary"])
	for {
		p, err := mixed.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return failed(err)
		}
		d, err := readPart(id, p)
		if err != nil {
			return err
		}
		if err := yield(d); err != nil {
			return err
		}
	}
}

// openRevsJSON reads the answer of a server that sends no multipart: attachments are inline.
func openRevsJSON(id string, body io.ReadCloser, yield func(document) error) error {
	in := newStream(body)
	defer in.close()
	return in.list(func() error {
		var r row
		if err := in.value(&r); err != nil {
			return err
		}
		return yield(r.document(id))
	})
}

// readPart reads one revision.
func readPart(id string, p *multipart.Part) (document, error) {
	kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
	if err != nil {
		return document{}, failed(err)
	}
	if kind != "multipart/related" {
		raw, err := readJSON(p)
		if err != nil {
			return document{}, err
		}
		if _, isError := params["error"]; isError {
			var m row
			_ = json.Unmarshal(raw, &m)
			return document{id: id, rev: m.Missing, err: errMissing}, nil
		}
		return document{id: id, rev: revisionOf(raw), json: raw}, nil
	}
	related := multipart.NewReader(p, params["boundary"])
	first, err := related.NextRawPart()
	if err != nil {
		return document{}, failed(err)
	}
	raw, err := readJSON(first)
	if err != nil {
		return document{}, err
	}
	return document{id: id, rev: revisionOf(raw), json: raw, parts: func() (part, error) { return nextPart(related) }}, nil
}

func nextPart(related *multipart.Reader) (part, error) {
	p, err := related.NextRawPart()
	if err == io.EOF {
		return part{}, err
	}
	if err != nil {
		return part{}, failed(err)
	}
	out := part{size: -1, contentType: p.Header.Get("Content-Type"), Reader: p}
	if n, err := strconv.ParseInt(p.Header.Get("Content-Length"), 10, 64); err == nil {
		out.size = n
	}
	return out, nil
}

func readJSON(r io.Reader) (json.RawMessage, error) {
	raw, err := io.ReadAll(io.LimitReader(r, longestValue))
	switch {
	case err != nil:
		return nil, failed(err)
	case len(raw) == longestValue:
		return nil, errTooLong
	case !json.Valid(raw):
		return nil, failed(errNoObject)
	}
	return raw, nil
}

// put sends multipart/related: the document, then the bytes that follow, as they come from the source.
func (r *remote) put(ctx context.Context, d document) error {
	header := http.Header{"X-Couch-Full-Commit": {"false"}}
	query := url.Values{"new_edits": {"false"}}
	read, written := io.Pipe()
	out := multipart.NewWriter(written)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "", read)
	if err != nil {
		return err
	}
	u := r.at(query, d.id)
	req.URL, req.Host, req.Header = u, u.Host, header
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", fmt.Sprintf("multipart/related; boundary=%q", out.Boundary()))
	sent := make(chan error, 1)
	go func() {
		err := writeParts(out, d)
		_ = written.CloseWithError(err) // nil closes it
		sent <- err
	}()
	resp, err := answer(r.client.Do(req))
	_ = read.Close() // an answer may come before everything was sent
	source := <-sent // the parts are the caller's; nothing reads them any more
	if source != nil && source != io.ErrClosedPipe && err != nil && ctx.Err() == nil {
		if _, said := err.(*wireError); !said {
			return source // the source broke off, not the target
		}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return taken(resp.Body)
}

// taken reads what is answered to a revision: {"ok":true,…}. PouchDB-server answers as to
// _bulk_docs, a list of what failed. A proxy's page is no success.
func taken(answer io.Reader) error {
	var raw json.RawMessage
	if err := json.NewDecoder(io.LimitReader(answer, 64<<10)).Decode(&raw); err != nil {
		return failed(err)
	}
	var failures []json.RawMessage
	if json.Unmarshal(raw, &failures) == nil && failures != nil && len(failures) == 0 {
		return nil
	}
	var said struct {
		OK bool `json:"ok"`
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return failed(err)
	}
	if !said.OK {
		return failed(errNoObject)
	}
	return nil
}

// quoteName keeps a name within its quotes and its line, as browsers do.
var quoteName = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

func writeParts(out *multipart.Writer, d document) error {
	w, err := out.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, bytes.NewReader(d.json)); err != nil {
		return err
	}
	names, err := toFollow(d.json)
	if err != nil {
		return err
	}
	for {
		p, err := d.parts()
		if err == io.EOF {
			return out.Close()
		}
		if err != nil {
			return err
		}
		header := textproto.MIMEHeader{"Content-Type": {p.contentType}}
		// CouchDB takes parts in the document's order and reads none of their headers, but wants
		// some. PouchDB-server goes by the names, and ends when there are none.
		if len(names) > 0 {
			header.Set("Content-Disposition", `attachment; filename="`+quoteName.Replace(names[0])+`"`)
			names = names[1:]
		}
		if w, err = out.CreatePart(header); err != nil {
			return err
		}
		if _, err := io.Copy(w, p); err != nil {
			return err
		}
	}
}
