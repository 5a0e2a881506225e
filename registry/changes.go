package registry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The bounds of a feed.
const (
	mostRows      = 10_000 // of an answer, as at the public registry
	mostDocRows   = 250    // with include_docs: packuments are large
	mostDocBytes  = 32 << 20
	mostLooked    = 50_000 // rows that are not shown, until an answer ends with what it has
	rowsAtOnce    = 1000
	docRowsAtOnce = 4
	longestFeed   = 60 * time.Second // of a long poll
	mostFeeds     = 1000             // that wait at a time
	leastPulse    = time.Second
	pulse         = 30 * time.Second // of a continuous feed that asks for none: proxies close what is silent
	longestSilent = 24 * time.Hour
)

// asking is a request of _changes.
type asking struct {
	since    int64
	limit    int
	feed     string
	docs     bool
	timeout  time.Duration
	pulse    time.Duration
	unending bool // feed=continuous without timeout
}

// parseAsking reads the parameters; what selects rows in CouchDB, and is not here, is refused rather than forgotten.
func (r *Registry) parseAsking(ctx context.Context, v url.Values) (a asking, err error) {
	a = asking{limit: mostRows, feed: "normal", timeout: longestFeed}
	for _, absent := range []string{"filter", "doc_ids", "view", "selector", "attachments"} {
		if v.Has(absent) {
			return a, &Error{Status: http.StatusNotImplemented, Message: "Not Implemented", Reason: absent + " is not served here: follow all packages"}
		}
	}
	if v.Get("descending") == "true" {
		return a, &Error{Status: http.StatusNotImplemented, Message: "Not Implemented", Reason: "descending is not served here"}
	}
	switch since := v.Get("since"); since {
	case "", "0":
	case "now":
		a.since, err = r.end(ctx)
	default:
		if a.since = number64(since); a.since == 0 || len(since) > 4096 {
			err = invalid("invalid since: it must be a number, or now")
		}
	}
	if err != nil {
		return a, err
	}
	if a.docs = v.Get("include_docs") == "true"; a.docs {
		a.limit = mostDocRows
	}
	if a.limit, err = bound(v.Get("limit"), a.limit, a.limit); err != nil {
		return a, err
	}
	if a.limit == 0 {
		a.limit = 1 // as CouchDB has it
	}
	switch feed := v.Get("feed"); feed {
	case "", "normal":
	case "longpoll", "continuous":
		a.feed = feed
	default:
		return a, invalid("invalid feed: it must be normal, longpoll or continuous")
	}
	return a, a.times(v)
}

// times reads timeout and heartbeat, in milliseconds.
func (a *asking) times(v url.Values) error {
	a.unending = a.feed == "continuous" && !v.Has("timeout")
	if text := v.Get("timeout"); text != "" {
		ms, err := bound(text, 0, int(longestSilent/time.Millisecond))
		if err != nil {
			return err
		}
		a.timeout = min(time.Duration(ms)*time.Millisecond, longestFeed)
	}
	a.pulse = pulse
	if text := v.Get("heartbeat"); text != "" && text != "true" {
		ms, err := bound(text, 0, int(longestSilent/time.Millisecond))
		if err != nil {
			return err
		}
		a.pulse = max(time.Duration(ms)*time.Millisecond, leastPulse)
	}
	return nil
}

