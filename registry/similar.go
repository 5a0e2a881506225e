package registry

import (
	"context"
	"net/http"
	"sync"

	"settee/manifest"
)

// mostNames bounds the names that are mirrored: 30 MB of them. What comes after is not compared.
const mostNames = 500_000

// unscoped are the unscoped names with capitals or punctuation, by what is left without: of the
// others that is the name itself, which the database finds. They are read when a new name is first
// published, and followed from then on.
type unscoped struct {
	read func(ctx context.Context, each func(PackageName)) error

	mu      sync.Mutex
	by      map[string]PackageName
	loaded  bool
	waiting chan struct{}          // closed when a reading that is under way ends; nil: none is
	taken   map[string]PackageName // by publishes under way
}

func newUnscoped(read func(context.Context, func(PackageName)) error) *unscoped {
	return &unscoped{read: read, by: map[string]PackageName{}, taken: map[string]PackageName{}}
}

// changed is the news that a package is there, or is no more.
func (n *unscoped) changed(name PackageName, gone bool) {
	moniker := manifest.Moniker(string(name))
	if name.Scope() != "" || name == PackageName(moniker) || name[0] == '_' {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case gone && n.by[moniker] == name:
		delete(n.by, moniker)
	case !gone && n.by[moniker] == "" && len(n.by) < mostNames:
		n.by[moniker] = name
	}
}

// forget has them read again, as news may have been lost.
func (n *unscoped) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loaded = false
	clear(n.by)
}

// load reads the names, once however many wait.
func (n *unscoped) load(ctx context.Context) error {
	n.mu.Lock()
	for n.waiting != nil {
		waiting := n.waiting
		n.mu.Unlock()
		select {
		case <-waiting:
		case <-ctx.Done():
			return ctx.Err()
		}
		n.mu.Lock()
	}
	if n.loaded {
		n.mu.Unlock()
		return nil
	}
	n.waiting, n.loaded = make(chan struct{}), true // so that forget can say that it is not
	n.mu.Unlock()
	err := n.read(ctx, func(name PackageName) { n.changed(name, false) })
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loaded = n.loaded && err == nil
	close(n.waiting)
	n.waiting = nil
	return err
}

// take keeps others from publishing a name that is too similar until release, and returns the one
// that is there, or is being published, already.
func (n *unscoped) take(ctx context.Context, name PackageName) (similar PackageName, release func(), err error) {
	if err := n.load(ctx); err != nil {
		return "", nil, err
	}
	moniker := manifest.Moniker(string(name))
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range []PackageName{n.by[moniker], n.taken[moniker]} {
		if other != "" && other != name {
			return other, nil, nil
		}
	}
	if n.taken[moniker] == name {
		return "", func() {}, nil // the same publish twice: one of them will win
	}
	n.taken[moniker] = name
	return "", func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.taken, moniker)
	}, nil
}

// readNames reads the names of all packages.
func (r *Registry) readNames(ctx context.Context, each func(PackageName)) error {
	rows := r.db.AllDocs(ctx)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return err
		}
		each(PackageName(id))
	}
	return rows.Err()
}

// distinct refuses a new name that another registry has, or that is too similar to another, here or among the popular ones. Scoped
// names are their owners' business, and admins know what they do. release must be called once
// the package is there, or is not.
func (r *Registry) distinct(ctx context.Context, p *publication) (release func(), err error) {
	nothing := func() {}
	if p.name.Scope() != "" {
		return nothing, nil
	}
	e, err := r.cache.entry(ctx, p.name)
	if err != nil || e.doc != nil {
		return nothing, err
	}
	if err := r.theirs(ctx, p); err != nil {
		return nothing, err
	}
	p.begins = true
	similar, release, err := r.unscoped.take(ctx, p.name)
	if err != nil {
		return nothing, err
	}
	if moniker := PackageName(manifest.Moniker(string(p.name))); similar == "" && moniker != p.name && moniker.Storable() {
		plain, err := r.cache.entry(ctx, moniker)
		if err != nil {
			release()
			return nothing, err
		}
		if plain.doc != nil {
			similar = moniker
		}
	}
	if similar == "" {
		similar = PackageName(r.o.Popular.Similar(string(p.name)))
	}
	if similar == "" || p.who.Admin() {
		if release == nil {
			release = nothing
		}
		return release, nil
	}
	if release != nil {
		release()
	}
	return nothing, fail(http.StatusForbidden, "Package name too similar to existing package %s; try renaming your package to '@%s/%s' and publishing with 'npm publish --access=public' instead", similar, p.who.Name, p.name)
}

// aboutName is what the publisher of a new unscoped name is told of it.
func (r *Registry) aboutName(p *publication) []string {
	name := string(p.name)
	if !p.begins {
		return nil
	}
	if other := r.o.Popular.Resembling(name); other != "" {
		return []string{"the name " + name + " is nearly that of the popular package " + other + ": people will take the one for the other"}
	}
	if r.o.Popular.Has(name) {
		return []string{name + " is a popular package elsewhere too: who installs it from here gets yours"}
	}
	return nil
}
