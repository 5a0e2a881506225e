package registry

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"settee/auth"
	"settee/views/packuments"
)

// amend updates a package that must exist, by somebody who may do that. rev is
// the revision that the client edited; "" where it did not say.
func (r *Registry) amend(ctx context.Context, who auth.Identity, act auth.Act, name PackageName, rev string, change edit) (*packument, error) {
	return r.update(ctx, name, func(cur *packument) (*packument, error) {
		if !cur.published() {
			return nil, errNotFound
		}
		if err := r.may(ctx, who, act, name, cur); err != nil {
			return nil, err
		}
		if rev != "" && rev != cur.rev {
			return nil, errStale
		}
		return change(cur)
	})
}

// revOf is the revision that a request edits: the path's, else the document's.
func revOf(q *request, u *upload) string {
	if rev := q.param("rev"); rev != "" {
		return rev
	}
	return u.members.text("_rev")
}

// deprecate takes over the deprecated members of a whole packument that was sent
// back; every other difference is ignored, as versions never change.
func (r *Registry) deprecate(q *request, u *upload) (*packument, error) {
	return r.amend(q.Context(), q.who, auth.Deprecate, q.pkg, revOf(q, u), func(cur *packument) (*packument, error) {
		for _, m := range u.versions {
			if cur.versions.at(m.name) < 0 {
				return nil, invalid("invalid document: version %s has no attachment with data", m.name)
			}
		}
		next := cur.clone()
		changed := false
		sent := u.versions.index()
		for i, m := range next.versions {
			manifest, ok := sent[m.name]
			if !ok {
				continue
			}
			want, have := message(manifest), packuments.Member(m.value, "deprecated")
			if bytes.Equal(want, have) {
				continue
			}
			changed = true
			version := parseObject(m.value).without("deprecated")
			if want != nil {
				version = version.with("deprecated", want)
			}
			next.versions[i].value = version.raw()
		}
		if !changed {
			return nil, nil
		}
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}

// message is a version's deprecation; nil where it has none, as "" and false mean.
func message(manifest []byte) []byte {
	raw := packuments.Member(manifest, "deprecated")
	if plain(raw) == "" && string(raw) != "true" {
		return nil
	}
	return raw
}

// index maps names to values, for objects with thousands of members.
func (o object) index() map[string][]byte {
	m := make(map[string][]byte, len(o))
	for _, each := range o {
		m[each.name] = each.value
	}
	return m
}

// own replaces the maintainers. There must be one, and each must have an account,
// whose e-mail counts and not the one that was sent.
func (r *Registry) own(q *request, u *upload) (*packument, error) {
	var list [][]byte
	var names []string
	for _, raw := range elements(u.members.of("maintainers")) {
		name := plain(packuments.Member(raw, "name"))
		if slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
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
		list = append(list, person(account.Name, account.Email))
	}
	if len(list) == 0 {
		return nil, invalid("A package must have at least one owner.")
	}
	return r.amend(q.Context(), q.who, auth.Own, q.pkg, revOf(q, u), func(cur *packument) (*packument, error) {
		next := cur.clone()
		next.set("maintainers", append(append([]byte{'['}, bytes.Join(list, []byte{','})...), ']'))
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}

// star takes over whether who asks likes the package, and nobody else's opinion.
func (r *Registry) star(q *request, u *upload) (*packument, error) {
	likes := string(parseObject(u.members.of("users")).of(q.who.Name)) == "true"
	return r.starAs(q, likes)
}

func (r *Registry) starAs(q *request, likes bool) (*packument, error) {
	return r.update(q.Context(), q.pkg, func(cur *packument) (*packument, error) {
		if !cur.published() {
			return nil, errNotFound
		}
		if err := r.may(q.Context(), q.who, auth.Star, q.pkg, cur); err != nil {
			return nil, err
		}
		users := parseObject(cur.top.of("users"))
		if likes == (string(users.of(q.who.Name)) == "true") {
			return nil, nil
		}
		if likes {
			users = users.with(q.who.Name, []byte("true"))
		} else {
			users = users.without(q.who.Name)
		}
		next := cur.clone()
		next.set("users", users.raw())
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}
