package region

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"settee/registry"
	"settee/replicate"
	"settee/tarballs"
)

// atOnce is how many blobs of one packument, or of one peer's announcements, are fetched at a time.
const atOnce = 8

// blobFollower fetches what each changed packument names.
func (r *Region) blobFollower() replicate.FollowerOptions {
	have := &present{}
	return replicate.FollowerOptions{
		Name: "blobs", IncludeDocs: true, Workers: atOnce,
		Handle: func(ctx context.Context, c replicate.Change) error {
			if c.Deleted {
				return nil
			}
			var group errgroup.Group
			group.SetLimit(atOnce)
			for d := range registry.Digests(c.Doc) {
				if have.has(d) {
					continue
				}
				group.Go(func() error {
					_, err := r.blobs.Fetch(ctx, d)
					if err == nil {
						have.add(d)
					}
					return err
				})
			}
			return group.Wait()
		},
	}
}

// mostPresent bounds what is remembered: 16 MB or so.
const mostPresent = 1 << 20

// present remembers blobs that were found here, so that a change of a packument with thousands of
// versions does not ask a bucket for all of them again.
type present struct {
	mu   sync.Mutex
	sums map[uint64]struct{} // the beginnings of digests: who is taken for another is read through later
}

func (p *present) has(d tarballs.Digest) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, has := p.sums[binary.BigEndian.Uint64(d[:])]
	return has
}

func (p *present) add(d tarballs.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sums == nil || len(p.sums) >= mostPresent {
		p.sums = map[uint64]struct{}{}
	}
	p.sums[binary.BigEndian.Uint64(d[:])] = struct{}{}
}

// source is a peer as a source of blobs.
type source struct {
	*tarballs.Peer
	link *link
}

// OpenAt implements tarballs.Source. A peer that does not let us in, or is another, is not asked.
func (s source) OpenAt(ctx context.Context, d tarballs.Digest, offset int64) (io.ReadCloser, int64, error) {
	if p, _ := s.link.meeting.trouble(); p != nil && p.state == Refused {
		return nil, 0, p
	}
	return s.Peer.OpenAt(ctx, d, offset)
}

// listen fetches what the peer announces. What fails is the follower's to fetch.
func (l *link) listen(ctx context.Context) {
	slots := make(chan struct{}, atOnce)
	pause := shortestPause
	for l.met(ctx) {
		err := l.blobs.Listen(ctx, func() { pause = shortestPause }, func(d tarballs.Digest) {
			select {
			case slots <- struct{}{}:
			default:
				return // there is enough to do
			}
			l.region.running.Go(func() {
				defer func() { <-slots }()
				_, _ = l.region.blobs.Fetch(ctx, d)
			})
		})
		if ctx.Err() == nil {
			l.log.Debug("a peer announces nothing for a while", "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longestPause)
	}
}
