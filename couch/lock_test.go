package couch

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nothing that only reads takes the lock that writers hold while a batch is
// applied, nor that of the list of databases. A reader that did would stay here.
func TestReadersDoNotWaitForWriters(t *testing.T) {
	db := database(t, Options{})
	s := db.store
	rev := put(t, db, `{"_id":"a","_attachments":{"f":{"content_type":"image/png","data":"AAAA"}}}`)
	put(t, db, `{"_id":"_local/l"}`)
	db.mu.Lock()
	defer db.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()

	again, err := s.DB("db")
	require.NoError(t, err)
	require.Same(t, db, again)
	for _, o := range []GetOptions{{}, {Rev: rev}, {Revs: true, RevsInfo: true, Conflicts: true, Attachments: true}} {
		_, err := db.Get(ctx, "a", o)
		require.NoError(t, err)
	}
	_, err = db.GetLocal(ctx, "_local/l")
	require.NoError(t, err)
	_, err = db.OpenRevs(ctx, "a", nil, GetOptions{Revs: true})
	require.NoError(t, err)
	_, err = db.RevsDiff(ctx, []RevsQuery{{ID: "a", Revs: []Rev{rev}}})
	require.NoError(t, err)
	require.Len(t, feed(t, db, ChangesOptions{Limit: -1, IncludeDocs: true}), 1)
	rows, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1, IncludeDocs: true})
	require.NoError(t, err)
	require.True(t, rows.Next())
	require.NoError(t, rows.Close())
	f, _, err := db.Attachment(ctx, "a", Rev{}, "f")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := db.Info(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.Docs)
	require.Equal(t, defaultRevsLimit, db.RevsLimit())
	require.JSONEq(t, defaultSecurity, string(db.Security()))
	require.NoError(t, db.WaitSeq(ctx, 0))
	snap, err := db.Space("x").Snapshot()
	require.NoError(t, err)
	require.NoError(t, snap.Close())
	names, err := s.Databases(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"db"}, names)
}

// The gate closes once, lets those inside out and nobody in.
func TestGate(t *testing.T) {
	g := newGate()
	require.NoError(t, g.enter())
	var entered, refused sync.WaitGroup
	for range 8 {
		entered.Go(func() {
			for range 1000 {
				if g.enter() == nil {
					g.leave()
				}
			}
		})
	}
	first, empty := g.close()
	require.True(t, first)
	first, _ = g.close()
	require.False(t, first)
	require.True(t, g.isShut())
	for range 8 {
		refused.Go(func() {
			if g.enter() == nil {
				t.Error("the gate let somebody in")
			}
		})
	}
	entered.Wait()
	refused.Wait()
	select {
	case <-empty:
		t.Fatal("somebody is inside still")
	default:
	}
	g.leave()
	<-empty
	require.ErrorIs(t, g.enter(), ErrClosed)
}
