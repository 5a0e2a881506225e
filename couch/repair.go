package couch

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// RepairReport is what Repair did and what it could not do.
type RepairReport struct {
	CheckReport          // of the store as it is now: Problems are what cannot be mended
	Mended      []string // what was, in order
}

// SetAside is a record that Repair takes out of a store.
type SetAside struct {
	Database   string
	Key, Value []byte // as the store had them; see the package doc
}

// repairRounds is how often Repair begins anew: what is mended may bring to
// light what was hidden behind it, such as the bodies of a document that went.
const repairRounds = 8

// Repair mends what Check finds, of a store that nobody else uses: handles of
// databases that were opened before are void. Counters, winners and sequences
// are made anew from the documents; a document whose record cannot be read is
// made from its leaves; a leaf without a body that can be read goes, as if it
// had been purged, and so does what belongs to nothing. Whatever is removed is
// given to aside before, which has to keep it durably. Attachments whose bytes
// are lost, and tables that cannot be read at all or whose filter cannot, are beyond repair.
func (s *Store) Repair(ctx context.Context, aside func(SetAside) error, progress func(done, total int64)) (RepairReport, error) {
	m := &mending{store: s, aside: aside}
	var report RepairReport
	if err := m.cutOut(ctx); err != nil {
		return report, err
	}
	if err := s.finds(); err != nil {
		report.Mended, report.Problems = m.mended, []string{"records cannot be found by their keys: " + err.Error()}
		return report, nil
	}
	for round, before := 0, -1; round < repairRounds && before != len(m.mended); round++ {
		before = len(m.mended)
		var err error
		if report.CheckReport, err = s.prove(ctx, m, progress); err != nil {
			return report, err
		}
		report.Mended = m.mended
	}
	return report, nil
}

// mending collects what one round changes.
type mending struct {
	store  *Store
	batch  *pebble.Batch
	aside  func(SetAside) error
	failed error // of aside
	mended []string
}

func (m *mending) count() int {
	if m == nil {
		return 0
	}
	return len(m.mended)
}

// found tells of a problem, and mends it where that is wanted and possible; mend
// returns what it did.
func (m *mending) found(report *CheckReport, problem string, mend func(m *mending) string) (mended bool) {
	if m == nil || mend == nil {
		report.Problems = append(report.Problems, problem)
		return false
	}
	m.mended = append(m.mended, problem+": "+mend(m))
	return true
}

func (m *mending) begin() {
	if m != nil && m.batch == nil {
		m.batch = m.store.pebble.NewBatch()
	}
}

// finish commits and has the database opened anew, with what it holds now.
func (m *mending) finish(db *DB) error {
	if m == nil || m.batch == nil {
		return nil
	}
	b := m.batch
	m.batch = nil
	defer b.Close() //nolint:errcheck // it only goes back to its pool
	if m.failed != nil || b.Empty() {
		return m.failed
	}
	if err := m.store.commit(b); err != nil {
		return err
	}
	if db != nil {
		m.store.databases.Delete(db.name)
	}
	return nil
}

// keep sets a record aside.
func (m *mending) keep(database string, key, value []byte) {
	if m.failed == nil {
		m.failed = m.aside(SetAside{database, bytes.Clone(key), bytes.Clone(value)})
	}
}

// drop sets a record aside and removes it.
func (m *mending) drop(database string, key, value []byte) string {
	m.keep(database, key, value)
	_ = m.batch.Delete(key, nil)
	return "set aside"
}
