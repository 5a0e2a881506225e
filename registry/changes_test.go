package registry

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/replicate"
)

// fed is an answer of _changes.
type fed struct {
	Results []struct {
		Seq     int64
		ID      string
		Deleted bool
		Changes []struct{ Rev string }
		Doc     dict
	}
	LastSeq int64 `json:"last_seq"`
}

func (h *house) changes(token, query string) (f fed) {
	h.t.Helper()
	res := h.sends(token, "GET", "/_changes?"+query, nil, 200)
	require.NoError(h.t, json.Unmarshal(res.Body, &f), "%s", res.Body)
	last := int64(0)
	for _, r := range f.Results {
		require.Greater(h.t, r.Seq, last)
		require.LessOrEqual(h.t, r.Seq, f.LastSeq)
		require.NotEmpty(h.t, r.Changes)
		last = r.Seq
	}
	return f
}

func (f fed) ids() (ids []string) {
	ids = []string{}
	for _, r := range f.Results {
		id := r.ID
		if r.Deleted {
			id += " deleted"
		}
		ids = append(ids, id)
	}
	return ids
}

// followed is a registry with a public package, a restricted one, one that was unpublished, and one whose document was deleted.
func followed(t *testing.T, settings ...setting) (*house, string) {
	h := open(t, settings...)
	h.publish(h.bob, "first", "1.0.0")
	secret := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	secret["access"] = "restricted"
	h.sends(h.bob, "PUT", "/@bob%2fsecret", secret, 201)
	h.publish(h.bob, "gone", "1.0.0")
	h.sends(h.bob, "DELETE", "/gone/-rev/"+h.sends(h.bob, "GET", "/gone?write=true", nil, 200).JSON()["_rev"].(string), nil, 200)
	h.publish(h.bob, "deleted", "1.0.0")
	rev, err := h.client.DB(Database).GetRev(t.Context(), "deleted")
	require.NoError(t, err)
	_, err = h.client.DB(Database).Delete(t.Context(), "deleted", rev)
	require.NoError(t, err)
	h.publish(h.bob, "last", "1.0.0")
	user := h.client.DB("_users")
	var eve dict
	require.Equal(t, 201, h.do("PUT", "/-/user/org.couchdb.user:eve", "", dict{"name": "eve", "password": "secret-eve", "email": "eve@example.com"}).Status)
	require.NoError(t, user.Get(t.Context(), "org.couchdb.user:eve").ScanDoc(&eve))
	eve["roles"] = []string{ReaderRole}
	_, err = user.Put(t.Context(), "org.couchdb.user:eve", eve)
	require.NoError(t, err)
	reader := h.login("eve", "secret-eve")
	require.Eventually(t, func() bool { return slices.Contains(h.changes(reader, "").ids(), "@bob/secret") }, time.Minute, time.Millisecond,
		"the role is heard of by the feed of accounts")
	return h, reader
}

