package driver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	kdriver "github.com/go-kivik/kivik/v4/driver"

	"settee/couch"
	"settee/couch/revtree"
	"settee/views"
)

// options are all parameters that calls of this driver understand. Each call
// reads those that CouchDB's endpoint of the same purpose has.
type options struct {
	// Reading a document.
	Rev              couch.Rev   // rev: the revision to read, or the parent of a write
	Revs             bool        // revs: _revisions
	RevsInfo         bool        // revs_info; meta sets it, Conflicts and DeletedConflicts
	Conflicts        bool        // conflicts
	DeletedConflicts bool        // deleted_conflicts
	LocalSeq         bool        // local_seq
	Latest           bool        // latest: the leaf that follows Rev
	Attachments      bool        // attachments: with their bytes
	AttsSince        []couch.Rev // atts_since: with bytes where newer than these; a JSON array or []string
	AttEncodingInfo  bool        // att_encoding_info: with encoding and encoded_length of what is stored compressed

	raw    *json.RawMessage                 // see Raw
	held   func(id string, rev string) bool // see Held
	follow *followed                        // see Follow

	// Writing.
	Replicated bool         // new_edits=false
	ready      func() error // see pending

	// Listing: AllDocs, Query, AllDBs.
	Key, StartKey, EndKey    json.RawMessage   // key, startkey, endkey (start_key, end_key)
	Keys                     []json.RawMessage // keys
	StartKeyDoc, EndKeyDoc   string            // startkey_docid, endkey_docid
	ExclusiveEnd, Descending bool              // inclusive_end=false, descending
	Skip, Limit              int               // skip, limit; Limit < 0: all
	IncludeDocs              bool              // include_docs
	UpdateSeq                bool              // update_seq: report the sequence the rows reflect
	NoReduce, MustReduce     bool              // reduce=false, reduce=true
	Group                    bool              // group
	GroupLevel               int               // group_level
	Update                   views.Update      // update=true|false|lazy, stale=ok|update_after
	Queries                  []map[string]any  // queries: several reads at once
	Partition                *string           // partition: of AllDocs and Query; nil: all
	Partitioned              bool              // partitioned: of CreateDB

	// Changes.
	Feed             string          // feed: normal, longpoll, continuous (live)
	Since            string          // since (last-event-id): a sequence, 0 or now
	AllLeaves        bool            // style=all_docs
	Filter           string          // filter: _doc_ids, _design, _selector, _view or design/function
	View             string          // view: design/view, of the filter _view
	DocIDs           []string        // doc_ids; without a filter they are one
	Selector, Fields json.RawMessage // selector and fields of the filter _selector; a selector without a filter is one
	Interval         int             // seq_interval: only each n-th row has a sequence
	Timeout          time.Duration   // timeout in milliseconds; 0: none. heartbeat switches it off
}

// get are the options of reading one document.
func (o *options) get() couch.GetOptions {
	return couch.GetOptions{
		Rev: o.Rev, Latest: o.Latest, Revs: o.Revs, RevsInfo: o.RevsInfo, Conflicts: o.Conflicts,
		DeletedConflicts: o.DeletedConflicts, LocalSeq: o.LocalSeq, Attachments: o.Attachments, AttsSince: o.AttsSince,
		AttEncodingInfo: o.AttEncodingInfo,
	}
}

// apart are the options where attachments are handed out beside their document.
func (o *options) apart() couch.GetOptions {
	g := o.get()
	g.Attachments, g.Follows = false, o.Attachments || o.AttsSince != nil
	return g
}

// rowGet are the options of the documents in rows, which have no say over the revision.
func (o *options) rowGet() couch.GetOptions {
	return couch.GetOptions{Conflicts: o.Conflicts, Attachments: o.Attachments, AttEncodingInfo: o.AttEncodingInfo}
}

func parse(o kdriver.Options) (*options, error) {
	m := map[string]any{}
	if o != nil {
		o.Apply(m)
	}
	p, err := parseMap(m)
	if err == nil && o != nil {
		o.Apply(p)
	}
	return p, err
}

// Raw is for options of Get, BulkGet, OpenRevs, Changes and Query whose Apply finds this method in its target. Get sets into to the
// document's text, the others do with each row, Query to the value's; the reader belongs to them. What Kivik then scans is
// null. Kivik would read the text three times to copy it, which costs 100 ms where it is a packument of 13 MB.
func (o *options) Raw(into *json.RawMessage) { o.raw = into }

// Held is for options of Changes with include_docs whose Apply finds this method in its target: rows of documents that has only one
// leaf, which who reads holds already, come without the document.
func (o *options) Held(held func(id, rev string) bool) { o.held = held }

// text is a document as a row gives it.
func (o *options) text(doc *couch.Document) io.Reader {
	text := render(doc)
	if o.raw != nil {
		*o.raw, text = text, null
	}
	return bytes.NewReader(text)
}

var null = []byte("null")

