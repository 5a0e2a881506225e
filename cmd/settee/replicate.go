package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"settee/couch/driver"
	"settee/replicate"
	"settee/views"
)

const replicateExamples = `  settee replicate http://admin:password@old:5984/registry registry --create-target
  settee replicate registry https://admin:password@backup:6984/registry --continuous
  settee replicate http://here:5984/a http://there:5984/b --doc-ids one,two
  settee replicate http://here:5984/a http://there:5984/b --selector '{"type":"post"}'
  settee replicate http://here:5984/a http://there:5984/b --filter app/mine --query-params '{"user":"me"}'

SOURCE and TARGET are URLs of databases of any CouchDB API (Apache CouchDB, pouchdb-server, a settee that runs), or
names of databases in --data, whose server must be stopped. What was replicated before is not sent again; what was
interrupted goes on where it was. A replication that a CouchDB ran goes on as well, and the other way round.
`

// replication is what the command line asks for.
type replication struct {
	source, target string
	data           string
	tarballs       string
	proxy          string
	docIDs         string
	selector       string
	params         string
	checkpoints    bool
	bulkGet        bool
	asJSON         bool
	o              replicate.Options
}

func (r *replication) flags(stdout io.Writer) *flag.FlagSet {
	fs := newFlags("replicate", "SOURCE TARGET: bring one database to another", replicateExamples, stdout)
	fs.StringVar(&r.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&r.tarballs, "tarballs", "", "`URL` of the bucket, where serve has one")
	fs.BoolVar(&r.o.Continuous, "continuous", false, "go on until a signal comes")
	fs.BoolVar(&r.o.CreateTarget, "create-target", false, "make the target if it is not there")
	fs.StringVar(&r.docIDs, "doc-ids", "", "`LIST` of documents, with commas or as JSON; nothing else is replicated")
	fs.StringVar(&r.selector, "selector", "", "`JSON` of a Mango selector that documents must match")
	fs.StringVar(&r.o.Filter, "filter", "", "`DESIGN/FUNCTION` that documents must pass, or _view with the view in --query-params")
	fs.StringVar(&r.params, "query-params", "", "`JSON` object of strings that the filter sees")
	fs.StringVar(&r.o.SinceSeq, "since", "", "`SEQ` of the source to begin after, whatever was replicated before")
	fs.BoolVar(&r.o.WinningRevsOnly, "winning-revs-only", false, "leave conflicts behind")
	fs.BoolVar(&r.checkpoints, "use-checkpoints", true, "keep on both sides what was replicated; =false where the source may not be written")
	fs.BoolVar(&r.bulkGet, "use-bulk-get", true, "read many documents with one request")
	fs.DurationVar(&r.o.CheckpointInterval, "checkpoint-interval", 0, "`TIME` between checkpoints, 30s where none is given")
	fs.IntVar(&r.o.Workers, "workers", 0, "`N` batches at once, 4 where none is given")
	fs.IntVar(&r.o.BatchSize, "batch-size", 0, "`N` changes in a batch, 500 where none is given")
	fs.DurationVar(&r.o.ConnectionTimeout, "connection-timeout", 0, "`TIME` that a peer may say nothing, 30s where none is given")
	fs.IntVar(&r.o.Retries, "retries", 0, "`N` tries of a request that fails in passing, 5 where none is given")
	fs.StringVar(&r.proxy, "proxy", "", "`URL` of a proxy to both ends")
	fs.StringVar(&r.o.ID, "id", "", "`ID` of the checkpoints, CouchDB's own where none is given")
	fs.BoolVar(&r.asJSON, "json", false, "print what _replicate answers")
	return fs
}

// read reads the command line.
func (r *replication) read(args []string, stdout io.Writer) error {
	fs := r.flags(stdout)
	names, err := readWords(fs, args)
	if err != nil {
		return err
	}
	if len(names) != 2 {
		return usageError{errors.New("replicate wants SOURCE and TARGET: settee replicate --help shows examples")}
	}
	r.source, r.target = names[0], names[1]
	r.o.NoCheckpoints, r.o.NoBulkGet = !r.checkpoints, !r.bulkGet
	return r.readSelection()
}

