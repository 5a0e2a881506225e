package tarballs

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// open reads the indexes of all packs, and rewrites those that have none, as a crash leaves them.
// dirs are where those may lie: that of the packs, and that of an older layout.
func (s *packs) open(dirs ...string) error {
	for _, dir := range dirs {
		entries, err := s.fs.readDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		names := map[string]bool{}
		for _, e := range entries {
			names[filepath.Join(dir, e.Name())] = true
		}
		for _, e := range entries {
			if err := s.openOne(filepath.Join(dir, e.Name()), names); err != nil {
				return fmt.Errorf("open %s: %w", e.Name(), err)
			}
		}
	}
	return nil
}

func (s *packs) openOne(name string, names map[string]bool) error {
	if pack, index := strings.CutSuffix(name, indexSuffix); index {
		if names[pack] {
			return nil // read with its pack
		}
		return s.fs.remove(name) // a removal that was cut short
	}
	if names[name+indexSuffix] {
		err := s.load(name)
		if !errors.Is(err, errIndex) {
			return err
		}
	}
	return s.replay(name)
}

// load makes known what a sealed pack holds.
func (s *packs) load(name string) error {
	p := &pack{name: name, sealed: true}
	var all []indexEntry
	if err := s.readIndex(p, func(_ int, e indexEntry) bool {
		all = append(all, e)
		p.end = max(p.end, e.offset+recordSize(e.size))
		return true
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known(p)
	for slot, e := range all {
		if e.stored != 0 {
			s.put(p, e.added, slot, e.stored)
		}
	}
	return nil
}

// replay writes every blob of a pack anew, whose process has not sealed it: after a failed fsync memory
// may hold bytes that the disk does not.
func (s *packs) replay(name string) error {
	file, err := s.fs.open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	l := load{w: &s.writer}
	if err := readRecords(bufio.NewReaderSize(file, smallBlob), func(d Digest, bytes []byte) error {
		return l.add(blob{d, slices.Clone(bytes)})
	}); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	if err := s.fs.remove(name); err != nil {
		return err
	}
	if err := s.fs.remove(name + indexSuffix); !errors.Is(err, fs.ErrNotExist) { // a damaged one
		return err
	}
	return nil
}
