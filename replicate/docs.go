package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// docName names a document that asks for a replication.
type docName struct{ db, id string }

// A doc is a document of a _replicator database that is not done. The scheduler's lock guards it.
type doc struct {
	docName
	request Request
	key     string
	began   time.Time // start_time

	state   State // Initializing or Failing, until there is a job
	job     string
	info    string // why it failed, or what became of it
	errors  int    // in a row
	updated time.Time
	again   *time.Timer // when it is tried again; nil: not
}

// quiet ends what would be tried again.
func (d *doc) quiet() {
	if d.again != nil {
		d.again.Stop()
	}
}

// A replicator is what the scheduler needs of a _replicator database.
type replicator interface {
	// read returns a document with its revision, nil where there is none.
	read(ctx context.Context, id string) (json.RawMessage, error)
	// write stores a document over the revision that it has. errConflict says that it is not the last any more.
	write(ctx context.Context, id string, doc json.RawMessage) error
	// follow tells every document once, and then of each change, until ctx ends or an error comes.
	follow(ctx context.Context, yield func(id string, doc json.RawMessage, deleted bool)) error
}

var errConflict = errors.New("conflict")

// changed is told of a document as it is now. It returns before a design document's filter is read, but
// after all else: of documents that ask for the same, the first that is told has the job.
func (s *Scheduler) changed(r replicator, db, id string, raw json.RawMessage, deleted bool) {
	if strings.HasPrefix(id, "_design/") {
		return
	}
	name := docName{db, id}
	s.mu.Lock()
	s.counted.DocChanges++
	s.mu.Unlock()
	if deleted {
		s.drop(name)
		return
	}
	var stored struct {
		State State `json:"_replication_state"`
	}
	_ = json.Unmarshal(raw, &stored) // a state that is no string is none
	switch stored.State {
	case Completed:
		s.mu.Lock()
		s.forget(name)
		s.mu.Unlock()
		return
	case Failed:
		return
	case "":
	default: // left by older servers, or by update_docs
		if !s.o.Settings.updateDocs() {
			s.update(r, id, withoutState)
		}
	}
	request, err := ParseRequest(raw, s.o.Settings)
	if err != nil {
		reason := err.Error()
		if bad := (*RequestError)(nil); errors.As(err, &bad) {
			reason = bad.InDocument()
		}
		s.drop(name)
		s.failed(r, id, reason)
		return
	}
	s.replace(r, name, request)
}

// replace makes a document's request the one that is followed, unless it is already.
func (s *Scheduler) replace(r replicator, name docName, request Request) {
	s.mu.Lock()
	key := request.key()
	if old := s.docs[name]; s.closed || old != nil && old.key == key {
		s.mu.Unlock()
		return
	}
	s.dropHeld(name)
	d := &doc{docName: name, request: request, key: key, began: s.o.Now(), state: Initializing, updated: s.o.Now()}
	s.docs[name] = d
	s.mu.Unlock()
	if request.programmed() {
		s.wg.Go(func() { s.try(r, d) })
		return
	}
	s.try(r, d)
}

// drop ends what a document asked for.
func (s *Scheduler) drop(name docName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropHeld(name)
}

func (s *Scheduler) dropHeld(name docName) {
	s.forget(name)
	for _, j := range s.jobs {
		if j.doc == name.id && j.db == name.db {
			s.remove(j, errStopped)
		}
	}
}

func (s *Scheduler) forget(name docName) {
	if d := s.docs[name]; d != nil {
		d.quiet()
		delete(s.docs, name)
	}
}

// patience is how long the making of an id may take, as it may read a filter from afar.
const patience = 61 * time.Second

// try makes a job of a document.
func (s *Scheduler) try(r replicator, d *doc) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	id, err := s.identify(ctx, d.request)
	s.mu.Lock()
	if s.docs[d.docName] != d || s.closed {
		s.mu.Unlock()
		return
	}
	taken := ""
	switch other := s.jobs[id]; {
	case err != nil:
		s.postpone(r, d, FailureOf(err).InHistory())
	case other == nil, other.db == d.db && other.doc == d.id:
		s.scheduled(r, d, id, other == nil)
	case other.doc == "":
		s.postpone(r, d, fmt.Sprintf("Replication `%s` specified by document `%s` already running as a transient replication, started via `_replicate` API endpoint", id, d.id))
	default:
		taken = fmt.Sprintf("Replication `%s` specified by document `%s` already started, triggered by document `%s` from db `%s`", id, d.id, other.doc, other.db)
		s.dropHeld(d.docName)
	}
	failing, info := d.state == Failing, d.info
	s.mu.Unlock()
	switch {
	case taken != "":
		s.failed(r, d.id, taken)
	case !s.o.Settings.updateDocs():
	case failing:
		s.told(d.db, d.id, Failing, info, "")
	default:
		s.told(d.db, d.id, "triggered", "", id)
	}
}

// scheduled notes that a document has its job. One whose filter is a function is looked at again from time
// to time: with another function it is another replication. The lock is held.
func (s *Scheduler) scheduled(r replicator, d *doc, id string, fresh bool) {
	if d.job != "" && d.job != id {
		if old := s.jobs[d.job]; old != nil {
			s.remove(old, errStopped)
		}
		d.info = "Replication id changed: " + d.job + " -> " + id
	}
	d.state, d.errors, d.job, d.updated = "", 0, id, s.o.Now()
	if fresh {
		s.add(&job{id: id, request: d.request, key: d.key, db: d.db, doc: d.id, began: d.began})
	}
	if d.request.programmed() {
		spread := min(2*len(s.docs)/10, int(24*time.Hour/time.Second))
		s.later(r, d, time.Minute+time.Duration(1+rand.IntN(1+spread))*time.Second)
	}
}

const (
	firstError   = 64 // seconds at most, half of that on average
	mostErrorful = 12 // doublings: about a day and a half on average
)

// postpone notes that a document could not be made a job, and tries again later. The lock is held.
func (s *Scheduler) postpone(r replicator, d *doc, why string) {
	if old := s.jobs[d.job]; old != nil && old.db == d.db && old.doc == d.id {
		s.remove(old, errStopped)
	}
	d.errors++
	d.state, d.job, d.info, d.updated = Failing, "", why, s.o.Now()
	s.later(r, d, time.Duration(1+rand.IntN(firstError<<min(d.errors, mostErrorful)))*time.Second)
}

func (s *Scheduler) later(r replicator, d *doc, after time.Duration) {
	d.again = time.AfterFunc(after, func() {
		s.mu.Lock()
		here := !s.closed && s.docs[d.docName] == d
		if here {
			s.wg.Add(1) // under the lock: Close waits only after it has said that it is closed
		}
		s.mu.Unlock()
		if here {
			defer s.wg.Done()
			s.try(r, d)
		}
	})
}
