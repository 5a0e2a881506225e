package tarballs

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	seed   = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random tests")
	losses = flag.Int("losses", 30, "of power that TestPowerLoss goes through")
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

// acked is what a store has promised.
type acked struct {
	mu    sync.Mutex
	blobs map[Digest]bool
}

func (a *acked) set(d Digest, there bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.blobs[d] = there; !there {
		delete(a.blobs, d)
	}
}

func (a *acked) clone() map[Digest]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.blobs)
}

func TestPowerLoss(t *testing.T) {
	rounds := *losses
	if testing.Short() {
		rounds = min(rounds, 10)
	}
	t.Logf("seed=%d", *seed)
	dir, first, second := emptyFolder(t), emptyFolder(t), emptyFolder(t)
	for i := range rounds {
		random := rand.New(rand.NewPCG(*seed, uint64(i)))
		wipe(t, dir)
		promised := &acked{blobs: map[Digest]bool{}}
		var image map[string][]byte
		var kept map[Digest]bool
		d := &disk{live: map[string]*inode{}, durable: map[string]*inode{}, random: random, at: random.IntN(2500)}
		d.crash = func() { kept, image = promised.clone(), d.image() }
		s, err := openFolder(dir, d, time.Now())
		require.NoError(t, err)
		s.journal.limit = int64(random.IntN(30_000))
		s.journal.zeros = make([]byte, 1+random.IntN(20_000))
		work(t, s, promised, random.Uint64())
		require.NoError(t, s.Close())
		if image == nil {
			d.crash()
		}
		image = moved(image, dir, first)
		lay(t, first, image)
		boot(t, first, second, image, kept, random)
	}
}

