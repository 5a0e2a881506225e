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
	"time"
)

const benchUsage = `Usage: settee bench --couch URL --npm URL --admin NAME:PASSWORD [flags]

Measures running servers over HTTP and prints Go's benchmark format, which
benchstat compares. It works in databases and packages of its own, whose names
begin with "bench", and removes them at its end.

  settee bench --couch http://127.0.0.1:5984 --npm http://127.0.0.1:4873 --admin me:secret
  settee bench --couch http://127.0.0.1:5984 --admin me:secret --only put64,get
  settee bench --npm http://127.0.0.1:4873 --token npm_… --only publish,tarball | tee new.txt

Bodies are made before the clock starts. The client writes prepared bytes on
kept connections, one a worker, and reads answers without parsing more than
their length: on one machine what it saves is the server's. ns/op is time over
work, all clients together; p50-ms and p99-ms are of single requests.

Workloads, in their order (--only takes a comma list):
`

// benchmark is one row of the table.
type benchmark struct {
	name string
	npm  bool // over the npm API, not CouchDB's
	what string
	run  func(*bencher) error
}

var benchmarks = []benchmark{
	{"put1", false, "put new documents of 600 bytes, 1 client", func(b *bencher) error { return b.put(1) }},
	{"put64", false, "the same, 64 clients", func(b *bencher) error { return b.put(64) }},
	{"bulk", false, "_bulk_docs of 1,000 documents, 1 client", (*bencher).bulk},
	{"get", false, "get documents, 32 clients", (*bencher).get},
	{"changes", false, "read a whole _changes feed, 1 client", (*bencher).changes},
	{"update", false, "update one document 5,000 times: the first 100 and the last 100", (*bencher).update},
	{"publish", true, "publish new packages of 20 kB, 8 clients", (*bencher).publish},
	{"version", true, "publish 300 versions of one package: the last 20", (*bencher).version},
	{"packument", true, "abbreviated packument of 300 versions, gzip, 32 clients", (*bencher).packument},
	{"tarball", true, "tarball of 20 kB, 32 clients", (*bencher).tarball},
}

// benchFlags are the parsed flags of bench.
type benchFlags struct {
	couch, npm   *url.URL // nil: not measured
	admin, token string
	only         []string
	seconds      float64
	docs         int
	updates      int
	packages     int
	versions     int
}

func parseBenchFlags(args []string, stderr io.Writer) (benchFlags, error) {
	var f benchFlags
	var couch, npm, only string
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&couch, "couch", "", "`URL` of the CouchDB API; may hold name and password")
	set.StringVar(&npm, "npm", "", "`URL` of the npm API")
	set.StringVar(&f.admin, "admin", "", "`NAME:PASSWORD` for both APIs")
	set.StringVar(&f.token, "token", "", "npm `TOKEN`, instead of --admin")
	set.StringVar(&only, "only", "", "comma `LIST` of workloads; default: all")
	set.Float64Var(&f.seconds, "seconds", 3, "length of each timed workload")
	set.IntVar(&f.docs, "docs", 50_000, "documents of bulk, get and changes; whole thousands")
	set.IntVar(&f.updates, "updates", 5_000, "updates of one document")
	set.IntVar(&f.packages, "packages", 3_000, "packages of publish")
	set.IntVar(&f.versions, "versions", 300, "versions of version and packument")
	set.Usage = func() {
		fmt.Fprint(stderr, benchUsage)
		for _, b := range benchmarks {
			fmt.Fprintf(stderr, "  %-10s %s\n", b.name, b.what)
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
	return f, f.check(couch, npm, only)
}

func (f *benchFlags) check(couch, npm, only string) (err error) {
	if couch == "" && npm == "" {
		return errors.New("bench: name a server by --couch URL, --npm URL or both")
	}
	if f.couch, err = baseURL("--couch", couch); err != nil {
		return err
	}
	if f.npm, err = baseURL("--npm", npm); err != nil {
		return err
	}
	if f.seconds <= 0 || f.docs < 1000 || f.updates < 200 || f.packages < 1 || f.versions < 20 {
		return errors.New("bench: --seconds above 0, --docs from 1000, --updates from 200, --packages from 1, --versions from 20")
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

func baseURL(flag, s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("bench: %s is not http://HOST:PORT", flag)
	}
	return u, nil
}

// bench measures the servers that args name. It ends at the first workload
// that fails, after cleaning up.
func bench(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parseBenchFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	b := newBencher(ctx, f, stdout, stderr)
	defer func() { err = errors.Join(err, b.clean()) }()
	fmt.Fprintf(stdout, "goos: %s\ngoarch: %s\npkg: settee/bench\n", runtime.GOOS, runtime.GOARCH)
	for _, row := range benchmarks {
		wanted := len(f.only) == 0 || slices.Contains(f.only, row.name)
		if there := row.npm && f.npm != nil || !row.npm && f.couch != nil; !wanted || !there {
			continue
		}
		start := time.Now()
		fmt.Fprintf(stderr, "bench: %s: %s\n", row.name, row.what)
		if err := row.run(b); err != nil {
			return fmt.Errorf("bench: %s, after %s: %w", row.name, time.Since(start).Round(time.Millisecond), err)
		}
	}
	return nil
}
