package replicate

import (
	"cmp"
	"slices"
	"time"
)

// The scheduler's turns. All of these hold its lock.

// reschedule is a turn: jobs beyond max_jobs stop, and where others wait those that ran longest make
// room for them, max_churn at most.
func (s *Scheduler) reschedule() {
	set := s.o.Settings
	most := set.maxJobs()
	excess := s.running() - most
	left := excess - s.stopSome(excess, true)
	s.stopSome(left, false)
	room := most - s.running()
	if room < 0 {
		return
	}
	churn := max(0, set.maxChurn()-max(0, excess))
	s.stopSome(min(s.pending()-room, s.running(), churn), true)
	s.startSome(most - s.running())
}

func (s *Scheduler) running() int {
	n := 0
	for _, j := range s.jobs {
		if j.run != nil {
			n++
		}
	}
	return n
}

func (s *Scheduler) pending() int { return len(s.jobs) - s.running() }

// stopSome stops so many running jobs, continuous ones or the others, those first that began first.
func (s *Scheduler) stopSome(n int, continuous bool) int {
	if n <= 0 {
		return 0
	}
	some := s.ordered(func(j *job) bool { return j.run != nil && j.request.Options.Continuous == continuous })
	some = some[:min(n, len(some))]
	for _, j := range some {
		s.stop(j, errStopped)
	}
	return len(some)
}

// startSome starts so many jobs that wait and have rested, those first that ran longest ago.
func (s *Scheduler) startSome(n int) {
	if n <= 0 {
		return
	}
	now := s.o.Now()
	some := s.ordered(func(j *job) bool { return j.run == nil && j.rested(now) })
	for _, j := range some[:min(n, len(some))] {
		s.start(j)
	}
}

// ordered are the jobs of a kind by when they last began to run.
func (s *Scheduler) ordered(of func(*job) bool) []*job {
	var some []*job
	for _, j := range s.jobs {
		if of(j) {
			some = append(some, j)
		}
	}
	slices.SortFunc(some, func(a, b *job) int {
		return cmp.Or(a.lastStarted().Compare(b.lastStarted()), cmp.Compare(a.id, b.id))
	})
	return some
}

// turn is a reschedule and the date of the next.
func (s *Scheduler) turn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.reschedule()
	s.timer = time.AfterFunc(s.o.Settings.interval(), s.turn)
}