// work puts, repeats and deletes from several goroutines.
func work(t *testing.T, s *FolderStore, promised *acked, seed uint64) {
	ctx := context.Background()
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for i := range 40 {
				body := fmt.Appendf(nil, "%d of %d ", i, w)
				if r.IntN(4) == 0 {
					body = fmt.Appendf(nil, "shared %d ", i)
				}
				shared := body[0] == 's'
				body = append(body, make([]byte, r.IntN(2)*i*50)...)
				if r.IntN(15) == 0 {
					body = append(body, make([]byte, smallBlob)...)
				}
				for range 1 + r.IntN(3) { // put, and maybe delete and put again
					info, err := s.Put(ctx, bytes.NewReader(body), nil)
					errs[w] = errors.Join(errs[w], err)
					promised.set(info.Digest, true)
					if !shared && r.IntN(2) == 0 {
						promised.set(info.Digest, false)
						errs[w] = errors.Join(errs[w], s.Delete(ctx, info.Digest))
					}
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

// boot opens what the power loss has left: all that was promised is there, and
// all that is there is whole. The power goes again during the first opening, and
// the second is in another folder.
func boot(t *testing.T, dir, again string, image map[string][]byte, kept map[Digest]bool, random *rand.Rand) {
	d := &disk{live: map[string]*inode{}, durable: map[string]*inode{}, random: random, at: random.IntN(200)}
	for p, b := range image {
		n := &inode{written: b, synced: bytes.Clone(b)}
		d.live[p], d.durable[p] = n, n
	}
	image = nil
	d.crash = func() { image = d.image() }
	_, err := openFolder(dir, d, time.Now())
	require.NoError(t, err)
	if image == nil {
		d.crash()
	}
	lay(t, again, moved(image, dir, again))

	s := openUnsynced(t, again)
	there := map[Digest]bool{}
	require.NoError(t, Verify(t.Context(), s, func(i Info, err error) {
		require.NoError(t, err)
		there[i.Digest] = true
	}))
	for d := range kept {
		require.True(t, there[d], "lost %s", d)
	}
	require.NoError(t, s.Close())
	left, err := os.ReadDir(filepath.Join(again, journalFolder))
	require.NoError(t, err)
	require.Empty(t, left)
}

// moved is an image of one store's folder as one of another's.
func moved(image map[string][]byte, from, to string) map[string][]byte {
	there := map[string][]byte{}
	for p, b := range image {
		there[to+strings.TrimPrefix(p, from)] = b
	}
	return there
}

// lay writes an image into a folder that loses what it had.
func lay(t *testing.T, dir string, image map[string][]byte) {
	wipe(t, dir)
	for p, b := range image {
		require.NoError(t, os.WriteFile(p, b, 0o600))
	}
}

// TestReplayFaults fails every operation of an opening that replays.
func TestReplayFaults(t *testing.T) {
	dir := emptyFolder(t)
	for _, after := range []bool{false, true} {
		for i := int64(0); ; i++ {
			digests := abandoned(t, dir)
			f := &faults{at: i, after: after}
			s, err := openFolder(dir, faultyDoor{f: f}, time.Now())
			opening := f.n
			if err != nil {
				require.ErrorIs(t, err, errInjected)
				s = openUnsynced(t, dir)
			}
			f.at = -1
			for _, d := range digests {
				require.NoError(t, verifyOne(t.Context(), s, d))
			}
			require.NoError(t, s.Close())
			if opening <= i {
				break
			}
		}
	}
}

// abandoned makes a folder whose process was killed and whose machine lost
// power: a file is missing, another torn, and the segment has a torn end.
func abandoned(t *testing.T, dir string) (digests []Digest) {
	wipe(t, dir)
	s := openUnsynced(t, dir)
	for n := range 3 {
		info, err := s.Put(t.Context(), bytes.NewReader(random(n*1000)), nil)
		require.NoError(t, err)
		digests = append(digests, info.Digest)
	}
	_, err := s.journal.segment.file.WriteAt(random(recordHead+20), s.journal.segment.size)
	require.NoError(t, err)
	s.journal.segment.timer.Stop()
	s.journal.segment.release()
	require.NoError(t, os.Remove(s.blob(digests[1])))
	require.NoError(t, os.Truncate(s.blob(digests[2]), 0))
	return digests
}

// brokenSync fails the fsyncs of files that are written, or of names, or none.
type brokenSync struct {
	osDoor
	files, names *bool
}

func (d brokenSync) create(dir string) (file, error) {
	t, err := d.osDoor.create(dir)
	return brokenFile{t, d.files}, err
}

func (d brokenSync) sync(name string) error {
	if *d.names {
		return errInjected
	}
	return d.osDoor.sync(name)
}

type brokenFile struct {
	file
	broken *bool
}

func (t brokenFile) Sync() error {
	if *t.broken {
		return errInjected
	}
	return t.file.Sync()
}

func (t brokenFile) Datasync() error { return t.Sync() }

// TestBrokenJournal fails one fsync: from then on no small blob is acknowledged,
// whatever later fsyncs say, and the next opening has all that was before.
func TestBrokenJournal(t *testing.T) {
	for _, checkpoint := range []bool{false, true} {
		var files, names bool
		dir := t.TempDir()
		s, err := openFolder(dir, brokenSync{files: &files, names: &names}, time.Now())
		require.NoError(t, err)
		put := func(s Store, n int) (Digest, error) {
			info, err := s.Put(t.Context(), bytes.NewReader(random(n)), nil)
			return info.Digest, err
		}
		d, err := put(s, 10)
		require.NoError(t, err)
		if checkpoint {
			names = true
			s.journal.rounds.join(&entry{aged: s.journal.segment})
			s.journal.checkpoints.Wait()
		} else {
			files = true
			_, err = put(s, 20)
			require.ErrorIs(t, err, errInjected)
		}
		files, names = false, false
		_, err = put(s, 20)
		require.ErrorIs(t, err, errBroken)
		_, err = put(s, 2*smallBlob)
		require.NoError(t, err, "large blobs need no journal")
		require.ErrorIs(t, s.Close(), errBroken)

		require.NoError(t, os.Truncate(s.blob(d), 0)) // the segment must have it still
		s, err = Folder(dir)
		require.NoError(t, err)
		require.NoError(t, verifyOne(t.Context(), s, d))
		_, err = put(s, 20)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		_, err = put(s, 30)
		require.ErrorIs(t, err, os.ErrClosed)
		require.NoError(t, s.Close(), "closing again")
	}
}

// TestJournalOfAnother leaves the segment of a living store alone.
func TestJournalOfAnother(t *testing.T) {
	dir := t.TempDir()
	s, err := Folder(dir)
	require.NoError(t, err)
	info, err := s.Put(t.Context(), bytes.NewReader(random(10)), nil)
	require.NoError(t, err)
	other, err := Folder(dir)
	require.NoError(t, err)
	require.FileExists(t, s.journal.segment.name)
	require.NoError(t, verifyOne(t.Context(), other, info.Digest))
	s.journal.rounds.join(&entry{aged: s.journal.segment})
	s.journal.checkpoints.Wait()
	left, err := os.ReadDir(filepath.Join(dir, journalFolder))
	require.NoError(t, err)
	require.Empty(t, left, "a segment of age is ended")
	require.NoError(t, errors.Join(s.Close(), other.Close()))
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte{}, []byte("a"))
	f.Add([]byte{0, 0, 0, 0}, []byte{})
	f.Add(bytes.Repeat([]byte{0}, recordHead+1), []byte("b"))
	f.Add([]byte{255, 255, 255, 255}, []byte("c"))
	f.Fuzz(func(t *testing.T, foreign, body []byte) {
		if len(body) > smallBlob {
			return
		}
		var segment bytes.Buffer
		for _, b := range [][]byte{body, foreign[:min(len(foreign), smallBlob)]} {
			writeRecord(&segment, Digest(sha512.Sum512(b)), b)
		}
		segment.Write(foreign)
		var read [][]byte
		require.NoError(t, readRecords(&segment, func(d Digest, b []byte) error {
			require.Equal(t, Digest(sha512.Sum512(b)), d)
			read = append(read, bytes.Clone(b))
			return nil
		}))
		require.GreaterOrEqual(t, len(read), 2)
		require.True(t, bytes.Equal(body, read[0]))
		require.NoError(t, readRecords(bytes.NewReader(foreign), func(d Digest, b []byte) error {
			require.Equal(t, Digest(sha512.Sum512(b)), d)
			return nil
		}))
	})
}
