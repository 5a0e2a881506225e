package replicate

import (
	"slices"
	"time"
)

// Aside is a change that was set aside since it could not be handled. A later change
// of its document that is handled takes it off the list.
type Aside struct {
	Change
	Error string    `json:"error"` // of the last attempt
	Time  time.Time `json:"time"`  // of that
}

const (
	// mostAside bounds what is set aside, as all of it is in each checkpoint: some
	// 200 kB at most. Past it a change that cannot be handled is tried for ever and
	// the feed waits: then it is not the change that is wrong.
	mostAside = 256
	// longestError is how much of an error is kept.
	longestError = 500
)

// Poison lists what is set aside, oldest first.
func (f *Follower) Poison() []Aside {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]Aside, 0, len(f.aside))
	for _, a := range f.aside {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Aside) int { return a.Time.Compare(b.Time) })
	return list
}

// Retry handles documents again that are set aside, all of them where none is named:
// their last change, read anew. They stay on the list until they are handled.
func (f *Follower) Retry(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.aside {
		if len(ids) == 0 || slices.Contains(ids, id) {
			f.again = append(f.again, id)
		}
	}
	f.interrupt()
}

// Drop takes documents off the list of what is set aside, all of them where none is
// named: they count as handled until they change again.
func (f *Follower) Drop(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.aside {
		if len(ids) == 0 || slices.Contains(ids, id) {
			f.cleared(id)
		}
	}
}

// cleared takes a document off the list; f.mu is held.
func (f *Follower) cleared(id string) {
	if _, ok := f.aside[id]; ok {
		delete(f.aside, id)
		f.moved()
	}
}

func (f *Follower) setAside(list []Aside) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.aside)
	for _, a := range list {
		f.aside[a.ID] = a
	}
}

// putAside sets a change aside, if there is room; f.mu is held.
func (f *Follower) putAside(c Change, err error) bool {
	if _, known := f.aside[c.ID]; !known && len(f.aside) >= mostAside {
		return false
	}
	text := err.Error()
	c.Doc = nil
	f.aside[c.ID] = Aside{Change: c, Error: text[:min(len(text), longestError)], Time: f.o.Now().UTC()}
	f.moved()
	return true
}
