package driver_test

import (
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

func TestDBUpdates(t *testing.T) {
	client := open(t)
	require.Equal(t, 404, kivik.HTTPStatus(client.DBUpdates(t.Context()).Err()))
	require.NoError(t, client.CreateDB(t.Context(), "_global_changes"))
	live := client.DBUpdates(t.Context())
	require.NoError(t, client.CreateDB(t.Context(), "db"))
	put(t, client.DB("db"), "a", `{}`)
	put(t, client.DB("_global_changes"), "notes", `{}`)
	told := []string{}
	for len(told) < 2 && live.Next() {
		told = append(told, live.Type()+" "+live.DBName())
	}
	require.NoError(t, live.Err())
	require.Equal(t, []string{"created db", "updated db"}, told)
	since := live.Seq()
	require.NoError(t, live.Close())

	require.NoError(t, client.DestroyDB(t.Context(), "db"))
	for _, feed := range []string{"longpoll", "normal"} {
		later := client.DBUpdates(t.Context(), kivik.Param("feed", feed), kivik.Param("since", since))
		require.True(t, later.Next())
		require.Equal(t, "deleted db", later.Type()+" "+later.DBName())
		require.False(t, later.Next())
		require.NoError(t, later.Err())
		last, err := later.LastSeq()
		require.NoError(t, err)
		require.NotEqual(t, since, last)
	}
}
