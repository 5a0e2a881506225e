package httpd

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"settee/couch"
	"settee/replicate"
)

// measured are all figures at one moment.
type measured struct {
	*tally
	store couch.Metrics
	jobs  replicate.Counts
}

func (s *Server) measure() (measured, error) {
	m, err := s.store.Metrics()
	return measured{s.counts.tally(), m, s.scheduler.Counts()}, err
}

// statKind is what a figure is, in CouchDB's and in Prometheus' words.
type statKind string

const (
	statCounter statKind = "counter" // grows
	statGauge   statKind = "gauge"
)

// A stat is one figure: its path in _stats, its name in Prometheus' text, and
// what CouchDB says it is.
type stat struct {
	path, name string
	kind       statKind
	desc       string
	read       func(*measured) int64
}

// stats are CouchDB's, where settee has the like, and settee's own.
var stats = []stat{
	{"couchdb/commits", "commits_total", statCounter, "number of commits performed", func(m *measured) int64 { return m.store.Batches }},
	{"couchdb/database_reads", "database_reads_total", statCounter, "number of times a document was read from a database", func(m *measured) int64 { return m.store.Reads }},
	{"couchdb/database_writes", "database_writes_total", statCounter, "number of times a database was changed", func(m *measured) int64 { return m.store.Batches }},
	{"couchdb/document_inserts", "document_inserts_total", statCounter, "number of documents inserted", func(m *measured) int64 { return m.store.Inserts }},
	{"couchdb/document_writes", "document_writes_total", statCounter, "number of document write operations", func(m *measured) int64 { return m.store.Writes }},
	{"couchdb/httpd/aborted_requests", "httpd_aborted_requests_total", statCounter, "number of aborted requests", func(m *measured) int64 { return m.aborted }},
	{"couchdb/httpd/bulk_requests", "httpd_bulk_requests_total", statCounter, "number of bulk requests", calls("POST", "/_bulk_docs")},
	{"couchdb/httpd/clients_requesting_changes", "httpd_clients_requesting_changes", statGauge, "number of clients for continuous _changes", readingChanges},
	{"couchdb/httpd/partition_all_docs_requests", "httpd_partition_all_docs_requests_total", statCounter, "number of partition HTTP all_docs requests", calls("", onePartition+"/_all_docs")},
	{"couchdb/httpd/partition_explain_requests", "httpd_partition_explain_requests_total", statCounter, "number of partition HTTP _explain requests", calls("", onePartition+"/_explain")},
	{"couchdb/httpd/partition_find_requests", "httpd_partition_find_requests_total", statCounter, "number of partition HTTP _find requests", calls("", onePartition+"/_find")},
	{"couchdb/httpd/partition_view_requests", "httpd_partition_view_requests_total", statCounter, "number of partition HTTP view requests", calls("", onePartition+"/_design/{ddoc}/_view/{view}")},
	{"couchdb/httpd/purge_requests", "httpd_purge_requests_total", statCounter, "number of purge requests", calls("POST", "/_purge")},
	{"couchdb/httpd/requests", "httpd_requests_total", statCounter, "number of HTTP requests", func(m *measured) int64 { return m.requests }},
	{"couchdb/httpd/temporary_view_reads", "httpd_temporary_view_reads_total", statCounter, "number of temporary view reads", calls("", "/_temp_view")},
	{"couchdb/httpd/view_reads", "httpd_view_reads_total", statCounter, "number of view reads", calls("", "/_view/{view}")},
	{"couch_replicator/docs/completed_state_updates", "couch_replicator_docs_completed_state_updates_total", statCounter, "number of 'completed' state document updates", func(m *measured) int64 { return m.jobs.DocsCompleted }},
	{"couch_replicator/docs/db_changes", "couch_replicator_docs_db_changes_total", statCounter, "number of db changes processed by replicator doc processor", func(m *measured) int64 { return m.jobs.DocChanges }},
	{"couch_replicator/docs/dbs_deleted", "couch_replicator_docs_dbs_deleted_total", statCounter, "number of db shard deletions seen by replicator doc processor", func(m *measured) int64 { return m.jobs.DBsDeleted }},
	{"couch_replicator/docs/dbs_found", "couch_replicator_docs_dbs_found_total", statCounter, "number of db shard found by replicator doc processor", func(m *measured) int64 { return m.jobs.DBsFound }},
	{"couch_replicator/docs/failed_state_updates", "couch_replicator_docs_failed_state_updates_total", statCounter, "number of 'failed' state document updates", func(m *measured) int64 { return m.jobs.DocsFailed }},
	{"couch_replicator/failed_starts", "couch_replicator_failed_starts_total", statCounter, "number of replications that have failed to start", func(m *measured) int64 { return m.jobs.FailedStarts }},
	{"couch_replicator/jobs/adds", "couch_replicator_jobs_adds_total", statCounter, "number of jobs added to replicator scheduler", func(m *measured) int64 { return m.jobs.Adds }},
	{"couch_replicator/jobs/crashed", "couch_replicator_jobs_crashed", statGauge, "replicator scheduler crashed jobs", func(m *measured) int64 { return m.jobs.JobsCrashed }},
	{"couch_replicator/jobs/crashes", "couch_replicator_jobs_crashes_total", statCounter, "number of job crashed noticed by replicator scheduler", func(m *measured) int64 { return m.jobs.Crashes }},
	{"couch_replicator/jobs/pending", "couch_replicator_jobs_pending", statGauge, "replicator scheduler pending jobs", func(m *measured) int64 { return m.jobs.JobsPending }},
	{"couch_replicator/jobs/removes", "couch_replicator_jobs_removes_total", statCounter, "number of jobs removed from replicator scheduler", func(m *measured) int64 { return m.jobs.Removes }},
	{"couch_replicator/jobs/running", "couch_replicator_jobs_running", statGauge, "replicator scheduler running jobs", func(m *measured) int64 { return m.jobs.JobsRunning }},
	{"couch_replicator/jobs/starts", "couch_replicator_jobs_starts_total", statCounter, "number of jobs started by replicator scheduler", func(m *measured) int64 { return m.jobs.Starts }},
	{"couch_replicator/jobs/stops", "couch_replicator_jobs_stops_total", statCounter, "number of jobs stopped by replicator scheduler", func(m *measured) int64 { return m.jobs.Stops }},
	{"couch_replicator/jobs/total", "couch_replicator_jobs_total", statGauge, "total number of replicator scheduler jobs", func(m *measured) int64 { return m.jobs.JobsTotal }},
	{"couchdb/local_document_writes", "local_document_writes_total", statCounter, "number of _local document write operations", func(m *measured) int64 { return m.store.LocalWrites }},
	{"couchdb/open_databases", "open_databases", statGauge, "number of open databases", func(m *measured) int64 { return m.store.OpenDBs }},
	{"couchdb/open_os_files", "open_os_files", statGauge, "number of file descriptors CouchDB has open", func(*measured) int64 { return openFiles() }},
	{"fsync/count", "fsync_count_total", statCounter, "number of fsync calls", func(m *measured) int64 { return int64(m.store.Syncs.Count) }},
	{"settee/storage/cache_bytes", "storage_cache_bytes", statGauge, "bytes of the block cache", func(m *measured) int64 { return m.store.Cache }},
	{"settee/storage/cache_hits", "storage_cache_hits_total", statCounter, "number of blocks found in the cache", func(m *measured) int64 { return m.store.CacheHits }},
	{"settee/storage/cache_misses", "storage_cache_misses_total", statCounter, "number of blocks read from files", func(m *measured) int64 { return m.store.CacheMisses }},
	{"settee/storage/compaction_debt_bytes", "storage_compaction_debt_bytes", statGauge, "bytes that compactions have yet to go through", func(m *measured) int64 { return m.store.CompactDebt }},
	{"settee/storage/compactions", "storage_compactions_total", statCounter, "number of compactions of the storage's files", func(m *measured) int64 { return m.store.Compactions }},
	{"settee/storage/compactions_running", "storage_compactions_running", statGauge, "number of compactions under way", func(m *measured) int64 { return m.store.Compacting }},
	{"settee/storage/disk_bytes", "storage_disk_bytes", statGauge, "bytes of the store's files", func(m *measured) int64 { return m.store.Disk }},
	{"settee/storage/flushes", "storage_flushes_total", statCounter, "number of memory tables written to files", func(m *measured) int64 { return m.store.Flushes }},
	{"settee/storage/log_bytes", "storage_log_bytes_total", statCounter, "bytes written to the write-ahead log", func(m *measured) int64 { return m.store.LogBytes }},
	{"settee/storage/memtable_bytes", "storage_memtable_bytes", statGauge, "bytes of memory tables", func(m *measured) int64 { return m.store.MemTables }},
	{"settee/storage/old_file_bytes", "storage_old_file_bytes", statGauge, "bytes of files that only readers still hold", func(m *measured) int64 { return m.store.OldFiles }},
	{"settee/storage/open_readers", "storage_open_readers", statGauge, "number of iterators of files", func(m *measured) int64 { return m.store.OpenReaders }},
	{"settee/storage/open_snapshots", "storage_open_snapshots", statGauge, "number of snapshots", func(m *measured) int64 { return m.store.OpenViews }},
	{"settee/storage/tombstones", "storage_tombstones", statGauge, "deletions that compactions have yet to take away, about", func(m *measured) int64 { return m.store.DeletionKeys }},
}

