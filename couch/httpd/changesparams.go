package httpd

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"settee/couch"
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
	Feed      feedKind
	Rows      couch.ChangesOptions // since, limit, descending, style, include_docs, conflicts, attachments
	Heartbeat time.Duration        // 0: none; else there is no time-out
	Timeout   time.Duration        // without a row
	Interval  int                  // seq_interval: only each n-th row tells its sequence
	Encoding  bool                 // att_encoding_info
	Filter    changeFilter         // nil: every row
}

// changesParams reads the query and, of a POST, what a filter's body holds.
func (c *call) changesParams() (changesParams, error) {
	q := c.query
	p := changesParams{Feed: normal, Timeout: changesTimeout, Rows: couch.ChangesOptions{
		Limit: -1, Descending: q.flag("descending"), AllLeaves: q["style"] == "all_docs", IncludeDocs: q.flag("include_docs"),
		Get: couch.GetOptions{Conflicts: q.flag("conflicts"), Attachments: q.flag("attachments"), AttEncodingInfo: q.flag("att_encoding_info")},
	}, Encoding: q.flag("att_encoding_info")}

	switch f := feedKind(q["feed"]); f {
	case "", normal:
	case "live", continuous:
		p.Feed = continuous
	case longpoll, eventsource:
		p.Feed = f
	default:
		return p, badRequest("Supported `feed` types: normal, continuous, live, longpoll, eventsource")
	}
	if s, ok := q["style"]; ok && s != "all_docs" && s != "main_only" {
		return p, badRequest("Supported `style` values: main_only, all_docs")
	}
	if err := c.changesSince(&p); err != nil {
		return p, err
	}
	if err := c.changesTimes(&p); err != nil {
		return p, err
	}
	for name, to := range map[string]*int{"limit": &p.Rows.Limit, "seq_interval": &p.Interval} {
		if v, ok := q[name]; ok {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return p, badRequest("The " + name + " value should be a non-negative integer.")
			}
			*to = n
		}
	}
	var err error
	p.Filter, err = c.changesFilter()
	return p, err
}

func (c *call) changesSince(p *changesParams) error {
	since, ok := c.query["since"]
	if id, sent := c.query.first("last-event-id"); sent {
		since, ok = id, true
	}
	if id := c.r.Header.Get("Last-Event-ID"); id != "" && p.Feed == eventsource {
		since, ok = id, true
	}
	if !ok || since == "" {
		return nil
	}
	var err error
	p.Rows.Since, err = c.db.ParseSeq(since)
	return err
}

func (c *call) changesTimes(p *changesParams) error {
	if v, ok := c.query["heartbeat"]; ok && v != "false" {
		ms, err := strconv.Atoi(v)
		switch {
		case v == "true":
			p.Heartbeat = time.Minute
		case err != nil || ms < 1:
			return badRequest("The heartbeat value should be a positive integer (in milliseconds).")
		default:
			p.Heartbeat = milliseconds(ms)
		}
	}
	if v, ok := c.query["timeout"]; ok {
		ms, err := strconv.Atoi(v)
		if err != nil || ms < 0 {
			return badRequest("The timeout value should be a non-negative integer (in milliseconds).")
		}
		p.Timeout = min(milliseconds(ms), changesTimeout)
	}
	return nil
}

// milliseconds is n of them, at most a day: a larger number must not overflow.
func milliseconds(n int) time.Duration {
	return time.Duration(min(n, int(24*time.Hour/time.Millisecond))) * time.Millisecond
}

// changeFilter chooses rows.
type changeFilter func(*couch.Change) bool

// changesFilter makes the filter of the parameter filter.
func (c *call) changesFilter() (changeFilter, error) {
	body, err := c.changesBody()
	if err != nil {
		return nil, err
	}
	name := c.query["filter"]
	switch {
	case name == "":
		return nil, nil
	case name == "_design":
		return func(ch *couch.Change) bool { return ch.ID.IsDesign() }, nil
	case name == "_doc_ids":
		return c.docIDsFilter(body)
	case name == "_selector":
		if c.verb != http.MethodPost {
			return nil, badRequest("Selector must be specified in POST payload")
		}
		return nil, unbuiltError("The filter _selector")
	case name == "_view":
		if c.query["view"] == "" {
			return nil, badRequest("`view` filter parameter is not provided.")
		}
		return nil, unbuiltError("The filter _view")
	case strings.HasPrefix(name, "_"):
		return nil, badRequest("unknown builtin filter name")
	}
	return nil, c.designFilter(name)
}

// changesBody is the body of POST; it may be empty.
func (c *call) changesBody() ([]byte, error) {
	raw, err := c.postBody()
	switch {
	case err != nil:
		return nil, err
	case first(raw) == 0:
		return nil, nil
	case !isJSON(c.r.Header):
		return nil, errNotJSON
	case !isObject(raw):
		return nil, errBodyObject
	}
	return bytes.Clone(raw), nil
}

// docIDsFilter passes the ids of doc_ids, in the query or the body.
func (c *call) docIDsFilter(body []byte) (changeFilter, error) {
	list := []byte(c.query["doc_ids"])
	if len(body) > 0 {
		err := members(body, func(key string, value []byte) error {
			if key == "doc_ids" {
				list = value
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	notList := badRequest("`doc_ids` filter parameter is not a list of doc ids.")
	if !isArray(list) {
		return nil, notList
	}
	wanted := map[couch.DocID]bool{}
	err := elements(list, func(value []byte) error {
		id, err := text(value)
		if err != nil {
			return notList
		}
		wanted[couch.DocID(id)] = true
		return nil
	})
	return func(ch *couch.Change) bool { return wanted[ch.ID] }, err
}

// designFilter says what is wrong with "design/filter", last that it cannot run yet.
func (c *call) designFilter(name string) error {
	design, function, ok := strings.Cut(name, "/")
	if !ok || design == "" || function == "" {
		return badRequest("`filter` must be of the form `designname/filtername`")
	}
	d, err := c.db.Get(c.ctx(), couch.DocID("_design/"+design), couch.GetOptions{})
	if err != nil {
		return err
	}
	var filters struct {
		Filters map[string]any `json:"filters"`
	}
	if decode(d.Body, &filters) != nil || filters.Filters[function] == nil {
		return &couch.Error{Kind: couch.NotFound, Reason: "missing json key: " + function}
	}
	return unbuiltError("Filtering by a design document's function")
}
