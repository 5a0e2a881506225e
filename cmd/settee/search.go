package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/downloads"
)

// searchDir is the folder of the search index, "" where there is none. One of a node that keeps no data is gone with its end.
func (h *house) searchDir(s settings) (string, error) {
	switch {
	case s.search == off:
		return "", nil
	case s.search != "":
		return s.search, nil
	case s.keepsData():
		return filepath.Join(s.data, "search"), nil
	}
	dir, err := os.MkdirTemp("", "settee-search-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the search index: %w", err)
	}
	h.closing(func() error { return os.RemoveAll(dir) })
	return dir, nil
}

// openSearch opens what search stands on: the folder of the index, and the counting of downloads.
func (h *house) openSearch(ctx context.Context, client *kivik.Client, s settings, log *slog.Logger) (dir string, counted *downloads.Downloads, err error) {
	if dir, err = h.searchDir(s); err != nil {
		return "", nil, err
	}
	if counted, err = downloads.Open(ctx, client, downloads.Options{Region: s.region, Logger: log}); err != nil {
		return "", nil, err
	}
	h.closing(counted.Close)
	return dir, counted, nil
}

const searchExamples = `  settee search rebuild --data /var/lib/settee
  settee search rebuild --db http://admin:PASSWORD@couch:5984 --tarballs 's3://minio:9000/tarballs?tls=false' --search /var/lib/index
`

// runSearch makes the search index of a stopped server anew.
func runSearch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s settings
	fs := newFlags("search rebuild", "make the search index of a stopped server anew; a server does so by itself where it is lost or damaged", searchExamples, stdout)
	fs.StringVar(&s.data, "data", "./settee-data", "`DIR` of the embedded stores")
	fs.StringVar(&s.search, "search", "", "`DIR` of the index, where it is not in --data")
	fs.StringVar(&s.db, "db", "", "`URL` of the Apache CouchDB, where serve has one")
	fs.StringVar(&s.tarballs, "tarballs", "", "`URL` of the bucket, where serve has one")
	words, err := readWords(fs, args)
	if err != nil {
		return err
	}
	if strings.Join(words, " ") != "rebuild" {
		return usageError{fmt.Errorf("settee search takes one word, rebuild: settee search --help explains it")}
	}
	if err := holdsIndex(&s); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s.npm, s.couch, s.newScoped = off, off, "public"
	h, err := open(ctx, s, admin{}, log, new(slog.LevelVar))
	if err != nil {
		return err
	}
	began := time.Now()
	index := h.registry.SearchIndex()
	err = index.Rebuild(ctx)
	is, statusErr := index.Status(ctx)
	if err == nil {
		err = statusErr
	}
	if err == nil {
		fmt.Fprintf(stdout, "%d packages, %d bytes, in %.1f s\n", is.Packages, is.Bytes, time.Since(began).Seconds())
	}
	if closed := h.close(); err == nil {
		err = closed
	}
	return err
}

// holdsIndex refuses a place where no server has had its index: a typing error, most likely.
func holdsIndex(s *settings) error {
	if s.db == "" {
		return holdsStore(s.data)
	}
	dir := s.search
	if dir == "" {
		dir = filepath.Join(s.data, "search")
	}
	if _, err := os.Stat(dir); err != nil {
		return usageError{fmt.Errorf("there is no index: %w: give --data or --search as serve has them", err)}
	}
	return nil
}