func TestChanges(t *testing.T) {
	for name, settings := range map[string][]setting{"with an index": {searching(t)}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			h, eve := followed(t, settings...)
			for _, who := range []string{"", h.ann} {
				require.Equal(t, []string{"first", "gone deleted", "last"}, h.changes(who, "").ids())
			}
			require.Equal(t, []string{"first", "@bob/secret", "gone deleted", "last"}, h.changes(h.bob, "since=0").ids())
			require.Equal(t, []string{"first", "@bob/secret", "gone deleted", "deleted deleted", "last"}, h.changes(eve, "since=0&style=all_docs").ids())
			require.Equal(t, h.changes(eve, "").ids(), h.changes(h.root, "").ids())

			// Page by page nothing is missed, and the last sequence is the database's.
			all, seen, since := h.changes("", ""), []string{}, int64(0)
			for {
				page := h.changes("", fmt.Sprint("limit=1&since=", since))
				if len(page.Results) == 0 {
					require.Equal(t, all.LastSeq, page.LastSeq)
					break
				}
				require.Len(t, page.Results, 1)
				seen, since = append(seen, page.ids()...), page.LastSeq
			}
			require.Equal(t, all.ids(), seen)
			require.Empty(t, h.changes("", "since=now").Results)
			require.Equal(t, all.LastSeq, h.changes("", "since=now").LastSeq)
			require.Equal(t, all.LastSeq, h.changes("", fmt.Sprint("since=", all.LastSeq+1000)).LastSeq-1000, "a sequence that is not yet")

			docs := h.changes("", "include_docs=true")
			require.Equal(t, h.url+"/first/-/first-1.0.0.tgz", at(t, docs.Results[0].Doc, "versions", "1.0.0", "dist", "tarball"))
			require.NotContains(t, docs.Results[0].Doc, "settee")
			require.Equal(t, true, docs.Results[1].Doc["_deleted"])

			// It changes who may read.
			h.sends(h.bob, "POST", "/-/package/@bob%2fsecret/access", dict{"access": "public"}, 200)
			require.Equal(t, []string{"first", "gone deleted", "last", "@bob/secret"}, h.changes("", "").ids())
			h.sends(h.bob, "POST", "/-/package/@bob%2fsecret/access", dict{"access": "restricted"}, 200)
			require.Equal(t, []string{"first", "gone deleted", "last"}, h.changes("", "").ids())

			for query, status := range map[string]int{
				"since=x": 400, "since=-1": 400, "limit=x": 400, "feed=eventsource": 400, "timeout=x": 400, "heartbeat=-5": 400,
				"filter=_doc_ids": 501, "doc_ids=[]": 501, "descending=true": 501, "view=a/b": 501,
			} {
				require.NotEmpty(t, h.sends("", "GET", "/_changes?"+query, nil, status).JSON()["error"], query)
			}
		})
	}
}

// TestChangesAreAheadOfTheCache reads the feed while the cache has what was before: the feed tells of a write before its writer hears of it.
func TestChangesAreAheadOfTheCache(t *testing.T) {
	h := open(t)
	keeps := func(stale *entry) {
		h.cache.mu.Lock()
		defer h.cache.mu.Unlock()
		h.cache.remove(h.cache.entries[stale.name])
		h.cache.add(stale, entryOverhead)
	}
	absent := h.cache.newEntry("new")
	close(absent.ready)
	h.publish(h.bob, "new", "1.0.0")
	keeps(absent)
	require.Equal(t, []string{"new"}, h.changes("", "").ids())
	keeps(absent)
	payload, err := h.Hooked().Payload(t.Context(), "new")
	require.NoError(t, err)
	require.Contains(t, string(payload), `"1.0.0"`)

	first, err := h.cache.entry(t.Context(), "new")
	require.NoError(t, err)
	h.publish(h.bob, "new", "1.1.0")
	keeps(first)
	require.Contains(t, h.changes("", "include_docs=true").Results[0].Doc["versions"], "1.1.0")
}

