package downloads

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// cell is what is counted: a version of a package on a day, since 1970. The name "" is all public packages.
type cell struct {
	name, version string
	day           int32
}

// tally is what was counted and is not written. Its shards keep requests out of each other's way.
type tally struct {
	seed   maphash.Seed
	shards [16]shard
}

type shard struct {
	mu    sync.Mutex
	cells map[cell]int64
}

// mostCells bounds a shard.
const mostCells = 200_000 / 16

func newTally() *tally {
	t := &tally{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].cells = map[cell]int64{}
	}
	return t
}

func (t *tally) shard(name string) *shard {
	return &t.shards[maphash.String(t.seed, name)%uint64(len(t.shards))]
}

// add counts one; false where there is no room for another cell. What is public counts for all packages, too: in each shard by itself.
func (t *tally) add(c cell, public bool) bool {
	s := t.shard(c.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if public {
		s.cells[cell{day: c.day}]++
	}
	if _, known := s.cells[c]; !known {
		if len(s.cells) >= mostCells {
			return false
		}
		c.name, c.version = strings.Clone(c.name), strings.Clone(c.version) // the request's memory is not kept
	}
	s.cells[c]++
	return true
}

// take empties the tally.
func (t *tally) take() map[cell]int64 {
	all := map[cell]int64{}
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for c, n := range s.cells {
			all[c] += n
		}
		s.cells = map[cell]int64{}
		s.mu.Unlock()
	}
	return all
}

// each calls f with the cells of a package.
func (t *tally) each(name string, f func(cell, int64)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for c, n := range s.cells {
			if c.name == name {
				f(c, n)
			}
		}
		s.mu.Unlock()
	}
}

// dayOf is a moment's day since 1970, in UTC.
func dayOf(t time.Time) int32 { return int32(t.Unix() / 86400) }

// Count notes a download. It is quick, and safe for concurrent use.
func (d *Downloads) Count(name, version string, public bool) {
	if !d.tally.add(cell{name, version, dayOf(d.o.Now())}, public) {
		d.lost.Add(1)
	}
}
