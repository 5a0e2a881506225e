package advisories

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures/engine"
)

// TestReadAnew purges one record of many: all is read anew, and meanwhile no version is said to be sound that is not.
func TestReadAnew(t *testing.T) {
	client := engine.Open(t).Client
	require.NoError(t, client.CreateDB(context.Background(), Database))
	db := client.DB(Database)
	revs := map[string]string{}
	docs := make([]any, 0, 501)
	for i := range 500 {
		docs = append(docs, osv(fmt.Sprintf("GHSA-%03d", i), day, fmt.Sprintf("p%d", i), "1.2.3"))
	}
	docs = append(docs, osv("GHSA-gone", day, "gone", "1.2.3"))
	for _, doc := range docs {
		rev, err := db.Put(context.Background(), doc.(dict)["id"].(string), doc)
		require.NoError(t, err)
		revs[doc.(dict)["id"].(string)] = rev
	}
	a, err := Open(context.Background(), client, Options{Proof: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	require.NoError(t, a.Ready(context.Background()))
	require.True(t, a.Flawed("gone", "1.0.0"))
	state := a.State()
	_, err = db.Purge(context.Background(), map[string][]string{"GHSA-gone": {revs["GHSA-gone"]}})
	require.NoError(t, err)
	for until := time.Now().Add(20 * time.Second); a.Flawed("gone", "1.0.0"); {
		require.True(t, a.Flawed("p0", "1.0.0") && a.Flawed("p499", "1.0.0"), "what is not read again yet is still known")
		require.True(t, time.Now().Before(until))
	}
	require.True(t, a.Flawed("p0", "1.0.0") && a.Flawed("p499", "1.0.0"))
	require.NotEqual(t, state, a.State())
	require.Eventually(t, func() bool { packages, records := a.Size(); return packages == 500 && records == 500 }, 20*time.Second, time.Millisecond)
}