func TestChangesWait(t *testing.T) {
	h, _ := followed(t, searching(t))
	now := h.changes("", "since=now").LastSeq
	require.Empty(t, h.changes("", fmt.Sprint("feed=longpoll&timeout=50&since=", now)).Results)
	polled := make(chan []string)
	go func() { polled <- h.changes("", fmt.Sprint("feed=longpoll&heartbeat=1000&since=", now)).ids() }()

	req, err := http.NewRequest("GET", h.url+"/_changes?feed=continuous&heartbeat=1000&since="+fmt.Sprint(now), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := http.DefaultClient.Do(req.WithContext(ctx))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()

	secret := publishing("@bob/other", "1.0.0", sampleTarball(t, "@bob/other", "1.0.0", 5))
	secret["access"] = "restricted"
	h.sends(h.bob, "PUT", "/@bob%2fother", secret, 201) // nobody is told
	h.publish(h.bob, "new", "1.0.0")
	require.Equal(t, []string{"new"}, <-polled)
	lines := bufio.NewScanner(res.Body)
	next := func() (row struct {
		ID      string
		LastSeq int64 `json:"last_seq"`
	}) {
		for lines.Scan() {
			if text := strings.TrimSpace(lines.Text()); text != "" {
				require.NoError(t, json.Unmarshal([]byte(text), &row))
				return row
			}
		}
		require.Fail(t, "the feed ended")
		return row
	}
	require.Equal(t, "new", next().ID)
	h.publish(h.bob, "new", "1.1.0")
	h.publish(h.bob, "newer", "1.0.0")
	require.Equal(t, "new", next().ID)
	require.Equal(t, "newer", next().ID)
	h.EndFeeds()
	require.Positive(t, next().LastSeq)
	require.Empty(t, h.changes("", "feed=longpoll&since=now").Results, "nothing waits any more")
}

func TestAllDocs(t *testing.T) {
	h, eve := followed(t, searching(t))
	h.found()
	list := func(token, query string) (ids []string, total float64) {
		res := h.sends(token, "GET", "/_all_docs?"+query, nil, 200).JSON()
		ids = []string{}
		for _, r := range res["rows"].([]any) {
			ids = append(ids, at(t, r, "id").(string))
			require.NotEmpty(t, at(t, r, "value", "rev"))
		}
		return ids, res["total_rows"].(float64)
	}
	for query, want := range map[string][]string{
		"": {"first", "last"}, "limit=1": {"first"}, "limit=0": {}, "skip=1": {"last"}, "descending=true": {"last", "first"}, "skip=5": {},
		"startkey=" + url.QueryEscape(`"g"`): {"last"}, "endkey=" + url.QueryEscape(`"g"`): {"first"}, "key=" + url.QueryEscape(`"first"`): {"first"},
		"endkey=" + url.QueryEscape(`"last"`) + "&inclusive_end=false":                        {"first"},
		"keys=" + url.QueryEscape(`["last","@bob/secret","gone","deleted","absent","first"]`): {"last", "first"},
		"key=" + url.QueryEscape(`"@bob/secret"`):                                             {}, "key=" + url.QueryEscape(`"_design/registry"`): {},
	} {
		ids, total := list("", query)
		require.Equal(t, want, ids, query)
		require.Equal(t, 2.0, total)
	}
	ids, _ := list(h.bob, "")
	require.Equal(t, []string{"@bob/secret", "first", "last"}, ids)
	ids, _ = list(eve, "limit=2")
	require.Equal(t, []string{"@bob/secret", "first"}, ids)
	docs := h.sends("", "GET", "/_all_docs?include_docs=true", nil, 200).JSON()["rows"].([]any)
	require.Equal(t, "1.0.0", at(t, docs[1], "doc", "dist-tags", "latest"))
	for _, query := range []string{"limit=x", "skip=-1", "startkey=x", "keys=x", "key=1"} {
		h.sends("", "GET", "/_all_docs?"+query, nil, 400)
	}

	root := h.do("GET", "/", "", nil, "Accept", "application/json").JSON()
	require.Equal(t, 2.0, root["doc_count"])
	require.Equal(t, float64(h.changes("", "").LastSeq), root["update_seq"])
	require.Contains(t, string(h.do("GET", "/", "", nil, "Accept", "text/html,*/*;q=0.8").Body), "npm config set registry")
	require.Equal(t, dict{"name": nil, "roles": []any{}}, h.sends("", "GET", "/_session", nil, 200).JSON()["userCtx"])
	require.Equal(t, "bob", at(t, h.sends(h.bob, "GET", "/_session", nil, 200).JSON(), "userCtx", "name"))
	require.Len(t, h.sends("", "POST", "/_all_docs", dict{"keys": []string{"last", "@bob/secret"}}, 200).JSON()["rows"], 1)
	h.sends("", "POST", "/_changes?filter=_doc_ids", dict{"doc_ids": []string{"last"}}, 501)
	h.sends("", "POST", "/_changes", dict{"selector": dict{}}, 501)
	require.Len(t, h.sends("", "POST", "/_changes?feed=longpoll&since=0", dict{}, 200).JSON()["results"], 3)
	require.Equal(t, h.changes("", "").ids(), func() (f fed) {
		require.NoError(t, json.Unmarshal(h.sends("", "GET", "/registry/_changes", nil, 200).Body, &f))
		return f
	}().ids(), "by the database's name")
	for _, path := range []string{"/_bulk_docs", "/_revs_diff", "/_find", "/_design/registry", "/_local/x", "/_users/org.couchdb.user:bob", "/_bulk_get"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			res := h.sends(h.root, method, path, nil, 501).JSON()
			require.Equal(t, "Not Implemented", res["error"])
			require.NotEmpty(t, res["reason"])
		}
	}
}

