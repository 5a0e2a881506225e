package httpd

import (
	"net/http"
	"slices"
	"strings"
)

// An answered is the answer as it leaves: the last headers are set when the
// status is, whoever writes it.
type answered struct {
	http.ResponseWriter
	status   int    // 0: not yet
	expose   string // what scripts of another origin may read; "": it is none
	minimal  []string
	bodyTime []string // milliseconds that the request's body took
	before   func()   // called before the answer leaves; mostly nil
	call     *call
}

// noTime is the X-CouchDB-Body-Time of nearly every answer, shared by them.
var noTime = []string{"0"}

// WriteHeader implements http.ResponseWriter.
func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
		if a.before != nil {
			a.before()
		}
		if a.call.act != "" {
			a.call.record(status)
		}
		a.finishHeaders()
		if a.call.r.ContentLength != 0 {
			a.call.settleBody()
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answered) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// FlushError sends what there is; http.ResponseController calls it.
func (a *answered) FlushError() error {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController set deadlines.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answered) finishHeaders() {
	h := a.Header()
	h["X-Couchdb-Body-Time"] = a.bodyTime
	if a.expose != "" {
		h["Access-Control-Expose-Headers"] = []string{exposedHeaders(h, a.expose)}
		h.Add("Vary", "Origin") // CouchDB forgets it; caches must not
	}
	if a.minimal == nil {
		return
	}
	for name := range h {
		// A browser that asks for little must still be let read it.
		if !slices.Contains(a.minimal, name) && !strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
}
