package couch

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2"
)

// Watch sets who is told that a database was written to, once what was written
// is durable. A database is told of once, and then no more until Heed. told is
// called by the writer, so it must be quick.
func (s *Store) Watch(told func(*DB)) { s.watcher.Store(&told) }

// WatchNew sets who is told of each database that is made, once it is durable. made is called by its
// maker, so it must be quick.
func (s *Store) WatchNew(made func(*DB)) { s.newcomers.Store(&made) }

// announce tells of a database that was made.
func (s *Store) announce(db *DB) {
	if made := s.newcomers.Load(); made != nil {
		(*made)(db)
	}
}

// Heed says that the watcher begins to look at the database: what is written from
// now on it is told of again.
func (db *DB) Heed() { db.unheeded.Store(false) }

// written raises the durable mark. Between two Heeds a write costs two loads.
func (db *DB) written(seq Seq) {
	db.durable.raise(seq)
	if told := db.store.watcher.Load(); told != nil && !db.unheeded.Load() && !db.unheeded.Swap(true) {
		(*told)(db)
	}
}

// Designed lists the databases that have, or had, design documents. It opens none of them.
func (s *Store) Designed(ctx context.Context) ([]string, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	snap := s.pebble.NewSnapshot()
	defer snap.Close() //nolint:errcheck // it only reads
	list, err := snap.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: []byte("n"), UpperBound: []byte("o")})
	if err != nil {
		return nil, readError(err)
	}
	defer list.Close() //nolint:errcheck // its error is read below
	docs, err := snap.NewIterWithContext(ctx, nil)
	if err != nil {
		return nil, readError(err)
	}
	defer docs.Close() //nolint:errcheck // its error is read below
	var names []string
	for ok := list.First(); ok && ctx.Err() == nil; ok = list.Next() {
		db := s.newDB(string(list.Key()[1:]))
		v, err := list.ValueAndErr()
		if err != nil {
			return nil, readError(err)
		}
		if err := db.readName(v); err != nil {
			return nil, err
		}
		if first := db.idKey("_design/"); docs.SeekGE(first) && bytes.HasPrefix(docs.Key(), first) {
			names = append(names, db.name)
		}
	}
	for _, it := range []*pebble.Iterator{list, docs} {
		if err := it.Error(); err != nil {
			return nil, readError(err)
		}
	}
	return names, ctx.Err()
}
