package registry

import (
	"bytes"
	"context"

	"settee/auth"
	"settee/views/packuments"
)

// amend updates a package that must exist, by somebody who may do that. rev is
// the revision that the client edited; "" where it did not say.
func (r *Registry) amend(ctx context.Context, who auth.Identity, act auth.Act, name PackageName, rev string, change edit) (*packument, error) {
	return r.update(ctx, name, func(cur *packument) (*packument, error) {
		if !cur.published() {
			return nil, errNotFound
		}
		if err := r.may(ctx, who, act, name, cur); err != nil {
			return nil, err
		}
		if rev != "" && rev != cur.rev {
			return nil, errStale
		}
		return change(cur)
	})
}

// revOf is the revision that a request edits: the path's, else the document's.
func revOf(q *request, u *upload) string {
	if rev := q.param("rev"); rev != "" {
		return rev
	}
	return u.members.text("_rev")
}

// deprecate takes over the deprecated members of a whole packument that was sent
// back; every other difference is ignored, as versions never change.
func (r *Registry) deprecate(q *request, u *upload) (*packument, error) {
	return r.amend(q.Context(), q.who, auth.Deprecate, q.pkg, revOf(q, u), func(cur *packument) (*packument, error) {
		for _, m := range u.versions {
			if cur.versions.at(m.name) < 0 {
				return nil, invalid("invalid document: version %s has no attachment with data", m.name)
			}
		}
		next := cur.clone()
		changed := false
		sent := u.versions.index()
		for i, m := range next.versions {
			manifest, ok := sent[m.name]
			if !ok {
				continue
			}
			want, have := message(manifest), packuments.Member(m.value, "deprecated")
			if bytes.Equal(want, have) {
				continue
			}
			changed = true
			version := parseObject(m.value).without("deprecated")
			if want != nil {
				version = version.with("deprecated", want)
			}
			next.versions[i].value = version.raw()
		}
		if !changed {
			return nil, nil
		}
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}

// message is a version's deprecation; nil where it has none, as "" and false mean.
func message(manifest []byte) []byte {
	raw := packuments.Member(manifest, "deprecated")
	if plain(raw) == "" && string(raw) != "true" {
		return nil
	}
	return raw
}

// index maps names to values, for objects with thousands of members.
func (o object) index() map[string][]byte {
	m := make(map[string][]byte, len(o))
	for _, each := range o {
		m[each.name] = each.value
	}
	return m
}
