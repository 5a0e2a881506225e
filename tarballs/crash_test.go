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
	"strings"
	"sync"
	"testing"
	"time"

	"settee/fixtures"

	"github.com/stretchr/testify/require"
)

var losses = flag.Int("losses", 30, "of power that TestPowerLoss goes through")

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
	seed := fixtures.Seed(t)
	dir, first, second := emptyFolder(t), emptyFolder(t), emptyFolder(t)
	for i := range rounds {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wipe(t, dir)
		promised := &acked{blobs: map[Digest]bool{}}
		var image map[string][]byte
		var kept map[Digest]bool
		d := &disk{live: map[string]*inode{}, durable: map[string]*inode{}, random: random, at: random.IntN(2500)}
		d.crash = func() { kept, image = promised.clone(), d.image() }
		s := newFolder(dir, d)
		s.packs.limit = int64(random.IntN(30_000))
		s.packs.writer.zeros = make([]byte, 1+random.IntN(20_000))
		require.NoError(t, s.open(time.Now()))
		work(t, s, promised, random.Uint64())
		require.NoError(t, s.Close())
		d.mu.Lock()
		if image == nil {
			d.crash()
		}
		d.mu.Unlock()
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
	first, err := openFolder(dir, d, time.Now())
	require.NoError(t, err)
	d.mu.Lock() // packs are rewritten meanwhile
	if image == nil {
		d.crash()
	}
	d.at = -1
	d.mu.Unlock()
	require.NoError(t, first.Close())
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
	allSealed(t, again)
}

// allSealed requires an index beside each pack, and a pack beside each index.
func allSealed(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, packFolder))
	require.NoError(t, err)
	for _, e := range left {
		name := filepath.Join(dir, packFolder, strings.TrimSuffix(e.Name(), indexSuffix))
		require.FileExists(t, name)
		require.FileExists(t, name+indexSuffix)
	}
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

// abandoned makes a folder whose process was killed: its pack has no index, and a torn end.
// One that an older layout left has a record, too.
func abandoned(t *testing.T, dir string) (digests []Digest) {
	wipe(t, dir)
	s := openUnsynced(t, dir)
	for n := range 3 {
		info, err := s.Put(t.Context(), bytes.NewReader(random(n*1000)), nil)
		require.NoError(t, err)
		digests = append(digests, info.Digest)
	}
	_, err := s.packs.writer.pack.file.WriteAt(random(recordHead+20), s.packs.writer.pack.end)
	require.NoError(t, err)
	kill(t, s)
	var old bytes.Buffer
	body := random(333)
	writeRecord(&old, Digest(sha512.Sum512(body)), body)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, oldFolder), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, oldFolder, "SEGMENT"), old.Bytes(), 0o600))
	return append(digests, Digest(sha512.Sum512(body)))
}

// kill leaves a store as the end of its process does.
func kill(t *testing.T, s *FolderStore) {
	t.Helper()
	if p := s.packs.writer.pack; p != nil {
		require.NoError(t, p.file.Close())
	}
	require.NoError(t, s.lock.Close())
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

// TestBrokenPack fails one fsync: from then on no small blob is acknowledged,
// whatever later fsyncs say, and the next opening has all that was before.
func TestBrokenPack(t *testing.T) {
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
	files = true
	_, err = put(s, 20)
	require.ErrorIs(t, err, errInjected)
	files = false
	_, err = put(s, 20)
	require.ErrorIs(t, err, errBroken)
	_, err = put(s, 10)
	require.NoError(t, err, "it is there")
	_, err = put(s, 2*smallBlob)
	require.NoError(t, err, "large blobs need no pack")
	require.ErrorIs(t, s.Close(), errBroken)

	s, err = Folder(dir)
	require.NoError(t, err)
	require.NoError(t, verifyOne(t.Context(), s, d))
	_, err = put(s, 20)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = put(s, 30)
	require.ErrorIs(t, err, os.ErrClosed)
}

// TestUnsealed lets no index be written for a while, as on a full disk: puts go on, and it is written later.
func TestUnsealed(t *testing.T) {
	var files, names bool
	dir := t.TempDir()
	s, err := openFolder(dir, brokenSync{files: &files, names: &names}, time.Now())
	require.NoError(t, err)
	w := &s.packs.writer
	var digests []Digest
	for n := range 5 {
		info, err := s.Put(t.Context(), bytes.NewReader(random(n)), nil)
		require.NoError(t, err)
		digests = append(digests, info.Digest)
		if n == 1 {
			names = true
			w.rounds.join(&batch{close: true})
			w.sealing.Wait()
			names, w.closed = false, false
			require.Len(t, w.ended, 1)
		}
	}
	require.NoError(t, s.Delete(t.Context(), digests[0]))
	require.NoError(t, s.Close())
	allSealed(t, dir)
	s, err = Folder(dir)
	require.NoError(t, err)
	require.Len(t, all(t, s), 4)
	require.NoError(t, s.Close())
}

// TestOneProcess keeps a second process out of a folder.
func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := Folder(dir)
	require.NoError(t, err)
	_, err = Folder(dir)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, s.Close())
	s, err = Folder(dir)
	require.NoError(t, err)
	require.NoError(t, s.Close())
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