func TestAll(t *testing.T) {
	h, _ := followed(t, searching(t), func(_ *couch.Options, o *Options) { o.Now = time.Now })
	time.Sleep(2 * time.Millisecond) // moments are milliseconds
	h.publish(h.bob, "first", "1.1.0", "next")
	require.Eventually(t, func() bool {
		known, err := h.SearchIndex().Lookup(t.Context(), []string{"first", "last", "@bob/secret", "deleted"})
		return err == nil && len(known) == 3 && known["first"].Tags["next"] == "1.1.0"
	}, 10*time.Second, 5*time.Millisecond)
	all := func(token, path string) (names []string, raw string) {
		res := h.sends(token, "GET", path, nil, 200)
		require.True(t, strings.HasPrefix(string(res.Body), `{"_updated":`), "it comes first")
		for name := range res.JSON() {
			if name != "_updated" {
				names = append(names, name)
			}
		}
		return names, string(res.Body)
	}
	names, raw := all("", "/-/all")
	require.ElementsMatch(t, []string{"first", "last"}, names)
	require.NotContains(t, raw, "secret")
	names, _ = all(h.bob, "/-/all")
	require.ElementsMatch(t, []string{"@bob/secret", "first", "last"}, names)
	first := h.sends("", "GET", "/-/all", nil, 200).JSON()["first"].(dict)
	for member, want := range (dict{
		"name": "first", "description": "a sample", "dist-tags": dict{"latest": "1.0.0", "next": "1.1.0"}, "keywords": []any{"sample"},
		"versions": dict{"1.0.0": "latest"}, "maintainers": []any{dict{"name": "bob", "email": "bob@example.com"}},
	}) {
		require.Equal(t, want, first[member], member)
	}
	modified, err := time.Parse(time.RFC3339, at(t, first, "time", "modified").(string))
	require.NoError(t, err)
	names, _ = all("", fmt.Sprint("/-/all/since?stale=update_after&startkey=", modified.UnixMilli()))
	require.Equal(t, []string{"first"}, names)
	names, _ = all("", fmt.Sprint("/-/all/since?startkey=", modified.UnixMilli()+1))
	require.Empty(t, names)
	h.sends("", "GET", "/-/all/since?startkey=x", nil, 400)
	require.JSONEq(t, `{"_updated":99999}`, string(open(t).do("GET", "/-/all", "", nil).Body), "where search is off")
}

