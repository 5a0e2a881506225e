package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/views/packuments"
)

// The bounds of npm's search.
const (
	defaultFound = 20
	mostFound    = 250
	mostFrom     = 10_000
	mostBeyond   = 250 // looked at beyond the page, to count: what is not looked at may be restricted, and is not told of
)

// searching is a search as the client asked for it. Until there is an index it
// finds packages by the beginning of their name, by maintainer, keyword or scope,
// and narrows what it found by the other words.
type searching struct {
	words                      []string
	maintainer, keyword, scope string
	size, from                 int
}

func parseSearch(v url.Values) (s searching, err error) {
	for word := range strings.FieldsSeq(strings.ToLower(v.Get("text"))) {
		qualifier, value, qualified := strings.Cut(word, ":")
		switch {
		case !qualified:
			s.words = append(s.words, word)
		case qualifier == "maintainer" || qualifier == "author":
			s.maintainer = value
		case qualifier == "keywords" || qualifier == "keyword":
			s.keyword = value
		case qualifier == "scope":
			s.scope = strings.TrimPrefix(value, "@")
		}
	}
	if len(s.words) == 0 && s.maintainer == "" && s.keyword == "" && s.scope == "" {
		return s, &Error{Status: http.StatusBadRequest, Message: "'text' query parameter is required", more: map[string]json.RawMessage{"code": []byte(`"ERR_TEXT_MISSING"`)}}
	}
	if s.size, err = bound(v.Get("size"), defaultFound, mostFound); err != nil {
		return s, err
	}
	s.from, err = bound(v.Get("from"), 0, mostFrom)
	return s, err
}

func bound(text string, unset, most int) (int, error) {
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid("invalid number: %q", text)
	}
	return min(n, most), nil
}

// serveSearch answers GET /-/v1/search.
func (r *Registry) serveSearch(w http.ResponseWriter, q *request) error {
	s, err := parseSearch(q.URL.Query())
	if err != nil {
		return err
	}
	names, err := r.candidates(q.Context(), s)
	if err != nil {
		return err
	}
	objects, total, beyond := []any{}, 0, 0
	for _, name := range names {
		if len(objects) == s.size {
			if beyond++; beyond > mostBeyond {
				break // whoever pages on finds more
			}
		}
		e, err := r.cache.entry(q.Context(), name)
		if err != nil {
			return err
		}
		if !e.doc.published() || r.may(q.Context(), q.who, auth.Read, name, e.doc) != nil || !s.fits(e.doc) {
			continue
		}
		if total++; total > s.from && len(objects) < s.size {
			objects = append(objects, r.found(e.doc))
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"objects": objects, "total": total, "time": r.o.Now().UTC().Format(time.RFC1123)})
	return nil
}

// candidates are the names to look at, by the narrowest thing that was asked for.
func (r *Registry) candidates(ctx context.Context, s searching) ([]PackageName, error) {
	var rows *kivik.ResultSet
	within := func(prefix string) *kivik.ResultSet {
		return r.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": prefix, "endkey": prefix + "\ufff0", "limit": mostFrom + mostFound}))
	}
	by := func(view, key string) *kivik.ResultSet {
		return r.db.Query(ctx, packuments.Name, view, kivik.Params(map[string]any{"key": key, "reduce": false, "limit": mostFrom + mostFound}))
	}
	switch {
	case s.maintainer != "":
		rows = by("by-maintainer", s.maintainer)
	case s.keyword != "":
		rows = by("by-keyword", s.keyword)
	case s.scope != "":
		rows = within("@" + s.scope + "/")
	default:
		rows = within(s.words[0])
	}
	return r.names(rows)
}

// names are the packages of rows, each row being one's.
func (r *Registry) names(rows *kivik.ResultSet) (names []PackageName, err error) {
	defer rows.Close()
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		if name := PackageName(id); name.Storable() {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}

// fits reports whether a package has every word in its name, its description or
// its keywords, and is of the scope and the keyword asked for.
func (s searching) fits(p *packument) bool {
	text := strings.ToLower(string(p.name) + " " + p.top.text("description") + " " + string(p.top.of("keywords")))
	for _, word := range s.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return (s.scope == "" || p.name.Scope() == "@"+s.scope) && (s.keyword == "" || strings.Contains(text, s.keyword))
}

// found is a package in npm's answer form: npm reads keywords, links and the
// maintainers' username without asking whether they are there.
func (r *Registry) found(p *packument) any {
	latest := p.latest()
	links := map[string]string{}
	if homepage := p.top.text("homepage"); homepage != "" {
		links["homepage"] = homepage
	}
	maintainers := []map[string]string{}
	for _, raw := range elements(p.top.of("maintainers")) {
		maintainers = append(maintainers, map[string]string{"username": plain(packuments.Member(raw, "name")), "email": plain(packuments.Member(raw, "email"))})
	}
	keywords := []string{}
	for _, raw := range elements(p.top.of("keywords")) {
		keywords = append(keywords, plain(raw))
	}
	by := packuments.Member(p.versions.of(latest), "_npmUser")
	about := map[string]any{
		"name": p.name, "sanitized_name": p.name, "version": latest, "description": p.top.text("description"), "keywords": keywords,
		"date": p.times().text(latest), "links": links, "maintainers": maintainers, "license": p.top.text("license"),
		"publisher": map[string]string{"username": plain(packuments.Member(by, "name")), "email": plain(packuments.Member(by, "email"))},
	}
	if scope := p.name.Scope(); scope != "" {
		about["scope"] = scope[1:]
	}
	return map[string]any{
		"package": about, "updated": p.modified(), "searchScore": 1, "score": map[string]any{"final": 1, "detail": map[string]any{"quality": 1, "popularity": 1, "maintenance": 1}},
	}
}
