package couch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
)

// patient is a store with documents of every sort, some of which will be damaged.
func patient(t *testing.T, o Options) *DB {
	db := database(t, o)
	for i := range 10 {
		put(t, db, fmt.Sprintf(`{"_id":"other%d","n":%d}`, i, i))
	}
	history(t, db, "long", 200)
	history(t, db, "short", 3)
	history(t, db, "single", 1)
	conflict := func(rev string, deleted bool) {
		doc := parsed(t, `{"_id":"forked","at":"`+rev+`"}`)
		doc.Rev, doc.Revisions, doc.Deleted = Rev{Pos: 2, ID: rev}, []Rev{{Pos: 2, ID: rev}, {Pos: 1, ID: "root"}}, deleted
		_, err := db.Put(ctx, doc, WriteOptions{Replicated: true})
		require.NoError(t, err)
	}
	conflict("a", false)
	conflict("b", false)
	conflict("c", true)
	gone := put(t, db, `{"_id":"gone"}`)
	put(t, db, `{"_id":"gone","_rev":"`+gone.String()+`","_deleted":true}`)
	put(t, db, `{"_id":"with","_attachments":{"f":{"content_type":"image/png","data":"AAAA"}}}`)
	purged(t, db, "other10", put(t, db, `{"_id":"other10"}`))
	b := db.Space("x").Batch()
	b.Set([]byte("k"), []byte("v"))
	require.NoError(t, b.Commit())
	return db
}

// A damage changes the store's own keys. kept tells whether the document is
// there after the repair.
type damage struct {
	name    string
	harm    func(t *testing.T, db *DB, b *pebble.Batch)
	problem string // what Check says
	mended  string // what Repair says
	doc     DocID  // that was damaged, if it was one
	kept    bool
	aside   int // records that are set aside, at least
}

func value(t *testing.T, db *DB, key []byte) []byte {
	v, err := read(db.store.pebble, key)
	require.NoError(t, err)
	return v
}

func record(t *testing.T, db *DB, id DocID) docRecord {
	r, err := db.readRecord(db.store.pebble, id, true)
	require.NoError(t, err)
	return r
}

// leafKey is where the winner's body lies.
func leafKey(t *testing.T, db *DB, id DocID) []byte {
	r := record(t, db, id)
	if r.current {
		return db.currentKey(id)
	}
	return db.bodyKey(id, r.winner.Rev)
}

// bodyAt writes a body record where one of a revision may lie.
func bodyAt(key []byte, rev Rev, body string) []byte {
	if isCurrent(key) {
		return append(appendRev(nil, rev), body...)
	}
	return []byte(body)
}