// TestNumbers follows a database whose sequences are no numbers, as if this one's were none.
func TestNumbers(t *testing.T) {
	require.True(t, countsItself("12-5f3a"))
	require.True(t, countsItself(`"12"`))
	require.True(t, countsItself("12-g09UQQDX"), "one store in 64 begins so by chance")
	for _, far := range []string{
		"12-g1AAAACReJzLYWBgYMpgTmHgz8tPSTV0MDQy1zMAQsMcoARTIkOS_P___7MSGVBVGqdJAskke6ja",
		"0-g2wAAAABaANkABFjb3VjaGRiQDEyNy4wLjAuMWwAAAACYQBuBAD_____amEAag", // of one shard
	} {
		require.False(t, countsItself(far), far)
	}
	h, _ := followed(t, func(_ *couch.Options, o *Options) { o.SearchDir = "" })
	h.numbers = newNumbers(time.Now)
	began := time.Now().UnixMicro()
	ctx, cancel := context.WithCancel(t.Context())
	h.running.Go(func() { h.numbers.follow(ctx, h.Registry.db, replicate.FollowerOptions{Proof: 50 * time.Millisecond}) })
	defer cancel()
	all := h.changes("", "")
	require.Equal(t, []string{"first", "gone deleted", "last"}, all.ids())
	require.GreaterOrEqual(t, all.LastSeq, began)
	require.Equal(t, all.ids(), h.changes("", "since=5").ids(), "a number of another time")
	for i := range 1500 { // most rows are followed by others, and let go
		h.numbers.add(row{id: "busy", rev: fmt.Sprint(i, "-x")})
	}
	require.Less(t, len(h.numbers.rows), 1200)
	rows, last, err := h.numbers.after(ctx, 0, 100, 0)
	require.NoError(t, err)
	require.Len(t, rows, 7, "with the design document")
	require.Equal(t, "1499-x", rows[6].rev)
	rows, _, err = h.numbers.after(ctx, rows[2].seq, 2, 0)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	got := make(chan []row)
	go func() {
		rows, _, _ := h.numbers.after(ctx, last, 5, time.Minute)
		got <- rows
	}()
	h.publish(h.bob, "new", "1.0.0")
	require.Equal(t, "new", (<-got)[0].id)
	h.numbers.forget()
	_, again, err := h.numbers.after(ctx, last, 5, 0)
	require.NoError(t, err)
	require.Greater(t, again, last, "what comes is larger than all before")
}

// TestLargeDocuments follows packages of 12 MB with their documents: an answer ends with what it may hold, and nothing is missing.
func TestLargeDocuments(t *testing.T) {
	h := open(t)
	want := []string{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		doc := dict{"name": name, "dist-tags": dict{"latest": "1.0.0"}, "maintainers": []any{dict{"name": "bob"}}, "time": dict{"1.0.0": "2026-01-01T00:00:00.000Z"},
			"versions": dict{"1.0.0": dict{"name": name, "version": "1.0.0", "large": strings.Repeat("x", 12<<20)}}}
		_, err := h.db.Put(context.Background(), name, doc)
		require.NoError(t, err)
		want = append(want, name)
	}
	first := h.changes("", "include_docs=true")
	require.Equal(t, want[:3], first.ids(), "36 MB")
	seen, since := first.ids(), first.LastSeq
	for {
		page := h.changes("", fmt.Sprint("include_docs=true&since=", since))
		if len(page.Results) == 0 {
			break
		}
		seen, since = append(seen, page.ids()...), page.LastSeq
	}
	require.Equal(t, want, seen)
	require.Len(t, h.sends("", "GET", "/_all_docs?include_docs=true", nil, 200).JSON()["rows"], len(want))
}

// TestManyDocuments lists more packages than are read at a time, a design document among the first of them.
func TestManyDocuments(t *testing.T) {
	h := open(t)
	docs := make([]any, rowsAtOnce+100)
	for i := range docs {
		name := fmt.Sprintf("p%04d", i)
		docs[i] = dict{"_id": name, "name": name, "dist-tags": dict{"latest": "1.0.0"}, "maintainers": []any{dict{"name": "bob"}},
			"time": dict{"1.0.0": "2026-01-01T00:00:00.000Z"}, "versions": dict{"1.0.0": dict{"name": name, "version": "1.0.0"}}}
	}
	_, err := h.db.BulkDocs(context.Background(), docs)
	require.NoError(t, err)
	for _, query := range []string{"", "?include_docs=true", "?descending=true"} {
		rows := h.sends("", "GET", "/_all_docs"+query, nil, 200).JSON()["rows"].([]any)
		require.Equal(t, len(docs), len(rows), query)
	}
}
