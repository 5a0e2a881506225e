package replicate

import (
	"strconv"
	"strings"
	"time"
)

// Settings are those of [replicator] in CouchDB's configuration. They are looked up when they are used,
// so a change holds from then on. The zero value has CouchDB's defaults.
type Settings struct {
	// Value is what is set, and whether anything is. It is called often and must be quick. May be nil.
	Value func(key string) (value string, set bool)
}

// The defaults are CouchDB's, but for one: a job starts at once, where CouchDB waits up to 5 s (startup_jitter)
// so that a cluster's jobs do not start together.
const (
	defaultMaxJobs    = 500
	defaultMaxChurn   = 20
	defaultMaxHistory = 20
	defaultInterval   = time.Minute
	defaultHealthy    = 2 * time.Minute
)

func (s Settings) text(key string) (string, bool) {
	if s.Value == nil {
		return "", false
	}
	return s.Value(key)
}

// number is a whole number from least, else what is the default.
func (s Settings) number(key string, least, absent int) int {
	text, set := s.text(key)
	n, err := strconv.Atoi(text)
	if !set || err != nil || n < least {
		return absent
	}
	return n
}

func (s Settings) bool(key string, absent bool) bool {
	if text, set := s.text(key); set && (text == "true" || text == "false") {
		return text == "true"
	}
	return absent
}

func (s Settings) milliseconds(key string, absent time.Duration) time.Duration {
	if n := s.number(key, 1, 0); n > 0 {
		return time.Duration(n) * time.Millisecond
	}
	return absent
}

// words is a list, separated by commas.
func (s Settings) words(key, absent string) []string {
	text, set := s.text(key)
	if !set {
		text = absent
	}
	words := strings.Split(text, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
	}
	return words
}

func (s Settings) maxJobs() int            { return s.number("max_jobs", 0, defaultMaxJobs) }
func (s Settings) maxChurn() int           { return s.number("max_churn", 1, defaultMaxChurn) }
func (s Settings) maxHistory() int         { return s.number("max_history", 1, defaultMaxHistory) }
func (s Settings) interval() time.Duration { return s.milliseconds("interval", defaultInterval) }
func (s Settings) jitter() time.Duration   { return s.milliseconds("startup_jitter", 0) }
func (s Settings) updateDocs() bool        { return s.bool("update_docs", false) }

// healthy is how long a job must have run for its crash to be the first of a row.
func (s Settings) healthy() time.Duration {
	return time.Duration(s.number("health_threshold", 0, int(defaultHealthy/time.Second))) * time.Second
}

// defaults are what a request has that says nothing.
func (s Settings) defaults(r *Request) {
	o := &r.Options
	o.NoCheckpoints = !s.bool("use_checkpoints", true)
	o.NoBulkGet = !s.bool("use_bulk_get", true)
	o.CheckpointInterval = s.milliseconds("checkpoint_interval", 30*time.Second)
	o.ConnectionTimeout = s.milliseconds("connection_timeout", 30*time.Second)
	o.Workers = s.number("worker_processes", 1, 4)
	o.BatchSize = s.number("worker_batch_size", 1, 500)
	r.Connections = s.number("http_connections", 1, 20)
	if o.Retries = s.number("retries_per_request", 0, 5); o.Retries == 0 {
		o.Retries = -1
	}
}
