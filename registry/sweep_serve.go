package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"settee/auth/audit"
)

// tellingTime is how often who asked for a sweep hears how far it is: proxies end what is silent.
const tellingTime = time.Second

// serveSweep answers POST /-/settee/gc, for server admins: lines of JSON, {"done", "total"} while it sweeps, and last what a sweep did, or an error.
func (r *Registry) serveSweep(w http.ResponseWriter, q *request) error {
	switch {
	case q.who.Anonymous():
		return errWhoAreYou
	case !q.who.Admin():
		return r.refused(q, audit.ServerSweep, fail(http.StatusForbidden, "Only server admins may remove what nobody needs."))
	}
	o, err := parseSweep(q)
	if err == nil {
		err = r.mayAlone(o)
	}
	if err != nil {
		return err
	}
	if !r.sweeping.TryLock() {
		return fail(http.StatusConflict, "A sweep is under way: this registry does one at a time.")
	}
	defer r.sweeping.Unlock()
	lines, control := json.NewEncoder(w), http.NewResponseController(w)
	var told time.Time
	o.Progress = func(done, total int64) {
		if now := time.Now(); now.Sub(told) >= tellingTime || done == total {
			told = now
			_ = lines.Encode(map[string]int64{"done": done, "total": total}) // who has gone ends the sweep by the request's context
			_ = control.Flush()
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	_ = lines.Encode(map[string]int64{"done": 0, "total": 1 << 16})
	_ = control.Flush()
	s, err := r.Sweep(q.Context(), o)
	q.entry.Details = map[string]string{"looked": strconv.Itoa(s.Looked), "deleted": strconv.Itoa(s.Deleted), "bytes": strconv.FormatInt(s.Bytes, 10)}
	if !o.Dry {
		r.audit(q, audit.ServerSweep, err)
	}
	if err != nil {
		r.log.Error("a sweep ended early", "error", err)
		return lines.Encode(map[string]string{"error": asError(err).Message})
	}
	return lines.Encode(s)
}

// parseSweep reads ?older, dry and alone.
func parseSweep(q *request) (o SweepOptions, err error) {
	v := q.URL.Query()
	o.Dry, o.Alone = v.Get("dry") == "true", v.Get("alone") == "true"
	if text := v.Get("older"); text != "" {
		if o.Grace, err = time.ParseDuration(text); err != nil {
			return o, invalid("older must be a time like 24h")
		}
		if o.Grace < LeastGrace {
			return o, invalid("older must be at least %s: a publish may take so long to name what it stores", LeastGrace)
		}
	}
	return o, nil
}
