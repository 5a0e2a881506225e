package replicate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// fields are how far a replication is, as documents and _scheduler tell it.
func (s Stats) fields() []field {
	number := func(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }
	pending := number(s.ChangesPending)
	if s.ChangesPending < 0 {
		pending = json.RawMessage("null")
	}
	return []field{
		{"revisions_checked", number(s.RevisionsChecked)}, {"missing_revisions_found", number(s.MissingFound)},
		{"docs_read", number(s.DocsRead)}, {"docs_written", number(s.DocsWritten)}, {"changes_pending", pending},
		{"doc_write_failures", number(s.DocWriteFailures)}, {"bulk_get_docs", number(s.BulkGetDocs)},
		{"bulk_get_attempts", number(s.BulkGetAttempts)}, {"checkpointed_source_seq", seqShown(s.CheckpointedSeq)},
	}
}

// seqShown is a sequence as text; the beginning is 0.
func seqShown(seq string) json.RawMessage { return quoted(cmp.Or(seq, "0")) }

// info is the last figures of a job, null before there are any.
func (j *job) info() json.RawMessage {
	if j.stats == nil {
		return json.RawMessage("null")
	}
	return objectOf(append(j.stats.fields(),
		field{"source_seq", seqShown(j.stats.SourceSeq)}, field{"through_seq", seqShown(j.stats.ThroughSeq)}))
}

// text is a JSON string, null where it is empty.
func text(s string) json.RawMessage {
	if s == "" {
		return json.RawMessage("null")
	}
	return quoted(s)
}

func (j *job) pid() json.RawMessage {
	if j.run == nil {
		return json.RawMessage("null")
	}
	return quoted(fmt.Sprintf("<0.%d.0>", j.run.pid))
}

// Jobs are all jobs, by their ids, as _scheduler/jobs tells them.
func (s *Scheduler) Jobs() []json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		all = append(all, j)
	}
	slices.SortFunc(all, func(a, b *job) int { return cmp.Compare(a.id, b.id) })
	shown := make([]json.RawMessage, len(all))
	for i, j := range all {
		shown[i] = s.show(j)
	}
	return shown
}

// Job is one of them.
func (s *Scheduler) Job(id string) (json.RawMessage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil {
		return nil, false
	}
	return s.show(j), true
}

func (s *Scheduler) show(j *job) json.RawMessage {
	history := []byte{'['}
	for i, e := range j.history {
		if i > 0 {
			history = append(history, ',')
		}
		line := []field{{"timestamp", quoted(iso(e.at))}, {"type", quoted(string(e.what))}}
		if e.what == crashed {
			line = append(line, field{"reason", quoted(e.reason)})
		}
		history = append(history, objectOf(line)...)
	}
	return objectOf([]field{
		{"database", text(j.db)}, {"id", quoted(j.id)}, {"pid", j.pid()},
		{"source", quoted(j.request.Source.URL)}, {"target", quoted(j.request.Target.URL)},
		{"user", text(j.request.User.Name)}, {"doc_id", text(j.doc)}, {"info", j.info()},
		{"history", append(history, ']')}, {"node", quoted(s.o.Node)}, {"start_time", quoted(iso(j.began))},
	})
}

// A Task is a line of _active_tasks: its members but for the node's.
type Task struct {
	Began   time.Time
	Members json.RawMessage
}

// Tasks are the jobs that run and have opened their ends.
func (s *Scheduler) Tasks() []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tasks []Task
	for _, j := range s.jobs {
		if j.run != nil && !j.run.told.IsZero() {
			tasks = append(tasks, Task{j.run.began, s.task(j)})
		}
	}
	slices.SortFunc(tasks, func(a, b Task) int { return a.Began.Compare(b.Began) })
	return tasks
}

func (s *Scheduler) task(j *job) json.RawMessage {
	all := append(j.stats.fields(), []field{
		{"type", quoted("replication")},
		{"checkpoint_interval", strconv.AppendInt(nil, j.request.Options.CheckpointInterval.Milliseconds(), 10)},
		{"continuous", strconv.AppendBool(nil, j.request.Options.Continuous)},
		{"database", text(j.db)}, {"doc_id", text(j.doc)}, {"replication_id", quoted(j.id)},
		{"source", quoted(j.request.Source.URL)}, {"target", quoted(j.request.Target.URL)},
		{"source_seq", seqShown(j.stats.SourceSeq)}, {"through_seq", seqShown(j.stats.ThroughSeq)},
		{"started_on", strconv.AppendInt(nil, j.run.began.Unix(), 10)}, {"updated_on", strconv.AppendInt(nil, j.run.told.Unix(), 10)},
		{"user", text(j.request.User.Name)},
	}...)
	slices.SortFunc(all, func(a, b field) int { return cmp.Compare(a.key, b.key) }) // as CouchDB's are
	return objectOf(append([]field{{"node", quoted(s.o.Node)}, {"pid", j.pid()}, {"process_status", quoted("waiting")}}, all...))
}

