package driver_test

import (
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

func TestPartitions(t *testing.T) {
	client := open(t)
	require.NoError(t, client.CreateDB(t.Context(), "db", kivik.Param("partitioned", true)))
	db := client.DB("db")
	for _, id := range []string{"a:1", "a:2", "b:1"} {
		put(t, db, id, `{"n":1}`)
	}
	put(t, db, "_design/d", `{"views":{"v":{"map":"function(d){ emit(d._id) }"}}}`)
	_, err := db.Put(t.Context(), "c", map[string]any{})
	require.Equal(t, 400, kivik.HTTPStatus(err))

	stats, err := db.PartitionStats(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []any{"db", "a", int64(2), int64(0), int64(14)}, []any{stats.DBName, stats.Partition, stats.DocCount, stats.DeletedDocCount, stats.ExternalSize})
	require.JSONEq(t, `{"db_name":"db","partition":"a","doc_count":2,"doc_del_count":0,"sizes":{"active":1,"external":14}}`, string(stats.RawResponse))
	for _, descending := range []bool{false, true} {
		for _, rows := range []*kivik.ResultSet{
			db.AllDocs(t.Context(), kivik.Param("partition", "a"), kivik.Param("descending", descending)),
			db.Query(t.Context(), "_design/d", "v", kivik.Param("partition", "a"), kivik.Param("descending", descending)),
		} {
			want := []string{"a:1", "a:2"}
			if descending {
				want = []string{"a:2", "a:1"}
			}
			got := []string{}
			for rows.Next() {
				id, err := rows.ID()
				require.NoError(t, err)
				got = append(got, id)
			}
			require.NoError(t, rows.Err())
			require.Equal(t, want, got)
		}
	}
	require.NoError(t, client.CreateDB(t.Context(), "plain"))
	_, err = client.DB("plain").PartitionStats(t.Context(), "a")
	require.Equal(t, 400, kivik.HTTPStatus(err))
	rows := client.DB("plain").AllDocs(t.Context(), kivik.Param("partition", "a"))
	require.Equal(t, 400, kivik.HTTPStatus(rows.Err()))
}
