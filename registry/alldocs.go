package registry

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-kivik/kivik/v4"
)

// listing is a request of _all_docs.
type listing struct {
	start, end string // JSON strings' values; "" for none
	skip       int
	limit      int // < 0: all
	descending bool
	inclusive  bool
	docs       bool
	keys       []string // nil: a range
}

func parseListing(v url.Values) (l listing, err error) {
	l = listing{limit: -1, inclusive: v.Get("inclusive_end") != "false", descending: v.Get("descending") == "true", docs: v.Get("include_docs") == "true"}
	key := func(names ...string) (text string) {
		for _, name := range names {
			if raw := v.Get(name); raw != "" && err == nil && json.Unmarshal([]byte(raw), &text) != nil {
				err = invalid("invalid %s: it must be a JSON string", name)
			}
		}
		return text
	}
	l.start, l.end = key("startkey", "start_key"), key("endkey", "end_key")
	if one := key("key"); one != "" {
		l.keys = []string{one}
	}
	if raw := v.Get("keys"); raw != "" && json.Unmarshal([]byte(raw), &l.keys) != nil {
		return l, invalid("invalid keys: it must be a JSON array of strings")
	}
	if len(l.keys) > mostRows {
		return l, invalid("at most %d keys can be asked for", mostRows)
	}
	if err != nil {
		return l, err
	}
	if l.skip, err = bound(v.Get("skip"), 0, 1<<31-1); err != nil {
		return l, err
	}
	if v.Has("limit") {
		l.limit, err = bound(v.Get("limit"), 0, 1<<31-1)
	}
	return l, err
}

// serveAllDocs answers GET /_all_docs: names and revisions of the packages that who asks may read.
func (r *Registry) serveAllDocs(w http.ResponseWriter, q *request) error {
	v, err := posted(w, q)
	if err != nil {
		return err
	}
	l, err := parseListing(v)
	if err != nil {
		return err
	}
	total, err := r.packages(q)
	if err != nil {
		return err
	}
	next := r.ranged(q, l)
	if l.keys != nil {
		next = r.keyed(q, l)
	}
	rows, more, err := next()
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(`{"total_rows":` + strconv.Itoa(total) + `,"offset":` + strconv.Itoa(l.skip) + `,"rows":[`)
	skip, left, wrote := l.skip, l.limit, false
	for err == nil && left != 0 {
		for _, s := range rows {
			if s.id == "" || s.deleted || left == 0 {
				continue
			}
			if skip--; skip >= 0 {
				continue
			}
			left--
			if wrote {
				_ = out.WriteByte(',')
			}
			wrote = true
			if err = r.listRow(q, out, s, l.docs); err != nil {
				break
			}
		}
		if err != nil || !more {
			break
		}
		rows, more, err = next()
	}
	if err != nil {
		r.log.Warn("a list of documents broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
	_, _ = out.WriteString("\n]}\n")
	_ = out.Flush() // the client is gone: nobody to tell
	return nil
}

func (r *Registry) listRow(q *request, out *bufio.Writer, s shownRow, docs bool) error {
	line := map[string]any{"id": s.id, "key": s.id, "value": map[string]string{"rev": s.rev}}
	if docs {
		line["doc"] = json.RawMessage(s.doc.full(r.base(q)))
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_ = out.WriteByte('\n')
	_, err = out.Write(raw)
	return err
}

// ranged reads a range of names, some at a time.
func (r *Registry) ranged(q *request, l listing) func() ([]shownRow, bool, error) {
	at, begun := l.start, false
	return func() ([]shownRow, bool, error) {
		n := rowsAtOnce
		if l.docs {
			n = docRowsAtOnce
		}
		params := map[string]any{"limit": n, "descending": l.descending, "inclusive_end": l.inclusive}
		if at != "" {
			params["startkey"] = at
		}
		if l.end != "" {
			params["endkey"] = l.end
		}
		if begun {
			params["skip"] = 1
		}
		rows, err := rowsOf(r.db.AllDocs(q.Context(), kivik.Params(params)))
		if err != nil {
			return nil, false, err
		}
		if begun = true; len(rows) > 0 {
			at = rows[len(rows)-1].id
		}
		shown, err := r.visibleRows(q, rows, l.docs)
		return shown, len(rows) == n, err
	}
}

// keyed reads some names.
func (r *Registry) keyed(q *request, l listing) func() ([]shownRow, bool, error) {
	keys := l.keys
	return func() ([]shownRow, bool, error) {
		some := keys[:min(len(keys), rowsAtOnce)]
		if keys = keys[len(some):]; len(some) == 0 {
			return nil, false, nil
		}
		rows, err := rowsOf(r.db.AllDocs(q.Context(), kivik.Params(map[string]any{"keys": some})))
		if err != nil {
			return nil, false, err
		}
		shown, err := r.visibleRows(q, rows, l.docs)
		return shown, len(keys) > 0, err
	}
}

// rowsOf are the rows that are documents. Design documents are among them, which visibleRows leaves out: who reads on counts all.
func rowsOf(from *kivik.ResultSet) (rows []row, err error) {
	defer from.Close()
	for from.Next() {
		var value struct {
			Rev     string `json:"rev"`
			Deleted bool   `json:"deleted"`
		}
		id, err := from.ID()
		if err != nil || from.ScanValue(&value) != nil {
			continue // a key that is no document's
		}
		rows = append(rows, row{id: id, rev: value.Rev, deleted: value.Deleted})
	}
	return rows, from.Err()
}

// packages is how many there are that who asks knows of: all, or those that everybody may read.
func (r *Registry) packages(q *request) (int, error) {
	if readsAll(q.who) {
		stats, err := r.db.Stats(q.Context())
		if err != nil {
			return 0, err
		}
		return int(stats.DocCount), nil
	}
	if r.index == nil {
		return 0, nil
	}
	n, err := r.index.Public(q.Context())
	return n, notSearched(err)
}
