package replicate

import (
	"context"
	"crypto/md5" //nolint:gosec // as CouchDB's ids
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// key is a request in one piece: two requests with one key ask for the same.
func (r *Request) key() string {
	o := &r.Options
	text, _ := json.Marshal([]any{ // there is nothing in it that cannot be marshalled
		r.Source, r.Target, r.CreateParams, r.Connections, o.Continuous, o.CreateTarget, o.DocIDs, o.Selector, o.Filter, o.QueryParams,
		o.SinceSeq, o.WinningRevsOnly, o.NoCheckpoints, o.NoBulkGet, o.CheckpointInterval, o.Workers, o.BatchSize, o.ConnectionTimeout, o.Retries,
	})
	return string(text)
}

// programmed reports that a function of a design document selects what is replicated: the
// replication is another one when that changes.
func (r *Request) programmed() bool {
	return r.Options.Filter != "" && !strings.HasPrefix(r.Options.Filter, "_")
}

// identify is a request's id. It hangs on this server, on both ends and who they are opened by, but not on
// passwords, and on what selects documents.
func (s *Scheduler) identify(ctx context.Context, r Request) (string, error) {
	o, code := &r.Options, ""
	if r.programmed() {
		var err error
		if code, err = s.filterCode(ctx, r); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal([]any{
		s.o.UUID, r.Source.identity(), r.Target.identity(), code, o.QueryParams, o.DocIDs, o.Selector, o.WinningRevsOnly,
		o.Filter != "" && !r.programmed(),
	})
	if err != nil {
		return "", err
	}
	sum := md5.Sum(text) //nolint:gosec // as above
	return full(hex.EncodeToString(sum[:]), o), nil
}

// identity is what makes an end this one: where it is and who opens it.
func (e Endpoint) identity() []any {
	host, port, path := e.URL, "", ""
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		host, port, path = u.Hostname(), u.Port(), u.EscapedPath()
		if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" || port == "5984" {
			port = ""
		}
	}
	return []any{e.User, host, port, path, e.Headers}
}

// filterCode is the function by which a request selects documents, at its source.
func (s *Scheduler) filterCode(ctx context.Context, r Request) (string, error) {
	ddoc, name, _ := strings.Cut(r.Options.Filter, "/")
	source, err := s.o.Open(ctx, r.Source, r)
	if err != nil {
		return "", err
	}
	defer source.DB.Close() //nolint:errcheck // it was read
	var doc struct {
		Filters map[string]string `json:"filters"`
	}
	if err := source.DB.Get(ctx, "_design/"+ddoc).ScanDoc(&doc); err != nil {
		reason := "Couldn't open document `_design/" + ddoc + "` from source database `" + r.Source.URL + "`: "
		if kivik.HTTPStatus(err) == http.StatusNotFound {
			return "", notFound(reason + `{error,<<"not_found">>}`)
		}
		return "", &Failure{Status: http.StatusInternalServerError, Word: "error", Reason: reason + withoutPasswords(err.Error())}
	}
	code, has := doc.Filters[name]
	if !has {
		return "", notFound("Couldn't parse filter code from document " + ddoc + " on `" + r.Source.URL + "`  Error: missing json key: " + name)
	}
	return strings.TrimSpace(code), nil
}

// notFound is the failure of what a filter needs. Documents tell its reason alone.
func notFound(reason string) *Failure {
	return &Failure{Status: http.StatusNotFound, Word: "not_found", Reason: reason, History: reason}
}