// serveChanges answers GET /_changes.
func (r *Registry) serveChanges(w http.ResponseWriter, q *request) error {
	v, err := posted(w, q)
	if err != nil {
		return err
	}
	a, err := r.parseAsking(q.Context(), v)
	if err != nil {
		return err
	}
	if a.feed != "normal" {
		if r.feeds.Add(1) > mostFeeds {
			r.feeds.Add(-1)
			return &Error{Status: http.StatusServiceUnavailable, Message: "Too many feeds wait here. Please poll without feed=" + a.feed + "."}
		}
		defer r.feeds.Add(-1)
	}
	ctx, cancel := context.WithCancel(q.Context())
	defer cancel()
	defer context.AfterFunc(r.ending, cancel)()
	f := &feeding{r: r, q: q, a: a, out: bufio.NewWriter(w), control: http.NewResponseController(w)}
	shown, last, err := f.page(q.Context()) // what is there: EndFeeds ends the waiting
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	if a.feed == "continuous" {
		err = f.continuous(ctx, shown, last)
	} else {
		err = f.results(ctx, shown, last)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("a feed broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	_ = f.out.Flush() // the client is gone: nobody to tell
	return nil
}

// posted are the parameters of a request, with those that the body of a POST has: clients send keys and what selects there.
func posted(w http.ResponseWriter, q *request) (url.Values, error) {
	v := q.URL.Query()
	if q.Method != post || q.ContentLength == 0 {
		return v, nil
	}
	var body map[string]json.RawMessage
	if err := readSmall(w, q, &body); err != nil {
		return nil, err
	}
	for _, name := range []string{"keys", "doc_ids", "selector", "queries"} {
		if raw, sent := body[name]; sent {
			v.Set(name, string(raw))
		}
	}
	return v, nil
}

// feeding is an answer to _changes that is being written.
type feeding struct {
	r       *Registry
	q       *request
	a       asking
	out     *bufio.Writer
	control *http.ResponseController
	wrote   bool // a row
}

// page are the next rows that may be seen, and how far was read: to the end, unless limit were found, or as many bytes of documents as
// may be held for one answer, or too many were looked at.
func (f *feeding) page(ctx context.Context) (shown []shownRow, last int64, err error) {
	last = f.a.since
	bytes := int64(0)
	for looked := 0; looked < mostLooked && len(shown) < f.a.limit && bytes < mostDocBytes; {
		n := min(rowsAtOnce, max(f.a.limit-len(shown), 10))
		if f.a.docs {
			n = docRowsAtOnce
		}
		rows, read, err := f.r.rowsAfter(ctx, last, n, 0)
		if err != nil {
			return nil, last, err
		}
		some, err := f.r.visibleRows(f.q, rows, f.a.docs)
		if err != nil {
			return nil, last, err
		}
		if most := f.a.limit - len(shown); len(some) > most {
			some, read = some[:most], some[most-1].seq
		}
		shown, last, looked = append(shown, some...), read, looked+len(rows)
		for _, s := range some {
			if s.doc != nil && f.a.docs {
				bytes += s.doc.bytes()
			}
		}
		if len(rows) < n {
			break
		}
	}
	return shown, last, nil
}

// more waits for rows after the last, for a while.
func (f *feeding) more(ctx context.Context, last int64, wait time.Duration) (shown []shownRow, read int64, err error) {
	rows, _, err := f.r.rowsAfter(ctx, last, 1, max(wait, time.Millisecond))
	if err != nil || len(rows) == 0 {
		return nil, last, err
	}
	f.a.since = last
	return f.page(ctx)
}

// results is a feed that ends.
func (f *feeding) results(ctx context.Context, shown []shownRow, last int64) (err error) {
	_, _ = f.out.WriteString(`{"results":[`)
	for until := time.Now().Add(f.a.timeout); f.a.feed == "longpoll" && len(shown) == 0; {
		wait := min(time.Until(until), f.a.pulse)
		if wait <= 0 || ctx.Err() != nil {
			break
		}
		if shown, last, err = f.more(ctx, last, wait); err != nil {
			if ctx.Err() == nil {
				return err
			}
			break
		}
		f.beat(len(shown) == 0)
	}
	for _, s := range shown {
		if err := f.row(s); err != nil {
			return err
		}
	}
	_, err = f.out.WriteString("\n],\n\"last_seq\":" + strconv.FormatInt(last, 10) + "}\n")
	return err
}

// beat keeps a silent connection alive.
func (f *feeding) beat(silent bool) {
	if silent {
		_ = f.out.WriteByte('\n')
	}
	_ = f.out.Flush()
	_ = f.control.Flush()
}

// continuous is a feed of rows, a line each, that goes on.
func (f *feeding) continuous(ctx context.Context, shown []shownRow, last int64) (err error) {
	left, heard := f.a.limit, time.Now()
	for ctx.Err() == nil {
		for _, s := range shown {
			if err := f.row(s); err != nil {
				return err
			}
			left--
		}
		if f.a.limit = left; left <= 0 {
			break
		}
		if len(shown) > 0 {
			heard = time.Now()
		}
		f.beat(len(shown) == 0)
		wait := f.a.pulse
		if !f.a.unending {
			wait = min(wait, f.a.timeout-time.Since(heard))
		}
		if wait <= 0 {
			break
		}
		if shown, last, err = f.more(ctx, last, wait); err != nil && ctx.Err() == nil {
			return err
		}
	}
	_, err = f.out.WriteString(`{"last_seq":` + strconv.FormatInt(last, 10) + "}\n")
	return err
}

// row writes one, with its document where that was asked for.
func (f *feeding) row(s shownRow) error {
	line := map[string]any{"seq": s.seq, "id": s.id, "changes": []any{map[string]string{"rev": s.rev}}}
	if s.deleted {
		line["deleted"] = true
	}
	switch {
	case f.a.docs && s.doc != nil:
		line["doc"] = json.RawMessage(s.doc.full(f.r.base(f.q)))
	case f.a.docs:
		line["doc"] = map[string]any{"_id": s.id, "_rev": s.rev, "_deleted": true}
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if f.a.feed == "continuous" {
		_, err = f.out.Write(append(raw, '\n'))
		return err
	}
	if f.wrote {
		_ = f.out.WriteByte(',')
	}
	f.wrote = true
	_ = f.out.WriteByte('\n')
	_, err = f.out.Write(raw)
	return err
}
