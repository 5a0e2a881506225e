package replicate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// A CouchDB replicates, settee goes on from there, and CouchDB goes on from settee's checkpoint: within that
// CouchDB, pulling from settee, and pushing to it.
func TestCouchDBsReplicationsGoOn(t *testing.T) {
	if *couchURL == "" {
		t.Skip("no -couch: its checkpoints are held in TestReplicationIDsAreCouchDBs, TestOldCheckpoints and TestAReplicationKeepsItsID")
	}
	h := newHouse(t)
	for name, ends := range map[string][2]replicate.Peer{
		"within": {foreign(t, "source"), foreign(t, "target")},
		"pull":   {h.http(t, "source"), foreign(t, "target")},
		"push":   {foreign(t, "source"), h.http(t, "target")},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := ends[0], ends[1]
			require.NoError(t, source.Create(t.Context()))
			require.NoError(t, target.Create(t.Context()))
			sowPlain(t, source.DB)
			theirs := h.couchReplicates(t, source.Name, target.Name)
			require.Len(t, theirs.History, 1)
			for i := range 5 {
				put(t, source.DB, fmt.Sprint("b", i), `{}`)
			}
			ours := run(t, source, target, replicate.Options{})
			require.EqualValues(t, 5, ours.Stats.RevisionsChecked, "it goes on where CouchDB stopped")
			require.Len(t, ours.History, 2)
			require.Equal(t, theirs.SessionID, ours.History[1].ID)
			for i := range 3 {
				put(t, source.DB, fmt.Sprint("c", i), `{}`)
			}
			theirs = h.couchReplicates(t, source.Name, target.Name)
			require.Len(t, theirs.History, 3)
			require.EqualValues(t, 5+3, theirs.History[0].MissingChecked, "CouchDB counts on from the session before")
			require.True(t, run(t, source, target, replicate.Options{}).NoChanges)
			same(t, source.DB, target.DB, false)
		})
	}
}

// sowPlain fills a database with what CouchDB's replicator brings over too: with a quotation mark in the name of
// an attachment, it waits for ever.
func sowPlain(t testing.TB, db *kivik.DB) {
	t.Helper()
	for i := range 10 {
		put(t, db, fmt.Sprint("a", i), `{}`)
	}
	putRevs(t, db,
		`{"_id":"tree","_revisions":{"start":2,"ids":["0000000000000000000000000000000b","0000000000000000000000000000000a"]},"leaf":"b"}`,
		`{"_id":"tree","_revisions":{"start":2,"ids":["0000000000000000000000000000000c","0000000000000000000000000000000a"]},"leaf":"c"}`)
	_, err := db.Delete(t.Context(), "a0", current(t, db, "a0"))
	require.NoError(t, err)
	attach(t, db, "film", "", "film", 1<<20)
	put(t, db, "notes", `{"_attachments":{"text":{"content_type":"text/plain","data":"aGVsbG8gaGVsbG8gaGVsbG8="}}}`)
}

// What another server began goes on under the id that it has there.
func TestAReplicationKeepsItsID(t *testing.T) {
	h := newHouse(t)
	source, target := h.http(t, "source"), h.http(t, "target")
	require.NoError(t, source.Create(t.Context()))
	require.NoError(t, target.Create(t.Context()))
	sow(t, source.DB)
	first := run(t, source, target, replicate.Options{}) // under the id of the target's server
	put(t, source.DB, "more", `{}`)
	second := run(t, source, target, replicate.Options{ServerUUID: strings.Repeat("a", 32)})
	require.EqualValues(t, 1, second.Stats.RevisionsChecked)
	require.Len(t, second.History, 2)
	third := run(t, source, target, replicate.Options{})
	require.True(t, third.NoChanges)
	require.Equal(t, second.SessionID, third.SessionID)
	require.NotEqual(t, first.SessionID, third.SessionID)
}

type couchResult struct {
	SessionID string              `json:"session_id"`
	History   []replicate.Session `json:"history"`
}