var damages = []damage{
	{name: "counters", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		c := *db.counts.Load()
		c.docs, c.external = c.docs+5, 1
		set(b, db.prefix(kindMeta).key(metaCounts), c.append(nil))
	}, problem: `counters say \d+ documents`, mended: "counted anew"},
	{name: "counters too low for the feed", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		c := *db.counts.Load()
		c.seq -= 3
		set(b, db.prefix(kindMeta).key(metaCounts), c.append(nil))
	}, problem: `counters say`, mended: "counted anew"},
	{name: "counters unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.prefix(kindMeta).key(metaCounts), []byte{0xff})
	}, problem: "db: unknown_error: the store is damaged: counters", mended: "counters say 0 documents .*: counted anew", aside: 1},
	{name: "security unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.prefix(kindMeta).key(metaSecurity), []byte("{"))
	}, problem: "its security", mended: "its security cannot be read", aside: 1},
	{name: "limits unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.prefix(kindMeta).key(metaRevsLimit), nil)
		set(b, db.prefix(kindMeta).key(metaPurgedInfosLimit), []byte{0})
	}, problem: "its revs_limit", mended: "its revs_limit cannot be read", aside: 2},
	{name: "name unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, nameKey("db"), []byte("no"))
	}, problem: "db: .*damaged: database db", mended: "database 1 has no name: it is called recovered-1 now", aside: 1},
	{name: "name lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(nameKey("db"), nil)
	}, problem: "database 1 has no name", mended: "database 1 has no name: it is called recovered-1 now"},
	{name: "next number in use", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, nextKey, []byte{0, 0, 0, 1})
	}, problem: "the next database's number, 1, is in use", mended: "it is 2"},
	{name: "by-seq row lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.seqKey(record(t, db, "short").seq), nil)
	}, problem: `"short": its by-sequence record \d+ is missing`, mended: "written anew", doc: "short", kept: true},
	{name: "by-seq row unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.seqKey(record(t, db, "short").seq), []byte{0xff, 1})
	}, problem: `"short": its by-sequence record`, mended: "written anew", doc: "short", kept: true, aside: 1},
	{name: "by-seq row of another", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.seqKey(record(t, db, "short").seq), value(t, db, db.seqKey(record(t, db, "single").seq)))
	}, problem: `"short": its by-sequence record`, mended: "written anew", doc: "short", kept: true, aside: 1},
	{name: "by-seq row of nobody", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.seqKey(100), value(t, db, db.seqKey(record(t, db, "single").seq)))
	}, problem: `sequence 100 names "single", which does not name it back`, mended: "set aside", aside: 1},
	{name: "winner is not the tree's", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		r := record(t, db, "forked")
		r.winner = r.tree.Leaves()[1]
		set(b, db.idKey("forked"), r.append(nil))
	}, problem: `"forked": the winner is not the tree's`, mended: "the winner is 2-b", doc: "forked", kept: true},
	{name: "record unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.idKey("forked"), []byte{0, 1})
	}, problem: `"forked": its record cannot be read`, mended: "made anew from its leaves", doc: "forked", kept: true, aside: 1},
	{name: "long record unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.idKey("long"), value(t, db, db.idKey("long"))[:40])
	}, problem: `"long": its record cannot be read`, mended: "trunk segment .* belongs to no tree: set aside", doc: "long", kept: true, aside: 2},
	{name: "record lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.idKey("gone"), nil)
	}, problem: `sequence \d+ names "gone"`, mended: "made anew from its leaves", doc: "gone", kept: true},
	{name: "record unreadable and its row lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.seqKey(record(t, db, "short").seq), nil)
		set(b, db.idKey("short"), nil)
	}, problem: `"short": its record cannot be read`, mended: "made anew from its leaves", doc: "short", kept: true, aside: 1},
	{name: "record and row lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.seqKey(record(t, db, "single").seq), nil)
		_ = b.Delete(db.idKey("single"), nil)
	}, problem: `the body of "single" 1-\w+ has no document`, mended: "made anew from its leaves", doc: "single", kept: true},
	{name: "the only body lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(leafKey(t, db, "single"), nil)
	}, problem: `"single": leaf 1-\w+ has no body that can be read`, mended: "the document was set aside", doc: "single", aside: 1},
	{name: "the only body unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, leafKey(t, db, "single"), []byte{0, 9})
	}, problem: `"single": leaf`, mended: "the document was set aside", doc: "single", aside: 2},
	{name: "a body that is no JSON", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		key := leafKey(t, db, "long")
		set(b, key, bodyAt(key, record(t, db, "long").winner.Rev, "\x00\x00{\"n\":"))
	}, problem: `"long": leaf`, mended: "the document was set aside", doc: "long", aside: 200},
	{name: "a body of a conflict", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(leafKey(t, db, "forked"), nil)
	}, problem: `"forked": leaf 2-b`, mended: "the leaf was set aside", doc: "forked", kept: true, aside: 1},
	{name: "body and tree differ in being deleted", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		key := leafKey(t, db, "single")
		set(b, key, bodyAt(key, record(t, db, "single").winner.Rev, "\x01\x00{}"))
	}, problem: `"single": leaf \S+ and its body differ in being deleted`, mended: "the tree is right", doc: "single", kept: true},
	{name: "a body of nobody", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.bodyKey("nobody", Rev{Pos: 1, ID: "x"}), []byte("\x00\x00{"))
		set(b, db.prefix(kindBody).key("no end"), []byte("\x00\x00{}"))
	}, problem: `the body of "nobody" 1-x has no document`, mended: "a body's key is damaged: set aside", aside: 2},
	{name: "trunk segment lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		r := record(t, db, "long")
		_ = b.Delete(db.trunkKey("long", r.tree.Root().Pos-1), nil)
	}, problem: `"long": .*trunk segment`, mended: "its older history was cut off", doc: "long", kept: true},
	{name: "trunk segment unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.trunkKey("long", record(t, db, "long").spill+segment-1), []byte{7, 7})
	}, problem: `"long": .*trunk segment`, mended: "its older history was cut off", doc: "long", kept: true, aside: 1},
	{name: "trunk segment of nobody", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.trunkKey("single", 64), []byte{0})
		set(b, db.prefix(kindTrunk).key("no end"), nil)
	}, problem: `trunk segment 64 of "single" belongs to no tree`, mended: "set aside", aside: 2},
	{name: "purge log unreadable", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		set(b, db.purgeKey(1), []byte{0xff})
	}, problem: "purge log: ", mended: "begun anew, and the indexes too"},
	{name: "purge log lost", harm: func(t *testing.T, db *DB, b *pebble.Batch) {
		_ = b.Delete(db.purgeKey(1), nil)
	}, problem: "the purge log ends at 0", mended: "begun anew, and the indexes too"},
}

