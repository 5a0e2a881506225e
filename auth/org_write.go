package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// CreateOrg makes an organisation with its first owner, whom others than a server admin
// must be themselves. Exists: the name is an account's, or claimed.
func (a *Auth) CreateOrg(ctx context.Context, by Identity, name, owner string) error {
	switch {
	case by.Anonymous():
		return errSignIn
	case !by.Admin() && by.Name != owner:
		return forbidden("You can only make an organization of your own.")
	case by.Token.orgLimit(name) < writes:
		return by.Token.refusal("the organization " + name)
	}
	if !by.Admin() {
		if err := a.notElsewhere(ctx, name); err != nil {
			return err
		}
	}
	return a.createOrg(ctx, name, owner)
}

// ClaimScope makes an organisation of a scope that nobody owns, for who publishes into it
// first and is no admin. It is no error if somebody was faster.
func (a *Auth) ClaimScope(ctx context.Context, name, user string) error {
	if err := a.notElsewhere(ctx, name); err != nil {
		return err
	}
	err := a.createOrg(ctx, name, user)
	if errors.Is(err, errOrgTaken) {
		return nil
	}
	return err
}

var errOrgTaken = &Error{Kind: Exists, Reason: "This name is already taken."}

// createOrg writes the organisation's own document first: of several who do one succeeds.
func (a *Auth) createOrg(ctx context.Context, name, owner string) error {
	if reason := wrongName(name); reason != "" {
		return badRequest("invalid organization: " + reason)
	}
	who, err := a.account(ctx, owner)
	if err != nil {
		return err
	}
	if who == nobody {
		return errNoUser
	}
	if taken, err := a.account(ctx, name); err != nil || taken != nobody {
		return cmp.Or[error](err, errOrgTaken)
	}
	defer a.orgs.forget(scopeID(name))
	doc := object{
		textMember("_id", scopeID(name)), textMember("type", "scope"), jsonMember("owners", []string{owner}),
		textMember("created", a.o.Now().UTC().Format(timeForm)),
	}
	_, err = a.orgs.db.Put(ctx, scopeID(name), doc.marshal())
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return errOrgTaken
	}
	if err != nil {
		return wrap("store an organisation", err)
	}
	return a.enrol(ctx, &Org{Name: name, claim: claimOf(doc)}, who, RoleOwner)
}

// enrol writes that somebody is a member, after that they are a developer: alone that says nothing.
func (a *Auth) enrol(ctx context.Context, org *Org, who *account, role Role) error {
	if err := a.store(ctx, org, teamMemberID(org.Name, Developers, who.name), textMember("type", "team-member"), textMember("account_created", who.created)); err != nil {
		return err
	}
	return a.storeMember(ctx, org, who.name, who.created, role)
}

func (a *Auth) storeMember(ctx context.Context, org *Org, user, created string, role Role) error {
	return a.store(ctx, org, memberID(org.Name, user), textMember("type", "member"), textMember("role", string(role)), textMember("account_created", created))
}

// SetMember gives a user a role in an organisation.
func (a *Auth) SetMember(ctx context.Context, by Identity, org, user string, role Role) error {
	if !role.member() {
		return badRequest("invalid role: it must be owner, admin or developer")
	}
	who, err := a.account(ctx, user)
	if err != nil {
		return err
	}
	return a.changeOrg(ctx, org, func(ctx context.Context, o *Org) error {
		if err := mayChange(by, o, user, role); err != nil {
			return err
		}
		if who == nobody {
			return errNoUser
		}
		is := o.RoleOf(who.identity(""))
		if is.member() {
			return a.storeMember(ctx, o, user, who.created, role)
		}
		return a.enrol(ctx, o, who, role)
	})
}

// RemoveMember puts a user out of an organisation and of all its teams. What they maintain in
// its scope is not theirs any more.
func (a *Auth) RemoveMember(ctx context.Context, by Identity, org, user string) error {
	return a.changeOrg(ctx, org, func(ctx context.Context, o *Org) error {
		if err := mayChange(by, o, user, RoleNone); err != nil {
			return err
		}
		if !o.members[user].role.member() {
			return notMember(user, org)
		}
		if err := a.storeMember(ctx, o, user, "", RoleNone); err != nil {
			return err
		}
		for _, t := range o.Teams {
			if _, in := t.members[user]; !in {
				continue
			}
			if err := a.remove(ctx, teamMemberID(org, t.Name, user)); err != nil {
				return err
			}
		}
		return nil
	})
}

func notMember(user, org string) error {
	if !plausibleName(user) {
		return errNoUser // of any length
	}
	return &Error{Kind: NotFound, Reason: user + " is not a member of the organization " + org + "."}
}

// changeOrg changes an organisation as it is in the store. Who changes one waits for the others of
// this process: no two owners put each other out at once. In two processes, or regions, they
// can; then a server admin must name one.
func (a *Auth) changeOrg(ctx context.Context, name string, change func(context.Context, *Org) error) error {
	select {
	case a.members <- struct{}{}:
		defer func() { <-a.members }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !plausibleName(name) {
		return ErrNoOrg
	}
	ctx = context.WithoutCancel(ctx) // who goes away leaves nothing half done
	o, err := readOrg(ctx, a.orgs.db, name)
	if err != nil {
		return wrap("read an organisation", err)
	}
	if o == nil {
		return ErrNoOrg
	}
	defer a.orgs.forget(scopeID(name))
	return change(ctx, o)
}

// writeAttempts are for documents that a neighbour writes too: two of them hardly ever meet.
const writeAttempts = 5

// store writes a document of an organisation, whatever it was before.
func (a *Auth) store(ctx context.Context, org *Org, id string, members ...member) (err error) {
	for range writeAttempts {
		var old object
		if old, err = readObject(ctx, a.orgs.db, id); err != nil {
			break
		}
		doc := object{textMember("_id", id), textMember("of", org.claim)}
		if old != nil {
			doc = append(doc, textMember("_rev", old.text("_rev")))
		}
		_, err = a.orgs.db.Put(ctx, id, json.RawMessage(append(doc, members...).marshal()))
		if kivik.HTTPStatus(err) != http.StatusConflict {
			break
		}
	}
	return wrap("store an organisation", err)
}

// remove deletes a document of orgs; one that is not there is no error.
func (a *Auth) remove(ctx context.Context, id string) (err error) {
	for range writeAttempts {
		var old object
		if old, err = readObject(ctx, a.orgs.db, id); old == nil || err != nil {
			break
		}
		_, err = a.orgs.db.Delete(ctx, id, old.text("_rev"))
		if status := kivik.HTTPStatus(err); status != http.StatusConflict && status != http.StatusNotFound {
			break
		}
	}
	return wrap("delete of an organisation", err)
}
