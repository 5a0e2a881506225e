package registry

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"path"
	"time"

	"settee/auth"
	"settee/auth/audit"
)

// serveStage answers POST /-/stage/package/:p: what a publish sends, but nobody installs it until somebody approves it.
// No second factor is asked for: that is for who approves.
func (r *Registry) serveStage(w http.ResponseWriter, q *request) error {
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
	if err := r.may(q.Context(), q.who, auth.Stage, q.pkg, e.doc); err != nil {
		return r.refused(q, audit.PackageStage, err)
	}
	if e.doc == nil {
		if err := q.pkg.Check(); err != nil {
			return err
		}
	}
	body, err := bodyOf(w, q.Request, r.o.MaxBody)
	if err != nil {
		return err
	}
	u, err := readUpload(body, r.o.TempDir, r.o.MaxMetadata)
	if err != nil {
		return err
	}
	defer u.Close()
	item, err := r.takeStaged(q, u)
	r.audit(q, audit.PackageStage, err)
	if err != nil {
		return err
	}
	q.tell(w, fmt.Sprintf("%s@%s is staged, and nobody installs it yet: npm stage approve %s", item.Package, item.Version, item.ID))
	writeJSON(w, http.StatusCreated, map[string]any{"message": "staged", "stageId": item.ID})
	return nil
}

func (r *Registry) takeStaged(q *request, u *upload) (stagedItem, error) {
	p, err := r.newPublication(q.pkg, u, q.who)
	if err != nil {
		return stagedItem{}, err
	}
	q.entry.Version, q.entry.Details = p.version, map[string]string{"integrity": p.integrity}
	doc, err := r.couldPublish(q.Context(), p)
	if doc != nil {
		err = fail(http.StatusForbidden, "You cannot publish over the previously published versions: %s.", p.version)
	}
	if err != nil {
		return stagedItem{}, err
	}
	release, err := r.distinct(q.Context(), p)
	if err != nil {
		return stagedItem{}, err
	}
	release()
	item, err := r.stage(q.Context(), p)
	if err == nil {
		q.entry.Details["stage"] = item.ID
	}
	return item, err
}

// mayDecide says whether somebody may decide about a staged version: who may publish the package, but no build, as
// deciding is for people. act is Stage where it is only looked at.
func (r *Registry) mayDecide(q *request, item stagedItem, act auth.Act) error {
	name := PackageName(item.Package)
	e, err := r.cache.entry(q.Context(), name)
	if err != nil {
		return err
	}
	if err := r.may(q.Context(), q.who, act, name, e.doc); err != nil {
		if e.doc.restricted() || e.doc == nil {
			return errNotFound
		}
		return err
	}
	if act == auth.Publish && q.who.Token != nil && q.who.Token.Publisher != nil {
		return fail(http.StatusForbidden, "A build stages versions; people approve or reject them.")
	}
	return nil
}

// decided finds the staged version of a request and asks whether who asks may do that with it.
func (r *Registry) decided(q *request, act auth.Act) (stagedItem, error) {
	if q.who.Anonymous() {
		return stagedItem{}, errWhoAreYou
	}
	item, err := r.stagedItem(q.Context(), q.param("id"))
	if err != nil {
		return item, err
	}
	return item, r.mayDecide(q, item, act)
}

// serveStagedList answers GET /-/stage: those that who asks may know of.
func (r *Registry) serveStagedList(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	page, perPage := number0(q, "page", 0), number0(q, "perPage", stagedShown)
	if page < 0 || perPage < 1 || perPage > mostStagedShown || page > 1<<30/perPage {
		return invalid("invalid page: perPage must be between 1 and %d", mostStagedShown)
	}
	all, err := r.stagedItems(q.Context(), PackageName(q.URL.Query().Get("package")))
	if err != nil {
		return err
	}
	items := []stagedItem{}
	for _, item := range all {
		err := r.mayDecide(q, item, auth.Stage)
		if err == nil {
			items = append(items, item)
		} else if asError(err).Status >= 500 {
			return err
		}
	}
	total := len(items)
	from := min(page*perPage, total)
	w.Header().Set("Cache-Control", "private, no-store")
	writeJSON(w, http.StatusOK, map[string]any{"items": items[from:min(from+perPage, total)], "page": page, "perPage": perPage, "total": total})
	return nil
}

// serveStaged answers GET /-/stage/:id.
func (r *Registry) serveStaged(w http.ResponseWriter, q *request) error {
	item, err := r.decided(q, auth.Stage)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	writeJSON(w, http.StatusOK, item)
	return nil
}

// serveStagedTarball answers GET /-/stage/:id/tarball.
func (r *Registry) serveStagedTarball(w http.ResponseWriter, q *request) error {
	item, err := r.decided(q, auth.Stage)
	if err != nil {
		return err
	}
	digest, err := item.digest()
	if err != nil {
		return err
	}
	name := path.Base(PackageName(item.Package).Tarball(item.Version))
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	f := &file{digest: digest, etag: []string{`"` + digest.String()[:32] + `"`}}
	h := w.Header()
	h["Etag"], h["Cache-Control"], h["Content-Type"] = f.etag, []string{"private, no-cache"}, octets
	blob := r.small.get(digest)
	if blob == nil {
		if blob, err = r.openTarball(w, q, f, r.blobs); blob == nil {
			return err
		}
	}
	http.ServeContent(w, q.Request, "", time.Time{}, bytes.NewReader(blob))
	return nil
}

// serveApprove answers POST /-/stage/:id/approve: the version is published as if who approves did so now.
func (r *Registry) serveApprove(w http.ResponseWriter, q *request) error {
	item, err := r.decide(q, audit.PackageApprove)
	if err != nil {
		return err
	}
	q.pkg = PackageName(item.Package)
	p, err := r.publicationOf(q.Context(), item, q)
	if err != nil {
		return r.refused(q, audit.PackageApprove, err)
	}
	if _, err := r.issue(q.Context(), q, audit.PackageApprove, p); err != nil {
		return err
	}
	if err := r.unstage(q.Context(), item); err != nil && !errors.Is(err, errNotFound) {
		r.log.Warn("a staged version was published and waits still", "stage", item.ID, "error", err)
	}
	writeJSON(w, http.StatusCreated, map[string]any{"message": fmt.Sprintf("%s@%s is published", item.Package, item.Version)})
	return nil
}

// serveReject answers DELETE /-/stage/:id.
func (r *Registry) serveReject(w http.ResponseWriter, q *request) error {
	item, err := r.decide(q, audit.PackageReject)
	if err != nil {
		return err
	}
	err = r.unstage(q.Context(), item)
	r.audit(q, audit.PackageReject, err)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// decide is what comes before either: the right, and the second factor.
func (r *Registry) decide(q *request, act audit.Act) (stagedItem, error) {
	item, err := r.decided(q, auth.Publish)
	q.entry.Package, q.entry.Version = item.Package, item.Version
	q.entry.Details = map[string]string{"stage": item.ID, "by": item.Actor, "integrity": item.Integrity}
	if err != nil {
		return item, r.refused(q, act, err)
	}
	return item, r.stepUp(q, auth.Privilege{Level: auth.LevelAccount})
}