// look tells all of a database but one document: what a repair must not change.
func othersOf(t *testing.T, db *DB, but DocID) map[DocID]string {
	others := map[DocID]string{}
	rows, err := db.Changes(ctx, ChangesOptions{Limit: -1, AllLeaves: true})
	require.NoError(t, err)
	for rows.Next() {
		row := rows.Change()
		if row.ID == but {
			continue
		}
		s := fmt.Sprint(row.Seq)
		open, err := db.OpenRevs(ctx, row.ID, nil, GetOptions{Revs: true, Attachments: true})
		require.NoError(t, err)
		for _, o := range open {
			s += string(o.Doc.AppendJSON(nil))
		}
		others[row.ID] = s
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	return others
}

func TestRepair(t *testing.T) {
	for i, o := range bothPlaces {
		for _, d := range damages {
			t.Run(fmt.Sprint(d.name, " ", i), func(t *testing.T) { d.repaired(t, patient(t, o)) })
		}
	}
}

func (d *damage) repaired(t *testing.T, db *DB) {
	s := db.store
	before := othersOf(t, db, d.doc)
	b := s.pebble.NewBatch()
	d.harm(t, db, b)
	require.NoError(t, s.commit(b))
	s.databases.Delete("db") // as after a restart
	s.next = binary.BigEndian.Uint32(value(t, db, nextKey))

	report, err := s.Check(ctx, nil)
	require.NoError(t, err)
	require.NotEmpty(t, report.Problems)
	found := fmt.Sprint(report.Problems)
	require.Regexp(t, d.problem, found)

	aside := []SetAside{}
	repaired, err := s.Repair(ctx, func(a SetAside) error { aside = append(aside, a); return nil }, nil)
	require.NoError(t, err)
	require.Empty(t, repaired.Problems, repaired.Mended)
	require.Regexp(t, d.mended, fmt.Sprint(repaired.Mended))
	require.GreaterOrEqual(t, len(aside), d.aside)
	whole(t, s)

	names, err := s.Databases(ctx)
	require.NoError(t, err)
	db, err = s.DB(names[0])
	require.NoError(t, err)
	after := othersOf(t, db, d.doc)
	require.Equal(t, before, after, "other documents are untouched")
	if d.doc != "" {
		_, err := db.Get(ctx, d.doc, GetOptions{})
		require.Equal(t, d.kept, !errors.Is(err, ErrMissing), "%v", err)
	}
	live(t, db)
	again, err := s.Repair(ctx, nil, nil)
	require.NoError(t, err)
	require.Empty(t, again.Mended)
	whole(t, s)
}

// live writes to every document twice and compacts: what was repaired is no
// different from what was written.
func live(t *testing.T, db *DB) {
	for range 2 {
		rows, err := db.Changes(ctx, ChangesOptions{Limit: -1, AllLeaves: true})
		require.NoError(t, err)
		docs := []*Document{}
		for rows.Next() {
			doc := &Document{ID: rows.Change().ID, Body: []byte(`{"later":true}`)}
			if !rows.Change().Deleted {
				doc.Rev = rows.Change().Revs[0]
			}
			docs = append(docs, doc)
		}
		require.NoError(t, rows.Close())
		results, err := db.Bulk(ctx, docs, WriteOptions{})
		require.NoError(t, err)
		for _, r := range results {
			require.NoError(t, r.Err)
		}
		require.NoError(t, db.store.pebble.Flush())
		require.NoError(t, db.Compact(ctx))
		whole(t, db.store)
	}
	feed := feed(t, db, ChangesOptions{Limit: -1})
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.Len(t, feed, int(info.Docs+info.Deleted))
}

// What cannot be set aside stays.
func TestRepairKeepsWhatItCannotSetAside(t *testing.T) {
	db := patient(t, Options{})
	require.NoError(t, db.store.pebble.Set(leafKey(t, db, "single"), []byte{0, 9}, nil))
	full := errors.New("no space")
	_, err := db.store.Repair(ctx, func(SetAside) error { return full }, nil)
	require.ErrorIs(t, err, full)
	require.Equal(t, []byte{0, 9}, value(t, db, leafKey(t, db, "single")))
	_, err = db.store.Repair(ctx, func(SetAside) error { return nil }, nil)
	require.NoError(t, err)
}

// Attachments whose bytes are lost are listed, before and after a repair.
func TestRepairListsLostAttachments(t *testing.T) {
	db := database(t, Options{})
	put(t, db, `{"_id":"with","_attachments":{"f":{"content_type":"image/png","data":"AAAA"}}}`)
	p := db.prefix(kindAtt)
	require.NoError(t, db.store.pebble.DeleteRange(p[:], end(p[:]), nil))
	report, err := db.store.Repair(ctx, nil, nil)
	require.NoError(t, err)
	require.Empty(t, report.Mended)
	require.Len(t, report.Problems, 1)
	require.Contains(t, report.Problems[0], `attachment f`)
	require.NoError(t, db.store.Delete(ctx, "db"))
}

// hurt damages random keys of a database at random, its name and number aside.
func hurt(t *testing.T, r *rand.Rand, db *DB) {
	all := db.prefix(0)
	it, err := db.store.pebble.NewIter(&pebble.IterOptions{LowerBound: all[:5], UpperBound: end(all[:5])})
	require.NoError(t, err)
	var keys, values [][]byte
	for ok := it.First(); ok; ok = it.Next() {
		keys, values = append(keys, bytes.Clone(it.Key())), append(values, bytes.Clone(it.Value()))
	}
	require.NoError(t, it.Close())
	b := db.store.pebble.NewBatch()
	for range 1 + r.IntN(6) {
		i := r.IntN(len(keys))
		for keys[i][5] == kindBody && r.IntN(4) > 0 { // there are more bodies than all else
			i = r.IntN(len(keys))
		}
		v := bytes.Clone(values[i])
		switch r.IntN(5) {
		case 0:
			_ = b.Delete(keys[i], nil)
			continue
		case 1:
			v = v[:r.IntN(len(v)+1)]
		case 2:
			v = bytes.Clone(values[r.IntN(len(values))])
		case 3:
			keys[i] = append(keys[i][:6:6], keys[r.IntN(len(keys))][6:]...)
		}
		if len(v) > 0 && r.IntN(2) == 0 {
			v[r.IntN(len(v))] ^= 1 << r.IntN(8)
		}
		_ = b.Delete(keys[i], nil) // a landing's SingleDelete has to meet one set
		set(b, keys[i], v)
	}
	require.NoError(t, db.store.commit(b))
}

// Whatever is damaged, a repair ends, the store is whole then but for the bytes
// of attachments, and can be written.
func TestRepairAnything(t *testing.T) {
	r := random(t)
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	for range rounds {
		db := patient(t, bothPlaces[r.IntN(len(bothPlaces))])
		s := db.store
		hurt(t, r, db)
		s.databases.Delete("db")
		report, err := s.Repair(ctx, func(SetAside) error { return nil }, nil)
		require.NoError(t, err)
		for _, p := range report.Problems {
			require.Contains(t, p, "attachment", "%v", report.Mended)
		}
		db, err = s.DB("db")
		require.NoError(t, err)
		if len(report.Problems) == 0 {
			live(t, db)
		}
		require.NoError(t, s.Delete(ctx, "db"))
	}
}
