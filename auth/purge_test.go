package auth

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A purge leaves no row in the feed; it is heeded when the feed's poll ends.
func TestPurgeIsHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, store, a, secret := settled(t)
		db := store.db(tokensDB)
		db.with(func() {
			delete(db.docs, tokenKey(secret))
			db.purges++
		})
		_, err := a.Authenticate(bearer(secret))
		require.NoError(t, err, "not known yet")
		time.Sleep(2 * pollTime)
		synctest.Wait()
		_, err = a.Authenticate(bearer(secret))
		require.ErrorIs(t, err, ErrToken)

		db.with(func() { db.reads = 0 })
		for range 10 {
			time.Sleep(pollTime)
			_, err = a.Authenticate(bearer(secret))
			require.ErrorIs(t, err, ErrToken)
		}
		require.Zero(t, db.reads, "absence is remembered, too")
	})
}
