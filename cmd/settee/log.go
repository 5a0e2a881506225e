package main

import (
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"
)

// newLogger writes what --log and --log-level ask for. The level can change
// while the server runs.
func newLogger(form, level string, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	var v slog.LevelVar
	if level == "debug" {
		v.Set(slog.LevelDebug)
	}
	o := &slog.HandlerOptions{Level: &v, ReplaceAttr: masked}
	if form == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), &v
	}
	return slog.New(slog.NewTextHandler(w, o)), &v
}

// secrets are what paths, and errors that name them, may hold that lets somebody in: tokens, and the tickets of sign-ins and challenges on the web.
var secrets = regexp.MustCompile(`npm_[0-9A-Za-z]{36}|\b[A-Z2-7]{26}\b`)

// masked keeps secrets out of all that is logged.
func masked(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(secrets.ReplaceAllString(v, "…"))
	case error:
		a.Value = slog.StringValue(secrets.ReplaceAllString(v.Error(), "…"))
	}
	return a
}

// logged tells of each request at debug level, and costs nothing above it.
func logged(log *slog.Logger, api string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			h.ServeHTTP(w, r)
			return
		}
		began, status := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(status, r)
		log.Debug("request", "api", api, "method", r.Method, "path", r.URL.EscapedPath(), "status", status.status, "took", time.Since(began))
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController flush feeds.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
