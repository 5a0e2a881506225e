package views

import (
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

func (h *house) purge(id string, revs ...couch.Rev) {
	h.t.Helper()
	answers, err := h.db.Purge(h.ctx, []couch.RevsQuery{{ID: couch.DocID(id), Revs: revs}})
	require.NoError(h.t, err)
	require.Len(h.t, answers[0].Revs, len(revs))
	delete(h.revs, id)
}

// graft stores a replicated revision.
func (h *house) graft(id, rev, body string) couch.Rev {
	h.t.Helper()
	doc, err := couch.ParseDocument([]byte(`{"_id":"` + id + `","_rev":"` + rev + `",` + body[1:]))
	require.NoError(h.t, err)
	_, err = h.db.Put(h.ctx, doc, couch.WriteOptions{Replicated: true})
	require.NoError(h.t, err)
	return doc.Rev
}

func (h *house) rebuilds() int { return strings.Count(h.log.String(), "older than the purge log") }

// An index hears of purges: rows go, come back as the new winner's, and with
// the revision when a replica sends it again; reductions follow.
func TestPurge(t *testing.T) {
	h := open(t, Options{})
	h.put("_design/d", basic)
	for i := range 100 {
		h.put(fmt.Sprintf("doc%02d", i), fmt.Sprintf(`{"n":%d,"v":%d}`, i, i))
	}
	loser, winner := h.graft("two", "1-a", `{"n":1000,"v":7}`), h.graft("two", "1-b", `{"n":2000,"v":9}`)
	require.Equal(t, []string{"null 4959"}, h.query("n", Query{Limit: -1}))

	h.purge("doc50", h.revs["doc50"])
	require.Equal(t, []string{"null 4909"}, h.query("n", Query{Limit: -1}), "the last thing that happened is a purge")
	require.Equal(t, []string{"50/100"}, h.query("n", Query{Key: raw("50"), NoReduce: true, Limit: -1}))

	h.purge("two", winner)
	require.Equal(t, []string{"99/100", "two 1000 7"}, h.query("n", Query{StartKey: raw("1000"), NoReduce: true, Limit: -1}))
	h.graft("two", "1-b", `{"n":2000,"v":9}`)
	require.Equal(t, []string{"null 4909"}, h.query("n", Query{Limit: -1}))
	h.purge("two", winner, loser)
	h.graft("two", "1-a", `{"n":1000,"v":7}`)
	require.Equal(t, []string{"null 4907"}, h.query("n", Query{Limit: -1}), "gone and back between two builds")

	info, err := h.engine.Info(h.ctx, h.db, "d")
	require.NoError(t, err)
	require.EqualValues(t, 3, info.PurgeSeq)
	require.Zero(t, h.rebuilds())

	h.purge("_design/d", h.revs["_design/d"])
	_, err = h.tryQuery("n", Query{})
	require.ErrorIs(t, err, couch.ErrMissing)
}

// An index that is older than the purge log is made anew; one that is not is kept.
func TestPurgeLogOutrun(t *testing.T) {
	h := open(t, Options{})
	require.NoError(t, h.db.SetPurgedInfosLimit(h.ctx, 3))
	h.put("_design/d", basic)
	for i := range 20 {
		h.put(fmt.Sprintf("doc%02d", i), fmt.Sprintf(`{"n":%d,"v":1}`, i))
	}
	require.Equal(t, []string{"null 20"}, h.query("n", Query{Limit: -1}))
	left := 20
	for round, want := range []int{0, 0, 0, 0, 1, 2} { // a round purges as many
		for range round {
			left--
			id := fmt.Sprintf("doc%02d", left)
			h.purge(id, h.revs[id])
		}
		require.Equal(t, []string{fmt.Sprint("null ", left)}, h.query("n", Query{Limit: -1}))
		require.Len(t, h.query("plain", Query{Limit: -1}), left+1)
		require.Equal(t, want, h.rebuilds(), "%d at once", round)
	}
	h.put("_design/e", `{"views":{"other":{"map":"function(doc){ emit(1) }"}}}`)
	rows, err := h.engine.Query(h.ctx, h.db, "e", "other", Query{Limit: -1})
	require.NoError(t, err)
	require.EqualValues(t, left, rows.Total())
	require.NoError(t, rows.Close())
	require.Equal(t, 2, h.rebuilds(), "an index that begins has missed nothing")
}

// Writers purge, replicas send again what was purged, the database is compacted
// and the index built, all at once: in the end the index is what a new one is.
func TestPurgeUnderLoad(t *testing.T) {
	r := random(t)
	seeds := []int64{r.Int63(), r.Int63(), r.Int63()}
	h := open(t, Options{})
	require.NoError(t, h.db.SetPurgedInfosLimit(h.ctx, 40))
	h.put("_design/d", `{"views":{"x":{"map":"function(doc){ emit(doc.n, 1) }","reduce":"_sum"}}}`)
	var group, readers sync.WaitGroup
	stop := make(chan struct{})
	repeat := func(f func() error) {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := f(); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	repeat(func() error {
		rows, err := h.engine.Query(h.ctx, h.db, "d", "x", Query{Limit: -1})
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
		}
		return rows.Err()
	})
	repeat(func() error { return h.db.Compact(h.ctx) })
	for w, seed := range seeds {
		group.Go(func() {
			r := rand.New(rand.NewSource(seed))
			for range 400 {
				id := couch.DocID(fmt.Sprint(w, "-", r.Intn(20)))
				// Any branch of a tree of three generations, purged or not.
				path := []couch.Rev{{Pos: 1, ID: "a"}}
				for range r.Intn(3) {
					path = append([]couch.Rev{{Pos: path[0].Pos + 1, ID: string(rune('a' + r.Intn(3)))}}, path...)
				}
				var err error
				if r.Intn(3) == 0 {
					_, err = h.db.Purge(h.ctx, []couch.RevsQuery{{ID: id, Revs: path[:1]}})
				} else {
					doc := &couch.Document{ID: id, Rev: path[0], Revisions: path, Deleted: r.Intn(4) == 0, Body: fmt.Appendf(nil, `{"n":%d}`, r.Intn(50))}
					_, err = h.db.Put(h.ctx, doc, couch.WriteOptions{Replicated: true})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	close(stop)
	readers.Wait()
	followed := h.query("x", Query{Limit: -1, NoReduce: true})
	sum := h.query("x", Query{Limit: -1})
	h.put("_design/d", `{"views":{"x":{"map":"function(doc){ emit(doc.n, 1); }","reduce":"_sum"}}}`)
	require.Equal(t, h.query("x", Query{Limit: -1, NoReduce: true}), followed)
	require.Equal(t, h.query("x", Query{Limit: -1}), sum)
	report, err := h.store.Check(h.ctx, nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}
