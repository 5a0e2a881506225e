package registry

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"settee/auth"
	"settee/search"
)

// The bounds of npm's search.
const (
	defaultFound = 20
	mostFound    = 250
	mostFrom     = 10_000
)

// parseSearch reads what npm sends.
func parseSearch(v url.Values) (q search.Query, err error) {
	text := v.Get("text")
	if len(text) > search.MostText {
		return q, unsearchable("ERR_TEXT_LENGTH", "'text' query parameter is longer than "+strconv.Itoa(search.MostText)+" bytes")
	}
	if q = search.Parse(text); q.Empty() {
		return q, unsearchable("ERR_TEXT_MISSING", "'text' query parameter is required")
	}
	if q.Size, err = bound(v.Get("size"), defaultFound, mostFound); err != nil {
		return q, err
	}
	if q.From, err = bound(v.Get("from"), 0, mostFrom); err != nil {
		return q, err
	}
	for name, into := range map[string]*float64{"quality": &q.Weights.Quality, "popularity": &q.Weights.Popularity, "maintenance": &q.Weights.Maintenance} {
		if text := v.Get(name); text != "" {
			w, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(w) {
				return q, invalid("invalid %s: %q", name, text)
			}
			*into = min(max(w, 0), 1)
		}
	}
	return q, nil
}

func unsearchable(code, text string) error {
	return &Error{Status: http.StatusBadRequest, Message: text, more: map[string]json.RawMessage{"code": quote(code)}}
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
	if r.index == nil {
		return fail(http.StatusNotFound, "Search is off in this registry.")
	}
	asked, err := parseSearch(q.URL.Query())
	if err != nil {
		return err
	}
	if asked.Insecure() {
		if err := r.awaitAdvisories(q.Context()); err != nil {
			return err
		}
	}
	far := r.lookFar(q, asked)
	res, err := r.index.Search(q.Context(), asked, r.searcher(q))
	if err != nil {
		return notSearched(err)
	}
	beyond, err := r.join(q, asked, &res, far())
	if err != nil {
		return notSearched(err)
	}
	believed := r.believed()
	objects := []any{}
	for _, hit := range res.Hits {
		if !believed {
			shown, err := r.proved(q, &hit)
			if err != nil {
				return err
			}
			if !shown {
				res.Total--
				continue
			}
		}
		objects = append(objects, r.object(q, hit))
	}
	for _, found := range beyond {
		about := r.object(q, found.Hit)
		about["downloads"] = found.downloads
		objects = append(objects, about)
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	writeJSON(w, http.StatusOK, map[string]any{"objects": objects, "total": res.Total, "time": r.o.Now().UTC().Format(time.RFC1123)})
	return nil
}

func notSearched(err error) error {
	if errors.Is(err, search.ErrNotReady) || errors.Is(err, search.ErrClosed) {
		return &Error{Status: http.StatusServiceUnavailable, Message: "The search index is being opened. Please try again.", cause: err}
	}
	return err
}

// searcher says which restricted packages who asks may read, by what the index knows of them; nil: none.
func (r *Registry) searcher(q *request) search.Reader {
	if q.who.Anonymous() {
		return nil
	}
	return func(name string, maintainers []string) bool {
		return r.auth.May(q.Context(), q.who, auth.Read, auth.Package{Name: name, Exists: true, Restricted: true, Maintainers: maintainers}) == nil
	}
}

// proved reads the package of a hit: once the index has not heard of the database for a while, each that is shown
// is asked for, as entries of the cache are.
func (r *Registry) proved(q *request, hit *search.Hit) (bool, error) {
	read := r.cache.entry
	if hit.Source > 0 {
		read = r.farEntry
	}
	e, err := read(q.Context(), PackageName(hit.Name))
	if err != nil {
		return false, err
	}
	if !e.doc.published() || r.may(q.Context(), q.who, auth.Read, PackageName(hit.Name), e.doc) != nil {
		return false, nil
	}
	if e.doc.rev != hit.Rev {
		hit.Package = e.doc.found()
	}
	return true, nil
}

// people are as npm reads them: it breaks where a username is no text.
type people struct {
	Username string `json:"username"`
	Email    string `json:"email"`
}

// object is a hit in npm's form: npm reads keywords, links and the maintainers' username without asking whether they are there.
func (r *Registry) object(q *request, hit search.Hit) map[string]any {
	name := PackageName(hit.Name)
	links := map[string]string{"npm": r.base(q) + "/" + string(name)}
	for to, link := range hit.Links {
		links[to] = link
	}
	maintainers := []people{}
	for _, m := range hit.Maintainers {
		maintainers = append(maintainers, people{m.Username, m.Email})
	}
	words := hit.Keywords
	if words == nil {
		words = []string{}
	}
	about := map[string]any{
		"name": name, "sanitized_name": name, "version": hit.Version, "description": hit.Description, "keywords": words,
		"date": hit.Date.Format(isoTime), "links": links, "maintainers": maintainers, "license": hit.License,
		"publisher": people{hit.Publisher.Username, hit.Publisher.Email},
	}
	if hit.Author != nil {
		about["author"] = hit.Author
	}
	about["scope"] = "unscoped"
	if scope := name.Scope(); scope != "" {
		about["scope"] = scope[1:]
	}
	s := hit.Score
	object := map[string]any{
		"package": about, "updated": hit.Updated.Format(isoTime), "dependents": hit.Dependents, "searchScore": s.Text,
		"score": map[string]any{"final": s.Final, "detail": map[string]any{"quality": s.Quality, "popularity": s.Popularity, "maintenance": s.Maintenance}},
	}
	if r.o.Downloads != nil {
		lately := r.o.Downloads.All()[hit.Name]
		object["downloads"] = map[string]int64{"weekly": lately.Week, "monthly": lately.Month}
	}
	flags := map[string]bool{}
	for flag, is := range map[string]bool{"deprecated": hit.Deprecated, "unstable": hit.Unstable, "insecure": r.o.Advisories.Flawed(hit.Name, hit.Version)} {
		if is {
			flags[flag] = true
		}
	}
	if len(flags) > 0 {
		object["flags"] = flags
	}
	return object
}

// openSearch opens the index, where there is to be one.
func (r *Registry) openSearch() (err error) {
	if r.o.SearchDir == "" {
		return nil
	}
	sources := []search.Source{{DB: r.db, Read: r.indexed, Held: r.holds}}
	if up := r.o.Upstream; up != nil {
		sources = append(sources, search.Source{DB: up.DB(), Read: r.indexedFar})
	}
	r.index, err = search.Open(sources, search.Options{Dir: r.o.SearchDir, Weekly: r.popular, Flaws: r.o.Advisories, Proof: r.o.MaxStale * 2 / 3, Now: r.o.Now, Logger: r.log})
	return err
}

func (r *Registry) closeSearch() error {
	if r.index == nil {
		return nil
	}
	return r.index.Close()
}

// SearchIndex is the index of packages; nil where search is off.
func (r *Registry) SearchIndex() *search.Index { return r.index }
