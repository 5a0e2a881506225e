package couch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch/revtree"
)

// model is the plainest database: a map from ids to trees and bodies.
type model struct {
	docs map[DocID]*modelDoc
	seq  Seq
}

type modelDoc struct {
	tree   revtree.Tree
	bodies map[Rev]string
	seq    Seq
}

func (m *model) doc(id DocID) *modelDoc {
	d, ok := m.docs[id]
	if !ok {
		d = &modelDoc{bodies: map[Rev]string{}}
		m.docs[id] = d
	}
	return d
}

func (m *model) ids(deleted bool) []DocID {
	ids := []DocID{}
	for id, d := range m.docs {
		if d.tree.Len() > 0 && (deleted || !d.tree.Winner().Deleted) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *model) rows() []string {
	type row struct {
		seq  Seq
		text string
	}
	rows := []row{}
	for _, id := range m.ids(true) {
		d := m.docs[id]
		s := fmt.Sprint(d.seq, " ", id)
		for _, leaf := range d.tree.Leaves() {
			s += " " + leaf.Rev.String()
		}
		if d.tree.Winner().Deleted {
			s += " deleted"
		}
		rows = append(rows, row{d.seq, s})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].seq < rows[j].seq })
	out := []string{}
	for _, r := range rows {
		out = append(out, r.text)
	}
	return out
}

// oddIDs have what keys must keep apart.
var oddIDs = []DocID{"a", "a\x00", "a\x00\x00b", "b", "é", "z", "_design/x", "a\x00\xc3\xbf", "\x00"}

// middling is a limit of current bodies that half of those of randomSize pass.
const middling = 12

// randomSize is a random number of 1 to 12 digits.
func randomSize(r *rand.Rand) uint64 { return r.Uint64N(1e12) / uint64(math.Pow10(r.IntN(12))) }

// edit makes a random interactive edit, which the model predicts.
func (m *model) edit(t *testing.T, r *rand.Rand, db *DB) {
	id := oddIDs[r.IntN(len(oddIDs))]
	d := m.doc(id)
	var parent Rev
	leaves := d.tree.Leaves()
	if len(leaves) > 0 && r.IntN(5) > 0 {
		parent = leaves[r.IntN(len(leaves))].Rev
	}
	if r.IntN(12) == 0 {
		parent = Rev{Pos: 1, ID: "unknown"}
	}
	doc := parsed(t, fmt.Sprintf(`{"n":%d}`, randomSize(r)))
	doc.ID, doc.Rev, doc.Deleted = id, parent, r.IntN(5) == 0
	allowed := d.tree.IsLeaf(parent)
	switch {
	case len(leaves) == 0:
		allowed = parent.IsZero()
	case leaves[0].Deleted:
		if allowed = parent.IsZero() && !doc.Deleted; allowed {
			parent = leaves[0].Rev
		}
	}
	rev, err := db.Put(ctx, doc, WriteOptions{})
	if !allowed {
		require.ErrorIs(t, err, ErrConflict)
		return
	}
	require.NoError(t, err)
	require.Equal(t, parent.Pos+1, rev.Pos)
	path := []Rev{rev}
	if !parent.IsZero() {
		path = append(path, parent)
	}
	d.tree.Merge(path, doc.Deleted)
	m.stored(d, rev, string(doc.Body))
}

func (m *model) stored(d *modelDoc, rev Rev, body string) {
	m.seq++
	d.seq, d.bodies[rev] = m.seq, body
}

// replicate grafts a random path under or beside what there is.
func (m *model) replicate(t *testing.T, r *rand.Rand, db *DB) {
	id := oddIDs[r.IntN(len(oddIDs))]
	d := m.doc(id)
	var path []Rev
	if leaves := d.tree.Leaves(); len(leaves) > 0 && r.IntN(4) > 0 {
		for _, n := range d.tree.Path(leaves[r.IntN(len(leaves))].Rev) {
			path = append(path, n.Rev)
		}
		path = path[r.IntN(len(path)):]
	}
	for range 1 + r.IntN(3) {
		pos := uint64(1 + r.IntN(3))
		if len(path) > 0 {
			pos = path[0].Pos + 1
		}
		path = append([]Rev{{Pos: pos, ID: fmt.Sprintf("%016d", r.IntN(1e9))}}, path...)
	}
	doc := parsed(t, fmt.Sprintf(`{"r":%d}`, randomSize(r)))
	doc.ID, doc.Rev, doc.Revisions, doc.Deleted = id, path[0], path, r.IntN(4) == 0
	for range 1 + r.IntN(2) { // twice is as good as once
		_, err := db.Put(ctx, doc, WriteOptions{Replicated: true})
		require.NoError(t, err)
	}
	d.tree.Merge(path, doc.Deleted)
	m.stored(d, path[0], string(doc.Body))
}

func (m *model) compare(t *testing.T, db *DB) {
	rows := m.rows()
	require.Equal(t, rows, feed(t, db, ChangesOptions{Limit: -1, AllLeaves: true}))
	slices.Reverse(rows)
	require.Equal(t, rows, feed(t, db, ChangesOptions{Limit: -1, AllLeaves: true, Descending: true}))
	for _, id := range m.ids(true) {
		d := m.docs[id]
		winner := d.tree.Winner()
		doc, err := db.Get(ctx, id, GetOptions{})
		if winner.Deleted {
			require.ErrorIs(t, err, ErrDeleted)
		} else {
			require.NoError(t, err)
			require.Equal(t, winner.Rev, doc.Rev)
			require.Equal(t, d.bodies[winner.Rev], string(doc.Body))
		}
		open, err := db.OpenRevs(ctx, id, nil, GetOptions{Revs: true})
		require.NoError(t, err)
		leaves := d.tree.Leaves()
		require.Len(t, open, len(leaves))
		for i, leaf := range leaves {
			require.Equal(t, leaf.Rev, open[i].Doc.Rev)
			require.Equal(t, leaf.Deleted, open[i].Doc.Deleted)
			require.Equal(t, d.bodies[leaf.Rev], string(open[i].Doc.Body))
			require.Len(t, open[i].Doc.Revisions, len(d.tree.Path(leaf.Rev)))
		}
		m.olds(t, db, id)
	}
}

