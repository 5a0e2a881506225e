package tarballs

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
)

// smallBlob is the size up to which a folder's put reads all before it touches
// the disk, and then writes it into a pack: most tarballs (the median is
// 20 kB) need no file and no fsync of their own, and no write when their bytes are there
// already. Larger would hold memory for idle uploads, and be read into memory whole.
const smallBlob = 64 << 10

// buffers are for small blobs and for copying larger ones. A byte over, so that
// a blob of exactly smallBlob bytes shows its end.
var buffers = sync.Pool{New: func() any { return new([smallBlob + 1]byte) }}

// Put stores what r gives.
func (f *FolderStore) Put(ctx context.Context, r io.Reader, want *Digest) (Info, error) {
	buf := buffers.Get().(*[smallBlob + 1]byte)
	defer buffers.Put(buf)
	r = &ctxReader{ctx, r}
	n, err := fill(r, buf[:])
	var info Info
	switch {
	case err == io.EOF:
		info, err = f.putSmall(buf[:n], want)
	case err == nil:
		info, err = f.putLarge(r, buf, want)
	}
	if err != nil {
		return Info{}, f.counters.failed(fmt.Errorf("put blob: %w", err))
	}
	f.counters.put(info.Size)
	return info, nil
}

// fill reads until b is full, or r ends, with io.EOF, or fails. io.ReadFull will
// not do: it calls the end of r by the name that a truncated body has.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var k int
		k, err = r.Read(b[n:])
		n += k
	}
	if n == len(b) {
		err = nil // r says it again when it is read again
	}
	return n, err
}

func (f *FolderStore) putSmall(b []byte, want *Digest) (Info, error) {
	d := Digest(sha512.Sum512(b))
	if want != nil && *want != d {
		return Info{}, ErrDigest
	}
	return f.settle(d, func(string) error {
		return f.packs.writer.add(&batch{blobs: []blob{{d, b}}})
	})
}

// putLarge stores all of first and what r still gives.
func (f *FolderStore) putLarge(r io.Reader, first *[smallBlob + 1]byte, want *Digest) (Info, error) {
	t, err := f.fs.create(f.path(tempFolder))
	if err != nil {
		return Info{}, err
	}
	h := sha512.New()
	to := io.MultiWriter(t, h)
	if _, err = to.Write(first[:]); err == nil {
		_, err = io.CopyBuffer(to, r, first[:])
	}
	d := Digest(h.Sum(nil))
	if err == nil && want != nil && *want != d {
		err = ErrDigest
	}
	if err != nil {
		return Info{}, f.drop(t, err)
	}
	used := false
	info, err := f.settle(d, func(name string) error {
		used = true
		return f.seal(t, name)
	})
	if !used { // the bytes were there, or an equal put brought them
		if e := f.drop(t, nil); err == nil {
			err = e
		}
	}
	return info, err
}

// settle brings a digest its durable name. bring is asked only when the name is
// absent. Equal puts share one call.
func (f *FolderStore) settle(d Digest, bring func(name string) error) (Info, error) {
	v, err, _ := f.settling.Do(string(d[:]), func() (any, error) {
		if info, found, err := f.packs.again(d); found {
			f.counters.duplicates.Add(1)
			return info, err
		}
		name := f.blob(d)
		_, err := f.fs.stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = bring(name)
		case err == nil:
			f.counters.duplicates.Add(1)
			if err = f.fs.touch(name); err == nil {
				err = f.syncFolder(filepath.Dir(name))
			}
		}
		if err != nil {
			return nil, err
		}
		return f.stat(d)
	})
	if err != nil {
		return Info{}, err
	}
	return v.(Info), nil
}

// seal gives a written file its name, both durable.
func (f *FolderStore) seal(t file, name string) error {
	if err := t.Sync(); err != nil {
		return f.drop(t, err)
	}
	if err := f.name(t, name); err != nil {
		return err
	}
	if err := f.syncFolder(filepath.Dir(name)); err != nil {
		return errors.Join(err, f.fs.remove(name))
	}
	return nil
}

// name closes a written file and gives it its name.
func (f *FolderStore) name(t file, name string) error {
	err := t.Close()
	if err == nil {
		if err = f.fs.rename(t.Name(), name); err == nil {
			return nil
		}
	}
	// It may have happened all the same: neither name may stay.
	_, _ = f.fs.remove(t.Name()), f.fs.remove(name)
	return err
}

// drop removes a temporary file and gives back the cause. What cannot be
// removed now is removed by a later opening.
func (f *FolderStore) drop(t file, cause error) error {
	_, _ = t.Close(), f.fs.remove(t.Name())
	return cause
}

// ctxReader ends a stream with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
