package registry

import (
	"bytes"
	"errors"
	"net/http"
	"slices"

	"settee/auth"
	"settee/auth/audit"
	"settee/views/packuments"
)

// own replaces the maintainers, as npm sends them: all there are to be.
func (r *Registry) own(q *request, u *upload) (*packument, error) {
	var names []string
	for _, raw := range elements(u.members.of("maintainers")) {
		names = append(names, plain(packuments.Member(raw, "name")))
	}
	return r.maintain(q, revOf(q, u), func([]string) []string { return names })
}

// serveOwnerAdd answers PUT /-/package/:p/owners, serveOwnerRemove DELETE …/owners/:user.
func (r *Registry) serveOwnerAdd(w http.ResponseWriter, q *request) error {
	user, err := r.userSent(w, q)
	if err != nil {
		return err
	}
	return r.changeOwners(w, q, func(have []string) []string { return append(slices.Clone(have), user) })
}

func (r *Registry) serveOwnerRemove(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	user := named(q.param("user"))
	return r.changeOwners(w, q, func(have []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(name string) bool { return name == user })
	})
}

func (r *Registry) changeOwners(w http.ResponseWriter, q *request, to func(have []string) []string) error {
	if !q.pkg.Storable() {
		return errNotFound
	}
	doc, err := r.maintain(q, "", to)
	r.audit(q, audit.PackageOwner, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, done(doc))
	return nil
}

// maintain makes others the maintainers. There must be one, and who is new must have an account,
// whose e-mail counts and not one that was sent.
func (r *Registry) maintain(q *request, rev string, to func(have []string) []string) (*packument, error) {
	return r.amend(q.Context(), q.who, auth.Own, q.pkg, rev, func(cur *packument) (*packument, error) {
		have := cur.people()
		var list object
		for _, name := range to(cur.maintainers()) {
			raw := have.of(name)
			if raw == nil {
				var err error
				if raw, err = r.newOwner(q, name); err != nil {
					return nil, err
				}
			}
			list = append(list, member{name, raw})
		}
		if len(list) == 0 {
			return nil, invalid("A package must have at least one owner.")
		}
		var people [][]byte
		for _, m := range list.unique() {
			people = append(people, m.value)
		}
		next := cur.clone()
		next.set("maintainers", append(append([]byte{'['}, bytes.Join(people, []byte{','})...), ']'))
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}

// newOwner is somebody as packuments have people. Who was put out of the scope's organisation has to be a member first.
func (r *Registry) newOwner(q *request, name string) ([]byte, error) {
	account, err := r.auth.Account(q.Context(), name)
	if errors.Is(err, &auth.Error{Kind: auth.NotFound}) && q.who.Admin() && name == q.who.Name {
		account, err = auth.Account{Name: name}, nil // the server admin is no document
	}
	if errors.Is(err, &auth.Error{Kind: auth.NotFound}) {
		return nil, invalid("There is no user with the name %q.", name)
	}
	if err != nil {
		return nil, err
	}
	org, err := r.auth.ScopeOwner(q.Context(), string(q.pkg))
	if err != nil {
		return nil, err
	}
	if org.Left(name) {
		return nil, fail(http.StatusForbidden, "%s was removed from the organization %s. Make them a member again first: npm org set %s %s", name, org.Name, org.Name, name)
	}
	return person(account.Name, account.Email), nil
}
