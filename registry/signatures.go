package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"settee/provenance"
	"settee/views/packuments"
)

// errNoKey is the refusal while nothing can sign: an unsigned version would fail its installers' audit.
var errNoKey = fail(http.StatusServiceUnavailable, "This registry has no key to sign with. Its owner can make one: settee keys rotate")

// signed is a dist with the signature of what is published at a time added.
func (k *keyring) signed(version string, dist object, at time.Time) (object, error) {
	key := k.signer(at)
	if key == nil {
		return nil, errNoKey
	}
	sig, err := key.Sign(provenance.Message(version, integrityIn(dist)))
	if err != nil {
		return nil, err
	}
	return dist.with("signatures", signatures(append(elements(dist.of("signatures")), object{{"keyid", quote(key.ID)}, {"sig", quote(sig)}}.raw()))), nil
}

// integrityIn is what npm takes for the integrity of a tarball: the registry's first years knew the SHA-1 alone.
func integrityIn(dist object) string {
	if text := dist.text("integrity"); text != "" {
		return text
	}
	sum, err := hex.DecodeString(dist.text("shasum"))
	if err != nil || len(sum) != sha1.Size {
		return ""
	}
	return "sha1-" + base64.StdEncoding.EncodeToString(sum)
}

// signatures is the text of a list.
func signatures(list [][]byte) []byte {
	return slices.Concat([]byte{'['}, bytes.Join(list, []byte{','}), []byte{']'})
}

// counting are the signatures of a version that was published at a time, but those by keys that had ended then,
// of which one is enough for clients to refuse the version. Those by keys that are unknown stay: a key may come
// later than what it signed.
func (k *keyring) counting(dist []byte, at time.Time) (keep [][]byte, all bool) {
	all = true
	for _, raw := range elements(packuments.Member(dist, "signatures")) {
		if key := k.of(plain(packuments.Member(raw, "keyid"))); key != nil && (key.Revoked || key.Own() && !key.ValidAt(at)) {
			all = false
			continue
		}
		keep = append(keep, raw)
	}
	return keep, all
}

// signPackage gives the versions of a package that have none a signature, and those that were signed
// by a key that does not count another. What the cache has may be older than the change that brought rev.
func (r *Registry) signPackage(ctx context.Context, name PackageName, rev string, ring *keyring) error {
	e := r.cache.peek(name)
	if e.alone() && generation(e.doc.rev) > generation(rev) {
		return nil // the change that brought it comes, too
	}
	if e == nil || e.doc == nil || e.doc.rev != rev {
		r.cache.forget(name) // a write would begin with it
		doc, err := r.load(ctx, name)
		if err != nil || doc == nil {
			return err
		}
		e = r.cache.newEntry(name)
		e.doc = doc
	}
	if e.signed.Load() == ring {
		return nil
	}
	now := r.o.Now()
	if next, err := ring.complete(e.doc, now); err != nil || next == nil {
		if err == nil {
			e.signed.Store(ring)
		}
		return err
	}
	_, err := r.update(ctx, name, func(cur *packument) (*packument, error) {
		if cur == nil {
			return nil, nil
		}
		return ring.complete(cur, now)
	})
	return err
}

// generation is the number that a revision begins with.
func generation(rev string) int {
	number, _, _ := strings.Cut(rev, "-")
	n, _ := strconv.Atoi(number) // of what is none, 0
	return n
}

// complete is a packument all of whose versions are signed; nil where they are. It says the same in every
// region, to the millisecond, so that regions that do it at once make one revision.
func (k *keyring) complete(p *packument, now time.Time) (next *packument, err error) {
	times := p.times().index()
	for i, v := range p.versions {
		manifest := parseObject(v.value)
		dist := manifest.of("dist")
		at, _ := time.Parse(time.RFC3339, plain(times[v.name]))
		keep, all := k.counting(dist, at)
		if len(keep) > 0 && all {
			continue
		}
		d := parseObject(dist)
		if integrityIn(d) == "" {
			continue // nothing says what its bytes are, and nobody installs it
		}
		d = d.with("signatures", signatures(keep))
		if len(keep) == 0 {
			if d, err = k.signed(cmp.Or(manifest.text("_id"), string(p.name)+"@"+v.name), d, now); err != nil {
				return nil, err
			}
		}
		if next == nil {
			next = p.clone()
		}
		next.versions[i].value = manifest.with("dist", d.raw()).raw()
	}
	if next != nil {
		next.touch(p.modified(), p.times())
	}
	return next, nil
}

// unsigned is a version without its signatures, and what these are. Its other members stay in their order.
func unsigned(manifest []byte) (bare []byte, list [][]byte) {
	o := parseObject(manifest)
	dist := parseObject(o.of("dist"))
	if dist == nil {
		return o.raw(), nil
	}
	return o.with("dist", dist.without("signatures").raw()).raw(), elements(dist.of("signatures"))
}

// sameButSigned reports whether two texts of a version differ in their signatures alone.
func sameButSigned(a, b []byte) bool {
	x, _ := unsigned(a)
	y, _ := unsigned(b)
	return bytes.Equal(x, y)
}

// united is the version that bare is, with all signatures of two.
func united(bare []byte, a, b [][]byte) []byte {
	list := slices.Concat(a, b)
	if len(list) == 0 {
		return bare
	}
	slices.SortFunc(list, bytes.Compare)
	list = slices.CompactFunc(list, bytes.Equal)
	o := parseObject(bare)
	return o.with("dist", parseObject(o.of("dist")).with("signatures", signatures(list)).raw()).raw()
}
