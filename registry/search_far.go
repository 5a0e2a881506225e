package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/search"
	"settee/upstream"
	"settee/views/packuments"
)

// The bounds of what is looked for elsewhere.
const (
	mostTold = 16  // words of a text that is told
	mostNear = 250 // found here: who has more looks no further
)

// foundFar is what another registry finds, and how it tells of it.
type foundFar struct {
	search.Hit
	downloads json.RawMessage // {"weekly": …, "monthly": …}
}

// lookFar begins to ask another registry for what is searched, and returns what waits for its answer. An error of its is nobody's here.
func (r *Registry) lookFar(q *request, asked search.Query) func() []foundFar {
	if r.o.Upstream == nil {
		return func() []foundFar { return nil }
	}
	text := q.URL.Query().Get("text")
	ctx := upstream.WithVia(q.Context(), q.Header["Via"])
	found := make(chan []foundFar, 1)
	go func() {
		list, err := r.findFar(ctx, text, asked)
		if err != nil && ctx.Err() == nil {
			r.log.Debug("another registry is not searched", "error", err)
		}
		found <- list
	}()
	return func() []foundFar { return <-found }
}

func (r *Registry) findFar(ctx context.Context, text string, asked search.Query) ([]foundFar, error) {
	if private, err := r.telling(ctx, text); private || err != nil {
		return nil, err
	}
	hits, err := r.o.Upstream.Search(ctx, text)
	if err != nil || len(hits) == 0 {
		return nil, err
	}
	if hits, err = r.notOurs(ctx, hits); err != nil {
		return nil, err
	}
	list := make([]string, len(hits))
	for i, h := range hits {
		list[i] = h.Name
	}
	known, err := r.index.Lookup(ctx, list)
	if err != nil {
		return nil, err
	}
	var found []foundFar
	for _, h := range hits {
		f := parseFar(h)
		kept, is := known[h.Name]
		if is && kept.Restricted || !is && h.Hidden {
			continue // it has become ours, or nothing is known of what the rules show
		}
		if is {
			f.Package = kept // as the rules show it
		}
		if f.wanted(asked, r.o.Advisories.Flawed(f.Name, f.Version)) {
			found = append(found, f)
		}
	}
	return found, nil
}

// wanted reports whether a package has the flags that are asked for: not every registry knows them.
func (f *foundFar) wanted(asked search.Query, flawed bool) bool {
	is := map[string]bool{"deprecated": f.Deprecated, "unstable": f.Unstable, "insecure": flawed}
	return !slices.ContainsFunc(asked.Is, func(flag string) bool { return !is[flag] }) && !slices.ContainsFunc(asked.Not, func(flag string) bool { return is[flag] })
}

// telling reports whether a text that is searched names something of ours, or what the operator has asked elsewhere or nowhere: it is not told then. Each word
// may be a name or a scope, and each row of words a name without its punctuation. What a popular package is called tells nothing.
func (r *Registry) telling(ctx context.Context, text string) (bool, error) {
	words := strings.FieldsFunc(text, func(c rune) bool { return c <= ' ' || strings.ContainsRune(`":,+`, c) })
	if len(words) > mostTold {
		return true, nil
	}
	for _, word := range words {
		scope, _, _ := strings.Cut(strings.TrimPrefix(word, "@"), "/")
		scope = "@" + scope + "/-"
		if r.o.Upstream.Elsewhere(word) || r.o.Upstream.Elsewhere(scope) {
			return true, nil
		}
		if ours, err := r.ownScope(ctx, PackageName(scope)); ours || err != nil {
			return true, err
		}
		for _, name := range []PackageName{PackageName(word), PackageName(strings.ToLower(word))} {
			if !name.Storable() {
				continue
			}
			if e, err := r.cache.entry(ctx, name); err != nil || e.doc != nil {
				return true, err
			}
		}
	}
	var rows []string
	for i := range words {
		for j := i + 1; j <= len(words); j++ {
			if row := strings.Join(words[i:j], "-"); !r.o.Popular.Has(strings.ToLower(row)) {
				rows = append(rows, row)
			}
		}
	}
	return r.index.Called(ctx, rows)
}

