package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"slices"
	"strings"
)

const benchUsage = `Usage: settee bench [--couch URL] [--npm URL] [--against URL] [--against-npm URL] [flags]

Measures a server over HTTP and prints Go's benchmark format, which benchstat
compares. Without --couch and --npm it starts a server of its own, empty, in a temporary folder,
and can then tell the time to open its store and its peak of memory too. On a running server
it works in databases and packages of its own, whose names begin with "bench", and removes
them at its end.

  settee bench
  settee bench --growth 100000 --only put64,get,growth
  settee bench --couch http://127.0.0.1:5984 --npm http://127.0.0.1:4873 --admin me:secret
  settee bench --npm http://127.0.0.1:4873 --token npm_… --only publish,tarball | tee new.txt
  settee bench --against http://admin:password@127.0.0.1:5985
  settee bench --against-npm 'http://127.0.0.1:4874#Verdaccio' --only publish,version,packument,full,tarball,largest

--against asks another server of the CouchDB API (Apache CouchDB, pouchdb-server) for the same
work in the same run, --against-npm another npm registry: timed workloads twice on each, in the order here, there,
there, here. A table of both ends the output; what the other cannot do is told in its cell. It grows only
when --only names growth.

Bodies are made before the clock starts. The client writes prepared bytes on
kept connections, one a worker, and reads answers without parsing more than
their length: on one machine what it saves is the server's. ns/op is time over
work, all clients together; p50-ms and p99-ms are of single requests.

Workloads, in their order (--only takes a comma list):
`

// benchmark is one row of the table: over CouchDB's API or npm's, or of a store in this process.
type benchmark struct {
	name, what string
	couch      func(*subject) ([]figure, error)
	npm        func(*shop) ([]figure, error)
	own        func(*bencher) ([]figure, error) // of no server: only where bench starts its own
	timed      bool                             // lasts --seconds, so that it can be split into rounds
}

var benchmarks = []benchmark{
	{"put1", "put new documents of 600 bytes, 1 client", func(s *subject) ([]figure, error) { return s.put(1) }, nil, nil, true},
	{"put64", "the same, 64 clients", func(s *subject) ([]figure, error) { return s.put(64) }, nil, nil, true},
	{"bulk", "_bulk_docs of 1,000 documents, 1 client", (*subject).bulk, nil, nil, false},
	{"get", "get documents, 32 clients", (*subject).get, nil, nil, true},
	{"changes", "read a whole _changes feed, 1 client", (*subject).changes, nil, nil, true},
	{"update", "update one document 5,000 times: the first 100 and the last 100", (*subject).update, nil, nil, false},
	{"view", "build two JavaScript views, three rows a document; 20 rows, a grouped reduction, one of a random range, 8 clients", (*subject).view, nil, nil, true},
	{"find", "build a Mango index; search 20 documents by it, 8 clients", (*subject).mango, nil, nil, true},
	{"growth", "get, the end of _changes, _all_docs&limit=20 and a random reduction in 10,000 documents and in --growth", (*subject).growth, nil, nil, false},
	{"publish", "publish new packages of 20 kB, 8 clients", nil, (*shop).publish, nil, false},
	{"version", "publish 300 versions of one package: the last 20", nil, (*shop).version, nil, false},
	{"packument", "abbreviated packument of 300 versions, gzip, 32 clients", nil, (*shop).packument, nil, true},
	{"full", "its full packument, gzip, 32 clients", nil, (*shop).full, nil, true},
	{"tarball", "tarball of 20 kB, 32 clients", nil, (*shop).tarball, nil, true},
	{"ping", "/-/ping, 32 clients", nil, (*shop).ping, nil, true},
	{"largest", "a packument of --largest MB: publish five more versions, read each for the first time, abbreviated and full; then full, 8 clients", nil, (*shop).largest, nil, false},
	{"package", "publish a package of --package MB and read it, 4 clients; the memory that takes", nil, nil, packages, false},
	{"search", "put --corpus packages into the registry until they are found; search them, 1 client", nil, nil, searches, false},
	{"replication", "_replicate of 20,000 documents between two databases of the server", (*subject).replication, nil, nil, false},
	{"replicate", "20,000 documents within the embedded engine, to a server and back; from a write to a continuous target and to a follower; an attachment of 100 MB to a server and back; nothing new in --growth", nil, nil, replicates, false},
}

// benchFlags are the parsed flags of bench.
type benchFlags struct {
	couch, npm          *url.URL // nil: not measured
	against, againstNPM *url.URL // nil: nothing to compare with
	admin, token        string
	only                []string
	seconds             float64
	docs                int
	updates             int
	growth              int
	packages            int
	corpus              int
	versions            int
	largest, large      int // MB
}

// local reports whether bench is to start its own server.
func (f *benchFlags) local() bool { return f.couch == nil && f.npm == nil }

