package replicate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

func TestOptionsSelectDocuments(t *testing.T) {
	all := kinds(t)
	n := 0
	for name, c := range map[string]struct {
		o    replicate.Options
		want string
	}{
		"doc ids":      {replicate.Options{DocIDs: []string{"doc01", "atts", "none", "sub/dir ü+%&?"}}, "atts doc01 sub/dir ü+%&?"},
		"selector":     {replicate.Options{Selector: json.RawMessage(`{"n":{"$gt":17}}`)}, "doc18 doc19"},
		"filter":       {replicate.Options{Filter: "app/even", QueryParams: map[string]string{"rest": "1"}}, "atts doc01 doc03 doc05 doc07 doc09 doc11 doc13 doc15 doc17 doc19"},
		"view":         {replicate.Options{Filter: "_view", QueryParams: map[string]string{"view": "app/n"}}, "doc16 doc17 doc18 doc19"},
		"designs":      {replicate.Options{Filter: "_design"}, "_design/app"},
		"no bulk get":  {replicate.Options{Filter: "_design", NoBulkGet: true}, "_design/app"},
		"small pieces": {replicate.Options{Selector: json.RawMessage(`{"n":{"$gt":15}}`), BatchSize: 2, BatchBytes: 1, Workers: 1}, "doc16 doc17 doc18 doc19"},
	} {
		for _, from := range slices.Sorted(maps.Keys(all)) {
			if from == "kivik" && c.o.Selector != nil {
				continue // its driver lets the selector fall; see Dial
			}
			n++
			t.Run(name+" from "+from, func(t *testing.T) {
				source, target := all[from](t, fmt.Sprint("source", n)), all["embedded"](t, fmt.Sprint("target", n))
				sow(t, source.DB)
				c.o.CheckpointInterval = 1 // all the time
				run(t, source, target, c.o)
				require.Equal(t, c.want, strings.Join(ids(t, target.DB), " "))
				require.True(t, run(t, source, target, c.o).NoChanges)
			})
		}
	}
}

