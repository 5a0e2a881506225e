package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"settee/fixtures"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

// rehash makes a forger's document: its hash fits what it says.
func rehash(t testing.TB, doc map[string]any) {
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	o, err := parse(raw)
	require.NoError(t, err)
	doc["hash"] = o.sum()
}

func TestVerify(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, n *node, a, b string)
		want   string // with A and B for the chains
	}{
		"an edit": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 3))
			doc["by"] = "eve"
			put(t, n.db, doc)
		}, "altered A:3, broken A:4"},
		"an edit, back": {func(t *testing.T, n *node, a, _ string) { doc := document(t, n.db, entryID(a, 3)); put(t, n.db, doc) }, "altered A:3"},
		"a forged entry": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 3))
			doc["by"] = "eve"
			rehash(t, doc)
			forge(t, n.db, doc)
		}, "broken A:4"},
		"a forged member": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 3))
			doc["more"] = "x"
			forge(t, n.db, doc)
		}, "altered A:3, broken A:4"},
		"a null": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 3))
			doc["on"] = nil
			forge(t, n.db, doc)
		}, "altered A:3"},
		"the last one": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 6))
			doc["by"] = "eve"
			rehash(t, doc)
			forge(t, n.db, doc)
		}, "cut A:6"},
		"exchanged": {func(t *testing.T, n *node, a, _ string) {
			x, y := document(t, n.db, entryID(a, 3)), document(t, n.db, entryID(a, 4))
			x["_id"], y["_id"] = y["_id"], x["_id"]
			forge(t, n.db, x)
			forge(t, n.db, y)
		}, "altered A:3, broken A:3, altered A:4, broken A:4, broken A:5"},
		"deleted": {func(t *testing.T, n *node, a, _ string) {
			id := entryID(a, 3)
			_, err := n.db.Delete(context.Background(), id, document(t, n.db, id)["_rev"].(string))
			require.NoError(t, err)
		}, "missing A:3"},
		"purged":               {func(t *testing.T, n *node, a, _ string) { purge(t, n.db, entryID(a, 3)) }, "missing A:3"},
		"several":              {func(t *testing.T, n *node, a, _ string) { purge(t, n.db, entryID(a, 3)); purge(t, n.db, entryID(a, 4)) }, "missing A:3"},
		"the first":            {func(t *testing.T, n *node, a, _ string) { purge(t, n.db, entryID(a, 1)) }, "missing A:1"},
		"a tail that is named": {func(t *testing.T, n *node, a, _ string) { purge(t, n.db, entryID(a, 6)) }, "cut A:6"},
		"a tail that is not":   {func(t *testing.T, n *node, _, b string) { purge(t, n.db, entryID(b, 6)) }, ""},
		"a whole chain": {func(t *testing.T, n *node, a, _ string) {
			for i := range 6 {
				purge(t, n.db, entryID(a, int64(i+1)))
			}
		}, "cut A:6"},
		"a stranger": {func(t *testing.T, n *node, _, _ string) { put(t, n.db, map[string]any{"_id": "zoo", "type": "entry"}) }, "foreign zoo"},
		"a stranger in line": {func(t *testing.T, n *node, a, _ string) {
			put(t, n.db, map[string]any{"_id": a + ":7", "type": "entry"})
		}, "foreign A:7"},
		"a continuation": {func(t *testing.T, n *node, a, _ string) {
			put(t, n.db, map[string]any{"_id": entryID(a, 7), "type": "entry", "act": "login", "previous": ""})
		}, "altered A:7, broken A:7"},
		"an attachment": {func(t *testing.T, n *node, a, _ string) {
			doc := document(t, n.db, entryID(a, 3))
			doc["_attachments"] = map[string]any{"x": map[string]any{"data": "eA=="}}
			forge(t, n.db, doc)
		}, "altered A:3"},
		"another index": {func(t *testing.T, n *node, _, _ string) {
			doc := document(t, n.db, designID)
			doc["views"].(map[string]any)["time"] = map[string]any{"map": "function(){}"}
			put(t, n.db, doc)
		}, "index _design/audit"},
		"a chain from nowhere": {func(t *testing.T, n *node, _, _ string) {
			doc := map[string]any{"_id": "zz-aaaaaaaaaaaaa:0000000001", "type": "entry", "act": "login", "ok": true, "at": "2026-03-01T12:00:00.000Z", "previous": ""}
			rehash(t, doc)
			put(t, n.db, doc)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			a := write(t, n.db, 5)
			b := write(t, n.db, 5)
			sound(t, n.db)
			c.change(t, n, a, b)
			_, problems := verify(t, n.db)
			got := strings.Join(problems, ", ")
			got = strings.NewReplacer(a+":000000000", "A:", a, "A", b+":000000000", "B:").Replace(got)
			require.Equal(t, c.want, got)
		})
	}
}

