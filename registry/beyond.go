package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/tarballs"
	"settee/upstream"
	"settee/views/packuments"
)

// beyond finds a package that is none of ours and that another registry has. A name of ours never gets here, be it
// unpublished or restricted; nor does any other name in a scope of ours.
func (r *Registry) beyond(q *request) (*entry, error) {
	if r.o.Upstream == nil {
		return nil, errNotFound
	}
	ctx := upstream.WithVia(q.Context(), q.Header["Via"])
	ours, err := r.ownScope(ctx, q.pkg)
	if err != nil {
		return nil, err
	}
	if ours {
		return nil, errNotFound
	}
	e, told, err := r.reach(ctx, q.pkg, r.o.Upstream.Look)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{told, e.doc.far.notice} {
		if text != "" {
			notice(q.head, text)
		}
	}
	if !e.doc.published() && len(e.doc.far.hidden) > 0 {
		return nil, e.doc.missing("*")
	}
	return e, nil
}

// theirs refuses a new name without a scope that is installed from another registry, or soon may be: who is no admin must not
// put a package in the place of what everybody has from there. Nobody is asked for that, as they would learn a name of ours: what was read through
// is kept, and what is popular is known.
func (r *Registry) theirs(ctx context.Context, p *publication) error {
	if r.o.Upstream == nil || p.who.Admin() {
		return nil
	}
	kept, err := r.far.entry(ctx, p.name)
	if err != nil {
		return err
	}
	if kept.doc == nil && !(r.o.Popular.Has(string(p.name)) && r.o.Upstream.Serves(string(p.name))) {
		return nil
	}
	return fail(http.StatusForbidden, "%s is a package of another registry, which is read through here: yours would take its place for everybody. Publish it under another name, or have an administrator of this registry publish it first.", p.name)
}

// Elsewhere reports whether the packages of a scope come from another registry, as far as that can be told (upstream.Reader.HasScope). It is asked for no scope
// of ours.
func (r *Registry) Elsewhere(ctx context.Context, scope string) (bool, error) {
	if r.o.Upstream == nil {
		return false, nil
	}
	if kept, err := r.o.Upstream.Keeps(ctx, scope); kept || err != nil {
		return kept, err
	}
	if r.o.Popular.Has("@"+scope) && r.o.Upstream.ServesScope(scope) {
		return true, nil
	}
	ours, err := r.ownScope(ctx, PackageName("@"+scope+"/-"))
	return err == nil && !ours && r.o.Upstream.HasScope(ctx, scope), err
}

// reach reads what is kept of another registry's package once look says that it may be served.
func (r *Registry) reach(ctx context.Context, name PackageName, look func(context.Context, string, upstream.Held) (upstream.Found, error)) (e *entry, notice string, err error) {
	if e, err = r.farEntry(ctx, name); err != nil {
		return nil, "", err
	}
	var held upstream.Held
	if e.doc != nil {
		held = upstream.Held{Rev: e.doc.rev, Mark: e.doc.far.mark}
	}
	found, err := look(ctx, string(name), held)
	if err != nil {
		return nil, "", reachError(err)
	}
	if found.Changed {
		r.far.drop(e)
		if e, err = r.farEntry(ctx, name); err != nil {
			return nil, "", err
		}
	}
	if e.doc == nil {
		return nil, "", errNotFound
	}
	return e, found.Notice, nil
}

// farEntry is the entry of another registry's package, made anew where time has changed what it shows.
func (r *Registry) farEntry(ctx context.Context, name PackageName) (*entry, error) {
	e, err := r.far.entry(ctx, name)
	if err != nil || e.doc == nil || e.doc.far.until.IsZero() || r.o.Now().Before(e.doc.far.until) {
		return e, err
	}
	r.far.drop(e)
	return r.far.entry(ctx, name)
}

// reachError is the answer where another registry gives nothing.
func reachError(err error) error {
	var refused *upstream.Refused
	switch {
	case errors.As(err, &refused):
		return &Error{Status: http.StatusForbidden, Message: refused.Why, Notice: refused.Why}
	case errors.Is(err, upstream.ErrNotFound):
		return errNotFound
	case errors.Is(err, upstream.ErrLoop):
		return fail(http.StatusLoopDetected, "%s", upstream.ErrLoop)
	case errors.Is(err, upstream.ErrUnavailable):
		const text = "The upstream registry does not answer as it should, and this package is not kept here yet. Please try again."
		return &Error{Status: http.StatusServiceUnavailable, Message: text, Notice: text, cause: err}
	}
	return err
}

