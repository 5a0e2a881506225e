package registry

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"settee/replicate"
	"settee/search"
	"settee/views/packuments"
)

// indexed makes what is found of a changed packument; false of what is not to be found.
func (r *Registry) indexed(ctx context.Context, c replicate.Change) (search.Package, bool, error) {
	name := PackageName(c.ID)
	if !name.Storable() || c.Deleted && len(c.Revs) == 1 {
		return search.Package{}, false, nil
	}
	p, err := r.changed(ctx, name, c)
	if err != nil {
		return search.Package{}, false, err
	}
	if !p.published() {
		return search.Package{}, false, nil
	}
	return p.found(), true, nil
}

// changed is a package as a change says. What was published here is known already: it need be neither read nor parsed.
func (r *Registry) changed(ctx context.Context, name PackageName, c replicate.Change) (*packument, error) {
	if len(c.Revs) > 1 {
		return r.load(ctx, name) // who may read it is a matter of all leaves
	}
	if c.Doc != nil {
		return parsePackument(name, c.Doc), nil
	}
	if e := r.cache.peek(name); e.alone() { // it was held; what is here now is that or later
		return e.doc, nil
	}
	return r.load(ctx, name)
}

// holds reports whether a package is known in a revision.
func (r *Registry) holds(id, rev string) bool {
	e := r.cache.peek(PackageName(id))
	return e.alone() && e.doc.rev == rev
}

// alone reports whether an entry is a package, and of one leaf.
func (e *entry) alone() bool {
	return e != nil && e.doc != nil && len(e.doc.conflicts)+len(e.doc.closed) == 0
}

// indexedFar is the same of another registry's package, as the rules show it: one with a name of ours is not found, as it cannot be installed.
func (r *Registry) indexedFar(ctx context.Context, c replicate.Change) (search.Package, bool, error) {
	name := PackageName(c.ID)
	if !name.Storable() || c.Deleted {
		return search.Package{}, false, nil
	}
	if own, err := r.cache.entry(ctx, name); err != nil || own.doc != nil {
		return search.Package{}, false, err
	}
	if ours, err := r.ownScope(ctx, name); err != nil || ours {
		return search.Package{}, false, err
	}
	p := parsePackument(name, c.Doc)
	p.far = &far{mark: packuments.Member(c.Doc, marksName)}
	if p = p.filter(r.o.Upstream.Rules(), r.o.Now()); !p.published() {
		return search.Package{}, false, nil
	}
	found := p.found()
	found.Restricted = false
	return found, true, nil
}

// found is what search knows of a packument.
func (p *packument) found() search.Package {
	latest := p.latest()
	manifest := p.versions.of(latest)
	times := p.top.of("time")
	at := func(member string) time.Time {
		t, _ := time.Parse(time.RFC3339, plain(packuments.Member(times, member)))
		return t.UTC()
	}
	by := packuments.Member(manifest, "_npmUser")
	f := search.Package{
		Name: string(p.name), Version: latest, Description: p.top.text("description"), Keywords: keywords(p.top.of("keywords")),
		Date: at(latest), Updated: at("modified"), Links: p.links(), License: licence(p.top.of("license")), Rev: p.rev,
		Publisher:  search.Person{Username: plain(packuments.Member(by, "name")), Email: plain(packuments.Member(by, "email"))},
		Restricted: p.restricted(), Unstable: unstable(latest), Deprecated: isDeprecated(packuments.Member(manifest, "deprecated")),
	}
	for _, m := range p.tags() {
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		f.Tags[m.name] = plain(m.value)
	}
	for _, m := range p.people() {
		f.Maintainers = append(f.Maintainers, search.Person{Username: m.name, Email: plain(packuments.Member(m.value, "email"))})
	}
	f.Author = author(p.top.of("author"))
	for _, m := range parseObject(p.top.of("users")) {
		if string(m.value) == "true" {
			f.Stars++
		}
	}
	seen := map[string]bool{}
	for _, kind := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
		for _, m := range parseObject(packuments.Member(manifest, kind)) {
			if !seen[m.name] && PackageName(m.name).Storable() {
				seen[m.name] = true
				f.Dependencies = append(f.Dependencies, m.name)
			}
		}
	}
	f.Quality = p.quality(f)
	return f
}

// quality is what can be seen of the care that was taken, 0 to 1.
func (p *packument) quality(f search.Package) (q float64) {
	for _, each := range []struct {
		has    bool
		counts float64
	}{
		{f.Description != "", .15}, {len(p.top.of("readme")) > 200, .25}, {f.License != "" && f.License != "UNLICENSED", .15},
		{f.Links["repository"] != "", .15}, {len(f.Keywords) > 0, .05}, {f.Links["homepage"] != "" || f.Links["bugs"] != "", .05},
		{!f.Unstable, .1}, {len(p.versions) > 2, .1},
	} {
		if each.has {
			q += each.counts
		}
	}
	return q
}

// licence is a text, or the type of an object.
func licence(raw []byte) string {
	if isObject(raw) {
		raw = packuments.Member(raw, "type")
	}
	return plain(raw)
}

func isDeprecated(raw []byte) bool {
	return plain(raw) != "" || string(raw) == "true"
}

// unstable reports whether a version promises nothing.
func unstable(version string) bool {
	v, err := semver.NewVersion(version)
	return err != nil || v.Major() == 0 || v.Prerelease() != ""
}

// author is an object, or a text like "Ann <ann@example.com> (https://ann.example.com)".
func author(raw []byte) *search.Person {
	p := search.Person{Name: plain(packuments.Member(raw, "name")), Email: plain(packuments.Member(raw, "email")), URL: plain(packuments.Member(raw, "url"))}
	if text := plain(raw); text != "" {
		between := func(open, end string) string {
			_, rest, _ := strings.Cut(text, open)
			inside, _, _ := strings.Cut(rest, end)
			return strings.TrimSpace(inside)
		}
		name, _, _ := strings.Cut(text, "<")
		name, _, _ = strings.Cut(name, "(")
		p = search.Person{Name: strings.TrimSpace(name), Email: between("<", ">"), URL: between("(", ")")}
	}
	if p == (search.Person{}) {
		return nil
	}
	return &p
}

// links are the pages that a packument names. Only those that a browser opens.
func (p *packument) links() map[string]string {
	links := map[string]string{}
	for name, raw := range map[string][]byte{"homepage": p.top.of("homepage"), "repository": p.top.of("repository"), "bugs": p.top.of("bugs")} {
		if isObject(raw) {
			raw = packuments.Member(raw, "url")
		}
		to := plain(bytes.TrimSpace(raw))
		to = strings.TrimSuffix(strings.TrimPrefix(to, "git+"), ".git")
		if rest, git := strings.CutPrefix(to, "git://"); git {
			to = "https://" + rest
		}
		if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://") {
			links[name] = to
		}
	}
	return links
}
