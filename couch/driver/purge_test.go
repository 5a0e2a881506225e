package driver_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

// send replicates all that to lacks, as the protocol does without checkpoints.
func send(t *testing.T, from, to *kivik.DB) {
	t.Helper()
	leaves := map[string][]string{}
	feed := from.Changes(t.Context(), kivik.Param("style", "all_docs"))
	for feed.Next() {
		leaves[feed.ID()] = feed.Changes()
	}
	require.NoError(t, feed.Err())
	diff := to.RevsDiff(t.Context(), leaves)
	docs := []any{}
	for diff.Next() {
		id, err := diff.ID()
		require.NoError(t, err)
		var lacks struct{ Missing []string }
		require.NoError(t, diff.ScanValue(&lacks))
		for _, rev := range lacks.Missing {
			var doc json.RawMessage
			require.NoError(t, from.Get(t.Context(), id, kivik.Rev(rev), kivik.Param("revs", true)).ScanDoc(&doc))
			docs = append(docs, doc)
		}
	}
	require.NoError(t, diff.Err())
	if len(docs) == 0 {
		return
	}
	_, err := to.BulkDocs(t.Context(), docs, kivik.Param("new_edits", false))
	require.NoError(t, err)
}

func tree(t *testing.T, db *kivik.DB, id string) (revs []string) {
	t.Helper()
	rows := db.OpenRevs(t.Context(), id, []string{"all"})
	defer rows.Close()
	for rows.Next() {
		rev, err := rows.Rev()
		require.NoError(t, err)
		revs = append(revs, rev)
	}
	if err := rows.Err(); kivik.HTTPStatus(err) != 404 {
		require.NoError(t, err)
	}
	return revs
}

// A purged revision stays away until a replica sends it again; then both agree.
func TestPurgeAndReplication(t *testing.T) {
	client := open(t)
	for _, name := range []string{"here", "there"} {
		require.NoError(t, client.CreateDB(t.Context(), name))
	}
	here, there := client.DB("here"), client.DB("there")
	r1 := put(t, here, "a", `{"n":1}`)
	send(t, here, there)
	r2 := put(t, here, "a", `{"n":2,"_rev":"`+r1+`"}`)
	other := put(t, there, "a", `{"n":3,"_rev":"`+r1+`"}`)
	send(t, here, there)
	send(t, there, here)
	both := tree(t, here, "a")
	require.ElementsMatch(t, []string{r2, other}, both)
	require.Equal(t, both, tree(t, there, "a"))

	result, err := here.Purge(t.Context(), map[string][]string{"a": {r2, r1}, "none": {r1}})
	require.NoError(t, err)
	require.Equal(t, &kivik.PurgeResult{Purged: map[string][]string{"a": {r2}, "none": {}}}, result)
	require.Equal(t, []string{other}, tree(t, here, "a"))
	send(t, here, there)
	require.Equal(t, both, tree(t, there, "a"), "a purge is not replicated")
	send(t, there, here)
	require.Equal(t, both, tree(t, here, "a"))

	result, err = here.Purge(t.Context(), map[string][]string{"a": both})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, slices.Collect(maps.Keys(result.Purged)))
	require.ElementsMatch(t, both, result.Purged["a"])
	require.Empty(t, tree(t, here, "a"))
	send(t, there, here)
	require.Equal(t, both, tree(t, here, "a"))

	_, err = here.Purge(t.Context(), map[string][]string{"a": {"x"}})
	require.Equal(t, 400, kivik.HTTPStatus(err))
	_, err = client.DB("none").Purge(t.Context(), nil)
	require.Equal(t, 404, kivik.HTTPStatus(err))
}
