package replicate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// idVersion is the version of CouchDB's replication ids that this package computes.
const idVersion = 4

// longestHistory is how many sessions a checkpoint tells of, as CouchDB's.
const longestHistory = 50

// A checkpoint is the document _local/ID on either side, in CouchDB's form.
type checkpoint struct {
	ID            string          `json:"_id,omitempty"`
	Rev           string          `json:"_rev,omitempty"`
	SessionID     string          `json:"session_id"`
	SourceLastSeq json.RawMessage `json:"source_last_seq"`
	Version       int             `json:"replication_id_version"`

	ofIDs

	History []Session `json:"history"`
}

// resume reads both checkpoints and finds where to begin.
func (s *session) resume(ctx context.Context) error {
	s.begin = "0"
	if !s.o.NoCheckpoints {
		source, target, err := s.logs(ctx)
		if err != nil {
			return err
		}
		s.last = source
		s.begin, s.history = common(source, target)
	}
	if s.o.CountOn && len(s.history) > 0 {
		s.stats.countOn(s.history[0])
	}
	if s.o.SinceSeq != "" {
		s.begin = s.o.SinceSeq
	}
	s.stats.ThroughSeq, s.stats.CheckpointedSeq, s.stats.SourceSeq = s.begin, s.begin, s.source.seq
	return nil
}

// logs reads both checkpoints, those of another server's id where there is none of this one's: the
// replication keeps the id under which it began, so that either server goes on where the other was.
func (s *session) logs(ctx context.Context) (source, target checkpoint, err error) {
	ids, err := s.ids(ctx)
	if err != nil {
		return source, target, err
	}
	for i, id := range ids {
		if source, err = s.readLog(ctx, &s.source, id); err != nil {
			return source, target, err
		}
		if target, err = s.readLog(ctx, &s.target, id); err != nil {
			return source, target, err
		}
		begin, _ := common(source, target)
		if i == 0 || begin != "0" {
			s.id, s.source.rev, s.target.rev = id, source.Rev, target.Rev
		}
		if begin != "0" {
			return source, target, nil
		}
	}
	return checkpoint{}, checkpoint{}, nil
}

// readLog reads one side's checkpoint.
func (s *session) readLog(ctx context.Context, d *side, id string) (c checkpoint, err error) {
	err = s.attempt(ctx, "read the checkpoint of "+d.Name, func(t *try) error {
		c = checkpoint{}
		err := d.DB.Get(t.ctx, "_local/"+id).ScanDoc(&c)
		if kivik.HTTPStatus(err) == http.StatusNotFound {
			return nil
		}
		if err != nil && kivik.HTTPStatus(err) == http.StatusInternalServerError && t.ctx.Err() == nil {
			// One that cannot be understood is none.
			if rev, revErr := d.DB.GetRev(t.ctx, "_local/"+id); revErr == nil {
				c = checkpoint{Rev: rev}
				return nil
			}
		}
		return err
	})
	return c, err
}

// common is the sequence up to which both sides agree that everything was done, and the sessions before it.
func common(source, target checkpoint) (seq string, history []Session) {
	if source.SessionID != "" && source.SessionID == target.SessionID {
		return lower(seqText(source.SourceLastSeq), seqText(target.SourceLastSeq)), source.History
	}
	for i, a := range source.History {
		for _, b := range target.History {
			// The newest of both: sessions older than one that was looked at were so on both sides.
			if a.ID == b.ID && a.ID != "" {
				return lower(seqText(a.RecordedSeq), seqText(b.RecordedSeq)), source.History[i:]
			}
		}
	}
	return "0", nil
}

// lower is the older of two sequences of one database. Where their numbers do not tell, the target's (b)
// it is, which says what the target has.
func lower(a, b string) string {
	n, errA := seqNumber(a)
	m, errB := seqNumber(b)
	if errA == nil && errB == nil && n < m {
		return a
	}
	return b
}

// seqNumber is the number that a sequence begins with.
func seqNumber(seq string) (int64, error) {
	number, _, _ := strings.Cut(seq, "-")
	return strconv.ParseInt(number, 10, 64)
}

