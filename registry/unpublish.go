package registry

import (
	"errors"
	"net/http"
	"path"
	"slices"

	"settee/auth"
	"settee/auth/audit"
)

// unpublishVersions removes the versions that a packument sent back no longer
// has. pnpm sends stars that way too. Any other difference is ignored.
func (r *Registry) unpublishVersions(q *request, u *upload) (*packument, error) {
	kept := u.versions.index()
	doc, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return nil, err
	}
	if doc.doc != nil && !slices.ContainsFunc(doc.doc.versions, func(m member) bool { return kept[m.name] == nil }) && u.members.of("users") != nil {
		return r.star(q, u)
	}
	return r.amend(q.Context(), q.who, auth.Unpublish, q.pkg, revOf(q, u), func(cur *packument) (*packument, error) {
		next := cur.clone()
		next.versions = next.versions[:0]
		var gone []string
		for _, m := range cur.versions {
			if kept[m.name] == nil {
				gone = append(gone, m.name)
				continue
			}
			next.versions = append(next.versions, m)
		}
		if err := r.mayUnpublish(q.Context(), q.who, cur, gone...); err != nil {
			return nil, err
		}
		switch len(next.versions) {
		case len(cur.versions):
			return nil, nil
		case 0:
			return r.tombstone(q.who, cur), nil
		}
		next.retag()
		next.touch(r.o.Now(), cur.times())
		return next, nil
	})
}

// retag drops the dist-tags of versions that are gone from a clone. latest then is the highest version left that is no
// prerelease, whatever was sent: npm sends the highest, prereleases among them.
func (p *packument) retag() {
	tags := object{}
	for _, m := range p.tags() {
		if p.versions.at(plain(m.value)) >= 0 {
			tags = append(tags, m)
		}
	}
	if tags.at("latest") < 0 {
		latest := p.highest(whichever)
		tags = tags.with("latest", quote(latest))
		hoist(p, parseObject(p.versions.of(latest)))
	}
	p.set("dist-tags", tags.raw())
}

// serveUnpublish answers DELETE /:p/-rev/:rev.
func (r *Registry) serveUnpublish(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errSignIn
	}
	if !q.pkg.Storable() {
		return errNotFound
	}
	doc, err := r.amend(q.Context(), q.who, auth.Unpublish, q.pkg, q.param("rev"), func(cur *packument) (*packument, error) {
		if err := r.mayUnpublish(q.Context(), q.who, cur, cur.versions.names()...); err != nil {
			return nil, err
		}
		return r.tombstone(q.who, cur), nil
	})
	r.audit(q, audit.PackageUnpublish, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, done(doc))
	return nil
}

// tombstone is what stays of a package: its times, so that no number is used
// again, and who may publish under the name.
func (r *Registry) tombstone(who auth.Identity, cur *packument) *packument {
	now := r.o.Now()
	numbers := []byte{'['}
	for i, m := range cur.versions {
		if i > 0 {
			numbers = append(numbers, ',')
		}
		numbers = appendQuoted(numbers, m.name)
	}
	was := object{
		{"name", quote(who.Name)}, {"time", quote(now.UTC().Format(isoTime))},
		{"tags", cur.tags().raw()}, {"versions", append(numbers, ']')},
	}
	for _, field := range []string{"maintainers", "description"} {
		if value := cur.top.of(field); value != nil {
			was = append(was, member{field, value})
		}
	}
	next := &packument{name: cur.name, top: object{{"name", quote(string(cur.name))}}}
	if access := cur.top.of("access"); access != nil {
		next.set("access", access)
	}
	next.touch(now, cur.times().with("unpublished", was.raw()))
	return next
}

// serveTarballDelete answers DELETE /:p/-/:file/-rev/:rev, which clients send
// after they removed the version. The bytes go with the next sweep.
func (r *Registry) serveTarballDelete(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errSignIn
	}
	if !q.pkg.Storable() {
		return errNotFound
	}
	e, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return err
	}
	denied := r.may(q.Context(), q.who, auth.Unpublish, q.pkg, e.doc)
	if !errors.Is(denied, &auth.Error{Kind: auth.NotFound}) { // else there is nothing, or for others only
		if denied != nil {
			return denied
		}
		if e.doc.published() && e.doc.file(path.Base(q.param("file"))) != nil {
			return &Error{Status: http.StatusConflict, Message: "conflict", Reason: "The version of this tarball is still published."}
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	return nil
}
