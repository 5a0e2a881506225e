package replicate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"
)

// The members that the scheduler writes into documents.
const (
	memberState  = "_replication_state"
	memberTime   = "_replication_state_time"
	memberReason = "_replication_state_reason"
	memberID     = "_replication_id"
	memberStats  = "_replication_stats"
)

// A field is one of a JSON object's, as it stands there.
type field struct {
	key   string
	value json.RawMessage
}

// fieldsOf are an object's members in their order.
func fieldsOf(raw json.RawMessage) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("replicate: a document is no object")
	}
	var all []field
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := field{key: key.(string)} // an object's keys are strings
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func objectOf(all []field) json.RawMessage {
	b := bytes.NewBufferString("{")
	for i, m := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quoted(m.key))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// with has a member's value where it stands, or at the end; nil takes it away.
func with(all []field, key string, value json.RawMessage) []field {
	var out []field
	found := false
	for _, m := range all {
		if m.key == key {
			found = true
			if m.value = value; value == nil {
				continue
			}
		}
		out = append(out, m)
	}
	if !found && value != nil {
		out = append(out, field{key, value})
	}
	return out
}

// edit changes a document's members at a moment.
type edit func(all []field, now string) []field

// withState is the edit to a state; what is nil goes. The time is that of the change.
func withState(state State, reason, id, stats json.RawMessage) edit {
	return func(all []field, now string) []field {
		text := quoted(string(state))
		for _, m := range all {
			if m.key == memberState && bytes.Equal(m.value, text) {
				now = ""
			}
		}
		all = with(all, memberState, text)
		if now != "" {
			all = with(all, memberTime, quoted(now))
		}
		all = with(with(all, memberReason, reason), memberStats, stats)
		if id != nil {
			all = with(all, memberID, id)
		}
		return all
	}
}

func withoutState(all []field, _ string) []field {
	for _, key := range []string{memberState, memberTime, memberReason, memberID, memberStats} {
		all = with(all, key, nil)
	}
	return all
}

// quoted is a JSON string, with <, > and & as they are.
func quoted(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// failed writes into a document that it will not be tried again.
func (s *Scheduler) failed(r replicator, id, reason string) {
	s.o.Logger.Warn("replication document failed", "document", id, "reason", reason)
	s.update(r, id, withState(Failed, quoted(withoutPasswords(reason)), nil, nil))
	s.mu.Lock()
	s.counted.DocsFailed++
	s.mu.Unlock()
}

// completed writes into a job's document that it is done.
func (s *Scheduler) completed(j *job, stats Stats) {
	if r := s.replicatorOf(j.db); r != nil {
		told := stats.fields()
		told = append(told, field{"start_time", quoted(iso(j.began))})
		s.update(r, j.doc, withState(Completed, nil, nil, objectOf(told)))
	}
	s.mu.Lock()
	s.counted.DocsCompleted++
	s.mu.Unlock()
}

// told writes a state that is not final into a document, where update_docs asks for that.
func (s *Scheduler) told(db, doc string, state State, reason, job string) {
	r := s.replicatorOf(db)
	if r == nil {
		return
	}
	var why json.RawMessage
	if reason != "" {
		why = quoted(withoutPasswords(reason))
	}
	id := json.RawMessage("null")
	if job != "" {
		id = quoted(job)
	}
	s.update(r, doc, withState(state, why, id, nil))
}

// update edits a document, again and again where somebody else writes to it meanwhile. A
// document that is gone needs none, and what cannot be written is logged: the next change of the document, or the
// next start, comes by here again.
func (s *Scheduler) update(r replicator, id string, e edit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), time.Minute)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := s.updateOnce(ctx, r, id, e)
		if err == nil {
			return
		}
		if !errors.Is(err, errConflict) || ctx.Err() != nil {
			s.o.Logger.Error("replication document not updated", "document", id, "error", err)
			return
		}
		time.Sleep(rand.N(wait))
	}
}

func (s *Scheduler) updateOnce(ctx context.Context, r replicator, id string, e edit) error {
	raw, err := r.read(ctx, id)
	if raw == nil || err != nil {
		return err
	}
	all, err := fieldsOf(raw)
	if err != nil {
		return err
	}
	after := objectOf(e(all, iso(s.o.Now())))
	if bytes.Equal(after, objectOf(all)) {
		return nil
	}
	return r.write(ctx, id, after)
}

// iso is a moment as CouchDB writes it.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
