package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// newLogger reads --log: text or json, with -debug at its end for every request.
func newLogger(form string, w io.Writer) (*slog.Logger, error) {
	o := &slog.HandlerOptions{}
	form, debug := strings.CutSuffix(form, "-debug")
	if debug {
		o.Level = slog.LevelDebug
	}
	switch form {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("--log %q: want text, json, text-debug or json-debug", form)
}

// logged tells of each request at debug level, and costs nothing above it.
func logged(log *slog.Logger, api string, h http.Handler) http.Handler {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
