package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"settee/couch"
	"settee/registry"
	"settee/tarballs"
)

const checkExamples = `  settee check
  settee check --data /var/lib/settee
  settee check --data /var/lib/settee --tarballs 's3://minio:9000/tarballs?tls=false'
`

// check proves the stores of a stopped server and reports each problem.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	fs := newFlags("check", "prove the stores of a stopped server", checkExamples, stdout)
	fs.StringVar(&s.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&s.tarballs, "tarballs", "", "`URL` of the bucket, where serve has one")
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.data, "couch")); err != nil {
		return usageError{fmt.Errorf("--data %s holds no store: %w", s.data, err)}
	}
	blobs, err := openTarballs(ctx, s)
	if err != nil {
		return err
	}
	store, err := openStore(s.data, blobs, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer store.Close()
	report, err := store.Check(ctx, progress(stderr))
	if err != nil {
		return fmt.Errorf("check the documents: %w", err)
	}
	tarballs, missing, err := checkTarballs(ctx, store, blobs)
	if err != nil {
		return fmt.Errorf("check the tarballs: %w", err)
	}
	problems := append(report.Problems, missing...)
	for _, p := range problems {
		fmt.Fprintln(stdout, "problem:", p)
	}
	fmt.Fprintf(stdout, "%d databases, %d documents, %d revisions, %d attachments, %d tarballs: %d problems\n",
		report.Databases, report.Documents, report.Revisions, report.Attachments, tarballs, len(problems))
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	return nil
}

// checkTarballs looks for the blob of every version of every packument.
func checkTarballs(ctx context.Context, store *couch.Store, blobs tarballs.Store) (n int, missing []string, err error) {
	db, err := store.DB(registry.Database)
	if err != nil {
		return 0, nil, nil // a server that has served no npm yet
	}
	rows, err := db.AllDocs(ctx, couch.AllDocsOptions{Limit: -1, IncludeDocs: true})
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		row := rows.Row()
		if row.ID.IsDesign() || row.Doc == nil {
			continue
		}
		var p struct {
			Versions map[string]struct{ Dist struct{ Integrity string } }
		}
		if err := json.Unmarshal(row.Doc.Body, &p); err != nil {
			missing = append(missing, fmt.Sprintf("%s: no packument: %v", row.ID, err))
			continue
		}
		for version, v := range p.Versions {
			n++
			digest, err := tarballs.ParseSRI(v.Dist.Integrity)
			if err == nil {
				_, err = blobs.Stat(ctx, digest)
			}
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s@%s: its tarball: %v", row.ID, version, err))
			}
		}
	}
	return n, missing, rows.Err()
}

// progress draws a line that grows on a terminal, and nothing elsewhere.
func progress(w io.Writer) func(done, total int64) {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return func(done, total int64) {
		if total <= 0 {
			return
		}
		fmt.Fprintf(w, "\rchecking %3d %%", done*100/total)
		if done >= total {
			fmt.Fprintln(w)
		}
	}
}