func parseMap(m map[string]any) (*options, error) {
	p := &options{Limit: -1}
	for name, v := range m {
		set, ok := setters[name]
		if !ok {
			continue
		}
		if err := set(p, v); err != nil {
			return nil, err
		}
	}
	if _, ok := m["heartbeat"]; ok {
		p.Timeout = 0
	}
	if p.Keys != nil && (p.Key != nil || p.StartKey != nil || p.EndKey != nil) {
		return nil, badQuery("`keys` is incompatible with `key`, `start_key` and `end_key`")
	}
	return p, nil
}

func badQuery(format string, args ...any) error {
	return &couch.Error{Kind: couch.QueryParse, Reason: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) error {
	return &couch.Error{Kind: couch.BadRequest, Reason: fmt.Sprintf(format, args...)}
}

// setters holds every known parameter.
var setters = map[string]func(*options, any) error{
	"rev":               setRev,
	"revs":              setBool(func(o *options, b bool) { o.Revs = b }),
	"revs_info":         setBool(func(o *options, b bool) { o.RevsInfo = o.RevsInfo || b }),
	"conflicts":         setBool(func(o *options, b bool) { o.Conflicts = o.Conflicts || b }),
	"deleted_conflicts": setBool(func(o *options, b bool) { o.DeletedConflicts = o.DeletedConflicts || b }),
	"att_encoding_info": setBool(func(o *options, b bool) { o.AttEncodingInfo = b }),
	"meta": setBool(func(o *options, b bool) {
		o.RevsInfo, o.Conflicts, o.DeletedConflicts = o.RevsInfo || b, o.Conflicts || b, o.DeletedConflicts || b
	}),
	"local_seq":      setBool(func(o *options, b bool) { o.LocalSeq = b }),
	"latest":         setBool(func(o *options, b bool) { o.Latest = b }),
	"attachments":    setBool(func(o *options, b bool) { o.Attachments = b }),
	"atts_since":     setAttsSince,
	"new_edits":      setBool(func(o *options, b bool) { o.Replicated = !b }),
	"key":            setKey(func(o *options) *json.RawMessage { return &o.Key }),
	"startkey":       setKey(func(o *options) *json.RawMessage { return &o.StartKey }),
	"start_key":      setKey(func(o *options) *json.RawMessage { return &o.StartKey }),
	"endkey":         setKey(func(o *options) *json.RawMessage { return &o.EndKey }),
	"end_key":        setKey(func(o *options) *json.RawMessage { return &o.EndKey }),
	"keys":           setKeys,
	"startkey_docid": setText(func(o *options) *string { return &o.StartKeyDoc }),
	"endkey_docid":   setText(func(o *options) *string { return &o.EndKeyDoc }),
	"inclusive_end":  setBool(func(o *options, b bool) { o.ExclusiveEnd = !b }),
	"descending":     setBool(func(o *options, b bool) { o.Descending = b }),
	"skip":           setCount(func(o *options) *int { return &o.Skip }),
	"limit":          setCount(func(o *options) *int { return &o.Limit }),
	"include_docs":   setBool(func(o *options, b bool) { o.IncludeDocs = b }),
	"update_seq":     setBool(func(o *options, b bool) { o.UpdateSeq = b }),
	"reduce":         setBool(func(o *options, b bool) { o.NoReduce, o.MustReduce = !b, b }),
	"group":          setBool(func(o *options, b bool) { o.Group = b }),
	"group_level":    setCount(func(o *options) *int { return &o.GroupLevel }),
	"update":         setUpdate(map[string]views.Update{"true": views.UpdateTrue, "false": views.UpdateFalse, "lazy": views.UpdateLazy}),
	"stale":          setUpdate(map[string]views.Update{"ok": views.UpdateFalse, "update_after": views.UpdateLazy}),
	"queries":        setQueries,
	"partition":      setPartition,
	"partitioned":    setBool(func(o *options, b bool) { o.Partitioned = b }),
	"feed":           setText(func(o *options) *string { return &o.Feed }),
	"since":          setText(func(o *options) *string { return &o.Since }),
	"last-event-id":  setText(func(o *options) *string { return &o.Since }),
	"style":          setStyle,
	"filter":         setText(func(o *options) *string { return &o.Filter }),
	"view":           setText(func(o *options) *string { return &o.View }),
	"doc_ids":        setDocIDs,
	"selector":       setJSON(func(o *options) *json.RawMessage { return &o.Selector }),
	"fields":         setJSON(func(o *options) *json.RawMessage { return &o.Fields }),
	"seq_interval":   setCount(func(o *options) *int { return &o.Interval }),
	"timeout":        setTimeout,
}

// text is a scalar as a query string would spell it.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []string:
		if len(v) == 1 {
			return v[0], true
		}
	case json.RawMessage:
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s, true
		}
		return string(v), true
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case fmt.Stringer:
		return v.String(), true
	}
	return "", false
}