// couchReplicates lets the CouchDB of the flag replicate databases of its own or of the house.
func (h *house) couchReplicates(t *testing.T, source, target string) (r couchResult) {
	t.Helper()
	at, err := url.Parse(*couchURL)
	require.NoError(t, err)
	named := func(name string) string {
		if strings.Contains(name, at.Host) {
			return strings.Replace(name, "http://", "http://"+at.User.String()+"@", 1)
		}
		return strings.Replace(name, "http://", "http://admin:secret@", 1)
	}
	body, err := json.Marshal(map[string]string{"source": named(source), "target": named(target)})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it tries again rather than fail
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *couchURL+"/_replicate", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode, string(raw))
	require.NoError(t, json.Unmarshal(raw, &r))
	return r
}

// logs of several pasts, and where a replication begins with them: how many changes it looks at of ten.
func TestOldCheckpoints(t *testing.T) {
	h := newHouse(t)
	log := func(session, last string, history ...string) string {
		return fmt.Sprintf(`{"session_id":%q,"source_last_seq":%s,"replication_id_version":4,"history":[%s]}`, session, last, strings.Join(history, ","))
	}
	past := func(session, seq string) string {
		return fmt.Sprintf(`{"session_id":%q,"start_last_seq":0,"end_last_seq":%s,"recorded_seq":%[2]s}`, session, seq)
	}
	for name, c := range map[string]struct {
		source, target string // %[n]s: the sequence after n documents
		looksAt        int64
	}{
		"none":                       {"", "", 10},
		"at the source only":         {log("x", "%[5]s", past("x", "%[5]s")), "", 10},
		"at the target only":         {"", log("x", "%[5]s", past("x", "%[5]s")), 10},
		"equal":                      {log("x", "%[5]s"), log("x", "%[5]s"), 5},
		"all done":                   {log("x", "%[10]s"), log("x", "%[10]s"), 0},
		"the target is behind":       {log("x", "%[8]s"), log("x", "%[6]s"), 4},
		"the source is behind":       {log("x", "%[3]s"), log("x", "%[6]s"), 7},
		"a common past":              {log("y", "%[9]s", past("y", "%[9]s"), past("x", "%[4]s")), log("x", "%[4]s", past("x", "%[4]s")), 6},
		"the newest common past":     {log("y", "%[9]s", past("y", "%[9]s"), past("b", "%[7]s"), past("a", "%[2]s")), log("z", "%[8]s", past("z", "%[8]s"), past("b", "%[7]s"), past("a", "%[2]s")), 3},
		"no common past":             {log("y", "%[9]s", past("y", "%[9]s")), log("z", "%[8]s", past("z", "%[8]s")), 10},
		"what nobody can understand": {`{"session_id":7,"history":"none"}`, `{"session_id":7,"history":"none"}`, 10},
		"no history":                 {`{"session_id":"y","source_last_seq":%[9]s}`, `{"session_id":"z"}`, 10},
	} {
		t.Run(name, func(t *testing.T) {
			n := strings.ReplaceAll(strings.ToLower(name), " ", "_")
			source, target := h.embedded("s_"+n), h.embedded("t_"+n)
			require.NoError(t, source.Create(t.Context()))
			require.NoError(t, target.Create(t.Context()))
			seqs := []any{}
			for i := range 10 {
				put(t, source.DB, fmt.Sprint(i), `{}`)
				stats, err := source.DB.Stats(t.Context())
				require.NoError(t, err)
				seqs = append(seqs, fmt.Sprintf("%q", stats.UpdateSeq))
			}
			if c.source != "" {
				put(t, source.DB, "_local/id", fill(c.source, seqs))
			}
			if c.target != "" {
				put(t, target.DB, "_local/id", fill(c.target, seqs))
			}
			r := run(t, source, target, replicate.Options{ID: "id"})
			require.Equal(t, c.looksAt, r.Stats.RevisionsChecked)
			require.True(t, run(t, source, target, replicate.Options{ID: "id"}).NoChanges)
		})
	}
}

// fill puts sequences in where %[n]s stands.
func fill(text string, seqs []any) string {
	for i, seq := range seqs {
		text = strings.ReplaceAll(text, fmt.Sprintf("%%[%d]s", i+1), seq.(string))
	}
	return text
}
