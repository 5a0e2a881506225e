package replicate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// bookmark is the checkpoint's document.
type bookmark struct {
	Rev      string    `json:"_rev,omitempty"`
	LastSeq  string    `json:"last_seq"`  // all changes up to here were handled or set aside
	Purges   int64     `json:"purge_seq"` // the number in the database's purge_seq
	SetAside []Aside   `json:"set_aside,omitempty"`
	Session  string    `json:"session"` // of the Run that wrote it
	Time     time.Time `json:"time"`
}

func (f *Follower) bookmarkID() string { return "_local/follower-" + f.o.Name }

// load reads the checkpoint; nil where there is none. One that cannot be read counts as
// none: at least once is kept.
func (f *Follower) load(ctx context.Context) (*bookmark, error) {
	if f.o.Name == "" {
		return nil, nil
	}
	var raw json.RawMessage
	err := f.db.Get(ctx, f.bookmarkID()).ScanDoc(&raw)
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	b, err := parseBookmark(raw)
	if err != nil {
		f.log.Warn("follower: the checkpoint cannot be read and is written anew", "error", err)
		return nil, nil
	}
	return b, nil
}

func parseBookmark(raw []byte) (*bookmark, error) {
	var b bookmark
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	b.SetAside = b.SetAside[:min(len(b.SetAside), mostAside)]
	return &b, nil
}

// save writes the checkpoint. CouchDB compares no revisions of local documents, so
// who else writes it is told by the session; begin alone takes over another's.
func (f *Follower) save(ctx context.Context, seq string) error {
	if f.o.Name == "" {
		return nil
	}
	before, err := f.load(ctx)
	if err != nil {
		return err
	}
	b := bookmark{LastSeq: seq, Purges: f.place.purges, SetAside: f.Poison(), Session: f.session, Time: f.o.Now().UTC()}
	if before != nil {
		b.Rev = before.Rev
		if f.ours && before.Session != f.session {
			return fmt.Errorf("%w (at %s)", ErrFollowerTaken, before.Time.Format(time.RFC3339))
		}
	}
	if _, err = f.db.Put(ctx, f.bookmarkID(), b); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	f.ours = true
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Checkpoint, f.status.CheckpointTime = seq, b.Time
	return nil
}
