package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// mostStar bounds what somebody may send who may not write the package: a star.
const mostStar = 1 << 20

// may says whether somebody may do something with a package; doc is nil of one that is not
// there. Every right is asked here.
func (r *Registry) may(ctx context.Context, who auth.Identity, act auth.Act, name PackageName, doc *packument) error {
	if act == auth.Read && doc != nil && !doc.restricted() {
		return nil // nearly all that is read: not even its maintainers are looked up
	}
	return r.auth.May(ctx, who, act, facts(name, doc))
}

// facts are what rights are judged by.
func facts(name PackageName, doc *packument) auth.Package {
	tfa := doc.tfa()
	return auth.Package{Name: string(name), Exists: doc != nil, Restricted: doc.restricted(), Maintainers: doc.maintainers(),
		RequiresTFA: tfa.requires, AutomationOverrides: tfa.overrides}
}

// servePut answers PUT /:p and PUT /:p/-rev/:rev: who may what is known from the
// headers, the path and the package, so it is checked before the body is read.
func (r *Registry) servePut(w http.ResponseWriter, q *request) error {
	if !q.pkg.Storable() {
		if err := q.pkg.Check(); err != nil && !q.who.Anonymous() {
			return err
		}
		return errSignIn
	}
	if q.who.Anonymous() {
		return errSignIn
	}
	e, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return err
	}
	limit := r.o.MaxBody
	r.notify(w, q, e.doc)
	denied := r.may(q.Context(), q.who, auth.Publish, q.pkg, e.doc)
	if lost, ok := e.doc.nameLostBy(q.who.Name); ok && denied != nil {
		denied = fail(http.StatusForbidden, "You do not have permission to publish %q. %s", q.pkg, lost.text())
	}
	if denied != nil {
		if !e.doc.published() || r.may(q.Context(), q.who, auth.Star, q.pkg, e.doc) != nil {
			return r.refused(q, audit.PackagePublish, denied)
		}
		limit = min(limit, mostStar)
	}
	if e.doc == nil {
		if err := q.pkg.Check(); err != nil {
			return err
		}
	}
	body, err := bodyOf(w, q.Request, limit)
	if err != nil && denied != nil {
		return denied
	}
	if err != nil {
		return err
	}
	return r.take(w, q, e, body, denied)
}

// take reads the body and does what it asks for. denied is why who asks may not
// write the package; they may star it all the same.
func (r *Registry) take(w http.ResponseWriter, q *request, e *entry, body io.Reader, denied error) error {
	u, err := readUpload(body, r.o.TempDir, r.o.MaxMetadata)
	if err != nil {
		if denied != nil {
			return denied
		}
		return err
	}
	defer u.Close()
	var doc *packument
	switch {
	case u.versions == nil && u.members.of("users") != nil && len(u.data()) == 0:
		doc, err = r.star(q, u)
	case denied != nil:
		return r.refused(q, audit.PackagePublish, denied)
	default:
		if err = r.stepUp(q, privilegeOf(e.doc)); err == nil {
			doc, err = r.write(q, e, u)
		}
	}
	if err != nil {
		return err
	}
	for _, line := range q.advice {
		q.tell(w, line)
	}
	writeJSON(w, http.StatusCreated, done(doc))
	return nil
}

// write does what a body asks for that is no star, and notes that it did.
func (r *Registry) write(q *request, e *entry, u *upload) (doc *packument, err error) {
	var act audit.Act
	switch {
	case len(u.data()) > 0:
		return r.publish(q.Context(), q, u)
	case u.versions == nil && u.members.of("maintainers") != nil:
		act = audit.PackageOwner
		doc, err = r.own(q, u)
	case u.versions == nil:
		return nil, invalid("invalid document: it has neither versions, nor maintainers, nor users")
	case e.doc == nil:
		return nil, errNoData
	case q.param("rev") != "":
		act = audit.PackageUnpublish
		doc, err = r.unpublishVersions(q, u)
	default:
		act = audit.PackageDeprecate
		doc, err = r.deprecate(q, u)
	}
	r.audit(q, act, err)
	return doc, err
}

// errNoData refuses what would be a publish, but for its tarball.
var errNoData = invalid("invalid document: no attachment with data")

// done is the answer to a write: clients look for ok, success or rev.
func done(doc *packument) map[string]any {
	return map[string]any{"ok": true, "success": true, "id": doc.name, "rev": doc.rev}
}

// publish stores a version: its tarball first, so that no version is ever seen
// without; then the packument.
func (r *Registry) publish(ctx context.Context, q *request, u *upload) (*packument, error) {
	p, err := r.newPublication(q.pkg, u, q.who)
	if err != nil {
		return nil, r.refused(q, audit.PackagePublish, err)
	}
	q.entry.Version, q.entry.Details = p.version, map[string]string{"tags": strings.Join(p.tags, " "), "integrity": p.integrity}
	return r.issue(ctx, q, audit.PackagePublish, p)
}

