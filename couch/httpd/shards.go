package httpd

import (
	"net/http"
	"sync"

	"settee/couch"
)

// The cluster's endpoints, as a single node answers them: one node holds one
// shard of each database, and there is nothing to move.

const wholeRange = "00000000-ffffffff"

// shards is GET /{db}/_shards.
func (c *call) shards() error {
	c.send(http.StatusOK, []byte(`{"shards":{"`+wholeRange+`":["`+nodeName+"\"]}}\n"))
	return nil
}

// shardOf is GET /{db}/_shards/{doc}; the document need not exist.
func (c *call) shardOf() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	if c.db.Partitioned() {
		if _, err := id.Partition(); err != nil {
			return err
		}
	}
	c.send(http.StatusOK, []byte(`{"range":"`+wholeRange+`","nodes":["`+nodeName+"\"]}\n"))
	return nil
}

// syncShards is POST /{db}/_sync_shards.
func (c *call) syncShards() error {
	if err := c.openNamed(); err != nil {
		return err
	}
	return c.ok(http.StatusAccepted)
}

// resharding is whether jobs that split shards may run. There never is one.
type resharding struct {
	mu      sync.Mutex // guards the rest
	stopped bool
	reason  []byte // JSON
}

// now is the state and its reason, as JSON.
func (r *resharding) now() (state, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.stopped:
		return `"running"`, "null"
	case r.reason == nil:
		return `"stopped"`, "null"
	}
	return `"stopped"`, string(r.reason)
}

// reshard is GET /_reshard.
func (c *call) reshard() error {
	state, reason := c.s.resharding.now()
	c.send(http.StatusOK, []byte(`{"state":`+state+`,"state_reason":`+reason+`,"completed":0,"failed":0,"running":0,"stopped":0,"total":0}`+"\n"))
	return nil
}

// reshardState is GET /_reshard/state.
func (c *call) reshardState() error {
	state, reason := c.s.resharding.now()
	c.send(http.StatusOK, []byte(`{"state":`+state+`,"reason":`+reason+"}\n"))
	return nil
}

// setReshardState is PUT /_reshard/state.
func (c *call) setReshardState() error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	var asked struct {
		State  *string `json:"state"`
		Reason *string `json:"reason"`
	}
	switch {
	case decode(raw, &asked) != nil || asked.State == nil:
		return badRequest("Expected a `state` field")
	case *asked.State != "running" && *asked.State != "stopped":
		return badRequest("State field not `running` or `stopped`")
	}
	r := &c.s.resharding
	r.mu.Lock()
	r.stopped, r.reason = *asked.State == "stopped", nil
	if asked.Reason != nil {
		r.reason = appendString(nil, *asked.Reason)
	}
	r.mu.Unlock()
	return c.ok(http.StatusOK)
}

// reshardJobs is GET /_reshard/jobs.
func (c *call) reshardJobs() error {
	c.send(http.StatusOK, []byte(`{"total_rows":0,"offset":0,"jobs":[]}`+"\n"))
	return nil
}

// newReshardJob is POST /_reshard/jobs, the one thing that cannot be done here.
func (c *call) newReshardJob() error {
	raw, err := c.object()
	if err != nil {
		return err
	}
	var asked struct {
		Type string `json:"type"`
		DB   string `json:"db"`
	}
	if decode(raw, &asked) != nil || asked.Type != "split" {
		return badRequest("`job type must be `split`") // as CouchDB spells it
	}
	if _, err := c.s.store.DB(asked.DB); err != nil {
		return badRequest("Invalid `db`")
	}
	return &couch.Error{Kind: couch.NotImplemented, Reason: "A database of this server is one shard, which is not split."}
}

// reloadQueryServers is POST /_reload_query_servers: functions run in this process.
func (c *call) reloadQueryServers() error { return c.ok(http.StatusOK) }

// cleaned is POST /{db}/_search_cleanup and _nouveau_cleanup: there are no such indexes.
func (c *call) cleaned() error { return c.ok(http.StatusAccepted) }

// errNoSearch is what a CouchDB without its search says.
var errNoSearch = &statusError{http.StatusServiceUnavailable, "service unavailable", "Search is not available"}

func (c *call) noSearch() error { return errNoSearch }

// noSearchIndex is the like under a design document, which must be there.
func (c *call) noSearchIndex() error {
	if err := c.hasDesign(); err != nil {
		return err
	}
	return errNoSearch
}

func (c *call) hasDesign() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	_, err = c.db.Get(c.ctx(), id, couch.GetOptions{})
	return err
}

// noSearchPath is a search endpoint without the index's name.
func (c *call) noSearchPath() error { return badRequest("path not recognized") }
