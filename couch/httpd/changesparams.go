package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"settee/couch"
	"settee/views"
)

// feedKind is how _changes goes on after the rows that there are.
type feedKind string

const (
	normal      feedKind = "normal"      // it does not
	longpoll    feedKind = "longpoll"    // it waits where there are none
	continuous  feedKind = "continuous"  // it goes on, a row a line
	eventsource feedKind = "eventsource" // it goes on, as server-sent events
)

// changesTimeout is CouchDB's default and greatest [chttpd] changes_timeout.
const changesTimeout = time.Minute

// changesParams are the parameters of _changes.
type changesParams struct {
	Feed      feedKind             // feed
	Rows      couch.ChangesOptions // since, limit, descending, style, include_docs, conflicts, attachments, att_encoding_info
	Heartbeat time.Duration        // heartbeat, at most [chttpd] changes_timeout; 0: none, else there is no time-out
	Timeout   time.Duration        // timeout: without a row
	Interval  int                  // seq_interval: only each n-th row tells its sequence; 0: all do
	Filter    *views.Filter        // filter, with view, doc_ids and what a function reads; nil: every row
}

// changesParams reads the query and, of a POST, what a filter's body holds.
func (c *call) changesParams() (changesParams, error) {
	q := c.query.folded()
	p := changesParams{Feed: normal, Timeout: c.policy.changesTimeout, Rows: couch.ChangesOptions{
		Limit: -1, Descending: q.flag("descending"), AllLeaves: q["style"] == "all_docs", IncludeDocs: q.flag("include_docs"),
		Get: couch.GetOptions{Conflicts: q.flag("conflicts"), Follows: q.flag("attachments"), AttEncodingInfo: q.flag("att_encoding_info")},
	}}
	body, err := c.changesBody()
	if err != nil {
		return p, err
	}
	for _, read := range []func(*changesParams, query) error{c.changesFeed, c.changesNumbers, c.changesSince} {
		if err := read(&p, q); err != nil {
			return p, err
		}
	}
	p.Filter, err = c.changesFilter(q, body)
	if get := &p.Rows.Get; p.Filter.Projects() {
		get.Attachments, get.Follows = get.Follows, false
	}
	return p, err
}

// folded has the names in small letters, as CouchDB reads those of _changes.
func (q query) folded() query {
	small := make(query, len(q))
	for name, v := range q {
		small[strings.ToLower(name)] = v
	}
	return small
}

func (c *call) changesFeed(p *changesParams, q query) error {
	switch f := feedKind(q["feed"]); f {
	case "", normal:
	case "live", continuous:
		p.Feed = continuous
	case longpoll, eventsource:
		p.Feed = f
	default:
		return badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
	}
	if s, ok := q["style"]; ok && s != "all_docs" && s != "main_only" {
		return badRequest("Supported `style` values: main_only, all_docs")
	}
	return nil
}

func (c *call) changesSince(p *changesParams, q query) error {
	since, ok := q["since"]
	if id, sent := q["last-event-id"]; sent {
		since, ok = id, true
	}
	if id := c.r.Header.Get("Last-Event-ID"); id != "" && p.Feed == eventsource {
		since, ok = id, true
	}
	if !ok {
		return nil
	}
	var err error
	p.Rows.Since, err = c.db.ParseSeq(since)
	return err
}

// changesNumbers reads the numbers; junk and what is out of range differ in CouchDB's words.
func (c *call) changesNumbers(p *changesParams, q query) error {
	var heartbeat, timeout int
	for _, n := range []struct {
		name           string
		least          int
		junk, tooSmall string
		into           *int
	}{
		{"limit", 0, "The limit parameter should be a non-negative integer", "The limit value should be a non-negative integer", &p.Rows.Limit},
		{"heartbeat", 1, "Invalid heartbeat value. Expecting a positive integer value (in milliseconds).", "The heartbeat value should be a positive integer (in milliseconds).", &heartbeat},
		{"timeout", 0, "The timeout parameter should be a non-negative integer", "The timeout value should be a non-negative integer", &timeout},
		{"seq_interval", 1, "invalid_seq_interval", "invalid_seq_interval", &p.Interval},
	} {
		v, ok := q[n.name]
		if !ok || n.name == "heartbeat" && v == "true" {
			continue
		}
		i, err := strconv.Atoi(v)
		switch {
		case errors.Is(err, strconv.ErrRange) && v[0] != '-':
			i = math.MaxInt // larger than any is as good as the largest
		case err != nil:
			return badRequest(n.junk)
		}
		if i < n.least {
			return badRequest(n.tooSmall)
		}
		*n.into = i
	}
	if p.Heartbeat = min(milliseconds(heartbeat), p.Timeout); q["heartbeat"] == "true" {
		p.Heartbeat = p.Timeout
	}
	if _, ok := q["timeout"]; ok {
		p.Timeout = min(milliseconds(timeout), p.Timeout)
	}
	return nil
}

// milliseconds is n of them, at most a day: a larger number must not overflow.
func milliseconds(n int) time.Duration {
	return time.Duration(min(n, int(24*time.Hour/time.Millisecond))) * time.Millisecond
}

// changesFilter makes the filter of the parameter filter.
func (c *call) changesFilter(q query, body []byte) (*views.Filter, error) {
	o := views.FilterOptions{Name: q["filter"], View: c.query["view"], DocIDs: json.RawMessage(c.query["doc_ids"]), Conflicts: q.flag("conflicts")}
	o.Request = func() ([]byte, error) { return c.appendRequest(nil, asked{body: body}) }
	if o.Name == "_selector" && c.verb != http.MethodPost {
		return nil, badRequest("Selector must be specified in POST payload")
	}
	if body == nil && c.verb == http.MethodPost && (o.Name == "_selector" || o.Name == "_doc_ids") {
		return nil, badRequest("Missing request body")
	}
	if body != nil {
		var given struct {
			IDs      json.RawMessage `json:"doc_ids"`
			Selector json.RawMessage `json:"selector"`
			Fields   json.RawMessage `json:"fields"`
		}
		if err := decode(body, &given); err != nil {
			return nil, err
		}
		o.DocIDs, o.Selector, o.Fields = given.IDs, given.Selector, given.Fields
	}
	return c.s.views.Filter(c.ctx(), c.db, o)
}

// changesBody is the body of POST, an object; nil where it is empty.
func (c *call) changesBody() ([]byte, error) {
	if c.verb != http.MethodPost {
		return nil, nil
	}
	if !isJSON(c.r.Header) {
		return nil, errNotJSON
	}
	raw, err := c.postBody()
	switch {
	case err != nil:
		return nil, err
	case len(raw) == 0:
		return nil, nil
	case !json.Valid(raw) || !utf8.Valid(raw):
		return nil, errJSON
	case !isObject(raw):
		return nil, errBodyObject
	}
	return bytes.Clone(raw), nil
}