// issue publishes what was checked: now, or when it was staged; then its tarball is in the store. It notes that it did.
func (r *Registry) issue(ctx context.Context, q *request, act audit.Act, p *publication) (*packument, error) {
	note := &noting{r: r, q: q, act: act}
	doc, err := r.place(ctx, q, p, note.begin)
	note.end(err)
	return doc, err
}

// place makes a publication part of its package, and tells when all that can refuse it has not.
func (r *Registry) place(ctx context.Context, q *request, p *publication, allowed func()) (*packument, error) {
	p.newScoped = r.o.NewScoped
	doc, err := r.couldPublish(ctx, p)
	if doc != nil || err != nil {
		return doc, err
	}
	if scope := auth.Scope(string(p.name)); scope != "" && !p.who.Admin() {
		if err := r.claim(ctx, scope, p); err != nil {
			return nil, err
		}
	}
	release, err := r.distinct(ctx, p)
	if err != nil {
		return nil, err
	}
	defer release()
	defer r.hold.take(p.digest)()
	stored, advice := func() error { return nil }, func() []string { return nil }
	if p.tarball != nil { // while the disk is at work all is done up to the packument's revision
		stored = r.store(ctx, p)
		defer stored() //nolint:errcheck // whoever needed it has asked; its bytes are the upload's, which ends with the request
		advice = r.advise(ctx, p)
		if err := r.keepAttestation(ctx, p); err != nil {
			return nil, err
		}
		if p.tarball.size > spoolMemory { // it may take minutes, in which others want to write the package
			if err := stored(); err != nil {
				return nil, fmt.Errorf("registry: %w", err)
			}
		}
	}
	doc, err = r.updateAfter(ctx, p.name, stored, func(cur *packument) (*packument, error) {
		if err := r.mayPublish(ctx, p, cur); err != nil {
			return nil, err
		}
		if cur == nil {
			if err := r.begin(ctx, p); err != nil {
				return nil, err
			}
		}
		next, err := p.apply(cur, r.o.Now())
		if next != nil {
			allowed()
		}
		return next, err
	})
	if err == nil {
		r.unscoped.changed(p.name, false) // before release: the feed is later
		q.advice = advice()
	}
	return doc, err
}

// store begins to store a publication's tarball; the function returned waits until it is durable.
func (r *Registry) store(ctx context.Context, p *publication) (wait func() error) {
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err = r.blobs.Put(ctx, p.tarball.Reader(), &p.digest); err != nil {
			err = fmt.Errorf("store a tarball: %w", err)
		}
	}()
	return func() error {
		<-done
		return err
	}
}

// mayPublish asks for the right to publish, and for more where the publish changes who may read the package.
func (r *Registry) mayPublish(ctx context.Context, p *publication, cur *packument) error {
	err := r.may(ctx, p.who, auth.Publish, p.name, cur)
	if err == nil && cur.published() && p.access != "" && p.access != cur.access() && r.may(ctx, p.who, auth.Access, p.name, cur) != nil {
		err = fail(http.StatusForbidden, "You do not have permission to change who may read %q, which is %s. Publish it with --access %[2]s.", p.name, cur.access())
	}
	return err
}

// begin prepares a package that the publish makes: the developers of an organisation get it, and
// it gets a founder. That is who first owned its scope, so that all who own a scope make
// the same package, else the publisher. When the account was
// made belongs to it: of two accounts of one name, made in two regions at once, one will go, and
// must leave nothing in the packages of the other.
func (r *Registry) begin(ctx context.Context, p *publication) error {
	p.founder = p.who.Name
	org, err := r.auth.ScopeOwner(ctx, string(p.name))
	if err != nil {
		return err
	}
	if org != nil {
		p.founder = org.Founder
	}
	if org != nil && !org.Person {
		if err := r.auth.GrantNew(ctx, org, string(p.name)); err != nil {
			return err
		}
	}
	account, err := r.auth.Account(ctx, p.founder)
	if errors.Is(err, &auth.Error{Kind: auth.NotFound}) {
		return nil // the server admin is no document
	}
	if err == nil && !account.Created.IsZero() {
		p.founder += " " + account.Created.UTC().Format(isoTime)
	}
	return err
}

// couldPublish refuses what the package as it is forbids, before anything is
// stored. It returns the package where it has the very version already.
func (r *Registry) couldPublish(ctx context.Context, p *publication) (*packument, error) {
	for fresh := false; ; fresh = true {
		e, err := r.cache.entry(ctx, p.name)
		if err != nil {
			return nil, err
		}
		done, err := p.conflicts(e.doc, r.o.Now())
		switch {
		case done:
			return e.doc, nil
		case err == nil || fresh:
			return nil, err
		}
		r.cache.drop(e) // it may be late
	}
}

// claim makes a scope that nobody owns the publisher's.
func (r *Registry) claim(ctx context.Context, scope string, p *publication) error {
	org, err := r.auth.ScopeOwner(ctx, string(p.name))
	if err != nil || org != nil {
		return err
	}
	return r.auth.ClaimScope(ctx, scope, p.who.Name)
}