func setPartition(o *options, v any) error {
	name, ok := text(v)
	if !ok {
		return badQuery("`partition` must be a string")
	}
	o.Partition = &name
	return nil
}

func setBool(set func(*options, bool)) func(*options, any) error {
	return func(o *options, v any) error {
		s, _ := text(v)
		if s != "true" && s != "false" {
			return badQuery("Invalid boolean parameter: %q", fmt.Sprint(v))
		}
		set(o, s == "true")
		return nil
	}
}

func setCount(field func(*options) *int) func(*options, any) error {
	return func(o *options, v any) error {
		s, _ := text(v)
		n, err := strconv.Atoi(s)
		if err != nil {
			return badQuery("Invalid value for integer: %q", fmt.Sprint(v))
		}
		if n < 0 {
			return badQuery("Invalid value for positive integer: %q", s)
		}
		*field(o) = n
		return nil
	}
}

func setText(field func(*options) *string) func(*options, any) error {
	return func(o *options, v any) error {
		s, ok := text(v)
		if !ok {
			return badRequest("Invalid parameter of type %T", v)
		}
		*field(o) = s
		return nil
	}
}

func setKey(field func(*options) *json.RawMessage) func(*options, any) error {
	return func(o *options, v any) (err error) {
		*field(o), err = encode(v)
		return err
	}
}

// setJSON is setKey for objects and lists, which may also come as the text of a query string.
func setJSON(field func(*options) *json.RawMessage) func(*options, any) error {
	return func(o *options, v any) error {
		raw, err := encode(v)
		if err != nil {
			return err
		}
		if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '"' {
			var inner string
			if err := json.Unmarshal(raw, &inner); err != nil {
				return invalid(err)
			}
			raw = bytes.TrimSpace([]byte(inner))
		}
		if !json.Valid(raw) {
			return badRequest("invalid UTF-8 JSON")
		}
		*field(o) = raw
		return nil
	}
}

func setKeys(o *options, v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	o.Keys = []json.RawMessage{}
	if json.Unmarshal(raw, &o.Keys) != nil || o.Keys == nil {
		return badRequest("`keys` member must be an array.")
	}
	return nil
}

func setQueries(o *options, v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	var qs []map[string]json.RawMessage
	if json.Unmarshal(raw, &qs) != nil {
		return badRequest("`queries` member must be an array of objects.")
	}
	o.Queries = make([]map[string]any, len(qs))
	for i, q := range qs {
		o.Queries[i] = make(map[string]any, len(q))
		for k, v := range q {
			o.Queries[i][k] = v
		}
	}
	return nil
}

func setRev(o *options, v any) (err error) {
	s, ok := text(v)
	if !ok {
		return errRev
	}
	o.Rev, err = parseRev(s)
	return err
}

func setAttsSince(o *options, v any) error {
	revs, ok := v.([]string)
	if s, isText := text(v); !ok && (!isText || json.Unmarshal([]byte(s), &revs) != nil) {
		return badRequest("`atts_since` must be an array of revisions.")
	}
	var err error
	o.AttsSince, err = parseRevs(revs)
	return err
}

func setDocIDs(o *options, v any) error {
	var raw json.RawMessage
	err := setJSON(func(*options) *json.RawMessage { return &raw })(o, v)
	if o.DocIDs = []string{}; err != nil || json.Unmarshal(raw, &o.DocIDs) != nil || o.DocIDs == nil {
		return badRequest("`doc_ids` filter parameter is not a list of doc ids.")
	}
	return nil
}

func setUpdate(values map[string]views.Update) func(*options, any) error {
	return func(o *options, v any) error {
		s, _ := text(v)
		u, ok := values[s]
		if !ok {
			return badQuery("Invalid value for `update`: %q", fmt.Sprint(v))
		}
		o.Update = u
		return nil
	}
}

func setStyle(o *options, v any) error {
	s, _ := text(v)
	if s != "main_only" && s != "all_docs" {
		return badRequest("Supported `style` values: main_only, all_docs")
	}
	o.AllLeaves = s == "all_docs"
	return nil
}

func setTimeout(o *options, v any) error {
	var ms int
	if err := setCount(func(*options) *int { return &ms })(o, v); err != nil {
		return err
	}
	o.Timeout = time.Duration(ms) * time.Millisecond
	return nil
}

var errRev = &couch.Error{Kind: couch.BadRequest, Reason: revtree.ErrRev.Error()}

// parseRev reads a revision; no text is no revision.
func parseRev(s string) (couch.Rev, error) {
	if s == "" {
		return couch.Rev{}, nil
	}
	r, err := revtree.Parse(s)
	if err != nil {
		return couch.Rev{}, errRev
	}
	return r, nil
}

func parseRevs(ss []string) ([]couch.Rev, error) {
	revs := make([]couch.Rev, len(ss))
	for i, s := range ss {
		r, err := revtree.Parse(s)
		if err != nil {
			return nil, errRev
		}
		revs[i] = r
	}
	return revs, nil
}
