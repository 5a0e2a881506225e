package tarballs

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"time"
)

// Handler serves a store's blobs to peers: GET and HEAD of a path that ends with a
// digest, whole or by Range. Who may ask is its caller's to say: whoever knows a
// digest gets its bytes. The store is the local one and reads through to nobody, so
// that peers who lack the same blob do not ask each other in a circle.
func Handler(s Store, log *slog.Logger) http.Handler { return &handler{s, log} }

type handler struct {
	store Store
	log   *slog.Logger
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET,HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "Only GET,HEAD allowed")
		return
	}
	d, err := ParseDigest(path.Base(r.URL.Path))
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	switch err := h.serve(w, r, d); {
	case errors.Is(err, fs.ErrNotExist):
		refuse(w, http.StatusNotFound, "not_found", "missing")
	case err != nil && r.Context().Err() == nil:
		h.log.Error("a blob cannot be read", "digest", d.String(), "error", err)
		refuse(w, http.StatusInternalServerError, "unknown_error", "The blob could not be read.")
	}
}

func (h *handler) serve(w http.ResponseWriter, r *http.Request, d Digest) error {
	head := w.Header()
	whole := r.Method == http.MethodGet && r.Header.Get("Range") == "" && r.Header.Get("If-None-Match") == ""
	if !whole {
		info, err := h.store.Stat(r.Context(), d)
		if err != nil {
			return err
		}
		describe(head, d)
		body := Seeker(r.Context(), h.store, info)
		defer func() { _ = body.Close() }()
		http.ServeContent(w, r, "", time.Time{}, body)
		return nil
	}
	body, info, err := h.store.Open(r.Context(), d, 0, -1)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	describe(head, d)
	head.Set("Accept-Ranges", "bytes")
	head.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	if _, err := io.CopyN(w, body, info.Size); err != nil {
		panic(http.ErrAbortHandler) // the length is promised: a cut connection is the only honest end
	}
	return nil
}

// describe sets the headers of a blob: its bytes never change.
func describe(h http.Header, d Digest) {
	h.Set("Etag", `"`+d.String()+`"`)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "private, immutable, max-age=31536000")
}

// refuse answers an error in CouchDB's form, as it is served among its answers.
func refuse(w http.ResponseWriter, status int, word, reason string) {
	body, _ := json.Marshal(map[string]string{"error": word, "reason": reason})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone needs no answer
}
