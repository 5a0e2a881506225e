package tarballs

import (
	"bufio"
	"errors"
	"io/fs"
	"sync"
	"time"
)

const (
	// packLimit is the size from which a pack is ended. Larger lengthens the opening after a crash
	// (64 MiB: about a second); smaller makes more files of a large store.
	packLimit = 64 << 20
	// mostOffset is more than any record's place: places keep 32 bits.
	mostOffset = 1<<32 - 1
	// growth is how many zeros a pack grows by, at least leastGrowth. Less would commit often; more
	// delay a first put.
	growth      = 4 << 20
	leastGrowth = 256 << 10
)

// short stands for a digest in memory: 192 bits are as good as 512 to tell blobs apart, and
// a million blobs take a third of the room.
type short [24]byte

// place is where a small blob lies.
type place struct {
	pack   uint32
	offset uint32
	size   uint32
	slot   uint32 // in the index of a sealed pack
	stored int64  // Unix nanoseconds
}

// packs are the small blobs of a folder. See the package doc.
type packs struct {
	fs        door
	dir, temp string
	limit     int64
	writer    packWriter
	now       func() time.Time

	rewriting sync.WaitGroup // one at most, see rewrite

	mu struct {
		sync.RWMutex
		places  map[short]place
		packs   map[uint32]*pack
		last    uint32 // id that was given
		rewrite bool   // one runs
		closed  bool
	}
}

func newPacks(fs door, dir, temp string, now func() time.Time) *packs {
	s := &packs{fs: fs, dir: dir, temp: temp, limit: packLimit, now: now}
	s.mu.places, s.mu.packs = map[short]place{}, map[uint32]*pack{}
	s.writer = packWriter{packs: s, buffer: bufio.NewWriterSize(nil, 1<<20), zeros: make([]byte, growth)}
	s.writer.rounds.serve = s.writer.serve
	return s
}

// find is the place of a blob.
func (s *packs) find(d Digest) (place, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, found := s.mu.places[short(d[:])]
	return at, found
}

func (at place) info(d Digest) Info {
	return Info{Digest: d, Size: int64(at.size), Stored: unixNano(at.stored)}
}

// read gives the bytes of a blob, or an error that is fs.ErrNotExist.
func (s *packs) read(d Digest) (b []byte, info Info, err error) {
	for range 3 { // it may be moved to another pack meanwhile
		s.mu.RLock()
		at, found := s.mu.places[short(d[:])]
		p := s.mu.packs[at.pack]
		s.mu.RUnlock()
		if !found {
			return nil, Info{}, fs.ErrNotExist
		}
		if b, err = readRecord(s.fs, p.name, d, at); !errors.Is(err, fs.ErrNotExist) {
			return b, at.info(d), err
		}
	}
	return nil, Info{}, err
}

// again notes that a blob was put again, where it is here.
func (s *packs) again(d Digest) (info Info, found bool, err error) {
	s.mu.Lock()
	at, found := s.mu.places[short(d[:])]
	if !found {
		s.mu.Unlock()
		return Info{}, false, nil
	}
	at.stored = s.now().UnixNano()
	s.mu.places[short(d[:])] = at
	p := s.mu.packs[at.pack]
	sealed := p.sealed
	s.mu.Unlock()
	if sealed {
		err = s.setTime(p, at.slot, at.stored)
	}
	return at.info(d), true, err
}

// remove forgets a blob, and has packs rewritten that are mostly such room.
func (s *packs) remove(d Digest) error {
	s.mu.Lock()
	at, found := s.mu.places[short(d[:])]
	if !found {
		s.mu.Unlock()
		return nil
	}
	p := s.mu.packs[at.pack]
	sealed := p.sealed
	delete(s.mu.places, short(d[:]))
	p.live -= recordSize(int(at.size))
	s.mu.Unlock()
	if !sealed {
		return nil
	}
	s.tidy()
	return s.setTime(p, at.slot, 0)
}

// put makes a blob's record, which is durable, its place. The caller holds mu.
func (s *packs) put(p *pack, a added, slot int, stored int64) {
	key := short(a.digest[:])
	if was, there := s.mu.places[key]; there {
		s.mu.packs[was.pack].live -= recordSize(int(was.size))
	}
	s.mu.places[key] = place{p.id, uint32(a.offset), uint32(a.size), uint32(slot), stored}
	p.live += recordSize(a.size)
}

// known adds a pack; the caller holds mu.
func (s *packs) known(p *pack) {
	s.mu.last++
	p.id = s.mu.last
	s.mu.packs[p.id] = p
}

// isPlace says whether a record of a pack is where its blob is read from. The caller holds mu.
func (s *packs) isPlace(p *pack, a added) (place, bool) {
	at, found := s.mu.places[short(a.digest[:])]
	return at, found && at.pack == p.id && int64(at.offset) == a.offset
}

// Close ends what runs in the background and seals what is written. Puts fail from then on.
func (s *packs) Close() error {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.rewriting.Wait()
	return s.writer.Close()
}