// missed looks for a tarball that is not in a packument: of a version that another registry has got meanwhile, one whose
// digest is not known yet, or one that is hidden.
func (r *Registry) missed(q *request, e *entry) (*entry, *file, error) {
	name := path.Base(q.param("file"))
	absent := fail(http.StatusNotFound, "Not found: %s", q.param("file"))
	if e.doc.far == nil {
		return nil, nil, absent
	}
	if number, _ := e.doc.fileOf(name); number == "" {
		var err error
		if e, _, err = r.reach(upstream.WithVia(q.Context(), q.Header["Via"]), q.pkg, r.o.Upstream.LookAgain); err != nil {
			return nil, nil, err
		}
		if f := e.file(name); f != nil {
			return e, f, nil
		}
	}
	number, manifest := e.doc.fileOf(name)
	if number == "" {
		if h, hidden := e.doc.far.hidden[numberOf(q.pkg, name)]; hidden {
			return nil, nil, &Error{Status: http.StatusForbidden, Message: h.Why, Notice: h.Why}
		}
		return nil, nil, absent
	}
	d, err := r.o.Upstream.Learn(q.Context(), tarballOf(e, number), manifest)
	if err != nil {
		return nil, nil, e.elsewhere(err)
	}
	return e, &file{version: number, digest: d, etag: []string{`"` + d.String()[:32] + `"`}, cache: []string{forEver}}, nil
}

// numberOf is the version that a tarball's name is of by the convention.
func numberOf(name PackageName, file string) string {
	number, _ := strings.CutPrefix(strings.TrimSuffix(file, ".tgz"), name.Base()+"-")
	return number
}

// storeOf is where a tarball is, or comes from.
func (r *Registry) storeOf(e *entry, f *file) tarballs.Store {
	if e.doc.far == nil {
		return r.blobs
	}
	return r.o.Upstream.Store(tarballOf(e, f.version))
}

func tarballOf(e *entry, number string) upstream.Tarball {
	return upstream.Tarball{Name: string(e.name), Version: number, Mark: e.doc.far.mark}
}

// elsewhere is the answer for a tarball of another registry that is not here and cannot be had.
func (e *entry) elsewhere(err error) error {
	if err == nil || e.doc.far == nil {
		return err
	}
	text := "The upstream registry does not give this tarball now. Please try again."
	switch {
	case errors.Is(err, tarballs.ErrDigest):
		text = "The upstream registry gives a tarball that is not the one its packument tells of: it was not kept."
		return &Error{Status: http.StatusBadGateway, Message: text, Notice: text, cause: err}
	case errors.Is(err, fs.ErrNotExist):
		return fail(http.StatusNotFound, "Not found: the upstream registry does not have this tarball")
	case !errors.Is(err, tarballs.ErrUnavailable):
		return err
	}
	return &Error{Status: http.StatusServiceUnavailable, Message: text, Notice: text, cause: err}
}

// scopes remembers which scopes are not ours, for a moment: each answer is forgotten when a package of the scope changes.
type scopes struct {
	mu      sync.Mutex
	foreign map[string]time.Time // until when it is believed
	turn    int                  // how often something was forgotten
}

const mostScopes = 10_000

func (s *scopes) knows(scope string, now time.Time) (foreign bool, turn int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.foreign[scope]), s.turn
}

// keep notes that a scope was found not to be ours, unless something was forgotten since turn.
func (s *scopes) keep(scope string, until time.Time, turn int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn != turn {
		return
	}
	if s.foreign == nil || len(s.foreign) >= mostScopes {
		s.foreign = map[string]time.Time{}
	}
	s.foreign[scope] = until
}

func (s *scopes) forget(scope string) {
	if scope == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	delete(s.foreign, strings.ToLower(scope))
}

// ownScope reports whether a name is in a scope of ours: of an account or organisation here, or one in which a package of
// ours is, or was. An operator who names the scope itself in --upstream has both looked for.
func (r *Registry) ownScope(ctx context.Context, name PackageName) (bool, error) {
	scope := strings.ToLower(name.Scope()) // other registries may not tell capitals apart
	if scope == "" || r.o.Upstream.Claims(scope) {
		return false, nil
	}
	owner, err := r.auth.ScopeOwner(ctx, scope+"/-")
	if err != nil || owner != nil {
		return owner != nil, err
	}
	foreign, turn := r.scopes.knows(scope, r.o.Now())
	if foreign {
		return false, nil
	}
	names, err := r.names(r.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": scope + "/", "endkey": scope + "/\ufff0", "limit": 1})))
	if err != nil {
		return false, fmt.Errorf("registry: look for packages of a scope: %w", err)
	}
	if len(names) == 0 {
		r.scopes.keep(scope, r.o.Now().Add(r.o.MaxStale), turn)
	}
	return len(names) > 0, nil
}

// loadFar reads what is kept of another registry's package, shows of it what the rules let through now, and signs what nobody did.
func (r *Registry) loadFar(ctx context.Context, name PackageName) (*packument, error) {
	raw, rev, err := r.o.Upstream.Document(ctx, string(name))
	if raw == nil {
		return nil, err
	}
	p := parsePackument(name, raw)
	p.far = &far{mark: packuments.Member(raw, marksName), unkept: rev != ""}
	p.rev = cmp.Or(rev, p.rev)
	now := r.o.Now()
	return r.keys.Load().vouched(p.filter(r.o.Upstream.Rules(), now), now)
}
