package advisories

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A source hands out files that may each hold a record, one after the other. Progress tells how many of
// all were handed out.
type source func(each func(name string, raw []byte, err error) error, progress func(done, total int64)) error

// open finds what a path is: one file, a folder with .json files in it, or a zip archive of such.
func open(path string) (source, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return folder(path), nil
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(f, head); err == nil && string(head) == "PK\x03\x04" {
		return archive(path, info.Size()), nil
	}
	return func(each func(string, []byte, error) error, progress func(done, total int64)) error {
		raw, err := readFile(path)
		progress(1, 1)
		return each(path, raw, err)
	}, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f)
}

// bounded reads a record, and no more than one may have.
func bounded(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostRecord+1))
	if err == nil && len(raw) > mostRecord {
		err = fmt.Errorf("it has more than %d bytes", mostRecord)
	}
	return raw, err
}

// folder looks into all folders below, and follows no links.
func folder(root string) source {
	return func(each func(string, []byte, error) error, progress func(done, total int64)) error {
		total := int64(0)
		count := func(string) error { total++; return nil }
		if err := records(root, count); err != nil {
			return err
		}
		done := int64(0)
		return records(root, func(path string) error {
			raw, err := readFile(path)
			done++
			progress(done, total)
			return each(path, raw, err)
		})
	}
}

func records(root string, visit func(path string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !isRecord(d.Name()) {
			return err
		}
		return visit(path)
	})
}

func isRecord(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".json") }

// Bounds of an archive: records are text, which deflate makes ten times smaller, seldom twenty times. What grows more
// was made to fill memory.
const (
	mostGrowth = 100
	freeGrowth = 64 << 20
)

var errBomb = errors.New("it is a zip bomb: what is in it is more than a hundred times as large as the archive")

func archive(path string, size int64) source {
	return func(each func(string, []byte, error) error, progress func(done, total int64)) error {
		z, err := zip.OpenReader(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer z.Close()
		left := size*mostGrowth + freeGrowth
		for i, f := range z.File {
			progress(int64(i+1), int64(len(z.File)))
			if !f.Mode().IsRegular() || !isRecord(f.Name) {
				continue
			}
			raw, err := member(f)
			if left -= int64(len(raw)); left < 0 {
				return fmt.Errorf("%s: %w", path, errBomb)
			}
			if err := each(f.Name, raw, err); err != nil {
				return err
			}
		}
		return nil
	}
}

func member(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return bounded(r)
}
