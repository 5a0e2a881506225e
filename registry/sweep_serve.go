package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"settee/auth/audit"
)

// tellingTime is how often who asked for a sweep hears how far it is, also while it looks for attachments or an index is
// built: proxies end what is silent, and settee gc gives up what says nothing for a minute.
const tellingTime = time.Second

// serveSweep answers POST /-/settee/gc, for server admins: lines of JSON, {"done", "total"} each second while it sweeps, and last what a sweep did, or an error.
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
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	progress, end := telling(w, r.o.Stall)
	o.Progress = progress
	s, err := r.Sweep(q.Context(), o)
	end()
	q.entry.Details = map[string]string{"looked": strconv.Itoa(s.Looked), "deleted": strconv.Itoa(s.Deleted), "bytes": strconv.FormatInt(s.Bytes, 10)}
	if !o.Dry {
		r.audit(q, audit.ServerSweep, err)
	}
	if err != nil {
		r.log.Error("a sweep ended early", "error", err)
		return json.NewEncoder(w).Encode(map[string]string{"error": asError(err).Message})
	}
	return json.NewEncoder(w).Encode(s)
}

// telling writes at once, then every tellingTime and at the end how much progress was told of. Who takes nothing of it for the time
// of a stall has gone: their connection ends, and with it the request's context and the sweep.
func telling(w http.ResponseWriter, stall time.Duration) (progress func(done, total int64), end func()) {
	lines, control := json.NewEncoder(w), http.NewResponseController(w)
	var done, total atomic.Int64
	total.Store(1 << 16)
	tell := func() {
		_ = control.SetWriteDeadline(time.Now().Add(stall))
		_ = lines.Encode(map[string]int64{"done": done.Load(), "total": total.Load()})
		_ = control.Flush()
	}
	tell()
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		for every := time.Tick(tellingTime); ; tell() {
			select {
			case <-every:
			case <-ended:
				return
			}
		}
	}()
	progress = func(d, t int64) { done.Store(d); total.Store(t) }
	return progress, func() {
		close(ended)
		<-told
		tell()
		_ = control.SetWriteDeadline(time.Time{}) // what follows on the connection has its own
	}
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
