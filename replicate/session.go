package replicate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// A session is one run of a replication.
type session struct {
	o              Options
	source, target side
	id             string // of its checkpoints
	session        string // a fresh one, by which both sides' checkpoints are known to belong together
	began          time.Time
	log            *slog.Logger

	begin   string     // the sequence it began at
	last    checkpoint // the newest on both sides
	history []Session  // those before this one
	stats   Stats
}

// A side is a peer in a session.
type side struct {
	Peer
	end
	born string // its instance_start_time: another one is another database
	rev  string // of its checkpoint
	seq  string // its update sequence when the session began
}

// open finds both databases.
func (s *session) open(ctx context.Context) error {
	if err := s.look(ctx, &s.source, openError); err != nil {
		return err
	}
	err := s.look(ctx, &s.target, func(_ Peer, err error) error { return err })
	if kivik.HTTPStatus(err) == 404 && s.o.CreateTarget && s.target.Create != nil {
		if err = s.create(ctx); err == nil {
			err = s.look(ctx, &s.target, func(_ Peer, err error) error { return err })
		}
	}
	if err != nil {
		return openError(s.target.Peer, err)
	}
	return nil
}

func (s *session) create(ctx context.Context) error {
	return s.attempt(ctx, "create the target", func(t *try) error {
		err := s.target.Create(t.ctx)
		if kivik.HTTPStatus(err) == 412 { // somebody was faster
			return nil
		}
		return err
	})
}

// look asks a database for what it says of itself.
func (s *session) look(ctx context.Context, d *side, failed func(Peer, error) error) error {
	return s.attempt(ctx, "look at "+d.Name, func(t *try) error {
		stats, err := d.DB.Stats(t.ctx)
		if err != nil {
			if lasting(err) {
				return failed(d.Peer, err)
			}
			return err
		}
		var about struct {
			Born json.RawMessage `json:"instance_start_time"`
		}
		_ = json.Unmarshal(stats.RawResponse, &about) // a server that does not tell is believed to stay
		d.born, d.seq = seqText(about.Born), stats.UpdateSeq
		return nil
	})
}

// replaced reports that a database is another one than at the beginning of the session.
func (s *session) replaced(ctx context.Context, d *side) (bool, error) {
	now := side{Peer: d.Peer}
	if err := s.look(ctx, &now, openError); err != nil {
		return false, err
	}
	return now.born != d.born && now.born != "0" && d.born != "0", nil
}

func (s *session) report() {
	if s.o.Progress != nil {
		s.o.Progress(s.stats)
	}
}

// newSession is a fresh session id, as CouchDB's: 32 hexadecimal digits.
func newSession() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// result is what the session came to.
func (s *session) result() Result {
	r := Result{SessionID: s.last.SessionID, SourceLastSeq: seqText(s.last.SourceLastSeq), History: s.last.History, Stats: s.stats}
	r.NoChanges = s.last.SessionID != s.session
	r.NoCheckpoints, r.byIDs = s.o.NoCheckpoints, s.o.DocIDs != nil
	return r
}

// String names the replication in logs.
func (s *session) String() string {
	return fmt.Sprintf("%s (%s -> %s)", s.id, s.source.Name, s.target.Name)
}

// countOn begins where a session ended.
func (s *Stats) countOn(from Session) {
	s.RevisionsChecked, s.MissingFound = from.MissingChecked, from.MissingFound
	s.DocsRead, s.DocsWritten, s.DocWriteFailures = from.DocsRead, from.DocsWritten, from.DocWriteFailures
	s.BulkGetDocs, s.BulkGetAttempts = from.BulkGetDocs, from.BulkGetAttempts
}
