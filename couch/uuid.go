package couch

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"
)

// uuidAlgorithm is how ids for new documents are made: CouchDB's words for it.
type uuidAlgorithm string

const (
	uuidSequential uuidAlgorithm = "sequential" // also for any other word
	uuidRandom     uuidAlgorithm = "random"
	uuidUTCRandom  uuidAlgorithm = "utc_random"
	uuidUTCID      uuidAlgorithm = "utc_id"
	uuidV7         uuidAlgorithm = "uuid_v7"
)

// NewUUID returns a fresh id for a document, by the algorithm of the setting
// uuids/algorithm: CouchDB's "sequential" where none is set.
func (s *Store) NewUUID() string { return s.ids.next() }

// uuids makes ids. Those of "sequential" are 26 random digits, then 6 that count
// up in random steps, so that new documents lie side by side; the others begin
// with the time, or are random throughout.
type uuids struct {
	rand io.Reader
	now  func() time.Time

	mu        sync.Mutex // guards the rest
	algorithm uuidAlgorithm
	suffix    string // of utc_id
	head      string
	count     uint32
	micros    int64 // the last time that was given out
}

// follow changes the algorithm.
func (u *uuids) follow(algorithm uuidAlgorithm, suffix string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.algorithm, u.suffix = algorithm, suffix
}

func (u *uuids) next() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch u.algorithm {
	case uuidRandom:
		return u.random(16)
	case uuidUTCRandom:
		return u.time() + u.random(9)
	case uuidUTCID:
		return u.time() + u.suffix
	case uuidV7:
		return u.seventh()
	}
	return u.sequential()
}

func (u *uuids) sequential() string {
	var r [17]byte
	if u.head == "" || u.count > 0xfff000 {
		_, _ = io.ReadFull(u.rand, r[:])
		u.head, u.count = hex.EncodeToString(r[:13]), binary.BigEndian.Uint32(r[13:])&0xffff
	}
	_, _ = io.ReadFull(u.rand, r[:2])
	u.count += 1 + uint32(binary.BigEndian.Uint16(r[:]))%0xffe
	return fmt.Sprintf("%s%06x", u.head, u.count)
}

func (u *uuids) random(n int) string {
	var r [16]byte
	_, _ = io.ReadFull(u.rand, r[:n])
	return hex.EncodeToString(r[:n])
}

// time is 14 digits of microseconds, later than all before.
func (u *uuids) time() string {
	u.micros = max(u.now().UnixMicro(), u.micros+1)
	return fmt.Sprintf("%014x", u.micros)
}

// seventh is version 7 of RFC 9562 without its dashes.
func (u *uuids) seventh() string {
	var r [16]byte
	binary.BigEndian.PutUint64(r[:], uint64(u.now().UnixMilli())<<16)
	_, _ = io.ReadFull(u.rand, r[6:])
	r[6] = 0x70 | r[6]&0x0f
	r[8] = 0x80 | r[8]&0x3f
	return hex.EncodeToString(r[:])
}
