package tarballs

import (
	"bytes"
	"cmp"
	"crypto/sha512"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"settee/fixtures"

	"github.com/stretchr/testify/require"
)

// TestPacksModel puts, repeats, deletes, closes and kills at random, beside a plain map.
func TestPacksModel(t *testing.T) {
	r := fixtures.Dice(t)
	dir := emptyFolder(t)
	limit := int64(1 + r.IntN(40_000))
	open := func() *FolderStore { return openLimited(t, dir, limit) }
	s, model, orphans := open(), map[Digest]int{}, map[Digest]bool{}
	for range 3000 {
		switch n := r.IntN(100); {
		case n < 55:
			b := fmt.Appendf(nil, "blob %d", r.IntN(400))
			b = append(b, make([]byte, len(b)*r.IntN(3)*20)...)
			info, err := s.Put(t.Context(), bytes.NewReader(b), nil)
			require.NoError(t, err)
			model[info.Digest] = len(b)
			delete(orphans, info.Digest)
		case n < 96:
			for d := range model {
				require.NoError(t, s.Delete(t.Context(), d))
				delete(model, d)
				orphans[d] = true
				if r.IntN(3) > 0 {
					break
				}
			}
		case n < 98:
			require.NoError(t, s.Close())
			s = open()
		default:
			s.packs.mu.Lock()
			s.packs.mu.closed = true
			s.packs.mu.Unlock()
			s.packs.rewriting.Wait()
			s.packs.writer.sealing.Wait()
			kill(t, s)
			s = open() // what was deleted from a pack without an index is an orphan
		}
		if r.IntN(20) == 0 {
			holds(t, s, model, orphans)
		}
	}
	holds(t, s, model, orphans)
	require.NoError(t, s.Close())
	s = open()
	holds(t, s, model, orphans)
	require.NoError(t, s.Close())
	allSealed(t, dir)
}

// holds requires what the model has, and nothing else but orphans.
func holds(t *testing.T, s *FolderStore, model map[Digest]int, orphans map[Digest]bool) {
	t.Helper()
	var listed []Digest
	require.NoError(t, Verify(t.Context(), s, func(i Info, err error) {
		require.NoError(t, err)
		if size, there := model[i.Digest]; there {
			require.EqualValues(t, size, i.Size)
			listed = append(listed, i.Digest)
		} else {
			require.True(t, orphans[i.Digest], "%s was never put", i.Digest)
		}
	}))
	want := slices.SortedFunc(maps.Keys(model), func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	require.Equal(t, want, listed)
}

// TestPacksAreRewritten deletes most of what packs hold: their room is given back, and what
// stays keeps its age, while others read and put it.
func TestPacksAreRewritten(t *testing.T) {
	dir := t.TempDir()
	s := openLimited(t, dir, 50_000)
	var all []Info
	for i := range 100 {
		info, err := s.Put(t.Context(), bytes.NewReader(random(10_000+i)), nil)
		require.NoError(t, err)
		all = append(all, info)
	}
	s.packs.writer.sealing.Wait()
	var reading sync.WaitGroup
	errs := make([]error, 2)
	stop := make(chan struct{})
	for w := range errs {
		reading.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					if i >= 10 { // each was put again
						return
					}
				default:
				}
				d := all[i%10*10].Digest
				_, err := s.Put(t.Context(), bytes.NewReader(random(10_000+i%10*10)), &d)
				errs[w] = errors.Join(errs[w], err, verifyOne(t.Context(), s, d))
			}
		})
	}
	for i, info := range all {
		if i%10 > 1 {
			require.NoError(t, s.Delete(t.Context(), info.Digest))
		}
	}
	s.packs.rewriting.Wait()
	close(stop)
	reading.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Less(t, size(t, filepath.Join(dir, packFolder)), int64(3*200_000+2*leastGrowth))
	for i, info := range all {
		switch now, err := s.Stat(t.Context(), info.Digest); i % 10 {
		case 0:
			require.NoError(t, err)
			require.True(t, now.Stored.After(info.Stored), "it was put again")
		case 1:
			require.NoError(t, err)
			require.True(t, now.Stored.Equal(info.Stored) || i > 90, "moving is no put")
		default:
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	}
	require.NoError(t, s.Close())
	again, err := Folder(dir)
	require.NoError(t, err)
	for i, info := range all {
		if i%10 < 2 {
			was, err := s.Stat(t.Context(), info.Digest)
			require.NoError(t, err)
			now, err := again.Stat(t.Context(), info.Digest)
			require.NoError(t, err)
			require.Equal(t, was, now)
		}
	}
	require.NoError(t, again.Close())
}

