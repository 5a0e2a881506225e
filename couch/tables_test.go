package couch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTableEnds(t *testing.T) {
	var l largeDBs
	_, end, err := l.split([]byte("d"))
	require.NoError(t, err)
	require.Empty(t, end, "nothing is large")
	two, five := &DB{number: 2}, &DB{number: 5}
	l.add(five)
	l.add(two)
	key := func(db *DB, kind byte) string { return string(db.prefix(kind).key()) }
	for _, c := range []struct{ start, end string }{
		{"!format", key(two, 'b')},
		{key(two, 'a') + "x", key(two, 'b')},
		{key(two, 'b'), key(two, 'i')},
		{key(two, 'b') + "x", key(two, 'i')},
		{key(two, 'i'), key(two, 'j')},
		{key(two, 'l') + "x", key(two, 's')},
		{key(two, 's') + "x", key(two, 't')},
		{key(two, 'x') + "x", key(five, 'b')},
		{key(&DB{number: 3}, 'i'), key(five, 'b')},
		{key(five, 'x'), ""},
		{"n", ""},
	} {
		_, end, err := l.split([]byte(c.start))
		require.NoError(t, err)
		require.Equal(t, c.end, string(end), "%q", c.start)
	}
	for i := range 2 * mostLarge {
		l.add(&DB{number: uint32(i + 10)})
	}
	require.Len(t, *l.bounds.Load(), mostLarge*len(tableKinds))
}

// The tables of a large database hold one kind of keys, those of small ones all kinds.
func TestTablesOfLargeDatabases(t *testing.T) {
	s := opened(t, Options{})
	var large *DB
	for i := range 5 {
		db, err := s.Create(ctx, fmt.Sprint("db", i))
		require.NoError(t, err)
		put(t, db, `{"_id":"a"}`)
		if i == 2 {
			large = db
			rewrite(t, db, largeFrom+1000, 1, 10)
		}
	}
	for _, do := range []func() error{s.pebble.Flush, func() error { return large.Compact(ctx) }} {
		require.NoError(t, do())
		bulkOf(t, large, "more", 1000)
		require.NoError(t, s.pebble.Flush())
		levels, err := s.pebble.SSTables()
		require.NoError(t, err)
		tables := 0
		for _, level := range levels {
			for _, table := range level {
				low, high := table.Smallest.UserKey, table.Largest.UserKey
				if numberOf(low) == large.number && numberOf(high) == large.number {
					tables++
					_, end, err := s.large.split(low)
					require.NoError(t, err)
					require.Less(t, string(high), string(end))
				}
			}
		}
		require.GreaterOrEqual(t, tables, 3)
		require.Less(t, tables, 40)
	}
}

func bulkOf(t *testing.T, db *DB, name string, n int) {
	docs := make([]*Document, n)
	for i := range docs {
		docs[i] = &Document{ID: DocID(fmt.Sprintf("%s%06d", name, i)), Body: []byte(`{}`)}
	}
	_, err := db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(t, err)
}
