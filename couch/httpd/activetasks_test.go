package httpd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTask(t *testing.T) {
	indexer := task{"indexer", `a"b`, "_design/d", time.Unix(100, 0), 1, 3}
	require.JSONEq(t, `{"node":"settee@127.0.0.1","type":"indexer","database":"a\"b","design_document":"_design/d",
		"changes_done":1,"total_changes":3,"progress":33,"started_on":100,"updated_on":107}`, string(indexer.append(nil, 107)))
	compaction := task{"database_compaction", "db", "", time.Unix(100, 0), 0, 0}
	require.JSONEq(t, `{"node":"settee@127.0.0.1","type":"database_compaction","database":"db",
		"changes_done":0,"total_changes":0,"progress":0,"started_on":100,"updated_on":100}`, string(compaction.append(nil, 100)))
}
