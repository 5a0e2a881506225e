package registry

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/search"
	"settee/views/packuments"
)

// atOnce is how many packages are looked up at a time: what is read is let go before a slow client is waited for.
const atOnce = 500

// behind is how far _updated is before now: clients ask for what changed since, and the clocks of regions differ.
const behind = time.Minute

// serveAll answers GET /-/all, all packages as one object, which npm before 5 searched itself.
func (r *Registry) serveAll(w http.ResponseWriter, q *request) error {
	after := ""
	return r.serveObject(w, q, func() ([]string, error) {
		names, err := r.index.Names(q.Context(), after, atOnce)
		if len(names) > 0 {
			after = names[len(names)-1]
		}
		return names, err
	})
}

// serveAllSince answers GET /-/all/since?startkey=ms: what changed since.
func (r *Registry) serveAllSince(w http.ResponseWriter, q *request) error {
	since, err := strconv.ParseInt(q.URL.Query().Get("startkey"), 10, 64)
	if err != nil || since < 0 {
		return invalid("invalid startkey: it must be milliseconds since 1970")
	}
	rows := r.db.Query(q.Context(), packuments.Name, "updated", kivik.Params(map[string]any{"startkey": time.UnixMilli(since).UTC().Format(isoTime), "reduce": false}))
	defer rows.Close()
	return r.serveObject(w, q, func() (names []string, err error) {
		for len(names) < atOnce && rows.Next() {
			id, err := rows.ID()
			if err != nil {
				return nil, err
			}
			names = append(names, id)
		}
		return names, rows.Err()
	})
}

// serveObject streams packages by name, those that who asks may read.
func (r *Registry) serveObject(w http.ResponseWriter, q *request, next func() ([]string, error)) error {
	if r.index == nil {
		writeJSON(w, http.StatusOK, map[string]int{"_updated": 99999}) // nothing is known, and clients see no error
		return nil
	}
	names, err := next()
	if err != nil {
		return notSearched(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "private, no-cache")
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(`{"_updated":` + strconv.FormatInt(r.o.Now().Add(-behind).UnixMilli(), 10))
	for len(names) > 0 && err == nil {
		if err = r.writeAll(q, out, names); err == nil {
			names, err = next()
		}
	}
	if err != nil {
		r.log.Warn("a list of all packages broke off", "error", err)
		panic(http.ErrAbortHandler) // it began well: a cut connection is the only honest end
	}
	_, _ = out.WriteString("}\n")
	_ = out.Flush() // the client is gone: nobody to tell
	return nil
}

func (r *Registry) writeAll(q *request, out *bufio.Writer, names []string) error {
	shown, err := r.readable(q, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		p, ok := shown[name]
		if !ok {
			continue
		}
		raw, err := json.Marshal(listed(p))
		if err != nil {
			return err
		}
		line := append(appendQuoted([]byte(",\n"), name), ':')
		if _, err := out.Write(append(line, raw...)); err != nil {
			return err
		}
	}
	return nil
}

// listed is a package in the form of /-/all.
func listed(p search.Package) map[string]any {
	words := p.Keywords
	if words == nil {
		words = []string{}
	}
	maintainers := []map[string]string{}
	for _, m := range p.Maintainers {
		maintainers = append(maintainers, map[string]string{"name": m.Username, "email": m.Email})
	}
	is := map[string]any{
		"name": p.Name, "description": p.Description, "dist-tags": p.Tags, "maintainers": maintainers, "keywords": words,
		"time": map[string]string{"modified": p.Updated.Format(isoTime)}, "versions": map[string]string{p.Version: "latest"}, "license": p.License,
	}
	if p.Author != nil {
		is["author"] = p.Author
	}
	for name, member := range map[string]string{"homepage": "homepage", "repository": "repository", "bugs": "bugs"} {
		if to := p.Links[name]; to != "" && name == "homepage" {
			is[member] = to
		} else if to != "" {
			is[member] = map[string]string{"url": to}
		}
	}
	return is
}

// readable are those packages that who asks may read, as the index knows them; asked for one by one where it has not heard of the database for a while.
func (r *Registry) readable(q *request, names []string) (map[string]search.Package, error) {
	known, err := r.index.Lookup(q.Context(), names)
	if err != nil {
		return nil, err
	}
	may := r.searcher(q)
	for name, p := range known {
		if !r.believed() {
			e, err := r.cache.entry(q.Context(), PackageName(name))
			if err != nil {
				return nil, err
			}
			if e.doc.published() && r.may(q.Context(), q.who, auth.Read, PackageName(name), e.doc) == nil {
				continue
			}
		} else if !p.Restricted || may != nil && may(name, usernames(p)) {
			continue
		}
		delete(known, name)
	}
	return known, nil
}

// believed reports whether the index has heard of the database lately enough.
func (r *Registry) believed() bool { return r.o.Now().Sub(r.index.Heard()) < r.o.MaxStale }

func usernames(p search.Package) (names []string) {
	for _, m := range p.Maintainers {
		names = append(names, m.Username)
	}
	return names
}
