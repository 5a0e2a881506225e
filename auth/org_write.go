package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// CreateOrg makes an organisation with its first owner, whom others than a server admin
// must be themselves. Exists: the name is an account's, or claimed.
func (a *Auth) CreateOrg(ctx context.Context, by Identity, name, owner string) error {
	switch {
	case by.Anonymous():
		return ErrAnonymous
	case !by.Admin() && by.Name != owner:
		return forbidden("You can only make an organization of your own.")
	case by.Token.orgLimit(name) < writes:
		return by.Token.refusal("the organization " + name)
	}
	return a.createOrg(ctx, name, owner)
}

// ClaimScope makes an organisation of a scope that nobody owns, for who publishes into it
// first. It is no error if somebody was faster.
func (a *Auth) ClaimScope(ctx context.Context, name, user string) error {
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
	_, err = a.orgs.db.Put(ctx, scopeID(name), object{
		textMember("_id", scopeID(name)), textMember("type", "scope"), jsonMember("owners", []string{owner}),
		textMember("created", a.o.Now().UTC().Format(timeForm)),
	}.marshal())
	if kivik.HTTPStatus(err) == http.StatusConflict {
		return errOrgTaken
	}
	if err != nil {
		return wrap("store an organisation", err)
	}
	return a.enrol(ctx, name, who, RoleOwner)
}

// enrol writes that somebody is a member, after that they are a developer: alone that says nothing.
func (a *Auth) enrol(ctx context.Context, org string, who *account, role Role) error {
	if err := a.store(ctx, teamMemberID(org, Developers, who.name), textMember("type", "team-member"), textMember("account_created", who.created)); err != nil {
		return err
	}
	return a.storeMember(ctx, org, who.name, who.created, role)
}

func (a *Auth) storeMember(ctx context.Context, org, user, created string, role Role) error {
	return a.store(ctx, memberID(org, user), textMember("type", "member"), textMember("role", string(role)), textMember("account_created", created))
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
			return a.storeMember(ctx, org, user, who.created, role)
		}
		return a.enrol(ctx, org, who, role)
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
		if err := a.storeMember(ctx, org, user, "", RoleNone); err != nil {
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
	return &Error{Kind: NotFound, Reason: user + " is not a member of the organization " + org + "."}
}

// CreateTeam makes a team without members.
func (a *Auth) CreateTeam(ctx context.Context, by Identity, org, team, description string) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		if reason := wrongName(team); reason != "" {
			return badRequest("invalid team: " + reason)
		}
		if o.Teams[team] != nil {
			return &Error{Kind: Exists, Reason: "The team " + team + " already exists."}
		}
		if err := a.clearTeam(ctx, org, team); err != nil {
			return err
		}
		return a.store(ctx, teamID(org, team), textMember("type", "team"), textMember("description", description),
			textMember("created", a.o.Now().UTC().Format(timeForm)))
	})
}

// RemoveTeam ends a team. The developers stay.
func (a *Auth) RemoveTeam(ctx context.Context, by Identity, org, team string) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		if _, err := o.teamOf(team); err != nil {
			return err
		}
		if team == Developers {
			return forbidden("The team " + Developers + " cannot be removed.")
		}
		if err := a.remove(ctx, teamID(org, team)); err != nil {
			return err
		}
		return a.clearTeam(ctx, org, team)
	})
}

// clearTeam removes what a team had, and one that is made anew must not inherit.
func (a *Auth) clearTeam(ctx context.Context, org, team string) error {
	within := teamID(org, team) + ":"
	rows := a.orgs.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": within, "endkey": within + "\ufff0"}))
	defer rows.Close()
	var ids []string
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return wrap("read a team", err)
	}
	for _, id := range ids {
		if err := a.remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// AddTo puts a member of the organisation into a team.
func (a *Auth) AddTo(ctx context.Context, by Identity, org, team, user string) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		if _, err := o.teamOf(team); err != nil {
			return err
		}
		who, err := a.account(ctx, user)
		if err != nil {
			return err
		}
		if !o.RoleOf(who.identity("")).member() {
			return notMember(user, org)
		}
		return a.store(ctx, teamMemberID(org, team, user), textMember("type", "team-member"), textMember("account_created", who.created))
	})
}

// RemoveFrom puts a member out of a team.
func (a *Auth) RemoveFrom(ctx context.Context, by Identity, org, team, user string) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		t, err := o.teamOf(team)
		if err != nil {
			return err
		}
		if _, in := t.members[user]; !in {
			return &Error{Kind: NotFound, Reason: user + " is not in the team " + org + ":" + team + "."}
		}
		return a.remove(ctx, teamMemberID(org, team, user))
	})
}

// GrantTo says what a team may do with a package of the organisation's scope; NoAccess is
// nothing. That by may say so of the package May has answered before.
func (a *Auth) GrantTo(ctx context.Context, by Identity, org, team, pkg string, is Permission) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		t, err := o.teamOf(team)
		switch {
		case err != nil:
			return err
		case Scope(pkg) != org || strings.Contains(pkg, ":"):
			return badRequest(pkg + " is not in the scope @" + org + ", and its team can have no access to it.")
		case is == NoAccess && t.Packages[pkg] == "":
			return &Error{Kind: NotFound, Reason: "The team " + org + ":" + team + " has no access to " + pkg + "."}
		case is == NoAccess:
			return a.remove(ctx, teamPackageID(org, team, pkg))
		case is != ReadOnly && is != ReadWrite:
			return badRequest("invalid permissions: it must be read-only or read-write")
		}
		return a.grant(ctx, org, team, pkg, is)
	})
}

// GrantNew gives the developers of an organisation what is published under a new name.
func (a *Auth) GrantNew(ctx context.Context, org, pkg string) error {
	defer a.orgs.forget(scopeID(org))
	return a.grant(ctx, org, Developers, pkg, ReadWrite)
}

func (a *Auth) grant(ctx context.Context, org, team, pkg string, is Permission) error {
	return a.store(ctx, teamPackageID(org, team, pkg), textMember("type", "team-package"), textMember("permissions", string(is)))
}

func (o *Org) teamOf(name string) (*Team, error) {
	if t := o.Teams[name]; t != nil {
		return t, nil
	}
	return nil, &Error{Kind: NotFound, Reason: "Team not found"}
}

// Team reads a team of an organisation, or NotFound.
func (o *Org) Team(name string) (*Team, error) { return o.teamOf(name) }

func (a *Auth) changeTeams(ctx context.Context, by Identity, org string, change func(context.Context, *Org) error) error {
	return a.changeOrg(ctx, org, func(ctx context.Context, o *Org) error {
		if err := mayOrg(by, OrgTeams, o); err != nil {
			return err
		}
		return change(ctx, o)
	})
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

// store writes a document of orgs, whatever it was before.
func (a *Auth) store(ctx context.Context, id string, members ...member) (err error) {
	for range writeAttempts {
		var old object
		if old, err = readObject(ctx, a.orgs.db, id); err != nil {
			break
		}
		doc := object{textMember("_id", id)}
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
