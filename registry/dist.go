package registry

// dist completes what a version says of its tarball, whose digests and sizes it has, before it is
// stored for ever: how it was built, where a bundle proves that, and the registry's signature.
func (r *Registry) dist(p *publication, dist object) (_ object, err error) {
	if p.bundle != nil {
		if dist, err = r.attest(p, dist); err != nil {
			return nil, err
		}
	}
	return r.keys.Load().signed(string(p.name)+"@"+p.version, dist, r.o.Now())
}
