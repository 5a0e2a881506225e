package registry

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"settee/auth/audit"
)

// The entries of a page of the audit log.
const (
	auditPage     = 100
	mostAuditPage = 1000
)

// serveAuditLog answers GET /-/settee/audit, for server admins.
func (r *Registry) serveAuditLog(w http.ResponseWriter, q *request) error {
	switch {
	case q.who.Anonymous():
		return errWhoAreYou
	case !q.who.Admin():
		return fail(http.StatusForbidden, "Only server admins may read the audit log.")
	}
	f, limit, err := parseAudit(q.URL.Query())
	if err != nil {
		return err
	}
	entries, next := []audit.Entry{}, ""
	for e, err := range audit.Query(q.Context(), r.records, f) {
		if err != nil {
			return err
		}
		if len(entries) == limit {
			next = entries[limit-1].Cursor()
			break
		}
		entries = append(entries, e)
	}
	body := map[string]any{"entries": entries}
	if next != "" {
		body["next"] = next
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, body)
	return nil
}

func parseAudit(v url.Values) (f audit.Filter, limit int, err error) {
	f = audit.Filter{User: v.Get("user"), Act: audit.Act(v.Get("act")), Package: v.Get("package"), Before: v.Get("before"), Failed: v.Get("failed") == "true"}
	limit = auditPage
	if s := v.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > mostAuditPage {
			return f, 0, invalid("limit must be a number from 1 to %d", mostAuditPage)
		}
	}
	for name, into := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		s := v.Get(name)
		if s == "" {
			continue
		}
		if *into, err = time.Parse(time.RFC3339, s); err != nil {
			if *into, err = time.Parse(time.DateOnly, s); err != nil {
				return f, 0, invalid("%s must be a time like 2026-03-01T12:00:00Z", name)
			}
		}
	}
	if f.Check() != nil {
		return f, 0, invalid("before must be what an answer before has as next")
	}
	return f, limit, nil
}