// olds compares the revisions that were superseded: they are there until a compaction.
func (m *model) olds(t *testing.T, db *DB, id DocID) {
	d := m.docs[id]
	for _, leaf := range d.tree.Leaves() {
		path := d.tree.Path(leaf.Rev)
		doc, err := db.Get(ctx, id, GetOptions{Rev: leaf.Rev, RevsInfo: true})
		require.NoError(t, err)
		require.Len(t, doc.RevsInfo, len(path))
		for i, n := range path {
			old, err := db.Get(ctx, id, GetOptions{Rev: n.Rev})
			if body, ok := d.bodies[n.Rev]; ok {
				require.NoError(t, err, "%q %s", id, n.Rev)
				require.Equal(t, body, string(old.Body))
				require.NotEqual(t, "missing", doc.RevsInfo[i].Status)
			} else {
				require.ErrorIs(t, err, ErrMissing)
				require.Equal(t, "missing", doc.RevsInfo[i].Status)
			}
		}
	}
}

// docs compares every range of AllDocs, forwards and backwards.
func (m *model) ranges(t *testing.T, r *rand.Rand, db *DB) {
	live := m.ids(false)
	for range 20 {
		start, last := oddIDs[r.IntN(len(oddIDs))], oddIDs[r.IntN(len(oddIDs))]
		o := AllDocsOptions{Start: &start, End: &last, ExclusiveEnd: r.IntN(2) == 0, Descending: r.IntN(2) == 0, Skip: r.IntN(3), Limit: r.IntN(5) - 1}
		order := slices.Clone(live)
		before := func(a, b DocID) bool { return a < b }
		if o.Descending {
			slices.Reverse(order)
			before = func(a, b DocID) bool { return a > b }
		}
		want, offset := []DocID{}, 0
		for _, id := range order {
			switch {
			case before(id, start):
				offset++
			case before(last, id), o.ExclusiveEnd && id == last:
			default:
				want = append(want, id)
			}
		}
		offset = min(offset+o.Skip, len(live))
		want = want[min(o.Skip, len(want)):]
		if o.Limit >= 0 {
			want = want[:min(o.Limit, len(want))]
		}
		rows, err := db.AllDocs(ctx, o)
		require.NoError(t, err)
		have := []DocID{}
		for rows.Next() {
			have = append(have, rows.Row().ID)
		}
		require.NoError(t, rows.Err())
		require.Equal(t, want, have, "%+v %q %q", o, start, last)
		require.EqualValues(t, len(live), rows.Total())
		if start <= last != o.Descending || start == last {
			require.EqualValues(t, offset, rows.Offset(), "%+v %q %q", o, start, last)
		}
		require.NoError(t, rows.Close())
	}
}

// pending compares the count of what follows any row.
func (m *model) pending(t *testing.T, r *rand.Rand, db *DB) {
	since := Seq(r.IntN(int(m.seq) + 1))
	c, err := db.Changes(ctx, ChangesOptions{Since: since, Limit: -1})
	require.NoError(t, err)
	left := 0
	for _, d := range m.docs {
		if d.seq > since {
			left++
		}
	}
	require.EqualValues(t, left, c.Pending())
	for c.Next() {
		left--
		require.EqualValues(t, left, c.Pending())
	}
	require.NoError(t, c.Err())
	require.Equal(t, m.seq, c.LastSeq())
	require.NoError(t, c.Close())
}

func TestModel(t *testing.T) {
	for _, limit := range []int{currentLimit, middling, -1} {
		t.Run(fmt.Sprint("current up to ", limit), func(t *testing.T) {
			modelled(t, random(t), Options{FS: vfs.NewMem(), currentLimit: limit})
		})
		t.Run(fmt.Sprint("in pieces, current up to ", limit), func(t *testing.T) {
			modelled(t, random(t), Options{FS: vfs.NewMem(), currentLimit: min(limit, middling), piecedFrom: 8})
		})
	}
}

func modelled(t *testing.T, r *rand.Rand, o Options) {
	s := opened(t, o)
	db, err := s.Create(ctx, "db")
	require.NoError(t, err)
	m := &model{docs: map[DocID]*modelDoc{}}
	for step := range 600 {
		if r.IntN(3) == 0 {
			m.replicate(t, r, db)
		} else if r.IntN(10) == 0 {
			m.purge(t, r, db)
		} else {
			m.edit(t, r, db)
		}
		switch {
		case step%100 == 99:
			m.compare(t, db)
			m.ranges(t, r, db)
			m.pending(t, r, db)
			whole(t, s)
		case step%150 == 149:
			require.NoError(t, db.Compact(ctx))
			for _, d := range m.docs {
				for rev := range d.bodies {
					if !d.tree.IsLeaf(rev) {
						delete(d.bodies, rev)
					}
				}
			}
		case step%170 == 169:
			require.NoError(t, s.Close())
			s = opened(t, o)
			db, err = s.DB("db")
			require.NoError(t, err)
		}
	}
	m.compare(t, db)
}
