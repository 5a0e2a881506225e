package httpd

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A task is a line of _active_tasks.
type task struct {
	kind, database string
	design         string // of an indexer
	started        time.Time
	done, total    int64
}

// tasks are the compactions and the builds of indexes that run, the oldest first.
func (s *Server) activeTasks() []task {
	var all []task
	for _, t := range s.store.Compactions() {
		all = append(all, task{"database_compaction", t.Database, "", t.Started, t.Done, t.Total})
	}
	for _, b := range s.views.Builds() {
		all = append(all, task{"indexer", b.Database, string(b.Design), b.Started, b.Done, b.Total})
	}
	slices.SortStableFunc(all, func(a, b task) int { return a.started.Compare(b.started) })
	return all
}

// activeTasks is GET /_active_tasks.
func (c *call) activeTasks() error {
	now := c.s.o.Now().Unix()
	dst := append(c.out[:0], '[')
	for _, t := range c.s.activeTasks() {
		dst = append(t.append(dst, now), ',')
	}
	for _, t := range c.s.scheduler.Tasks() {
		dst = append(append(dst, t.Members...), ',')
	}
	if last := len(dst) - 1; dst[last] == ',' {
		dst = dst[:last]
	}
	c.out = append(dst, "]\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

func (t *task) append(dst []byte, now int64) []byte {
	dst = append(dst, `{"node":"`+nodeName+`","type":"`+t.kind+`","database":`...)
	dst = appendString(dst, t.database)
	if t.design != "" {
		dst = appendString(append(dst, `,"design_document":`...), t.design)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"changes_done", t.done}, {"total_changes", t.total}, {"progress", 100 * t.done / max(t.total, 1)},
		{"started_on", t.started.Unix()}, {"updated_on", now},
	} {
		dst = strconv.AppendInt(append(dst, `,"`+n.name+`":`...), n.value, 10)
	}
	return append(dst, '}')
}
