package registry

import (
	"context"
	"encoding/json"
	"net/http"

	"settee/advisories"
	"settee/views/packuments"
)

// serveQuickAudit answers POST /-/npm/v1/security/audits/quick: npm 6 asks on every install, npm 7 to 10 where the bulk
// endpoint fails, pnpm first of all.
func (r *Registry) serveQuickAudit(w http.ResponseWriter, q *request) error {
	tree, err := r.tree(w, q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, r.o.Advisories.Quick(tree))
	return nil
}

// serveAudit answers POST /-/npm/v1/security/audits: npm audit of npm 6, and yarn audit.
func (r *Registry) serveAudit(w http.ResponseWriter, q *request) error {
	tree, err := r.tree(w, q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, r.o.Advisories.Full(q.Context(), tree, &installable{r, q}))
	return nil
}

func (r *Registry) tree(w http.ResponseWriter, q *request) (*advisories.Tree, error) {
	raw, err := r.audited(w, q)
	if err != nil {
		return nil, err
	}
	tree, err := advisories.ParseTree(raw)
	if err != nil {
		return nil, errTree
	}
	return tree, nil
}

// installable is what who asks could install instead: advisories.Packages.
type installable struct {
	r *Registry
	q *request
}

func (i *installable) packument(name string) *packument {
	q := *i.q
	q.pkg = PackageName(name)
	e, err := i.r.visible(&q)
	if err != nil {
		return nil // there is none for who asks
	}
	return e.doc
}

// Versions implements advisories.Packages.
func (i *installable) Versions(_ context.Context, name string) []string {
	p := i.packument(name)
	if p == nil {
		return nil
	}
	numbers := make([]string, len(p.versions))
	for n, v := range p.versions {
		numbers[n] = v.name
	}
	return numbers
}

// Needs implements advisories.Packages.
func (i *installable) Needs(_ context.Context, name, version string) map[string]string {
	var needs map[string]string
	if p := i.packument(name); p != nil {
		raw, _ := p.version(version)
		_ = json.Unmarshal(packuments.Member(raw, "dependencies"), &needs) // of what is no map nothing is installed
	}
	return needs
}
