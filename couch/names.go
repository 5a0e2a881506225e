package couch

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// names proves what a database cannot be opened without, its name's record and
// its settings, and that every database has a name.
func (s *Store) names(ctx context.Context, report *CheckReport, m *mending) error {
	names, err := s.Databases(ctx)
	if err != nil {
		return err
	}
	m.begin()
	named := map[uint32]bool{}
	for _, name := range names {
		v, err := read(s.pebble, nameKey(name))
		if err != nil {
			return err
		}
		db := s.newDB(name)
		if db.readName(v) != nil {
			m.found(report, name+": its name's record cannot be read", func(m *mending) string { return m.drop(name, nameKey(name), v) })
			continue
		}
		named[db.number] = true
		if err := db.checkSettings(report, m); err != nil {
			return err
		}
	}
	if err := s.nameless(named, report, m); err != nil {
		return err
	}
	return m.finish(nil)
}

// checkSettings proves that a database's settings can be read. Without them the
// defaults hold.
func (db *DB) checkSettings(report *CheckReport, m *mending) error {
	positive := func(v []byte) bool { n, size := binary.Uvarint(v); return size > 0 && n > 0 }
	for _, setting := range []struct {
		name  string
		whole func(v []byte) bool
	}{
		{metaCounts, func(v []byte) bool { _, err := readCounts(v); return err == nil }},
		{metaSecurity, json.Valid},
		{metaRevsLimit, positive},
		{metaPurgedInfosLimit, positive},
	} {
		key := db.prefix(kindMeta).key(setting.name)
		v, err := read(db.store.pebble, key)
		if err == nil && !setting.whole(v) {
			m.found(report, db.name+": its "+setting.name+" cannot be read", func(m *mending) string { return m.drop(db.name, key, v) })
		} else if err != nil && !errors.Is(err, ErrMissing) {
			return err
		}
	}
	return nil
}

// nameless finds databases that have keys but no name.
func (s *Store) nameless(named map[uint32]bool, report *CheckReport, m *mending) error {
	it, err := s.pebble.NewIter(&pebble.IterOptions{LowerBound: []byte("d"), UpperBound: []byte("e")})
	if err != nil {
		return readError(err)
	}
	defer it.Close() //nolint:errcheck // its error is read below
	next := s.next
	for ok := it.First(); ok; {
		if len(it.Key()) < len(prefix{}) {
			break // no key of ours
		}
		number := binary.BigEndian.Uint32(it.Key()[1:])
		next = max(next, number+1)
		if !named[number] {
			m.found(report, fmt.Sprintf("database %d has no name", number), func(m *mending) string { return m.christen(number) })
		}
		p := (&DB{number: number + 1}).prefix(0)
		ok = it.SeekGE(p[:5])
	}
	if err := it.Error(); err != nil {
		return readError(err)
	}
	if next != s.next {
		m.found(report, fmt.Sprintf("the next database's number, %d, is in use", s.next), func(m *mending) string {
			s.next = next
			set(m.batch, nextKey, binary.BigEndian.AppendUint32(nil, next))
			return fmt.Sprint("it is ", next)
		})
	}
	return nil
}

// christen gives a database a name.
func (m *mending) christen(number uint32) string {
	db := m.store.newDB(fmt.Sprint("recovered-", number))
	db.number, db.created, db.token = number, m.store.o.Now(), fmt.Sprint("recovered", number)
	set(m.batch, nameKey(db.name), db.appendName(nil))
	return "it is called " + db.name + " now"
}
