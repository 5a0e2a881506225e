package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// checkPublicURL refuses what links cannot begin with.
func checkPublicURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("--public-url: want https://HOST, or https://HOST/PATH where a proxy has settee under a path")
	}
	return nil
}

// under answers what is asked for under the path of the public URL as if it were asked for at the host's root,
// and at the root too. Some proxies take the path away and some do not, and npm itself asks for some things (a token for
// a publish, attestations) at the root, whatever its registry's path is.
//
// The path may be a package's name as well: /npm of https://host/npm/ is the package npm, asked for through a proxy
// that took the path away, and so is its tarball; nothing else of it can be told apart.
func under(publicURL string, h http.Handler) http.Handler {
	u, err := url.Parse(publicURL)
	if err != nil {
		return h // check told
	}
	prefix := strings.TrimRight(u.Path, "/")
	if prefix == "" {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, inside := strings.CutPrefix(r.URL.Path, prefix)
		raw, rawInside := strings.CutPrefix(r.URL.RawPath, prefix)
		if !inside || !strings.HasPrefix(path, "/") || r.URL.RawPath != "" && !rawInside || tarballOf(path) {
			h.ServeHTTP(w, r)
			return
		}
		if doubled(path, prefix) {
			path, raw = path[len(prefix):], strings.TrimPrefix(raw, prefix)
		}
		stripped := *r
		stripped.URL = new(url.URL)
		*stripped.URL = *r.URL
		stripped.URL.Path, stripped.URL.RawPath = path, raw
		h.ServeHTTP(w, &stripped)
	})
}

// doubled reports whether a path without its prefix begins with it once more: npm appends the path of some links, which has the
// prefix, to its registry's URL, which has it too: those of attestations, and of the tarballs that it removes.
func doubled(path, prefix string) bool {
	rest, again := strings.CutPrefix(path, prefix)
	removal := strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "/-") && strings.Contains(rest, "/-/") && strings.Contains(rest, "/-rev/")
	return again && (removal || strings.HasPrefix(rest, "/-/npm/v1/attestations/"))
}

// tarballOf reports whether a path without its beginning is that of a tarball, whose package was taken for the
// beginning: nothing else after /-/ is a .tgz.
func tarballOf(path string) bool {
	file, ok := strings.CutPrefix(path, "/-/")
	return ok && strings.HasSuffix(file, ".tgz") && !strings.Contains(file, "/")
}
