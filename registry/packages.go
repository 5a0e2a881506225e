package registry

import (
	"net/http"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/auth/audit"
	"settee/views/packuments"
)

// serveOrgPackages answers GET /-/org/:org/package: what of it who asks may read, and what they may do.
func (r *Registry) serveOrgPackages(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	org, err := r.auth.Org(q.Context(), orgOf(q))
	if err != nil {
		return err
	}
	within := "@" + org.Name + "/"
	names, err := r.names(r.db.AllDocs(q.Context(), kivik.Params(map[string]any{"startkey": within, "endkey": within + "\ufff0"})))
	if err != nil {
		return err
	}
	return r.listPackages(w, q, names, func(name PackageName, doc *packument) (string, error) {
		if r.may(q.Context(), q.who, auth.Publish, name, doc) == nil {
			return "write", nil
		}
		return "read", nil
	})
}

// names are the packages of rows, each row being one's.
func (r *Registry) names(rows *kivik.ResultSet) (names []PackageName, err error) {
	defer rows.Close()
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		if name := PackageName(id); name.Storable() {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}

// serveUserPackages answers GET /-/user/:user/package, and pnpm's of who asks: what a user may do
// more with than everybody.
func (r *Registry) serveUserPackages(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	user := named(q.param("user"))
	if user == "" {
		user = q.who.Name
	}
	if _, err := r.auth.Account(q.Context(), user); err != nil && user != q.who.Name {
		return err
	}
	names, err := r.names(r.db.Query(q.Context(), packuments.Name, "by-maintainer", kivik.Params(map[string]any{"key": user, "reduce": false})))
	if err != nil {
		return err
	}
	orgs, err := r.auth.OrgsOf(q.Context(), user)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		for _, t := range org.Teams {
			for name := range t.Packages {
				names = append(names, PackageName(name))
			}
		}
	}
	return r.listPackages(w, q, names, func(name PackageName, doc *packument) (string, error) {
		all, err := r.auth.Collaborators(q.Context(), q.who, facts(name, doc))
		return words[all[user]], err
	})
}

// serveTeamPackages answers GET /-/team/:org/:team/package.
func (r *Registry) serveTeamPackages(w http.ResponseWriter, q *request) error {
	_, t, err := r.team(q)
	if err != nil {
		return err
	}
	var names []PackageName
	for name := range t.Packages {
		names = append(names, PackageName(name))
	}
	return r.listPackages(w, q, names, func(name PackageName, _ *packument) (string, error) { return words[t.Packages[string(name)]], nil })
}

// listPackages answers with those packages that who asks may read, each with a word; "" leaves one out.
func (r *Registry) listPackages(w http.ResponseWriter, q *request, names []PackageName, word func(PackageName, *packument) (string, error)) error {
	list := map[PackageName]string{}
	for _, name := range names {
		if _, have := list[name]; have {
			continue
		}
		e, err := r.cache.entry(q.Context(), name)
		if err != nil {
			return err
		}
		if !e.doc.published() || r.may(q.Context(), q.who, auth.Read, name, e.doc) != nil {
			continue
		}
		is, err := word(name, e.doc)
		if err != nil {
			return err
		}
		if is != "" {
			list[name] = is
		}
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

// serveTeamGrant answers PUT /-/team/:org/:team/package, serveTeamRevoke DELETE.
func (r *Registry) serveTeamGrant(w http.ResponseWriter, q *request) error {
	return r.teamGrant(w, q, func(sent auth.Permission) (auth.Permission, error) {
		if sent != auth.ReadOnly && sent != auth.ReadWrite {
			return "", invalid("invalid permissions: it must be read-only or read-write")
		}
		return sent, nil
	})
}

func (r *Registry) serveTeamRevoke(w http.ResponseWriter, q *request) error {
	return r.teamGrant(w, q, func(auth.Permission) (auth.Permission, error) { return auth.NoAccess, nil })
}

func (r *Registry) teamGrant(w http.ResponseWriter, q *request, to func(auth.Permission) (auth.Permission, error)) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	var sent struct {
		Package     PackageName
		Permissions auth.Permission
	}
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	is, err := to(sent.Permissions)
	if err != nil {
		return err
	}
	if !sent.Package.Storable() {
		return errNotFound
	}
	e, err := r.cache.entry(q.Context(), sent.Package)
	if err != nil {
		return err
	}
	q.pkg, q.entry.On, q.entry.Details = sent.Package, teamOf(q), map[string]string{"permissions": string(is)}
	if is == auth.NoAccess {
		q.entry.Details["permissions"] = "none"
	}
	err = r.may(q.Context(), q.who, auth.Grant, sent.Package, e.doc)
	if err == nil {
		err = r.auth.GrantTo(q.Context(), q.who, orgOf(q), q.param("team"), string(sent.Package), is)
	}
	r.audit(q, audit.TeamPackage, err)
	if err != nil || is == auth.NoAccess {
		return nothing(w, err)
	}
	writeJSON(w, http.StatusCreated, map[string]any{})
	return nil
}
