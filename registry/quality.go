package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"settee/auth"
	"settee/manifest"
	"settee/views/packuments"
)

// factsMember is the member of a version that keeps what its tarball showed: some 100 bytes. The rest
// of the report is made when it is asked for, of what is known then.
const factsMember = "_quality"

// The bounds of what is looked up for one report.
const (
	mostJudged  = 100                    // direct dependencies
	mostCircled = 64                     // packages on the way around a circle
	judgingTime = 250 * time.Millisecond // that a publish waits for it
)

// subject is what a version's report is made of, but for its dependencies.
func subject(version []byte, readme bool) manifest.Subject {
	s := manifest.Subject{Package: manifest.Parse(version), Readme: readme}
	if facts, ok := manifest.ParseFacts(packuments.Member(version, factsMember)); ok {
		s.Facts = &facts
	}
	dist := packuments.Member(version, "dist")
	s.Size.Unpacked, _ = strconv.ParseInt(string(packuments.Member(dist, "unpackedSize")), 10, 64)
	s.Size.Files, _ = strconv.ParseInt(string(packuments.Member(dist, "fileCount")), 10, 64)
	return s
}

// noReadme is what npm sends for a readme that is not there.
const noReadme = `"ERROR: No README data found!"`

func hasReadme(raw []byte) bool {
	return len(raw) > len(`""`) && raw[0] == '"' && string(raw) != noReadme
}

// serveQuality answers GET /-/settee/package/:p/quality: of latest, or of ?version=, which may be
// a number, a dist-tag or a range.
func (r *Registry) serveQuality(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	spec := q.URL.Query().Get("version")
	if spec == "" {
		spec = "latest"
	}
	version := e.doc.resolve(spec)
	if version == nil {
		return fail(http.StatusNotFound, "version not found: %s", spec)
	}
	latest := plain(packuments.Member(version, "version")) == e.doc.latest()
	w.Header().Set("Cache-Control", "private, no-cache") // it differs with what who asks may read
	writeJSON(w, http.StatusOK, r.judge(q.Context(), q.who, subject(version, latest && hasReadme(e.doc.top.of("readme")))))
	return nil
}

// judge makes the report that somebody may see.
func (r *Registry) judge(ctx context.Context, who auth.Identity, s manifest.Subject) manifest.Report {
	needs := s.Package.Dependencies()
	names := slices.Sorted(maps.Keys(needs))
	names = names[:min(len(names), mostJudged)]
	r.warm(ctx, names)
	s.Dependencies = make([]manifest.Dependency, 0, len(names))
	for _, name := range names {
		d, _ := r.dependency(ctx, who, name, needs[name])
		s.Dependencies = append(s.Dependencies, d)
	}
	s.Circle = r.circle(ctx, who, s.Package.Name(), needs)
	return manifest.Judge(s)
}

// warm reads packages into the cache, several at once: one after another takes long where documents
// are on another machine.
func (r *Registry) warm(ctx context.Context, names []string) {
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, name := range names {
		if pkg := PackageName(name); pkg.Storable() {
			turns <- struct{}{}
			all.Go(func() {
				_, _ = r.cache.entry(ctx, pkg) // who needs it hears of the error
				<-turns
			})
		}
	}
	all.Wait()
}

// dependency is what is known here of a dependency, and the version of it that would be installed
// now; nil where that is unknown.
func (r *Registry) dependency(ctx context.Context, who auth.Identity, name, spec string) (d manifest.Dependency, version []byte) {
	d = manifest.Dependency{Name: name, Spec: spec}
	s := manifest.ParseSpec(name, spec)
	if s.Range == "" {
		s.Range = "*"
	}
	pkg := PackageName(s.Name)
	if s.Kind != manifest.Range && s.Kind != manifest.Tag && s.Kind != manifest.Alias || !pkg.Storable() {
		return d, nil
	}
	e, ours, err := r.known(ctx, who, pkg)
	if err != nil {
		return d, nil
	}
	if e == nil {
		if ours {
			d.Missing = "is not in this registry, where its scope is"
		}
		return d, nil
	}
	if version = e.doc.resolve(s.Range); version == nil {
		if _, err := semver.NewConstraint(s.Range); ours && (err == nil || s.Kind == manifest.Tag) {
			d.Missing = "has no version here that is " + s.Range
		}
		return d, nil
	}
	found := manifest.Parse(version)
	d.Version, d.License, d.Deprecated = found.Version(), found.License(), plain(message(version))
	for _, a := range r.o.Advisories.Known(s.Name, d.Version) {
		d.Vulnerabilities = append(d.Vulnerabilities, fmt.Sprintf("%s, %s: %s", a.ID, a.Severity, a.Title))
	}
	return d, version
}

// known is the entry of a package that somebody may read: of ours, or as it was last read through from
// another registry, which is not asked. nil: there is none. ours says whether it can be had nowhere else.
func (r *Registry) known(ctx context.Context, who auth.Identity, name PackageName) (e *entry, ours bool, err error) {
	if e, err = r.cache.entry(ctx, name); err != nil {
		return nil, false, err
	}
	if e.doc.published() && r.may(ctx, who, auth.Read, name, e.doc) == nil {
		return e, true, nil
	}
	if r.far == nil {
		owner, err := r.auth.ScopeOwner(ctx, string(name))
		return nil, owner != nil, err
	}
	if ours, err = r.ownScope(ctx, name); err != nil || ours || e.doc != nil {
		return nil, ours, err
	}
	if e, err = r.farEntry(ctx, name); err != nil || !e.doc.published() {
		return nil, false, err
	}
	return e, false, nil
}

// circle finds a way from a package's dependencies back to it, by the versions that would be installed now.
func (r *Registry) circle(ctx context.Context, who auth.Identity, name string, needs map[string]string) []string {
	type step struct {
		needs map[string]string
		path  []string
	}
	seen := map[string]bool{}
	for steps := []step{{needs, []string{name}}}; len(steps) > 0; steps = steps[1:] {
		for _, next := range slices.Sorted(maps.Keys(steps[0].needs)) {
			path := append(slices.Clone(steps[0].path), next)
			if next == name && len(path) > 2 {
				return path
			}
			if seen[next] || len(seen) >= mostCircled {
				continue
			}
			seen[next] = true
			if _, version := r.dependency(ctx, who, next, steps[0].needs[next]); version != nil {
				steps = append(steps, step{manifest.Parse(version).Dependencies(), path})
			}
		}
	}
	return nil
}

// advise begins to find out what there is to be done about a publication; the function returned waits for the lines.
func (r *Registry) advise(ctx context.Context, p *publication) (wait func() []string) {
	ctx, cancel := context.WithTimeout(ctx, judgingTime)
	name := r.aboutName(p)
	s := manifest.Subject{Package: p.said, Facts: &p.facts, Readme: hasReadme(p.readme), Size: p.size}
	lines := make(chan []string, 1)
	go func() {
		defer cancel()
		report := r.judge(ctx, p.who, s)
		lines <- append(name, report.Notices()...)
	}()
	return func() []string { return <-lines }
}

// look makes the facts of a tarball, and keeps them with the version.
func (p *publication) look(raw []byte, c contents, size int64) {
	p.said = manifest.Parse(raw)
	p.facts = manifest.Inspect(p.said, manifest.Contents{Files: c.list, More: len(c.list) < c.Files, Size: size, Package: c.manifest})
	p.size = manifest.Size{Packed: size, Unpacked: c.Unpacked, Files: int64(c.Files)}
	kept, _ := json.Marshal(p.facts) // a struct of texts and numbers cannot fail
	p.manifest = p.manifest.with(factsMember, kept)
}
