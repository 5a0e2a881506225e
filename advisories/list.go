package advisories

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// Line is a record in a list.
type Line struct {
	ID        string            `json:"id"`
	Modified  string            `json:"modified"`
	Severity  Severity          `json:"severity"`
	Title     string            `json:"title"`
	Affected  map[string]string `json:"affected"` // npm ranges by package
	Withdrawn bool              `json:"withdrawn,omitempty"`
}

// Filter says what a list holds; the zero value is all.
type Filter struct {
	Package string
	Least   Severity
}

// page is how many documents one request brings: 50 MB of the largest known at the most.
const page = 200

// List reads the records in the order of their ids. It holds one page in memory.
func List(ctx context.Context, db *kivik.DB, f Filter) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		after := ""
		for {
			n, more := 0, true
			rows := db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": after, "limit": page, "include_docs": true}))
			for more && rows.Next() {
				id, _ := rows.ID()
				n++
				if id == after {
					continue
				}
				after = id
				var raw json.RawMessage
				if recordID.MatchString(id) && rows.ScanDoc(&raw) == nil {
					if line, ok := f.line(raw); ok {
						more = yield(line, nil)
					}
				}
			}
			err := rows.Err()
			_ = rows.Close() // what matters is in Err
			if err != nil {
				yield(Line{}, err)
				return
			}
			if !more || n < page {
				return
			}
		}
	}
}

func (f Filter) line(raw []byte) (l Line, ok bool) {
	r, err := parseRecord(raw)
	if err != nil {
		return l, false
	}
	l = Line{ID: r.ID, Modified: r.Modified.UTC().Format("2006-01-02T15:04:05Z"), Title: r.title(), Withdrawn: r.withdrawn(), Affected: map[string]string{}}
	for _, name := range r.names() {
		if f.Package != "" && name != f.Package {
			continue
		}
		word, _, _ := r.judged(name)
		all, _ := r.affects(name) // parseRecord has tried
		l.Severity, l.Affected[name] = max(l.Severity, word), all.String()
	}
	return l, len(l.Affected) > 0 && l.Severity >= f.Least
}

// Show reads a record as it was published, by its members.
func Show(ctx context.Context, db *kivik.DB, id string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if !recordID.MatchString(id) {
		return nil, errAbsent(id)
	}
	err := db.Get(ctx, id).ScanDoc(&members)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, errAbsent(id)
	}
	if err != nil {
		return nil, err
	}
	own(members)
	return members, nil
}

// Remove deletes a record with all its leaves. An import of it brings it back.
func Remove(ctx context.Context, db *kivik.DB, id string) error {
	var doc struct {
		Rev       string   `json:"_rev"`
		Conflicts []string `json:"_conflicts"`
	}
	if !recordID.MatchString(id) {
		return errAbsent(id)
	}
	err := db.Get(ctx, id, kivik.Param("conflicts", true)).ScanDoc(&doc)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return errAbsent(id)
	}
	for _, rev := range append(doc.Conflicts, doc.Rev) {
		if err == nil {
			_, err = db.Delete(ctx, id, rev)
		}
	}
	return err
}

func errAbsent(id string) error {
	return fmt.Errorf("there is no advisory %s", strings.ToValidUTF8(shortened(id), "?"))
}
