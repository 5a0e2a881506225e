package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// proof stands for a name, a password and the revision of the account's
// document, under a key that lives and dies with the process.
type proof [sha256.Size]byte

// verdictBound is how many checked passwords are remembered, right and wrong ones apart.
const verdictBound = 16_384

// prover remembers which passwords were checked. As a proof contains the
// revision, a changed document needs no invalidation here.
type prover struct {
	macs sync.Pool // of keyed hashes

	mu struct {
		sync.RWMutex
		right, wrong map[proof]struct{}
	}
}

func newProver() *prover {
	var key [sha256.Size]byte
	rand.Read(key[:])
	p := &prover{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }}}
	p.mu.right, p.mu.wrong = map[proof]struct{}{}, map[proof]struct{}{}
	return p
}

// proof hashes its arguments, each behind its length: no two triples read alike.
func (p *prover) proof(name, password, rev string) (sum proof) {
	mac := p.macs.Get().(hash.Hash)
	defer p.macs.Put(mac)
	mac.Reset()
	var buf [256]byte
	b := buf[:0]
	for _, s := range [...]string{name, password, rev} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	mac.Write(b)
	mac.Sum(sum[:0])
	return sum
}

// verdict is what is remembered of a proof.
func (p *prover) verdict(q proof) (right, known bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if _, ok := p.mu.right[q]; ok {
		return true, true
	}
	_, known = p.mu.wrong[q]
	return false, known
}

func (p *prover) remember(q proof, right bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	verdicts := p.mu.wrong
	if right {
		verdicts = p.mu.right
	}
	makeRoom(verdicts, verdictBound)
	verdicts[q] = struct{}{}
}
