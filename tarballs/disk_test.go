package tarballs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

// disk is the real file system with a model beside it of what a loss of power
// would leave: bytes that were fsynced, names whose folder was, and a random
// share of the rest. Folders are taken as durable: openings make them.
type disk struct {
	unsynced
	mu      sync.Mutex
	live    map[string]*inode // what a process sees
	durable map[string]*inode
	random  *rand.Rand
	ops, at int
	crash   func() // called once, before the operation number at
}

type inode struct {
	written, synced []byte // now, and at the last fsync; files never shrink
}

func (d *disk) do(effect func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ops == d.at {
		d.crash()
	}
	d.ops++
	return effect()
}

func (d *disk) create(dir string) (t file, err error) {
	err = d.do(func() error {
		if t, err = d.unsynced.create(dir); err == nil {
			n := &inode{}
			d.live[t.Name()] = n
			t = diskFile{t, d, n}
		}
		return err
	})
	return t, err
}

func (d *disk) rename(from, to string) error {
	return d.do(func() error {
		d.live[to] = d.live[from]
		delete(d.live, from)
		return d.unsynced.rename(from, to)
	})
}

func (d *disk) remove(name string) error {
	return d.do(func() error {
		delete(d.live, name)
		return d.unsynced.remove(name)
	})
}

func (d *disk) sync(name string) error {
	return d.do(func() error {
		if n := d.live[name]; n != nil {
			n.synced = bytes.Clone(n.written)
			return nil
		}
		if _, err := d.unsynced.stat(name); err != nil {
			return err
		}
		maps.DeleteFunc(d.durable, func(p string, _ *inode) bool { return filepath.Dir(p) == name })
		for p, n := range d.live {
			if filepath.Dir(p) == name {
				d.durable[p] = n
			}
		}
		return nil
	})
}

func (d *disk) patch(name string, at int64, b []byte) error {
	return d.do(func() error {
		if n := d.live[name]; n != nil {
			copy(n.written[at:], b)
		}
		return d.unsynced.patch(name, at, b)
	})
}

type diskFile struct {
	file
	d *disk
	n *inode
}

func (t diskFile) Write(p []byte) (int, error) {
	return len(p), t.d.do(func() error {
		t.n.written = append(t.n.written, p...)
		_, err := t.file.Write(p)
		return err
	})
}

func (t diskFile) WriteAt(p []byte, at int64) (int, error) {
	return len(p), t.d.do(func() error {
		if grow := int(at) + len(p) - len(t.n.written); grow > 0 {
			t.n.written = append(t.n.written, make([]byte, grow)...)
		}
		copy(t.n.written[at:], p)
		_, err := t.file.WriteAt(p, at)
		return err
	})
}

func (t diskFile) Datasync() error { return t.Sync() }

func (t diskFile) Sync() error {
	return t.d.do(func() error { t.n.synced = bytes.Clone(t.n.written); return nil })
}

// image is what the disk holds after a loss of power now: each name as it is or
// as it was last fsynced, each file with any part of what was not.
func (d *disk) image() map[string][]byte {
	names := slices.Sorted(maps.Keys(d.live))
	for p := range d.durable {
		if d.live[p] == nil {
			names = append(names, p)
		}
	}
	image := map[string][]byte{}
	for _, p := range names {
		n := d.durable[p]
		if d.random.IntN(2) == 0 {
			n = d.live[p]
		}
		if n == nil {
			continue
		}
		b := bytes.Clone(n.written)
		if d.random.IntN(2) == 0 { // what was not fsynced is lost, block by block
			for from := 0; from < len(b); from += 512 {
				if d.random.IntN(2) == 0 {
					was := min(from, len(n.synced))
					copied := copy(b[from:min(from+512, len(b))], n.synced[was:])
					clear(b[from+copied : min(from+512, len(b))])
				}
			}
			b = b[:len(n.synced)+d.random.IntN(len(b)-len(n.synced)+1)]
		}
		image[p] = b
	}
	return image
}