// TestHeadsThatWereKept find what nothing in the database tells.
func TestHeadsThatWereKept(t *testing.T) {
	n := newNode(t)
	a := write(t, n.db, 5)
	heads := sound(t, n.db).Heads
	purge(t, n.db, entryID(a, 6))
	purge(t, n.db, entryID(a, 5))
	require.EqualValues(t, 4, sound(t, n.db).Entries, "a tail that nobody names")
	_, problems := verify(t, n.db, heads...)
	require.Equal(t, []string{"cut " + entryID(a, 6)}, problems)
}

// TestAnyChangeIsFound changes one document of a log in one way, at random, and verifies.
func TestAnyChangeIsFound(t *testing.T) {
	random := fixtures.Dice(t)
	rounds := 60
	if testing.Short() {
		rounds = 12
	}
	for range rounds {
		n := newNode(t)
		chains := []string{write(t, n.db, 1+random.IntN(6)), write(t, n.db, 1+random.IntN(6)), write(t, n.db, 3)}
		heads := sound(t, n.db).Heads
		chain := chains[random.IntN(len(chains))]
		h := heads[slices.IndexFunc(heads, func(h Head) bool { return h.Chain == chain })]
		id := entryID(h.Chain, 1+random.Int64N(h.Number))
		doc := document(t, n.db, id)
		names := slices.Sorted(maps.Keys(doc))
		name := names[random.IntN(len(names))]
		what := fmt.Sprintf("%s of %s", name, id)
		switch random.IntN(5) {
		case 0:
			purge(t, n.db, id)
			what = "without " + id
		case 1:
			if name == "_id" || name == "_rev" {
				name = "by"
			}
			doc[name] = "x" + fmt.Sprint(random.IntN(10))
			forge(t, n.db, doc)
		case 2:
			doc["act"] = "logout"
			rehash(t, doc)
			forge(t, n.db, doc)
		case 3:
			if name == "_id" || name == "_rev" {
				name = "at"
			}
			delete(doc, name)
			put(t, n.db, doc)
		case 4:
			doc["previous"] = strings.Repeat("0", 64)
			rehash(t, doc)
			put(t, n.db, doc)
		}
		_, problems := verify(t, n.db, heads...)
		require.NotEmpty(t, problems, what)
	}
}

// TestRegions replicates the log both ways: all chains stay whole; and two who write one entry apart are found.
func TestRegions(t *testing.T) {
	eu, us := newNode(t), newNode(t)
	write(t, eu.db, 5)
	chain := write(t, us.db, 5)
	both := func() {
		copyAll(t, eu.db, us.db)
		copyAll(t, us.db, eu.db)
	}
	both()
	write(t, eu.db, 2)
	write(t, us.db, 2)
	both()
	for _, n := range []*node{eu, us} {
		require.EqualValues(t, 4, sound(t, n.db).Chains)
	}
	doc := document(t, eu.db, entryID(chain, 4))
	doc["by"] = "eve"
	rehash(t, doc)
	forge(t, eu.db, doc)
	both()
	for _, n := range []*node{eu, us} {
		_, problems := verify(t, n.db)
		require.Contains(t, problems, "altered "+entryID(chain, 4), "two revisions that are both the first")
	}
}

// copyAll brings every revision of every document, as a replicator does.
func copyAll(t testing.TB, from, to *kivik.DB) {
	ctx := context.Background()
	rows := from.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "conflicts": true}))
	defer rows.Close()
	var docs []any
	for rows.Next() {
		var doc map[string]any
		require.NoError(t, rows.ScanDoc(&doc))
		rivals, _ := doc["_conflicts"].([]any)
		delete(doc, "_conflicts")
		docs = append(docs, doc)
		for _, rev := range rivals {
			var rival map[string]any
			require.NoError(t, from.Get(ctx, doc["_id"].(string), kivik.Rev(rev.(string))).ScanDoc(&rival))
			docs = append(docs, rival)
		}
	}
	require.NoError(t, rows.Err())
	results, err := to.BulkDocs(ctx, docs, kivik.Param("new_edits", false))
	require.NoError(t, err)
	for _, r := range results {
		require.NoError(t, r.Error)
	}
}
