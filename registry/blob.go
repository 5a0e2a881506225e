package registry

import (
	"container/list"
	"sync"

	"settee/tarballs"
)

// mostSmall is the size to which a tarball is kept in memory: the median is 20 kB,
// and nineteen of twenty are smaller than this.
const mostSmall = 512 << 10

// smallBlobs keeps the small tarballs used last. What is in it never changes, as
// it is kept by its digest.
type smallBlobs struct {
	limit int64

	mu    sync.Mutex
	blobs map[tarballs.Digest]*list.Element
	order list.List // of smallBlob, used last in front
	size  int64
}

type smallBlob struct {
	digest tarballs.Digest
	bytes  []byte
}

func newSmallBlobs(limit int64) *smallBlobs {
	return &smallBlobs{limit: limit, blobs: map[tarballs.Digest]*list.Element{}}
}

func (s *smallBlobs) get(d tarballs.Digest) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	place := s.blobs[d]
	if place == nil {
		return nil
	}
	s.order.MoveToFront(place)
	return place.Value.(smallBlob).bytes
}

func (s *smallBlobs) put(d tarballs.Digest, bytes []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs[d] != nil {
		return
	}
	s.blobs[d] = s.order.PushFront(smallBlob{d, bytes})
	s.size += int64(len(bytes))
	for s.size > s.limit {
		last := s.order.Remove(s.order.Back()).(smallBlob)
		delete(s.blobs, last.digest)
		s.size -= int64(len(last.bytes))
	}
}
