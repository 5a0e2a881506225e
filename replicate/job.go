package replicate

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Owner is in whose name a replication is done.
type Owner struct {
	Name  string   `json:"name"` // "" is nobody
	Roles []string `json:"roles"`
}

// Admin reports a server admin.
func (o Owner) Admin() bool { return slices.Contains(o.Roles, "_admin") }

// State is where a replication is, in CouchDB's words.
type State string

// The states. The first two are of documents that are no jobs yet, the last two are final.
const (
	Initializing State = "initializing"
	Failing      State = "error" // it could not be made a job, and is tried again
	Pending      State = "pending"
	Running      State = "running"
	Crashing     State = "crashing" // it is tried again, later each time
	Completed    State = "completed"
	Failed       State = "failed" // and not tried again until the document changes
)

// States are all of them, as CouchDB lists them.
var States = []State{Initializing, Failing, Running, Pending, Crashing, Completed, Failed}

// A job is a replication that the scheduler runs. The scheduler's lock guards it.
type job struct {
	id      string
	request Request
	key     string // the request in one piece, to compare
	db, doc string // of the document that asks for it; "" where _replicate did
	began   time.Time
	history []event // the newest first
	crashes int     // in a row

	run     *running      // nil: it does not run
	ended   chan struct{} // closed when the run before has ended: the next one waits for it
	stats   *Stats        // of the last that told any
	waiting []chan outcome
}

// running is one run of a job.
type running struct {
	pid    int
	began  time.Time
	told   time.Time // when it last told how far it is; zero: its ends are not open yet
	cancel context.CancelCauseFunc
}

// An outcome is how a job ended, for those who wait for it.
type outcome struct {
	result Result
	err    error
}

// happened is what an event is.
type happened string

const (
	added   happened = "added"
	started happened = "started"
	stopped happened = "stopped"
	crashed happened = "crashed"
)

// An event is a line of a job's history.
type event struct {
	at     time.Time
	what   happened
	reason string // of a crash
}

func (j *job) state() State {
	switch {
	case j.run != nil:
		return Running
	case j.history[0].what == crashed:
		return Crashing
	}
	return Pending
}

// note adds to the history and keeps its newest lines. Crashes count until the job has run well: for longer than
// healthy before it crashed, or until it was stopped.
func (j *job) note(e event, set Settings) {
	switch {
	case e.what == stopped:
		j.crashes = 0
	case e.what == crashed && e.at.Sub(j.history[0].at) > set.healthy():
		j.crashes = 0
	case e.what == crashed:
		j.crashes++
	}
	most := set.maxHistory()
	j.history = slices.Insert(j.history, 0, e)
	j.history = j.history[:min(most, len(j.history))]
}

// lastStarted is when it last began to run; zero: it is not known that it did.
func (j *job) lastStarted() time.Time {
	for _, e := range j.history {
		if e.what == started {
			return e.at
		}
	}
	return time.Time{}
}

const (
	firstRest   = 30 * time.Second
	mostDoubled = 10 // times: eight and a half hours
)

// rest is how long a job stays down after so many crashes.
func rest(crashes int) time.Duration {
	if crashes == 0 {
		return 0 // it had run well
	}
	return firstRest << min(crashes-1, mostDoubled)
}

// rested reports that a job which does not run may be started.
func (j *job) rested(now time.Time) bool {
	last := j.history[0]
	return last.what != crashed || now.Sub(last.at) >= rest(j.crashes)
}

// full is a replication's whole id.
func full(base string, o *Options) string {
	var b strings.Builder
	b.WriteString(base)
	if o.Continuous {
		b.WriteString("+continuous")
	}
	if o.CreateTarget {
		b.WriteString("+create_target")
	}
	return b.String()
}
