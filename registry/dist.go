package registry

// dist completes what a version says of its tarball, whose digests and sizes it has, before it is
// stored for ever. What is not kept is refused, so that nobody believes that it was.
func (r *Registry) dist(p *publication, dist object) (object, error) {
	if p.bundle != nil {
		return nil, invalid("This registry does not keep provenance yet: publish without --provenance.")
	}
	return r.keys.Load().signed(string(p.name)+"@"+p.version, dist, r.o.Now())
}
