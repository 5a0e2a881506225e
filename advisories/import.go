package advisories

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// Report says what an import did with the files it found.
type Report struct {
	Added, Changed int
	Withdrawn      int // of Added and Changed
	Unchanged      int
	Older          int // than what is there
	Elsewhere      int // about other ecosystems than npm
	Invalid        int
}

// String is the report in a line.
func (r Report) String() string {
	return fmt.Sprintf("%d added, %d changed (%d of them withdrawn), %d unchanged, %d older than what is here, %d not of npm, %d invalid",
		r.Added, r.Changed, r.Withdrawn, r.Unchanged, r.Older, r.Elsewhere, r.Invalid)
}

// ImportOptions of Import. The zero value works.
type ImportOptions struct {
	Progress func(done, total int64)      // of the files
	Invalid  func(file string, why error) // a file that is no record, which is left out
}

// Batches of an import: as many records as one request asks for and writes.
const (
	batchRecords = 200
	batchBytes   = 8 << 20
)

// Import brings the records of a file, a folder or a zip archive into the database, which Open makes. It holds
// one batch of them in memory, and may be ended and begun again: what is there and the same is not written.
func Import(ctx context.Context, db *kivik.DB, path string, o ImportOptions) (Report, error) {
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Invalid == nil {
		o.Invalid = func(string, error) {}
	}
	i := &importing{ctx: ctx, db: db, o: o, batch: map[string]*incoming{}}
	from, err := open(path)
	if err != nil {
		return i.report, err
	}
	if err := from(i.take, o.Progress); err != nil {
		return i.report, err
	}
	return i.report, i.flush()
}

type importing struct {
	ctx    context.Context
	db     *kivik.DB
	o      ImportOptions
	report Report
	batch  map[string]*incoming
	bytes  int
}

// incoming is a record on its way in.
type incoming struct {
	*record
	members map[string]json.RawMessage
}

// take looks at one file.
func (i *importing) take(name string, raw []byte, err error) error {
	if err := i.ctx.Err(); err != nil {
		return err
	}
	var in *incoming
	if err == nil {
		in, err = incomingOf(raw)
	}
	if err != nil {
		i.report.Invalid++
		i.o.Invalid(name, err)
		return nil
	}
	if len(in.names()) == 0 {
		i.report.Elsewhere++
		return nil
	}
	if other, twice := i.batch[in.ID]; twice {
		i.report.Older++
		if !in.Modified.After(other.Modified) {
			return nil
		}
	}
	i.batch[in.ID] = in
	i.bytes += len(raw)
	if len(i.batch) < batchRecords && i.bytes < batchBytes {
		return nil
	}
	return i.flush()
}

func incomingOf(raw []byte) (*incoming, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	r, err := parseRecord(raw)
	if err != nil {
		return nil, err
	}
	in := &incoming{record: r}
	if err := json.Unmarshal(raw, &in.members); err != nil {
		return nil, err
	}
	own(in.members)
	return in, nil
}

// own takes away what is the database's and not the record's: such members come with records that
// were exported from a database like this one.
func own(members map[string]json.RawMessage) {
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return name == "" || name[0] == '_' })
}

// stored is a document as it is there.
type stored struct {
	rev       string
	conflicts []string
	modified  time.Time
	members   map[string]json.RawMessage
}

// flush writes the batch. What somebody else writes at the same time is looked at again.
func (i *importing) flush() error {
	for attempt := 0; len(i.batch) > 0; attempt++ {
		if attempt == 8 {
			return errors.New("somebody else writes the same advisories all the time")
		}
		there, err := i.there()
		if err != nil {
			return fmt.Errorf("read what is there: %w", err)
		}
		docs := i.compare(there)
		if len(docs) == 0 {
			break
		}
		if err := i.write(docs, there); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	clear(i.batch)
	i.bytes = 0
	return nil
}

// there reads the documents of the batch.
func (i *importing) there() (_ map[string]stored, err error) {
	keys := slices.Sorted(maps.Keys(i.batch))
	rows := i.db.AllDocs(i.ctx, kivik.Params(map[string]any{"keys": keys, "include_docs": true, "conflicts": true}))
	defer rows.Close()
	found := map[string]stored{}
	for rows.Next() {
		var raw json.RawMessage
		id, err := rows.ID()
		if err != nil || id == "" || rows.ScanDoc(&raw) != nil || !bytes.HasPrefix(raw, []byte("{")) {
			continue // it is not there, or was deleted
		}
		var s stored
		if err := json.Unmarshal(raw, &s.members); err != nil {
			return nil, err
		}
		found[id] = s
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for id, s := range found {
		if found[id], err = i.settled(id, s); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// settled is a document by the leaf that counts, where several conflict.
func (i *importing) settled(id string, s stored) (stored, error) {
	var others []string
	_ = json.Unmarshal(s.members["_rev"], &s.rev)
	_ = json.Unmarshal(s.members["_conflicts"], &others)
	if len(others) > 0 {
		raw, losing, err := newest(i.ctx, i.db, id, append(others, s.rev))
		if err != nil {
			return s, err
		}
		s = stored{conflicts: losing}
		if err := json.Unmarshal(raw, &s.members); err != nil {
			return s, err
		}
		_ = json.Unmarshal(s.members["_rev"], &s.rev)
	}
	_ = json.Unmarshal(s.members["modified"], &s.modified) // somebody's own writing is older than any record
	own(s.members)
	return s, nil
}

// compare takes out of the batch what need not be written, and gives what must.
func (i *importing) compare(there map[string]stored) (docs []any) {
	for _, id := range slices.Sorted(maps.Keys(i.batch)) {
		in := i.batch[id]
		s, known := there[id]
		switch {
		case known && in.Modified.Before(s.modified):
			i.report.Older++
			delete(i.batch, id)
			continue
		case known && in.Modified.Equal(s.modified) && same(in.members, s.members) && len(s.conflicts) == 0:
			i.report.Unchanged++
			delete(i.batch, id)
			continue
		}
		doc := map[string]any{"_id": id}
		if known {
			doc["_rev"] = s.rev
		}
		for name, value := range in.members {
			doc[name] = value
		}
		docs = append(docs, doc)
	}
	return docs
}

// same compares by value: databases may write numbers and text in other words.
func same(a, b map[string]json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		other, ok := b[name]
		if !ok {
			return false
		}
		var x, y any
		if !bytes.Equal(value, other) && (json.Unmarshal(value, &x) != nil || json.Unmarshal(other, &y) != nil || !reflect.DeepEqual(x, y)) {
			return false
		}
	}
	return true
}

// write stores documents; those that others changed meanwhile stay in the batch.
func (i *importing) write(docs []any, there map[string]stored) error {
	results, err := i.db.BulkDocs(i.ctx, docs)
	if err != nil {
		return err
	}
	for _, r := range results {
		if kivik.HTTPStatus(r.Error) == http.StatusConflict {
			continue
		}
		if r.Error != nil {
			return fmt.Errorf("%s: %w", r.ID, r.Error)
		}
		was, known := there[r.ID]
		if known {
			i.report.Changed++
		} else {
			i.report.Added++
		}
		if i.batch[r.ID].withdrawn() {
			i.report.Withdrawn++
		}
		delete(i.batch, r.ID)
		for _, rev := range was.conflicts { // left by imports in two regions at once
			if _, err := i.db.Delete(i.ctx, r.ID, rev); err != nil && kivik.HTTPStatus(err) != http.StatusConflict {
				return fmt.Errorf("settle %s: %w", r.ID, err)
			}
		}
	}
	return nil
}