// calls counts the requests of rows by a method, "" for any, and the end of the path.
func calls(method, end string) func(*measured) int64 {
	return func(m *measured) int64 {
		return m.of(m.calls, func(methods, path string) bool {
			return strings.HasSuffix(path, end) && (method == "" || slices.Contains(strings.Split(methods, ","), method))
		})
	}
}

func readingChanges(m *measured) int64 {
	return m.of(m.running, func(_, path string) bool { return strings.HasSuffix(path, "/_changes") })
}

// statuses that CouchDB counts are told though none was answered yet.
var knownStatuses = []int{200, 201, 202, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 406, 409, 412, 413, 414, 415, 416, 417, 500, 501, 503, 507}

// statusCodes are the statuses to tell, in order.
func (m *measured) statusCodes() []int {
	codes := slices.Clone(knownStatuses)
	for code := range m.statuses {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// leaf is one figure in _stats.
type leaf struct {
	Value any    `json:"value"`
	Type  string `json:"type"`
	Desc  string `json:"desc"`
}

// tree is _stats as CouchDB nests it.
func (m *measured) tree() map[string]any {
	root := map[string]any{}
	put := func(path string, l leaf) {
		at := root
		for {
			name, rest, more := strings.Cut(path, "/")
			if !more {
				at[name] = l
				return
			}
			if at[name] == nil {
				at[name] = map[string]any{}
			}
			at, path = at[name].(map[string]any), rest
		}
	}
	for _, s := range stats {
		put(s.path, leaf{s.read(m), string(s.kind), s.desc})
	}
	for method, n := range m.methods {
		put("couchdb/httpd_request_methods/"+method, leaf{n, string(statCounter), "number of HTTP " + method + " requests"})
	}
	for _, code := range m.statusCodes() {
		put("couchdb/httpd_status_codes/"+strconv.Itoa(code), leaf{m.statuses[code], string(statCounter), strings.TrimSpace("number of HTTP " + strconv.Itoa(code) + " " + statusText(code) + " responses")})
	}
	put("couchdb/request_time", leaf{m.requestTimes(), "histogram", "length of a request inside CouchDB without MochiWeb"})
	put("fsync/time", leaf{m.syncTimes(), "histogram", "microseconds to call fsync"})
	return root
}

// stats is GET _stats[/path]; of a path that is not there it is null.
func (c *call) stats() error {
	m, err := c.s.measure()
	if err != nil {
		return err
	}
	path, err := c.segment("rest")
	if err != nil {
		return err
	}
	raw, err := json.Marshal(m.tree())
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object[name] == nil {
			raw = []byte("null")
			break
		}
		raw = object[name]
	}
	c.send(http.StatusOK, append(raw, '\n'))
	return nil
}
