package registry

import (
	"net/http"
	"strings"
)

// serveRoot answers GET /: to browsers how to point npm here, to all others what followers ask of a database first.
func (r *Registry) serveRoot(w http.ResponseWriter, q *request) error {
	w.Header().Add("Vary", "Accept")
	if strings.Contains(q.Header.Get("Accept"), "text/html") {
		return r.serveWelcome(w, q)
	}
	packages, err := r.packages(q)
	if err != nil {
		return err
	}
	end, err := r.end(q.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	writeJSON(w, http.StatusOK, map[string]any{
		"db_name": Database, "doc_count": packages, "doc_del_count": 0, "update_seq": end, "committed_update_seq": end, "purge_seq": 0,
		"compact_running": false, "instance_start_time": "0", "disk_format_version": 8, "engine": "settee",
	})
	return nil
}

// serveSession answers GET /_session: whose the credentials are, as CouchDB's clients ask it.
func (r *Registry) serveSession(w http.ResponseWriter, q *request) error {
	var name any
	roles := q.who.Roles
	if !q.who.Anonymous() {
		name = q.who.Name
	}
	if roles == nil {
		roles = []string{}
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "userCtx": map[string]any{"name": name, "roles": roles}})
	return nil
}

// serveDatabase answers what a database has and this address has not: nothing is written here but by publishing, and views tell of all packages.
func (r *Registry) serveDatabase(_ http.ResponseWriter, q *request) error {
	return &Error{Status: http.StatusNotImplemented, Message: "Not Implemented", Reason: q.URL.Path + " is not served here: _changes and _all_docs are, and the CouchDB API has the rest"}
}
