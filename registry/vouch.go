package registry

import (
	"slices"
	"time"

	"settee/views/packuments"
)

// vouched adds our signature to the versions of another registry's packument that have none by a key we show: once a
// registry shows keys, an audit refuses whatever lacks one. It may be ours, as no bytes but those of the digest signed are ever
// served under that name and number. Theirs stay, since clients look for them by keys that they know. p is the caller's own.
func (k *keyring) vouched(p *packument, now time.Time) (*packument, error) {
	if p.versions == nil || k.signer(now) == nil {
		return p, nil
	}
	for i, v := range p.versions {
		manifest := parseObject(v.value)
		dist := parseObject(manifest.of("dist"))
		if integrityIn(dist) == "" || slices.ContainsFunc(elements(dist.of("signatures")), k.shows) {
			continue
		}
		dist, err := k.signed(string(p.name)+"@"+v.name, dist, now) // not as its _id says: that would be anybody's word
		if err != nil {
			return nil, err
		}
		p.versions[i].value = manifest.with("dist", dist.raw()).raw()
		p.far.vouched = true
	}
	return p, nil
}

// shows reports whether a signature is by a key that clients are shown.
func (k *keyring) shows(signature []byte) bool {
	key := k.of(plain(packuments.Member(signature, "keyid")))
	return key != nil && !key.Revoked
}
