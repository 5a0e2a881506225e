package httpd

import (
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"settee/couch"
)

// system are the program's figures, as the runtime tells them without stopping anything.
type system struct {
	uptime                           time.Duration
	memory                           memory
	goroutines, runnable, processors int64
	collections, freed               int64
}

// memory is bytes by use.
type memory map[string]int64

func (m memory) uses() iter.Seq[string] { return maps.Keys(m) }

func (s *Server) system() system {
	names := []string{
		"/memory/classes/total:bytes", "/memory/classes/heap/objects:bytes", "/memory/classes/heap/stacks:bytes",
		"/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes", "/memory/classes/heap/unused:bytes",
		"/sched/goroutines:goroutines", "/sched/goroutines/runnable:goroutines", "/sched/gomaxprocs:threads",
		"/gc/cycles/total:gc-cycles", "/gc/heap/frees:bytes",
	}
	samples := make([]metrics.Sample, len(names))
	for i, n := range names {
		samples[i].Name = n
	}
	metrics.Read(samples)
	at := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	held := at(0) - at(3)
	m := memory{"objects": at(1), "stacks": at(2), "free": at(4) + at(5)}
	m["other"] = held - m["objects"] - m["stacks"] - m["free"]
	return system{
		uptime: s.o.Now().Sub(s.started), memory: m, goroutines: at(6), runnable: at(7), processors: at(8),
		collections: at(9), freed: at(10),
	}
}

// openFiles counts the program's descriptors where the system tells them: on Linux; elsewhere it is 0.
func openFiles() int64 {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return int64(len(files)) - 1 // reading the folder takes one
}

// systemFigures is GET _system: of CouchDB's members those that a Go program
// has. Its processes are goroutines, its words eight bytes.
func (c *call) systemFigures() error {
	s := c.s.system()
	const word = 8
	return c.sendJSON(map[string]any{
		"uptime": int64(s.uptime.Seconds()),
		"memory": map[string]int64{
			"processes": s.memory["objects"] + s.memory["stacks"] + s.memory["free"], "processes_used": s.memory["objects"] + s.memory["stacks"],
			"other": s.memory["other"],
		},
		"run_queue": s.runnable, "process_count": s.goroutines, "garbage_collection_count": s.collections, "words_reclaimed": s.freed / word,
		"internal_replication_jobs": 0, "message_queues": struct{}{}, "distribution": struct{}{},
	})
}

// versions is GET _versions: what this program is made of.
func (c *call) versions() error {
	of := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			of[m.Path] = strings.TrimPrefix(m.Version, "v")
		}
	}
	return c.sendJSON(map[string]any{
		"settee":            map[string]string{"version": c.s.o.Version, "couchdb": CouchVersion},
		"go":                map[string]string{"version": runtime.Version()},
		"javascript_engine": map[string]string{"name": "goja", "version": of["github.com/dop251/goja"]},
		"collation_driver":  map[string]string{"name": "golang.org/x/text", "library_version": of["golang.org/x/text"], "unicode_version": norm.Version},
		"storage":           map[string]string{"name": "pebble", "version": of["github.com/cockroachdb/pebble/v2"]},
	})
}

// smoosh is GET _smoosh/status: the compactions under way, in the form of
// CouchDB's channels. None waits: what the policy finds begins at once.
func (c *call) smoosh() error {
	waiting := map[string]int{"size": 0, "min": 0, "max": 0}
	return c.sendJSON(map[string]any{"channels": map[string]any{
		"compactions": map[string]any{"active": len(c.s.store.Compactions()), "starting": 0, "waiting": waiting},
	}})
}

// errRestart says who restarts: a program that replaces itself would drop its requests.
var errRestart = &couch.Error{Kind: couch.NotImplemented, Reason: "settee does not restart itself: stop it (SIGTERM drains its requests) and start it again."}

func (c *call) restart() error { return errRestart }

// sendJSON answers with a value that is no hot path.
func (c *call) sendJSON(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.send(http.StatusOK, append(raw, '\n'))
	return nil
}
