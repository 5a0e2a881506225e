package views

import (
	"context"
	"strings"

	"settee/couch"
)

// Info are the figures of a design document's index (_info).
type Info struct {
	Signature              string
	Language               string
	UpdateSeq, PurgeSeq    couch.Seq
	Pending                int64
	UpdaterRunning         bool
	Waiting                int // readers, for the updater
	File, Active, External int64
}

// Info describes the index of a design document (name without "_design/"), of one
// in a language that is not spoken here too.
func (e *Engine) Info(ctx context.Context, db *couch.DB, ddoc string) (Info, error) {
	d, err := e.design(ctx, db, ddoc)
	if err != nil {
		return Info{}, err
	}
	snapshot, err := db.Space(spacePrefix + d.signature).Snapshot()
	if err != nil {
		return Info{}, err
	}
	defer snapshot.Close()
	st, _, err := readState(db, snapshot, len(d.views))
	if err != nil {
		return Info{}, err
	}
	changes, err := db.Changes(ctx, couch.ChangesOptions{Since: st.seq})
	if err != nil {
		return Info{}, err
	}
	defer changes.Close()
	info := Info{
		Signature: d.signature, Language: d.language, UpdateSeq: st.seq, PurgeSeq: st.Purged, Pending: changes.Pending(),
		File: st.Bytes, Active: st.Bytes, External: st.Bytes, // what Pebble makes of the bytes is known for the store as a whole only
	}
	e.mu.Lock()
	x := e.indexes[indexName{db.Name(), db.FormatSeq(0), d.signature}]
	e.mu.Unlock()
	if x != nil {
		x.mu.Lock()
		info.UpdaterRunning = x.running != nil
		x.mu.Unlock()
		info.Waiting = int(x.waiting.Load())
	}
	return info, nil
}

// Cleanup removes indexes that no design document of db names any more.
func (e *Engine) Cleanup(ctx context.Context, db *couch.DB) error {
	used, err := e.signatures(ctx, db)
	if err != nil {
		return err
	}
	spaces, err := db.Spaces(ctx)
	if err != nil {
		return err
	}
	for _, space := range spaces {
		signature, ours := strings.CutPrefix(space, spacePrefix)
		if !ours || used[signature] {
			continue
		}
		if err := e.drop(ctx, db, signature); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) signatures(ctx context.Context, db *couch.DB) (map[string]bool, error) {
	start, end := couch.DocID("_design/"), couch.DocID("_design0")
	rows, err := db.AllDocs(ctx, couch.AllDocsOptions{Start: &start, End: &end, ExclusiveEnd: true, Limit: -1, IncludeDocs: true})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	used := map[string]bool{}
	for rows.Next() {
		if doc := rows.Row().Doc; doc != nil {
			if d, err := parseDesign(doc.Body); err == nil {
				used[d.signature] = true
			}
		}
	}
	return used, rows.Err()
}

// drop removes an index. Whoever wants to open or build it meanwhile waits.
func (e *Engine) drop(ctx context.Context, db *couch.DB, signature string) error {
	name := indexName{db.Name(), db.FormatSeq(0), signature}
	dropped := make(chan struct{})
	e.mu.Lock()
	if e.dropping[name] != nil {
		e.mu.Unlock()
		return nil // another cleanup is at it
	}
	e.dropping[name] = dropped
	x := e.indexes[name]
	delete(e.indexes, name)
	e.mu.Unlock()
	if x != nil {
		x.retire()
	}
	err := db.Space(spacePrefix + signature).Drop(ctx)
	e.mu.Lock()
	delete(e.dropping, name)
	e.mu.Unlock()
	close(dropped)
	return err
}
