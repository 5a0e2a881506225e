package couch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The feed includes what Get gives, in whatever order documents come and however many leaves they have.
func TestIncluded(t *testing.T) {
	r := random(t)
	db := database(t, Options{})
	for i := range 300 {
		id := fmt.Sprintf("doc%04d", i)
		if i/50%2 == 1 { // runs in order, and runs in none
			id = fmt.Sprintf("doc%04d-%d", r.IntN(300), i)
		}
		rev := put(t, db, fmt.Sprintf(`{"_id":"%s","i":%d}`, id, i))
		if r.IntN(4) == 0 {
			other := parsed(t, fmt.Sprintf(`{"_id":"%s","_rev":"1-%032x","_deleted":%t,"other":1}`, id, r.Uint64(), r.IntN(2) == 0))
			_, err := db.Put(ctx, other, WriteOptions{Replicated: true})
			require.NoError(t, err)
		}
		if r.IntN(10) == 0 {
			put(t, db, fmt.Sprintf(`{"_id":"%s","_rev":"%s","_attachments":{"a":{"data":"YQ=="}},"i":%d}`, id, rev, -i))
		}
	}
	for _, o := range []GetOptions{
		{},
		{Conflicts: true},
		{DeletedConflicts: true},
		{LocalSeq: true},
		{Conflicts: true, DeletedConflicts: true, LocalSeq: true},
		{Conflicts: true, Revs: true},
	} {
		for _, all := range []bool{false, true} {
			c, err := db.Changes(ctx, ChangesOptions{Limit: -1, IncludeDocs: true, AllLeaves: all, Get: o})
			require.NoError(t, err)
			n := 0
			for ; c.Next(); n++ {
				require.Equal(t, got(t, db, c.Change().ID, o), string(c.Change().Doc.AppendJSON(nil)))
			}
			require.NoError(t, c.Err())
			require.NoError(t, c.Close())
			require.Equal(t, 300, n)
		}
	}
}
