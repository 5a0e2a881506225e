package registry

import (
	"net/http"
	"strings"

	"settee/downloads"
)

// serveCounted answers GET /:p/-/:file, and counts what was served: package downloads says what counts.
func (r *Registry) serveCounted(w http.ResponseWriter, q *request) error {
	err := r.serveTarball(w, q)
	if err == nil && r.o.Downloads != nil && q.Method == http.MethodGet && fromTheBeginning(q.Request, w.Header()) {
		file := q.param("file")
		version := strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], ".tgz")
		version = strings.TrimPrefix(version, q.pkg.Base()+"-")
		r.o.Downloads.Count(string(q.pkg), version, !strings.HasPrefix(w.Header().Get("Cache-Control"), "private"))
	}
	return err
}

// fromTheBeginning reports whether a request was answered with the beginning of what it asked for.
func fromTheBeginning(q *http.Request, answer http.Header) bool {
	if match := q.Header["If-None-Match"]; len(match) > 0 {
		if tag := answer.Get("Etag"); strings.TrimSpace(match[0]) == "*" || tag != "" && strings.Contains(match[0], tag) {
			return false // 304
		}
	}
	if match := q.Header["If-Match"]; len(match) > 0 && strings.TrimSpace(match[0]) != "*" && !strings.Contains(match[0], answer.Get("Etag")) {
		return false // 412
	}
	if parts := q.Header["Range"]; len(parts) > 0 {
		first, _, _ := strings.Cut(parts[0], ",")
		return strings.HasPrefix(strings.ReplaceAll(first, " ", ""), "bytes=0-")
	}
	return true
}

// popular tells search what was downloaded lately.
func (r *Registry) popular(yield func(name string, weekly int64)) {
	if r.o.Downloads == nil {
		return
	}
	for name, lately := range r.o.Downloads.All() {
		yield(name, lately.Week)
	}
}

// mostAsked is how many packages one request may ask for.
const mostAsked = 128

// counts makes a figure of a package's downloads; of all public packages where the name is "".
type counts func(q *request, p downloads.Period, name string) (map[string]any, error)

// serveDownloadsPoint answers GET /downloads/point/:period and …/:p.
func (r *Registry) serveDownloadsPoint(w http.ResponseWriter, q *request) error {
	return r.serveDownloads(w, q, func(q *request, p downloads.Period, name string) (map[string]any, error) {
		sum, err := r.o.Downloads.Sum(q.Context(), name, p)
		return map[string]any{"downloads": sum}, err
	})
}

// serveDownloadsRange answers GET /downloads/range/:period and …/:p.
func (r *Registry) serveDownloadsRange(w http.ResponseWriter, q *request) error {
	return r.serveDownloads(w, q, func(q *request, p downloads.Period, name string) (map[string]any, error) {
		days, err := r.o.Downloads.PerDay(q.Context(), name, p)
		list := make([]any, len(days))
		for i, n := range days {
			list[i] = map[string]any{"day": p.Day(i), "downloads": n}
		}
		return map[string]any{"downloads": list}, err
	})
}

func (r *Registry) serveDownloads(w http.ResponseWriter, q *request, of counts) error {
	if r.o.Downloads == nil {
		return errNotFound
	}
	p, err := downloads.ParsePeriod(q.param("period"), r.o.Now())
	if err != nil {
		return invalid("%s", err)
	}
	figure := func(name PackageName) (map[string]any, error) {
		is, err := of(q, p, string(name))
		if err != nil {
			return nil, err
		}
		is["start"], is["end"] = p.Start(), p.End()
		if name != "" {
			is["package"] = name
		}
		return is, nil
	}
	var answer any
	switch {
	case strings.Contains(string(q.pkg), ","):
		answer, err = r.bulk(q, figure)
	case q.pkg == "":
		answer, err = figure("")
	default:
		if err = r.counted(q); err == nil {
			answer, err = figure(q.pkg)
		}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// bulk are the figures of several packages; null of one that is not there.
func (r *Registry) bulk(q *request, figure func(PackageName) (map[string]any, error)) (any, error) {
	names := strings.Split(string(q.pkg), ",")
	if len(names) > mostAsked {
		return nil, invalid("bulk queries are limited to %d packages", mostAsked)
	}
	all := map[string]any{}
	for _, name := range names {
		if strings.HasPrefix(name, "@") {
			return nil, invalid("bulk lookups do not support scoped packages: %s", name)
		}
		if _, asked := all[name]; asked || name == "" {
			continue
		}
		q.pkg = PackageName(name)
		if err := r.counted(q); err != nil {
			if asError(err).Status != http.StatusNotFound {
				return nil, err
			}
			all[name] = nil
			continue
		}
		is, err := figure(q.pkg)
		if err != nil {
			return nil, err
		}
		all[name] = is
	}
	return all, nil
}

// counted refuses a package that is not there for who asks.
func (r *Registry) counted(q *request) error {
	_, err := r.visible(q)
	if err != nil && asError(err).Status == http.StatusNotFound {
		return fail(http.StatusNotFound, "package %s not found", q.pkg)
	}
	return err
}

// serveDownloadsVersions answers GET /versions/:p/last-week.
func (r *Registry) serveDownloadsVersions(w http.ResponseWriter, q *request) error {
	if r.o.Downloads == nil {
		return errNotFound
	}
	p, err := downloads.ParsePeriod("last-week", r.o.Now())
	if err == nil {
		err = r.counted(q)
	}
	if err != nil {
		return err
	}
	versions, err := r.o.Downloads.PerVersion(q.Context(), string(q.pkg), p)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	writeJSON(w, http.StatusOK, map[string]any{"package": q.pkg, "downloads": versions})
	return nil
}