// notOurs leaves out what has a name of ours: it cannot be installed from here.
func (r *Registry) notOurs(ctx context.Context, hits []upstream.Hit) ([]upstream.Hit, error) {
	names := make([]string, len(hits))
	for i, h := range hits {
		names[i] = h.Name
	}
	taken := map[string]bool{}
	rows := r.db.AllDocs(ctx, kivik.Param("keys", names))
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var value struct{ Deleted bool }
		if id, err := rows.ID(); err == nil && rows.ScanValue(&value) == nil { // else there is no such document
			taken[id] = !value.Deleted
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, h := range hits {
		ours, err := r.ownScope(ctx, PackageName(h.Name))
		if err != nil {
			return nil, err
		}
		taken[h.Name] = taken[h.Name] || ours
	}
	return slices.DeleteFunc(hits, func(h upstream.Hit) bool { return taken[h.Name] }), nil
}

// parseFar reads what npm's answer says of a package, as far as it does.
func parseFar(h upstream.Hit) foundFar {
	about := packuments.Member(h.Raw, "package")
	text := func(raw []byte, name string) string { return plain(packuments.Member(raw, name)) }
	by := packuments.Member(about, "publisher")
	f := foundFar{Hit: search.Hit{Package: search.Package{
		Name: h.Name, Version: text(about, "version"), Description: text(about, "description"), Keywords: keywords(packuments.Member(about, "keywords")),
		License: licence(packuments.Member(about, "license")), Author: author(packuments.Member(about, "author")),
		Publisher: search.Person{Username: text(by, "username"), Email: text(by, "email")}, Links: map[string]string{},
	}}}
	f.Date, _ = time.Parse(time.RFC3339, text(about, "date"))
	f.Updated, _ = time.Parse(time.RFC3339, cmp.Or(text(h.Raw, "updated"), text(about, "date")))
	for _, name := range []string{"homepage", "repository", "bugs"} {
		if to := text(packuments.Member(about, "links"), name); strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://") {
			f.Links[name] = to
		}
	}
	for _, raw := range elements(packuments.Member(about, "maintainers")) {
		f.Maintainers = append(f.Maintainers, search.Person{Username: text(raw, "username"), Email: text(raw, "email")})
	}
	f.Deprecated = isDeprecated(packuments.Member(about, "deprecated")) || isDeprecated(packuments.Member(packuments.Member(h.Raw, "flags"), "deprecated"))
	f.Unstable = unstable(f.Version)
	score := packuments.Member(h.Raw, "score")
	detail := packuments.Member(score, "detail")
	for into, raw := range map[*float64][]byte{
		&f.Score.Final: packuments.Member(score, "final"), &f.Score.Text: packuments.Member(h.Raw, "searchScore"), &f.Score.Quality: packuments.Member(detail, "quality"),
		&f.Score.Popularity: packuments.Member(detail, "popularity"), &f.Score.Maintenance: packuments.Member(detail, "maintenance"),
	} {
		*into = decimal(raw)
	}
	f.Dependents = uint64(max(0, decimal(packuments.Member(h.Raw, "dependents"))))
	counts := packuments.Member(h.Raw, "downloads")
	f.downloads = object{{"weekly", count(int(decimal(packuments.Member(counts, "weekly"))))}, {"monthly", count(int(decimal(packuments.Member(counts, "monthly"))))}}.raw()
	return f
}

// decimal reads a number, or a text that is one: 0 where it is none.
func decimal(raw []byte) float64 {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || n != n {
		return 0
	}
	return min(max(n, -mostDecimal), mostDecimal)
}

// mostDecimal is what all of these numbers are below, and what fits into an integer.
const mostDecimal = 1 << 53

// join puts what was found elsewhere behind what was found here. Whatever page is asked for, near are all that were found here.
func (r *Registry) join(q *request, asked search.Query, res *search.Result, found []foundFar) (page []foundFar, err error) {
	if len(found) == 0 || res.Total > mostNear {
		return nil, nil
	}
	near := res.Hits
	if len(near) < res.Total {
		all := asked
		all.From, all.Size = 0, res.Total
		whole, err := r.index.Search(q.Context(), all, r.searcher(q))
		if err != nil {
			return nil, err
		}
		near = whole.Hits
	}
	here := map[string]bool{}
	for _, hit := range near {
		here[hit.Name] = true
	}
	found = slices.DeleteFunc(found, func(f foundFar) bool { return here[f.Name] })
	from := min(max(0, asked.From-res.Total), len(found))
	page = found[from:min(from+asked.Size-len(res.Hits), len(found))]
	res.Total += len(found)
	return page, nil
}
