package replicate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// desk is a scheduler whose replications the test runs.
type desk struct {
	*testing.T
	*Scheduler
	set   map[string]string
	pages *pages

	mu   sync.Mutex
	runs map[string]int                                            // by source
	run  map[string]func(context.Context, Options) (Result, error) // by source; others wait until they are stopped
}

// newDesk must be called within a bubble.
func newDesk(t *testing.T) *desk {
	d := &desk{T: t, set: map[string]string{}, runs: map[string]int{}, run: map[string]func(context.Context, Options) (Result, error){}}
	d.pages = &pages{docs: map[string]string{}}
	d.Scheduler = NewScheduler(SchedulerOptions{
		UUID: "u", Node: "n",
		Settings: Settings{Value: func(key string) (string, bool) {
			d.mu.Lock()
			defer d.mu.Unlock()
			v, ok := d.set[key]
			return v, ok
		}},
		Open: func(_ context.Context, e Endpoint, _ Request) (Peer, error) { return Peer{Name: e.URL}, nil },
		run:  d.replicate,
	})
	d.feed("_replicator", d.pages)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

func (d *desk) replicate(ctx context.Context, source, _ Peer, o Options) (Result, error) {
	d.mu.Lock()
	d.runs[source.Name]++
	run := d.run[source.Name]
	d.mu.Unlock()
	if run == nil {
		o.Progress(Stats{DocsRead: 1, ChangesPending: -1})
		<-ctx.Done()
		return Result{}, context.Cause(ctx)
	}
	return run(ctx, o)
}

func (d *desk) configure(key, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set[key] = value
}

func (d *desk) ran(source string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.runs["http://h/"+source+"/"]
}

// fails makes replications from a source fail, until it is nil.
func (d *desk) fails(source string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run["http://h/"+source+"/"] = func(context.Context, Options) (Result, error) { return Result{Stats: Stats{DocsWritten: 3}}, err }
}

// writes writes a document, as a client does.
func (d *desk) writes(id, doc string) {
	d.pages.put(id, doc)
	d.changed(d.pages, "_replicator", id, json.RawMessage(doc), doc == "")
	synctest.Wait()
}

func asks(source, more string) string {
	return `{"source":"http://h/` + source + `","target":"http://h/t"` + more + `}`
}

func (d *desk) stateOf(id string) State {
	synctest.Wait()
	return d.Doc("_replicator", id, json.RawMessage(d.pages.get(id))).State
}

// pages is a _replicator database.
type pages struct {
	mu       sync.Mutex
	docs     map[string]string
	conflict int // so many writes are refused
}

func (p *pages) put(id, doc string) { p.mu.Lock(); p.docs[id] = doc; p.mu.Unlock() }
func (p *pages) get(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.docs[id]
}

func (p *pages) read(_ context.Context, id string) (json.RawMessage, error) {
	if doc := p.get(id); doc != "" {
		return json.RawMessage(doc), nil
	}
	return nil, nil
}

func (p *pages) write(_ context.Context, id string, doc json.RawMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conflict > 0 {
		p.conflict--
		return errConflict
	}
	p.docs[id] = string(doc)
	return nil
}

func (p *pages) follow(ctx context.Context, _ func(string, json.RawMessage, bool)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADocumentIsDoneOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.pages.conflict = 3
		d.fails("a", nil)
		d.writes("one", asks("a", `,"_id":"one","n":1.0,"owner":"joe"`))
		time.Sleep(time.Minute)
		require.Equal(t, 1, d.ran("a"))
		require.Equal(t, `{"source":"http://h/a","target":"http://h/t","_id":"one","n":1.0,"owner":"joe",`+
			`"_replication_state":"completed","_replication_state_time":"2000-01-01T00:00:00Z","_replication_stats":{"revisions_checked":0,"missing_revisions_found":0,`+
			`"docs_read":0,"docs_written":3,"changes_pending":0,"doc_write_failures":0,"bulk_get_docs":0,"bulk_get_attempts":0,"checkpointed_source_seq":"0","start_time":"2000-01-01T00:00:00Z"}}`,
			d.pages.get("one"))
		require.Equal(t, Completed, d.stateOf("one"))
		require.Empty(t, d.Jobs())
		d.writes("one", d.pages.get("one"))
		time.Sleep(time.Hour)
		require.Equal(t, 1, d.ran("a"))
	})
}

func TestAJobThatCrashesRestsLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.fails("a", fmt.Errorf("%w: could not open http://h/a/", ErrDBNotFound))
		began := time.Now()
		d.writes("one", asks("a", ""))
		require.Equal(t, Crashing, d.stateOf("one"))
		require.JSONEq(t, `{"database":"_replicator","doc_id":"one","id":"`+d.idOf(0)+`","node":"n","source":"http://h/a/","target":"http://h/t/","state":"crashing",
			"info":{"error":"db_not_found: could not open http://h/a/"},"error_count":1,"last_updated":"2000-01-01T00:00:00Z","start_time":"2000-01-01T00:00:00Z",
			"source_proxy":null,"target_proxy":null}`, string(d.Doc("_replicator", "one", nil).Shown))
		var at []time.Duration
		for seen := 1; len(at) < 14; time.Sleep(time.Minute) {
			synctest.Wait()
			if n := d.ran("a"); n > seen {
				at, seen = append(at, time.Since(began)), n
			}
		}
		// A turn is each minute; the rest doubles from 30 s to eight and a half hours.
		require.Equal(t, []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1536, 2048, 2560}, minutes(at))
		d.fails("a", nil)
		time.Sleep(10 * time.Hour)
		require.Equal(t, Completed, d.stateOf("one"))
	})
}

func minutes(all []time.Duration) []time.Duration {
	out := make([]time.Duration, len(all))
	for i, d := range all {
		out[i] = time.Duration(int(d.Minutes()))
	}
	return out
}

func (d *desk) idOf(i int) string {
	var j struct{ ID string }
	require.NoError(d, json.Unmarshal(d.Jobs()[i], &j))
	return j.ID
}

func TestAChangedDocumentIsAnotherJobAndADeletedOneNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.writes("one", asks("a", `,"continuous":true`))
		require.Equal(t, Running, d.stateOf("one"))
		d.writes("one", asks("a", `,"continuous":true,"unknown":1`))
		require.Equal(t, 1, d.ran("a"), "nothing that counts has changed")
		d.writes("one", asks("b", `,"continuous":true`))
		require.Equal(t, 1, d.ran("b"))
		require.Len(t, d.Jobs(), 1)
		d.writes("one", "")
		require.Empty(t, d.Jobs())
		require.Equal(t, State(""), d.stateOf("one"))
	})
}

func TestADocumentThatIsWrongFailsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.writes("one", `{"source":"a","target":"b"}`)
		require.Equal(t, Failed, d.stateOf("one"))
		require.Contains(t, d.pages.get("one"), `"_replication_state_reason":"local_endpoints_not_supported"`)
		require.JSONEq(t, `{"database":"_replicator","doc_id":"one","id":null,"source":"a","target":"b","state":"failed","error_count":1,
			"info":{"error":"local_endpoints_not_supported"},"start_time":"2000-01-01T00:00:00Z","last_updated":"2000-01-01T00:00:00Z"}`,
			string(d.Doc("_replicator", "one", json.RawMessage(d.pages.get("one"))).Shown))
	})
}

func TestTwoDocumentsThatAskForTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.writes("one", asks("a", `,"continuous":true`))
		d.writes("two", asks("a", `,"continuous":true,"worker_processes":1`))
		require.Equal(t, Running, d.stateOf("one"))
		require.Equal(t, Failed, d.stateOf("two"))
		require.Contains(t, d.pages.get("two"), "Replication `"+d.idOf(0)+"` specified by document `two` already started, triggered by document `one` from db `_replicator`")
	})
}

func TestADocumentWaitsForWhatReplicateRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		r, err := ParseRequest(json.RawMessage(asks("a", `,"continuous":true`)), Settings{})
		require.NoError(t, err)
		id, err := d.Begin(t.Context(), r)
		require.NoError(t, err)
		d.writes("one", asks("a", `,"continuous":true`))
		require.Equal(t, Failing, d.stateOf("one"))
		require.Contains(t, string(d.Doc("_replicator", "one", nil).Shown), "already running as a transient replication, started via `_replicate` API endpoint")
		_, err = d.Cancel(t.Context(), r)
		require.NoError(t, err)
		time.Sleep(3 * time.Minute) // two tries at most
		require.Equal(t, Running, d.stateOf("one"))
		require.Equal(t, id, d.idOf(0))
	})
}

func TestReplicateOnceIsJoinedAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		r, err := ParseRequest(json.RawMessage(asks("a", "")), Settings{})
		require.NoError(t, err)
		r.User = Owner{Name: "joe"}
		errs := make(chan error, 2)
		for range 2 {
			go func() { _, err := d.Replicate(t.Context(), r); errs <- err }()
		}
		synctest.Wait()
		require.Equal(t, 1, d.ran("a"))
		require.Len(t, d.Tasks(), 1)
		other := r
		other.User = Owner{Name: "jim"}
		_, err = d.Cancel(t.Context(), other)
		require.Equal(t, errForeignJob, err)
		other.User.Roles = []string{"_admin"}
		_, err = d.Cancel(t.Context(), other)
		require.NoError(t, err)
		for range 2 {
			require.ErrorIs(t, <-errs, errStopped)
		}
		_, err = d.Cancel(t.Context(), r)
		require.Equal(t, ErrNoJob, err)

		d.fails("a", errors.New("no"))
		_, err = d.Replicate(t.Context(), r)
		require.Equal(t, "no", FailureOf(err).Reason)
		require.Empty(t, d.Jobs(), "it is not tried again")
		d.fails("a", nil)
		result, err := d.Replicate(t.Context(), r)
		require.NoError(t, err)
		require.EqualValues(t, 3, result.Stats.DocsWritten)
	})
}

func TestJobsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.configure("max_jobs", "2")
		d.configure("max_churn", "1")
		d.configure("interval", "10000")
		for i := range 5 {
			d.writes(fmt.Sprint(i), asks(fmt.Sprint("s", i), `,"continuous":true`))
			time.Sleep(time.Millisecond)
		}
		states := func() map[State]int {
			n := map[State]int{}
			for i := range 5 {
				n[d.stateOf(fmt.Sprint(i))]++
			}
			return n
		}
		require.Equal(t, map[State]int{Running: 2, Pending: 3}, states())
		time.Sleep(2 * time.Minute) // the first interval is of before; then twelve seconds for each
		var ran []int
		for i := range 5 {
			ran = append(ran, d.ran(fmt.Sprint("s", i)))
		}
		slices.Sort(ran)
		require.LessOrEqual(t, ran[4]-ran[0], 1, "none has more turns than another: %v", ran)
		require.GreaterOrEqual(t, ran[0], 1)
		require.Equal(t, map[State]int{Running: 2, Pending: 3}, states())
		d.configure("max_jobs", "0")
		time.Sleep(time.Minute)
		require.Equal(t, map[State]int{Pending: 5}, states())
		d.configure("max_jobs", "500")
		time.Sleep(time.Minute)
		require.Equal(t, map[State]int{Running: 5}, states())
		d.configure("max_history", "2")
		d.configure("max_jobs", "1")
		time.Sleep(time.Minute)
		for _, raw := range d.Jobs() {
			var j struct{ History []any }
			require.NoError(t, json.Unmarshal(raw, &j))
			require.LessOrEqual(t, len(j.History), 3)
		}
	})
}

func TestUpdateDocsWritesEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.configure("update_docs", "true")
		d.writes("one", asks("a", `,"continuous":true`))
		require.Contains(t, d.pages.get("one"), `"_replication_state":"triggered"`)
		require.Contains(t, d.pages.get("one"), `"_replication_id":"`+d.idOf(0)+`"`)
		d.configure("update_docs", "false")
		d.writes("one", d.pages.get("one"))
		require.JSONEq(t, asks("a", `,"continuous":true`), d.pages.get("one"), "what older servers left is taken away")
		require.Equal(t, 1, d.ran("a"))
	})
}

func TestADatabaseThatGoesTakesItsJobsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.writes("one", asks("a", `,"continuous":true`))
		d.Forget("_replicator")
		require.Empty(t, d.Jobs())
		c := d.Counts()
		require.Equal(t, Counts{Adds: 1, Removes: 1, Starts: 1, Stops: 1, DBsFound: 1, DBsDeleted: 1, DocChanges: 1}, c)
	})
}

func TestCrashesInARow(t *testing.T) {
	// Events come in this order, each so many seconds after the one before it.
	words := map[string]happened{"a": added, "s": started, "p": stopped, "c": crashed}
	for spec, want := range map[string]int{
		"a": 0, "a s": 0, "a s c+1": 1, "a s c+1 s+60 c+1": 2, "a s c+121": 0, "a s c+1 s c+121 s c+1": 1, "a s c+1 s+30": 1,
		"a s c+1 s p+200": 0, "a s c+1 s c+1 s p+1 s c+1": 1,
	} {
		j, at := &job{}, time.Unix(0, 0)
		for line := range strings.FieldsSeq(spec) {
			what, seconds, _ := strings.Cut(line, "+")
			after, _ := time.ParseDuration("0" + seconds + "s")
			at = at.Add(after)
			j.note(event{at: at, what: words[what]}, Settings{})
		}
		require.Equal(t, want, j.crashes, spec)
	}
}

func TestFailuresTellNoPasswords(t *testing.T) {
	f := FailureOf(errors.New(`Get "http://joe:secret@h/x": connection refused, as https://jim:secret@h/y`))
	require.NotContains(t, f.Error(), "secret")
	require.Equal(t, "{replication_auth_error,\n    {session_request_unauthorized,\"http://h/_session\",\"joe\"}}", Unauthenticated("http://h/_session", "joe").InHistory())
	require.Contains(t, slices.Collect(maps.Keys(requestStatus)), "error")
}