// size is that of the files of a folder.
func size(t *testing.T, dir string) (n int64) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		n += info.Size()
	}
	return n
}

// TestManySmallPacks closes a store often: its packs become few.
func TestManySmallPacks(t *testing.T) {
	dir := emptyFolder(t)
	for i := range 3 * mostSmall {
		s := openUnsynced(t, dir)
		_, err := s.Put(t.Context(), bytes.NewReader(random(i)), nil)
		require.NoError(t, err)
		s.packs.rewriting.Wait()
		require.NoError(t, s.Close())
	}
	left, err := os.ReadDir(filepath.Join(dir, packFolder))
	require.NoError(t, err)
	require.LessOrEqual(t, len(left), 2*(mostSmall+2))
	s := openUnsynced(t, dir)
	require.Len(t, all(t, s), 3*mostSmall)
	require.NoError(t, s.Close())
}

// TestDamagedIndex reads a pack whose index has rotted, and removes an index without a pack.
func TestDamagedIndex(t *testing.T) {
	dir := emptyFolder(t)
	s := openUnsynced(t, dir)
	info, err := s.Put(t.Context(), bytes.NewReader(random(500)), nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	name := s.packs.mu.packs[1].name
	require.NoError(t, osDoor{}.patch(name+indexSuffix, int64(indexHead)+3, []byte("rot")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, packFolder, "GONE"+indexSuffix), []byte("x"), 0o600))
	s = openUnsynced(t, dir)
	require.NoError(t, verifyOne(t.Context(), s, info.Digest))
	require.NoError(t, s.Close())
	allSealed(t, dir)
	require.NoFileExists(t, name)
}

// TestFilesOfBefore reads small blobs that are plain files, as stores before packs have them.
func TestFilesOfBefore(t *testing.T) {
	dir := emptyFolder(t)
	b := random(700)
	d := Digest(sha512.Sum512(b))
	s := openUnsynced(t, dir)
	require.NoError(t, os.WriteFile(s.blob(d), b, 0o600))
	require.NoError(t, os.Chtimes(s.blob(d), time.Time{}, time.Now().Add(-time.Hour)))
	require.NoError(t, verifyOne(t.Context(), s, d))
	info, err := s.Put(t.Context(), bytes.NewReader(b), nil)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), info.Stored, time.Minute)
	require.Len(t, all(t, s), 1)
	require.NoError(t, s.Delete(t.Context(), d))
	require.Empty(t, all(t, s))
	require.NoError(t, s.Close())
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add(encodeIndex(nil), 2)
	f.Add(encodeIndex([]indexEntry{{added{Digest{1}, 5, 7}, 9}}), 3)
	f.Fuzz(func(t *testing.T, foreign []byte, n int) {
		_ = decodeIndex(bytes.NewReader(foreign), func(_ int, e indexEntry) bool {
			require.LessOrEqual(t, e.size, smallBlob)
			require.LessOrEqual(t, e.offset, int64(mostOffset))
			return true
		})
		var want []indexEntry
		for i := range n & 63 {
			want = append(want, indexEntry{added{Digest(sha512.Sum512(fmt.Append(foreign, i))), int64(i) * 1000, i}, int64(i - 1)})
		}
		var got []indexEntry
		require.NoError(t, decodeIndex(bytes.NewReader(encodeIndex(slices.Clone(want))), func(slot int, e indexEntry) bool {
			require.Equal(t, len(got), slot)
			got = append(got, e)
			return true
		}))
		slices.SortFunc(want, func(a, b indexEntry) int { return cmp.Compare(string(a.digest[:]), string(b.digest[:])) })
		require.Equal(t, want, got)
	})
}