// checkpoint writes down, on both sides, that all up to seq was done.
func (s *session) checkpoint(ctx context.Context, seq string) error {
	if s.o.NoCheckpoints || seq == s.stats.CheckpointedSeq {
		return nil
	}
	if err := s.commit(ctx); err != nil {
		return err
	}
	c := s.entry(seq)
	for _, d := range []*side{&s.source, &s.target} {
		if err := s.writeLog(ctx, d, c); err != nil {
			return fmt.Errorf("%w: Error updating the checkpoint document of %s: %w", ErrCheckpoint, d.Name, err)
		}
	}
	s.last, s.stats.CheckpointedSeq = c, seq
	return nil
}

// commit makes durable what was written, and makes sure that it was written where the session began.
func (s *session) commit(ctx context.Context) error {
	for _, d := range []*side{&s.target, &s.source} {
		err := s.attempt(ctx, "commit "+d.Name, func(t *try) error { return d.DB.Flush(t.ctx) })
		if err != nil && kivik.HTTPStatus(err) != http.StatusNotImplemented {
			return fmt.Errorf("%w: Failure on commit of %s: %w", ErrCheckpoint, d.Name, err)
		}
		switch other, err := s.replaced(ctx, d); {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrCheckpoint, err)
		case other:
			return fmt.Errorf("%w: instance_start_time of %s has changed since last checkpoint", ErrCheckpoint, d.Name)
		}
	}
	return nil
}

// entry is the checkpoint of this session at seq.
func (s *session) entry(seq string) checkpoint {
	at, st := seqJSON(seq), &s.stats
	now := Session{
		ID: s.session, StartTime: httpDate(s.began), EndTime: httpDate(s.o.Now()),
		StartLastSeq: seqJSON(s.begin), EndLastSeq: at, RecordedSeq: at,
		MissingChecked: st.RevisionsChecked, MissingFound: st.MissingFound, DocsRead: st.DocsRead, DocsWritten: st.DocsWritten,
		DocWriteFailures: st.DocWriteFailures, BulkGetDocs: st.BulkGetDocs, BulkGetAttempts: st.BulkGetAttempts,
	}
	c := checkpoint{SessionID: s.session, SourceLastSeq: at, Version: idVersion}
	c.History = append([]Session{now}, s.history[:min(len(s.history), longestHistory-1)]...)
	c.ofIDs = Result{History: c.History, byIDs: s.o.DocIDs != nil}.ofIDs()
	return c
}

func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// writeLog writes one side's checkpoint.
func (s *session) writeLog(ctx context.Context, d *side, c checkpoint) error {
	return s.attempt(ctx, "write the checkpoint of "+d.Name, func(t *try) error {
		c.ID, c.Rev = "_local/"+s.id, d.rev
		rev, err := d.DB.Put(t.ctx, c.ID, c)
		if kivik.HTTPStatus(err) == http.StatusConflict {
			// An answer of ours was lost, or another run of the same replication is ahead. Both are harmless:
			// the session id in it tells who wrote last, and sessions that differ are compared by their histories.
			if d.rev, err = d.DB.GetRev(t.ctx, c.ID); err == nil {
				c.Rev = d.rev
				rev, err = d.DB.Put(t.ctx, c.ID, c)
			}
		}
		if err == nil {
			d.rev = rev
		}
		return err
	})
}

// seqText is a sequence as text: CouchDB 1.x has numbers, BigCouch lists.
func seqText(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	if len(raw) == 0 || string(raw) == "null" {
		return "0"
	}
	return string(raw)
}

// seqJSON is the other way round.
func seqJSON(seq string) json.RawMessage {
	if seq == "" {
		seq = "0"
	}
	if _, err := strconv.ParseUint(seq, 10, 64); (err == nil || seq[0] == '[') && json.Valid([]byte(seq)) {
		return json.RawMessage(seq)
	}
	quoted, _ := json.Marshal(seq)
	return quoted
}
