package views

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// A partition's answers are those of a database that holds nothing else.
func TestPartitionModel(t *testing.T) {
	r := random(t)
	h := open(t, Options{})
	var err error
	h.db, err = h.store.CreatePartitioned(h.ctx, "partitioned")
	require.NoError(t, err)
	h.put("_design/d", `{"views":{"x":{"map":"function(doc){ for (var i = 0; i < doc.n % 3; i++) emit([doc.a, doc.n], doc.v + i) }","reduce":"_sum"}}}`)
	names := []string{"a", "a\x00", "a!", "b", "é"}
	models := map[string]model{}
	for _, name := range names {
		models[name] = model{}
	}
	const docs = 300
	for range 6 {
		for range 400 {
			name := names[r.Intn(len(names))]
			id := fmt.Sprint(name, ":doc", r.Intn(docs))
			switch _, there := models[name][id]; {
			case there && r.Intn(6) == 0:
				h.remove(id)
				delete(models[name], id)
			case there && r.Intn(6) == 0:
				h.purge(id, h.revs[id])
				delete(models[name], id)
			default:
				d := modelDoc{string(rune('a' + r.Intn(3))), r.Intn(docs), r.Intn(100)}
				h.put(id, fmt.Sprintf(`{"a":"%s","n":%d,"v":%d}`, d.a, d.n, d.v))
				models[name][id] = d
			}
		}
		for range 40 {
			name := names[r.Intn(len(names))]
			q := randomQuery(r, docs)
			q.StartKeyDocID, q.EndKeyDocID = "", "" // those of the model are not ids of a partition
			q.Partition = &name
			got, err := h.tryQuery("x", q)
			if err != nil {
				require.ErrorContains(t, err, "No rows can match")
				continue
			}
			want := models[name].answer(q)
			if q.NoReduce {
				got, want = got[1:], want[1:] // the total and the offset are the whole index's
			}
			require.Equal(t, want, got, "%q %+v", name, q)
		}
	}
	_, err = h.tryQuery("x", Query{Limit: -1})
	require.ErrorContains(t, err, "is mandatory")
	bad := "_x"
	_, err = h.tryQuery("x", Query{Partition: &bad})
	require.ErrorIs(t, err, &couch.Error{Kind: couch.IllegalPartition})
}