func (r *replication) readSelection() error {
	if r.docIDs != "" {
		if strings.HasPrefix(r.docIDs, "[") {
			if err := json.Unmarshal([]byte(r.docIDs), &r.o.DocIDs); err != nil {
				return usageError{fmt.Errorf("--doc-ids: %w", err)}
			}
		} else {
			r.o.DocIDs = strings.Split(r.docIDs, ",")
		}
	}
	if r.selector != "" {
		if !json.Valid([]byte(r.selector)) {
			return usageError{errors.New("--selector: want a JSON object")}
		}
		r.o.Selector = json.RawMessage(r.selector)
	}
	if r.params != "" {
		if err := json.Unmarshal([]byte(r.params), &r.o.QueryParams); err != nil {
			return usageError{fmt.Errorf("--query-params: want a JSON object of strings: %w", err)}
		}
	}
	return nil
}

// runReplicate brings one database to another.
func runReplicate(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	var r replication
	if err := r.read(args, stdout); err != nil {
		return err
	}
	open := opener{replication: &r}
	defer func() { err = errors.Join(err, open.close()) }()
	source, err := open.peer(ctx, r.source)
	if err != nil {
		return err
	}
	target, err := open.peer(ctx, r.target)
	if err != nil {
		return err
	}
	p := newProgress(stderr, "replicating")
	tell, total := p.of("changes"), int64(0)
	r.o.Progress = func(s replicate.Stats) {
		total = max(total, s.ChangesPending) // what was to come when that was first known
		tell(total-max(s.ChangesPending, 0), total)
	}
	r.o.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	result, err := replicate.Run(ctx, source, target, r.o)
	p.end()
	if err != nil && (ctx.Err() == nil || !r.o.Continuous) {
		if errors.Is(err, replicate.ErrBadOptions) {
			return usageError{err}
		}
		return err
	}
	return r.print(stdout, result)
}

func (r *replication) print(w io.Writer, result replicate.Result) error {
	if r.asJSON {
		return json.NewEncoder(w).Encode(result)
	}
	s := result.Stats
	_, err := fmt.Fprintf(w, "%d revisions looked at, %d missing, %d read, %d written, %d refused: the target has all up to %s\n",
		s.RevisionsChecked, s.MissingFound, s.DocsRead, s.DocsWritten, s.DocWriteFailures, s.ThroughSeq)
	return err
}

// opener opens peers: those that are URLs, and those in the folder, whose store it opens once.
type opener struct {
	*replication
	house house
	local func(name string) replicate.Peer // nil: the store is not open
}

func (o *opener) close() error { return o.house.close() }

func (o *opener) peer(ctx context.Context, name string) (replicate.Peer, error) {
	if strings.Contains(name, "://") {
		p, err := replicate.Dial(ctx, replicate.Endpoint{URL: name, Proxy: o.proxy}, replicate.DialOptions{ConnectionTimeout: o.o.ConnectionTimeout})
		if err != nil {
			return p, usageError{err}
		}
		return p, nil
	}
	if o.local == nil {
		if err := o.openStore(ctx); err != nil {
			return replicate.Peer{}, err
		}
	}
	return o.local(name), nil
}

func (o *opener) openStore(ctx context.Context) error {
	s := settings{data: o.data, tarballs: o.tarballs}
	if err := s.checkTarballs(); err != nil {
		return usageError{err}
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil { // others may not read documents
		return fmt.Errorf("make --data: %w", err)
	}
	blobs, err := openTarballs(ctx, s)
	if err != nil {
		return err
	}
	o.house.closing(closerOf(blobs))
	store, err := openStore(s.data, blobs, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	o.house.closing(store.Close)
	eng := views.New(store, views.Options{Native: twins()})
	o.house.closing(eng.Close)
	client, err := driver.NewClient(store, eng)
	if err != nil {
		return err
	}
	o.local = func(name string) replicate.Peer {
		return replicate.Peer{DB: client.DB(name), Name: name, Create: func(ctx context.Context) error { return client.CreateDB(ctx, name) }}
	}
	return nil
}
