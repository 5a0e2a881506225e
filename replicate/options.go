package replicate

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Peer is one end of a replication.
type Peer struct {
	DB     *kivik.DB
	Name   string                      // as people see it: the URL without its password, with the "/" at its end that CouchDB shows
	Create func(context.Context) error // makes the database; nil where it may not be made

	remote *remote // what Dial knows of it; nil for any other kivik.DB
}

// Options say what is replicated and how; the zero value replicates everything there is, once.
type Options struct {
	// ID names the replication: its checkpoints are _local/ID on both sides. "" computes CouchDB's own
	// for two ends over HTTP, and for others one from their names and what selects documents.
	ID string
	// ServerUUID is that of the server which replicates; CouchDB's ids hang on it. "" takes the target's, or the source's.
	ServerUUID string

	Continuous   bool // go on until the context ends
	CreateTarget bool // make the target if it is not there

	// What is replicated: at most one of DocIDs, Selector and Filter.
	DocIDs          []string
	Selector        json.RawMessage
	Filter          string            // design/function, or _view with QueryParams["view"]
	QueryParams     map[string]string // what the filter sees as req.query
	SinceSeq        string            // where to begin, whatever the checkpoints say
	WinningRevsOnly bool              // winners alone, no conflicts

	// Skip, where it is set, leaves documents out whose id it wants left out: each side keeps its own. It is
	// asked here, and costs the source nothing. Give such a replication an ID: none is computed of a function.
	Skip func(id string) bool

	NoCheckpoints bool // neither read nor write checkpoints (use_checkpoints: false)
	NoBulkGet     bool // never ask for _bulk_get (use_bulk_get: false)
	CountOn       bool // figures are of the whole replication: they go on from those of the last checkpoint, as CouchDB's

	CheckpointInterval time.Duration // 0: 30 s, CouchDB's default; what a crash makes the next run look at again
	Workers            int           // 0: 4, as CouchDB; batches in the making at once
	BatchSize          int           // 0: 500, as CouchDB; changes in one batch
	BatchBytes         int64         // 0: 4 MiB; documents written with one request, and held in memory by one worker
	ConnectionTimeout  time.Duration // 0: 30 s, as CouchDB; how long a peer may say nothing
	Retries            int           // 0: 5, as CouchDB; < 0: none. Of one request, with back-off

	// Progress is told when the run has found its place, after each batch and each time the feed has come to its end, never concurrently.
	Progress func(Stats)
	Logger   *slog.Logger
	Now      func() time.Time
}

// Stats tell how far a replication is, in the words of CouchDB's _scheduler/jobs.
type Stats struct {
	RevisionsChecked int64 `json:"revisions_checked"`       // asked of the target
	MissingFound     int64 `json:"missing_revisions_found"` // that it lacked
	DocsRead         int64 `json:"docs_read"`               // revisions read from the source
	DocsWritten      int64 `json:"docs_written"`            // revisions stored by the target
	DocWriteFailures int64 `json:"doc_write_failures"`      // revisions that the target refused
	BulkGetDocs      int64 `json:"bulk_get_docs"`
	BulkGetAttempts  int64 `json:"bulk_get_attempts"`
	ChangesPending   int64 `json:"changes_pending"` // rows of the source's feed to come; < 0: not known

	ThroughSeq      string `json:"through_seq"`             // all changes up to here are done
	CheckpointedSeq string `json:"checkpointed_source_seq"` // the next run begins here
	SourceSeq       string `json:"source_seq"`              // the source's last, as far as is known
}

// Result is what a replication came to. It marshals as _replicate answers.
type Result struct {
	NoChanges     bool
	NoCheckpoints bool // it kept none, so it tells no session
	SessionID     string
	SourceLastSeq string
	History       []Session
	Stats         Stats

	byIDs bool // its documents were named one by one, of which CouchDB tells more
}

// Session is one replication in a checkpoint's history. Sequences are JSON: a string, or the
// number or list of an older server.
type Session struct {
	ID               string          `json:"session_id"`
	StartTime        string          `json:"start_time"`
	EndTime          string          `json:"end_time"`
	StartLastSeq     json.RawMessage `json:"start_last_seq"`
	EndLastSeq       json.RawMessage `json:"end_last_seq"`
	RecordedSeq      json.RawMessage `json:"recorded_seq"`
	MissingChecked   int64           `json:"missing_checked"`
	MissingFound     int64           `json:"missing_found"`
	DocsRead         int64           `json:"docs_read"`
	DocsWritten      int64           `json:"docs_written"`
	DocWriteFailures int64           `json:"doc_write_failures"`
	BulkGetDocs      int64           `json:"bulk_get_docs"`
	BulkGetAttempts  int64           `json:"bulk_get_attempts"`
}

// MarshalJSON gives _replicate's answer.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.NoCheckpoints {
		return []byte(`{"ok":true,"use_checkpoints":false}`), nil
	}
	return json.Marshal(struct {
		OK        bool            `json:"ok"`
		NoChanges bool            `json:"no_changes,omitempty"`
		SessionID string          `json:"session_id"`
		LastSeq   json.RawMessage `json:"source_last_seq"`
		Version   int             `json:"replication_id_version"`
		ofIDs
		History []Session `json:"history"`
	}{true, r.NoChanges, r.SessionID, seqJSON(r.SourceLastSeq), idVersion, r.ofIDs(), r.History})
}

// ofIDs is what CouchDB adds, since 0.11, where documents were named one by one.
type ofIDs struct {
	StartTime        string `json:"start_time,omitempty"`
	EndTime          string `json:"end_time,omitempty"`
	DocsRead         *int64 `json:"docs_read,omitempty"`
	DocsWritten      *int64 `json:"docs_written,omitempty"`
	DocWriteFailures *int64 `json:"doc_write_failures,omitempty"`
}

func (r Result) ofIDs() ofIDs {
	if !r.byIDs || len(r.History) == 0 {
		return ofIDs{}
	}
	last := r.History[0]
	return ofIDs{last.StartTime, last.EndTime, &last.DocsRead, &last.DocsWritten, &last.DocWriteFailures}
}
