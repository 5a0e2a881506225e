package couch

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// history makes a document of n revisions and returns them, newest first.
func history(t *testing.T, db *DB, id string, n int) []Rev {
	revs := []Rev{put(t, db, `{"_id":"`+id+`"}`)}
	for i := 1; i < n; i++ {
		revs = append([]Rev{put(t, db, fmt.Sprintf(`{"_id":"%s","_rev":"%s","n":%d}`, id, revs[0], i))}, revs...)
	}
	return revs
}

// A replicated path may reach below the crown by any number of revisions, and
// may end anywhere; the segments on disk stay in step with the tree.
func TestReplicatedPathBelowTheCrown(t *testing.T) {
	for _, known := range []int{2, 20, 71, 72, 73, 100, 137, 199, 200} {
		t.Run(fmt.Sprint(known), func(t *testing.T) {
			db := database(t, Options{})
			revs := history(t, db, "a", 200)
			child := Rev{Pos: 201, ID: "child"}
			doc, err := ParseDocument([]byte(`{"_id":"a"}`))
			require.NoError(t, err)
			doc.Rev, doc.Revisions = child, append([]Rev{child}, revs[:known]...)
			_, err = db.Put(context.Background(), doc, WriteOptions{Replicated: true})
			require.NoError(t, err)
			back, err := db.Get(context.Background(), "a", GetOptions{Revs: true})
			require.NoError(t, err)
			require.Equal(t, append([]Rev{child}, revs...), back.Revisions)
			_, err = db.Get(context.Background(), "a", GetOptions{Rev: revs[199], Revs: true})
			require.NoError(t, err)
		})
	}
}
