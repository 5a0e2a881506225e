package tarballs

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
)

// digests walks the records of all packs, each pack's in the order of their digests. What was deleted
// may be among them, and a blob that was put again may be there twice. Each sequence is to be begun, and holds a
// file till it ends: a pack that is rewritten meanwhile is read to its end.
func (s *packs) digests() (all []iter.Seq2[Digest, error], err error) {
	for range 10 { // a pack may be removed before its index is open
		sealed, writing := s.snapshot()
		all = []iter.Seq2[Digest, error]{writing}
		var files []*os.File
		for _, p := range sealed {
			var file *os.File
			if file, err = s.fs.open(p.name + indexSuffix); err != nil {
				break
			}
			files = append(files, file)
			all = append(all, func(yield func(Digest, error) bool) {
				defer file.Close()
				if err := decodeIndex(bufio.NewReader(file), func(_ int, e indexEntry) bool { return yield(e.digest, nil) }); err != nil {
					yield(Digest{}, err)
				}
			})
		}
		if err == nil {
			return all, nil
		}
		for _, file := range files {
			_ = file.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, err
}

// snapshot is the packs that are sealed, and what the others hold.
func (s *packs) snapshot() (sealed []*pack, writing iter.Seq2[Digest, error]) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Digest
	for _, p := range s.mu.packs {
		if p.sealed {
			sealed = append(sealed, p)
		}
		for _, a := range p.added {
			all = append(all, a.digest)
		}
	}
	slices.SortFunc(all, func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	return sealed, func(yield func(Digest, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// files walks the plain files.
func (f *FolderStore) files(ctx context.Context, shards []string) iter.Seq2[Digest, error] {
	return func(yield func(Digest, error) bool) {
		for _, shard := range shards {
			var entries []fs.DirEntry
			err := ctx.Err()
			if err == nil {
				entries, err = f.fs.readDir(f.path(shard))
			}
			if err != nil {
				yield(Digest{}, err)
				return
			}
			for _, e := range entries {
				d, err := ParseDigest(e.Name())
				if err == nil && e.Name()[:2] == shard && !yield(d, nil) {
					return
				}
			}
		}
	}
}

// merged walks sorted sequences as one, each digest once. An error ends it.
func merged(all []iter.Seq2[Digest, error]) iter.Seq2[Digest, error] {
	return func(yield func(Digest, error) bool) {
		var h heads
		for _, seq := range all {
			next, stop := iter.Pull2(seq)
			defer stop()
			if d, err, more := next(); more {
				h = append(h, head{d, err, next})
			}
		}
		heap.Init(&h)
		var last Digest
		for began := false; len(h) > 0; began = true {
			first := h[0]
			if first.err != nil {
				yield(Digest{}, first.err)
				return
			}
			if !began || last != first.digest {
				if !yield(first.digest, nil) {
					return
				}
				last = first.digest
			}
			if d, err, more := first.next(); more {
				h[0] = head{d, err, first.next}
				heap.Fix(&h, 0)
			} else {
				heap.Pop(&h)
			}
		}
	}
}

// head is the next of a sequence.
type head struct {
	digest Digest
	err    error
	next   func() (Digest, error, bool)
}

// heads is a heap; errors come first.
type heads []head

func (h heads) Len() int      { return len(h) }
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool {
	if h[i].err != nil || h[j].err != nil {
		return h[i].err != nil
	}
	return bytes.Compare(h[i].digest[:], h[j].digest[:]) < 0
}

// Push implements heap.Interface.
func (h *heads) Push(x any) { *h = append(*h, x.(head)) }

// Pop implements heap.Interface.
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// List walks all blobs; names that are no digest are passed over.
func (f *FolderStore) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		all, err := f.packs.digests()
		if err != nil {
			yield(Info{}, f.counters.failed(fmt.Errorf("list blobs: %w", err)))
			return
		}
		for d, err := range merged(append(all, f.files(ctx, shards))) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Info{}, f.counters.failed(fmt.Errorf("list blobs: %w", err)))
				return
			}
			info, err := f.stat(d)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted since, or long ago
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
	}
}
