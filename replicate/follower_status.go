package replicate

import (
	"context"
	"crypto/rand"
	"time"
)

// FollowerState is what a follower is at.
type FollowerState string

// The states.
const (
	Stopped    FollowerState = "stopped"     // no Run
	Beginning  FollowerState = "beginning"   // looks for its place in the feed
	Absent     FollowerState = "absent"      // waits for the database
	CatchingUp FollowerState = "catching up" // reads what changed before
	Following  FollowerState = "following"   // all that changed was read
	Broken     FollowerState = "broken"      // the feed broke and is tried again
	Paused     FollowerState = "paused"
)

// Status is what a follower tells of itself.
type Status struct {
	Name       string        `json:"name"`
	Database   string        `json:"database"`
	State      FollowerState `json:"state"`
	Blocked    bool          `json:"blocked"` // no more can be set aside: the feed waits for changes that fail
	Seq        string        `json:"seq"`     // all changes up to here were handled or set aside
	Checkpoint string        `json:"checkpoint,omitempty"`
	Lag        Lag           `json:"lag"`

	Read     int64 `json:"read"`      // changes, since the Follower was made
	Handled  int64 `json:"handled"`   // calls of Handle that went well
	Failures int64 `json:"failures"`  // and that did not
	SetAside int   `json:"set_aside"` // how many are, now

	LastError      string    `json:"last_error,omitempty"` // of Handle or the database
	LastErrorTime  time.Time `json:"last_error_time,omitzero"`
	CaughtUp       time.Time `json:"caught_up,omitzero"` // all changes before were handled or set aside
	CheckpointTime time.Time `json:"checkpoint_time,omitzero"`
}

// Lag is how far a follower is behind its database.
type Lag struct {
	Changes int64         `json:"changes"`   // not handled yet, as far as is known
	Time    time.Duration `json:"time_nsec"` // since when; 0 where all that is known of was handled and the feed stands
}

// Status tells what the follower is at.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.SetAside = len(f.aside)
	s.Blocked = len(f.aside) >= mostAside
	if p := f.pass; p != nil {
		s.Lag.Changes = max(0, p.pending) + int64(p.count)
	}
	if s.State != Following || s.Lag.Changes > 0 {
		since := f.made
		if s.CaughtUp.After(since) {
			since = s.CaughtUp
		}
		s.Lag.Time = max(0, f.o.Now().Sub(since))
	}
	if f.resume != nil && s.State != Stopped {
		s.State = Paused
	}
	return s
}

// Lag is Status().Lag.
func (f *Follower) Lag() Lag { return f.Status().Lag }

// start begins a Run.
func (f *Follower) start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.State != Stopped {
		return errRunning
	}
	f.status.State = Beginning
	if f.begun == nil {
		f.session, f.ours, f.place = rand.Text(), false, place{}
	}
	return nil
}

// state sets a state and tells the one before.
func (f *Follower) state(s FollowerState) (before FollowerState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, f.status.State = f.status.State, s
	return before
}

// failed notes a failure of the database.
func (f *Follower) failed(err error, first bool) {
	f.mu.Lock()
	if f.status.State != Absent {
		f.status.State = Broken
	}
	f.noteError(err)
	f.mu.Unlock()
	if first { // once a loss
		f.log.Warn("follower: the feed broke, retrying", "error", err)
	}
}

// noteError keeps an error for Status; f.mu is held.
func (f *Follower) noteError(err error) {
	f.status.LastError, f.status.LastErrorTime = err.Error(), f.o.Now().UTC()
}

// Pause stops handing out changes, and with it the reading. What is being handled goes on.
func (f *Follower) Pause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resume == nil {
		f.resume = make(chan struct{})
		f.interrupt()
	}
}

// Resume ends a Pause.
func (f *Follower) Resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resume != nil {
		close(f.resume)
		f.resume = nil
		if f.pass != nil {
			f.pass.work.Broadcast()
		}
	}
}

// resumed waits while the follower is paused.
func (f *Follower) resumed(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		resume := f.resume
		f.mu.Unlock()
		if resume == nil {
			return
		}
		select {
		case <-resume:
		case <-ctx.Done():
		}
	}
}

// Replay handles again what changed after a sequence: "" is the beginning, "now" skips
// what was not handled yet. What is being handled is interrupted.
func (f *Follower) Replay(seq string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replay = &seq
	f.endPass(errReplay)
}

// interrupt ends the poll under way, so that its reader looks around; f.mu is held.
func (f *Follower) interrupt() {
	if f.pass != nil && f.pass.nudge != nil {
		f.pass.nudge(errNudged)
	}
}