func parseBenchFlags(args []string, stderr io.Writer) (benchFlags, error) {
	var f benchFlags
	var couch, npm, against, againstNPM, only string
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&couch, "couch", "", "`URL` of the CouchDB API; may hold name and password")
	set.StringVar(&npm, "npm", "", "`URL` of the npm API")
	set.StringVar(&against, "against", "", "`URL` of another CouchDB API to measure beside; may hold name and password")
	set.StringVar(&againstNPM, "against-npm", "", "`URL` of another npm API to measure beside; may hold name and password, and its name in the table after a #")
	set.StringVar(&f.admin, "admin", "", "`NAME:PASSWORD` for both APIs")
	set.StringVar(&f.token, "token", "", "npm `TOKEN`, instead of --admin")
	set.StringVar(&only, "only", "", "comma `LIST` of workloads; default: all")
	set.Float64Var(&f.seconds, "seconds", 3, "length of each timed workload")
	set.IntVar(&f.docs, "docs", 50_000, "documents of bulk, get and changes; whole thousands")
	set.IntVar(&f.updates, "updates", 5_000, "updates of one document")
	set.IntVar(&f.growth, "growth", 1_000_000, "documents of growth, whole thousands; 0: no growth")
	set.IntVar(&f.corpus, "corpus", 200_000, "packages of search, whole thousands; 0: no search")
	set.IntVar(&f.packages, "packages", 3_000, "packages of publish")
	set.IntVar(&f.versions, "versions", 300, "versions of version and packument")
	set.IntVar(&f.largest, "largest", 20, "MB of the packument of largest")
	set.IntVar(&f.large, "package", 200, "MB of the package of package")
	set.Usage = func() {
		fmt.Fprint(stderr, benchUsage)
		for _, b := range benchmarks {
			fmt.Fprintf(stderr, "  %-11s %s\n", b.name, b.what)
		}
		fmt.Fprint(stderr, "\nFlags:\n")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("bench: unexpected argument %q", set.Arg(0))
	}
	return f, f.check(couch, npm, against, againstNPM, only)
}

func (f *benchFlags) check(couch, npm, against, againstNPM, only string) (err error) {
	if f.couch, err = baseURL("--couch", couch); err != nil {
		return err
	}
	if f.npm, err = baseURL("--npm", npm); err != nil {
		return err
	}
	if f.against, err = baseURL("--against", against); err != nil {
		return err
	}
	if f.againstNPM, err = baseURL("--against-npm", againstNPM); err != nil {
		return err
	}
	if f.againstNPM != nil && f.npm == nil && f.couch != nil {
		return errors.New("bench: --against-npm compares npm APIs: name one by --npm, or no server at all")
	}
	if f.against != nil && f.couch == nil && f.npm != nil {
		return errors.New("bench: --against compares CouchDB APIs: name one by --couch, or no server at all")
	}
	if f.seconds <= 0 || f.docs < 1000 || f.updates < 200 || f.packages < 1 || f.versions < 20 || f.largest < 1 || f.large < 1 {
		return errors.New("bench: --seconds above 0, --docs from 1000, --updates from 200, --packages, --largest and --package from 1, --versions from 20")
	}
	if f.growth != 0 && f.growth < 2*smallGrowth {
		return fmt.Errorf("bench: --growth from %d, or 0", 2*smallGrowth)
	}
	for name := range strings.SplitSeq(only, ",") {
		if name == "" {
			continue
		}
		if !slices.ContainsFunc(benchmarks, func(b benchmark) bool { return b.name == name }) {
			return fmt.Errorf("bench: no workload %q; see settee bench --help", name)
		}
		f.only = append(f.only, name)
	}
	return nil
}

// wants reports whether a workload is to run at all, and against a rival too.
func (f *benchFlags) wants(row benchmark) (here, there bool) {
	named := slices.Contains(f.only, row.name)
	here = (named || len(f.only) == 0) && (row.name != "growth" || f.growth > 0)
	if row.own != nil {
		here = here && (row.name != "search" || f.corpus > 0)
		return here && f.local(), false
	}
	if row.npm != nil {
		here = here && (f.npm != nil || f.local())
		return here, here && f.againstNPM != nil
	}
	here = here && (f.couch != nil || f.local())
	return here, here && f.against != nil && (named || row.name != "growth")
}

func baseURL(flag, s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("bench: %s is not http://HOST:PORT", flag)
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

// bench measures the servers that args name, or one of its own. It ends at the first workload
// that fails, after cleaning up; a rival may fail.
func bench(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseBenchFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	b, err := newBencher(ctx, f, stdout, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean()) }()
	fmt.Fprintf(stdout, "goos: %s\ngoarch: %s\npkg: settee/bench\n", runtime.GOOS, runtime.GOARCH)
	var sides, shops comparison
	for _, row := range benchmarks {
		here, there := f.wants(row)
		if !here {
			continue
		}
		fmt.Fprintf(stderr, "bench: %s: %s\n", row.name, row.what)
		figures, rivals, err := b.run(row, there)
		if err != nil {
			return err
		}
		if row.npm != nil {
			shops.add(figures, rivals, there)
		} else {
			sides.add(figures, rivals, there)
		}
	}
	return errors.Join(sides.print(stdout, b.rival), shops.print(stdout, b.rivalShop))
}
