package views

import (
	"cmp"
	"slices"
	"time"

	"settee/couch"
)

// Build is one that brings an index up to date.
type Build struct {
	Database    string
	Design      couch.DocID // of those that share the index, the first
	Started     time.Time
	Done, Total int64 // changes of the feed
}

// Builds lists those that run, the oldest first.
func (e *Engine) Builds() []Build {
	e.mu.Lock()
	indexes := make(map[indexName]*index, len(e.indexes))
	names := map[indexName]couch.DocID{}
	for name, x := range e.indexes {
		indexes[name] = x
	}
	for name, cached := range e.designs {
		of := indexName{name.database, name.token, cached.design.signature}
		if id, has := names[of]; !has || name.id < id {
			names[of] = name.id
		}
	}
	e.mu.Unlock()
	builds := []Build{}
	for name, x := range indexes {
		x.mu.Lock()
		r := x.running
		x.mu.Unlock()
		if r != nil {
			total := r.total.Load()
			builds = append(builds, Build{name.database, names[name], r.started, min(r.mapped.Load(), total), total})
		}
	}
	slices.SortFunc(builds, func(a, b Build) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Database, b.Database), cmp.Compare(a.Design, b.Design))
	})
	return builds
}
