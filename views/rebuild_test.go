package views

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// dump lists what an index holds but its state.
func (h *house) dump(design string) (all []string) {
	d, err := parseDesign([]byte(design))
	require.NoError(h.t, err)
	snapshot, err := h.db.Space(spacePrefix + d.signature).Snapshot()
	require.NoError(h.t, err)
	defer snapshot.Close()
	it, err := snapshot.Iter(nil, nil)
	require.NoError(h.t, err)
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.Value()
		require.NoError(h.t, err)
		if it.Key()[0] != stateKey[0] && it.Key()[0] != paddingKey[0] { // how far, and whether there ever was a large value
			all = append(all, fmt.Sprintf("%q %q", it.Key(), value))
		}
	}
	require.NoError(h.t, it.Err())
	return all
}

// However an index came to be, in small steps, in batches, in loads of one or many runs, it
// holds the same bytes.
func TestEveryWayOfBuilding(t *testing.T) {
	r := random(t)
	design := func(way int) string {
		return fmt.Sprintf(`{"views":{"lib":{"way":"%d"},
		"a":{"map":"function(doc){ for (var i = 0; i < doc.n %% 4; i++) emit([doc.a, doc.n + i], doc.n) }","reduce":"_sum"},
		"b":{"map":"function(doc){ if (doc.n %% 2) emit(doc.a, null); emit(doc._id, doc.n) }"},
		"d":{"map":"function(doc){ for (var i = 0; i < doc.n %% 5; i++) emit([i, doc.n == 7], doc.n) }","reduce":"_count"},
		"e":{"map":"function(doc){ emit(doc.a, [Array(doc.n %% 25 ? 2 : 4e4).join('x'), doc.n]) }","reduce":"function(k, v, re){ return re ? sum(v) : sum(v.map(function(x){ return x[1] })) }"},
		"f":{"map":"function(doc){ emit(null, Array(doc.n %% 20 ? 2 : 4e4).join('y') + doc.n %% 2) }"},
		"c":{"map":"function(doc){ if (doc.n == 3) throw 1; if (doc.n %% 3 == 0) emit(null) }","reduce":"_count"}}}`, way)
	}
	ways := []batches{
		{docs: 1, bytes: 1 << 20, bulkFrom: 1 << 30},
		{docs: 50, bytes: 1 << 20, bulkFrom: 10, bulkBytes: 5000},
		{docs: 300, bytes: 1 << 20, bulkFrom: 200, bulkBytes: 100_000},
		{bulkFrom: 1, bulkBytes: 1 << 20},
	}
	h := open(t, Options{})
	build := func(way int) {
		h.engine.batches = ways[way]
		h.put("_design/d", design(way))
		h.query("a", Query{Limit: 1})
	}
	for range 12 {
		for range []int{1, 10, 400}[r.Intn(3)] {
			id := fmt.Sprint("doc", r.Intn(500))
			switch _, there := h.revs[id]; {
			case there && r.Intn(6) == 0:
				h.remove(id)
			case there && r.Intn(6) == 0:
				h.purge(id, h.revs[id])
			default:
				h.put(id, fmt.Sprintf(`{"a":"%c","n":%d}`, 'a'+r.Intn(5), r.Intn(100)))
			}
		}
		build(r.Intn(len(ways)))
	}
	for way := range ways {
		build(way)
	}
	ways = append(ways, ordinary)
	build(len(ways) - 1)
	want := h.dump(design(len(ways) - 1))
	require.NotEmpty(t, want)
	for way := range ways {
		require.Equal(t, want, h.dump(design(way)), "%+v", ways[way])
	}
}