// A DocStatus is a line of _scheduler/docs.
type DocStatus struct {
	State State // "": it is not known to the scheduler
	Shown json.RawMessage
}

// Doc is what became of a document that a _replicator database has stored.
func (s *Scheduler) Doc(db, id string, stored json.RawMessage) DocStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	fixed, said := storedStatus(db, id, stored)
	if d := s.docs[docName{db, id}]; d != nil && !said {
		if status, ok := s.status(d); ok {
			return status
		}
	}
	return fixed
}

func (s *Scheduler) status(d *doc) (DocStatus, bool) {
	head := []field{{"database", quoted(d.db)}, {"doc_id", quoted(d.id)}, {"id", text(d.job)}}
	node := field{"node", quoted(s.o.Node)}
	if d.state != "" {
		return DocStatus{d.state, objectOf(append(head,
			field{"state", quoted(string(d.state))}, field{"info", wrong(d.info)}, field{"error_count", strconv.AppendInt(nil, int64(d.errors), 10)},
			node, field{"last_updated", quoted(iso(d.updated))}, field{"start_time", quoted(iso(d.began))},
		))}, true
	}
	j := s.jobs[d.job]
	if j == nil {
		return DocStatus{}, false
	}
	state, info := j.state(), j.info()
	if state == Crashing {
		info = wrong(j.history[0].reason)
	}
	return DocStatus{state, objectOf(append(head, node,
		field{"source", quoted(j.request.Source.URL)}, field{"target", quoted(j.request.Target.URL)},
		field{"state", quoted(string(state))}, field{"info", info}, field{"error_count", strconv.AppendInt(nil, int64(j.crashes), 10)},
		field{"last_updated", quoted(iso(j.history[0].at))}, field{"start_time", quoted(iso(j.began))},
		field{"source_proxy", proxyShown(j.request.Source)}, field{"target_proxy", proxyShown(j.request.Target)},
	))}, true
}

func proxyShown(e Endpoint) json.RawMessage { return text(shownURL(e.Proxy)) }

// wrong is an error as info tells it.
func wrong(why string) json.RawMessage {
	if why == "" {
		return json.RawMessage("null")
	}
	return objectOf([]field{{"error", quoted(why)}})
}

// storedStatus is what a document says itself; said reports that this is final.
func storedStatus(db, id string, stored json.RawMessage) (status DocStatus, said bool) {
	null := json.RawMessage("null")
	says := map[string]json.RawMessage{}
	if all, err := fieldsOf(stored); err == nil {
		for _, m := range all {
			says[m.key] = m.value
		}
	}
	or := func(raw json.RawMessage) json.RawMessage {
		if raw == nil {
			return null
		}
		return raw
	}
	state, info, errors, began := null, null, "0", null
	switch named, _ := stringOf(says[memberState]); State(named) {
	case Completed:
		stats, _ := fieldsOf(says[memberStats])
		for _, m := range stats {
			if m.key == "start_time" {
				began = m.value
			}
		}
		state, info, said = says[memberState], objectOf(with(stats, "start_time", nil)), true
		status.State = Completed
	case Failed:
		why, _ := stringOf(says[memberReason])
		state, info, errors, began, said = says[memberState], wrong(why), "1", or(says[memberTime]), true
		status.State = Failed
	}
	status.Shown = objectOf([]field{
		{"database", quoted(db)}, {"doc_id", quoted(id)}, {"id", null},
		{"source", ShownEndpoint(or(says["source"]))}, {"target", ShownEndpoint(or(says["target"]))},
		{"state", state}, {"error_count", json.RawMessage(errors)}, {"info", info}, {"start_time", began}, {"last_updated", or(says[memberTime])},
	})
	return status, said
}

// Counts are a scheduler's figures since it was made, and as they are now.
type Counts struct {
	Adds, Removes, Starts, Stops, Crashes, FailedStarts         int64
	DBsFound, DBsDeleted, DocChanges, DocsFailed, DocsCompleted int64
	JobsRunning, JobsPending, JobsCrashed, JobsTotal            int64
}

// Counts are the figures.
func (s *Scheduler) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counted
	c.JobsTotal = int64(len(s.jobs))
	for _, j := range s.jobs {
		switch {
		case j.run != nil:
			c.JobsRunning++
		case j.history[0].what == crashed:
			c.JobsCrashed++
		default:
			c.JobsPending++
		}
	}
	return c
}
