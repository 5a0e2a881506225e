package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"settee/couch"
	"settee/tarballs"
)

const checkExamples = `  settee check
  settee check --data /var/lib/settee
  settee check --data /var/lib/settee --repair
  settee check --data /var/lib/settee --tarballs 's3://minio:9000/tarballs?tls=false'
`

// check proves the stores of a stopped server and reports each problem: the
// documents, their indexes, the bytes of every blob, and that each version has
// its tarball. With --repair it mends what can be mended and tells of that too.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	fs := newFlags("check", "prove the stores of a stopped server, or repair them", checkExamples, stdout)
	fs.StringVar(&s.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&s.tarballs, "tarballs", "", "`URL` of the bucket, where serve has one")
	mend := fs.Bool("repair", false, "mend what can be mended; what has to go is kept in DIR/set-aside-*.jsonl")
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	if err := s.checkTarballs(); err != nil {
		return usageError{err}
	}
	if err := holdsStore(s.data); err != nil {
		return err
	}
	problems, err := checkStores(ctx, s, *mend, stdout, newProgress(stderr, "checking"))
	if err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("%s: %d problems", s.data, problems)
	}
	return nil
}

// checkStores prints each problem, then what was looked at.
func checkStores(ctx context.Context, s settings, mend bool, stdout io.Writer, p *progress) (problems int, err error) {
	blobs, err := openTarballs(ctx, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closerOf(blobs)()) }()
	store, err := openStore(s.data, blobs, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	found := func(format string, args ...any) {
		problems++
		fmt.Fprintln(stdout, "problem:", fmt.Sprintf(format, args...))
	}
	report, mended, err := checkDocuments(ctx, s.data, store, mend, found, p.of("documents"))
	for _, text := range mended {
		fmt.Fprintln(stdout, "mended:", text)
	}
	if err != nil {
		return problems, fmt.Errorf("check the documents: %w", err)
	}
	n, damaged, err := checkBlobs(ctx, blobs, p.of("blobs"))
	for digest, err := range damaged {
		found("blob %s: %v", digest.SRI(), err)
	}
	if err != nil {
		return problems, fmt.Errorf("check the blobs: %w", err)
	}
	versions, err := checkVersions(ctx, store, blobs, damaged, found, p.of("versions"))
	if err != nil {
		return problems, fmt.Errorf("check the versions: %w", err)
	}
	fmt.Fprintf(stdout, "%d databases, %d documents, %d revisions, %d attachments, %d blobs, %d versions: ",
		report.Databases, report.Documents, report.Revisions, report.Attachments, n, versions)
	if mend {
		fmt.Fprintf(stdout, "%d mended, ", len(mended))
	}
	fmt.Fprintf(stdout, "%d problems\n", problems)
	return problems, nil
}

// checkBlobs reads and hashes every blob, and returns those that are not whole.
func checkBlobs(ctx context.Context, blobs tarballs.Store, tell func(done, total int64)) (n int64, damaged map[tarballs.Digest]error, err error) {
	var total int64
	for _, err := range blobs.List(ctx) {
		if err != nil {
			return 0, nil, err
		}
		total++
	}
	damaged = map[tarballs.Digest]error{}
	err = tarballs.Verify(ctx, blobs, func(info tarballs.Info, err error) {
		if err != nil {
			damaged[info.Digest] = err
		}
		n++
		tell(n, total)
	})
	return n, damaged, err
}

// checkVersions looks for the blob of every version of every packument.
func checkVersions(ctx context.Context, store *couch.Store, blobs tarballs.Store, damaged map[tarballs.Digest]error,
	found func(string, ...any), tell func(done, total int64),
) (n int64, err error) {
	err = eachPackument(ctx, store, tell, func(name string, p packument, err error) {
		if err != nil {
			found("%s: no packument: %v", name, err)
			return
		}
		for version, v := range p.Versions {
			n++
			digest, err := tarballs.ParseSRI(v.Dist.Integrity)
			if err == nil {
				_, err = blobs.Stat(ctx, digest)
			}
			if err := errors.Join(err, damaged[digest]); err != nil {
				found("%s@%s: its tarball: %v", name, version, err)
			}
		}
	})
	return n, err
}
