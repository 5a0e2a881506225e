package replicate_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// sow fills a database with one of each: documents, conflicts, deletions, attachments.
func sow(t testing.TB, db *kivik.DB) {
	t.Helper()
	for i := range 20 {
		put(t, db, fmt.Sprintf("doc%02d", i), fmt.Sprintf(`{"n":%d,"big":12345678901234567890123,"f":1.0}`, i))
	}
	put(t, db, "_design/app", `{"filters":{"even":"function(doc, req) { return doc.n % 2 == (req.query.rest || 0); }"},"views":{"n":{"map":"function(doc) { if (doc.n > 15) emit(doc.n); }"}}}`)
	put(t, db, "_local/mine", `{"secret":true}`)
	put(t, db, "sub/dir ü+%&?", `{"odd":"id"}`)

	rev := put(t, db, "gone", `{"n":100}`)
	_, err := db.Delete(t.Context(), "gone", rev)
	require.NoError(t, err)
	putRevs(t, db, // a conflict of three, one of them deleted, another root besides
		`{"_id":"tree","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]},"leaf":"b"}`,
		`{"_id":"tree","_rev":"3-d","_revisions":{"start":3,"ids":["d","c","a"]},"leaf":"d"}`,
		`{"_id":"tree","_rev":"4-e","_revisions":{"start":4,"ids":["e","d2","c","a"]},"_deleted":true}`,
		`{"_id":"tree","_rev":"9-z","_revisions":{"start":9,"ids":["z","y"]},"leaf":"stemmed"}`,
	)
	rev = put(t, db, "atts", `{"_attachments":{"text":{"content_type":"text/plain","data":"aGVsbG8gaGVsbG8gaGVsbG8="},"bin":{"content_type":"image/png","data":"AAEC"}},"n":1}`)
	att := &kivik.Attachment{Filename: `na"me ü/x`, ContentType: "application/octet-stream", Content: io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("0123456789"), 30_000))), Size: 300_000}
	_, err = db.PutAttachment(t.Context(), "atts", att, kivik.Rev(rev))
	require.NoError(t, err)
	put(t, db, "empty", `{"_attachments":{"nothing":{"content_type":"x/y","data":""}}}`)
}

func TestEverythingArrives(t *testing.T) {
	all := kinds(t)
	for from, source := range all {
		for to, target := range all {
			t.Run(from+" to "+to, func(t *testing.T) {
				a, b := source(t, "a_"+from+to), target(t, "b_"+from+to)
				sow(t, a.DB)
				r := run(t, a, b, replicate.Options{})
				same(t, a.DB, b.DB, from == "couch" && to == "kivik")
				require.EqualValues(t, 0, r.Stats.DocWriteFailures)
				require.EqualValues(t, 29, r.Stats.DocsWritten)
				require.Equal(t, r.Stats.MissingFound, r.Stats.DocsRead)
				require.False(t, r.NoChanges)
				require.Error(t, b.DB.Get(t.Context(), "_local/mine").Err(), "local documents stay where they are")

				again := run(t, a, b, replicate.Options{})
				require.True(t, again.NoChanges)
				require.Zero(t, again.Stats.RevisionsChecked)
				require.Equal(t, r.SessionID, again.SessionID)

				put(t, a.DB, "doc00", `{"_rev":"`+current(t, a.DB, "doc00")+`","n":"two"}`)
				more := run(t, a, b, replicate.Options{})
				require.EqualValues(t, 1, more.Stats.DocsWritten)
				require.Len(t, more.History, 2)
				same(t, a.DB, b.DB, from == "couch" && to == "kivik")
			})
		}
	}
}

func current(t testing.TB, db *kivik.DB, id string) string {
	t.Helper()
	rev, err := db.GetRev(t.Context(), id)
	require.NoError(t, err)
	return rev
}