func ids(t testing.TB, db *kivik.DB) (ids []string) {
	t.Helper()
	rows := db.AllDocs(t.Context())
	for rows.Next() {
		id, err := rows.ID()
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	return ids
}

func TestWinnersAlone(t *testing.T) {
	h := newHouse(t)
	for from, source := range map[string]replicate.Peer{"embedded": h.embedded("a"), "http": h.http(t, "b")} {
		require.NoError(t, source.Create(t.Context()))
		sow(t, source.DB)
		target := h.embedded("to" + from)
		run(t, source, target, replicate.Options{CreateTarget: true, WinningRevsOnly: true})
		var doc struct {
			Conflicts []string `json:"_conflicts"`
		}
		require.NoError(t, target.DB.Get(t.Context(), "tree", kivik.Param("conflicts", true)).ScanDoc(&doc))
		require.Empty(t, doc.Conflicts)
		require.Equal(t, current(t, source.DB, "tree"), current(t, target.DB, "tree"))
	}
}

func TestSinceASequence(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("a"), h.embedded("b")
	require.NoError(t, source.Create(t.Context()))
	put(t, source.DB, "old", `{}`)
	stats, err := source.DB.Stats(t.Context())
	require.NoError(t, err)
	put(t, source.DB, "new", `{}`)
	run(t, source, target, replicate.Options{CreateTarget: true, SinceSeq: stats.UpdateSeq})
	require.Equal(t, []string{"new"}, ids(t, target.DB))
}

func TestNoCheckpoints(t *testing.T) {
	h := newHouse(t)
	source, target := h.embedded("a"), h.embedded("b")
	require.NoError(t, source.Create(t.Context()))
	put(t, source.DB, "a", `{}`)
	for range 2 {
		r := run(t, source, target, replicate.Options{CreateTarget: true, NoCheckpoints: true})
		require.EqualValues(t, 1, r.Stats.RevisionsChecked)
		answer, err := json.Marshal(r)
		require.NoError(t, err)
		require.JSONEq(t, `{"ok":true,"use_checkpoints":false}`, string(answer))
	}
	rows := target.DB.LocalDocs(t.Context())
	require.False(t, rows.Next())
	require.NoError(t, rows.Err())
}

func TestWhatCannotBegin(t *testing.T) {
	h := newHouse(t)
	there := h.embedded("there")
	require.NoError(t, there.Create(t.Context()))
	admin := h.address + "/"
	wrong := strings.Replace(admin, "admin:secret@", "somebody:wrong@", 1)
	nobody := strings.Replace(admin, "admin:secret@", "", 1)
	for name, c := range map[string]struct {
		source, target replicate.Peer
		o              replicate.Options
		kind           error
		says           string
	}{
		"no source":         {h.embedded("none"), there, replicate.Options{}, replicate.ErrDBNotFound, "could not open none"},
		"no source by HTTP": {dial(t, admin+"none"), there, replicate.Options{}, replicate.ErrDBNotFound, "could not open " + nobody + "none/"},
		"no target":         {there, h.embedded("none"), replicate.Options{}, replicate.ErrDBNotFound, "could not open none"},
		"wrong password":    {dial(t, wrong+"there"), there, replicate.Options{}, replicate.ErrUnauthorized, `{session_request_unauthorized,"` + nobody + `_session","somebody"}`},
		"nobody":            {there, dial(t, nobody+"there"), replicate.Options{}, replicate.ErrUnauthorized, "unauthorized"},
		"may not create":    {there, dial(t, nobody+"other"), replicate.Options{CreateTarget: true}, replicate.ErrUnauthorized, "unauthorized"},
		"two filters":       {there, there, replicate.Options{DocIDs: []string{"a"}, Filter: "a/b"}, replicate.ErrBadOptions, "mutually exclusive"},
		"no filter":         {there, there, replicate.Options{Filter: "none/none"}, replicate.ErrFilter, "_design/none"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Retries = -1
			_, err := replicate.Run(t.Context(), c.source, c.target, c.o)
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestEndpointsThatAreNone(t *testing.T) {
	for _, url := range []string{"", "name", "ftp://host/db", "http://", "http://host", "http://host/", "http://host/%zz", "://"} {
		_, err := replicate.Dial(context.Background(), replicate.Endpoint{URL: url}, replicate.DialOptions{})
		require.ErrorIs(t, err, replicate.ErrBadOptions, url)
	}
	_, err := replicate.Dial(context.Background(), replicate.Endpoint{URL: "http://host/db", Proxy: ":"}, replicate.DialOptions{})
	require.ErrorIs(t, err, replicate.ErrBadOptions)
}

// A validation function refuses some: they are counted, and the others arrive.
func TestRefusedDocumentsAreCounted(t *testing.T) {
	all := kinds(t)
	for _, to := range slices.Sorted(maps.Keys(all)) {
		t.Run(to, func(t *testing.T) {
			source, target := all["embedded"](t, "s"+to), all[to](t, "t"+to)
			put(t, target.DB, "_design/v", `{"validate_doc_update":"function(n) { if (n.bad) throw({forbidden: 'no'}); if (n.worse) throw({unauthorized: 'never'}); }"}`)
			for i := range 30 {
				put(t, source.DB, fmt.Sprint("good", i), `{}`)
			}
			put(t, source.DB, "bad", `{"bad":true}`)
			put(t, source.DB, "worse", `{"worse":true}`)
			put(t, source.DB, "atts", `{"bad":true,"_attachments":{"a":{"data":"AAEC"}}}`)
			r := run(t, source, target, replicate.Options{})
			require.EqualValues(t, 3, r.Stats.DocWriteFailures)
			require.EqualValues(t, 30, r.Stats.DocsWritten)
			require.Len(t, ids(t, target.DB), 31)
			require.True(t, run(t, source, target, replicate.Options{}).NoChanges)
		})
	}
}
