package auth

import (
	"context"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

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
		return a.store(ctx, o, teamID(org, team), textMember("type", "team"), textMember("description", description),
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
		return a.store(ctx, o, teamMemberID(org, team, user), textMember("type", "team-member"), textMember("account_created", who.created))
	})
}

// RemoveFrom puts a member out of a team.
func (a *Auth) RemoveFrom(ctx context.Context, by Identity, org, team, user string) error {
	return a.changeTeams(ctx, by, org, func(ctx context.Context, o *Org) error {
		t, err := o.teamOf(team)
		if err != nil {
			return err
		}
		if !plausibleName(user) {
			return errNoUser // of any length
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
		return a.grant(ctx, o, team, pkg, is)
	})
}

// GrantNew gives the developers of an organisation what is published under a new name.
func (a *Auth) GrantNew(ctx context.Context, org *Org, pkg string) error {
	defer a.orgs.forget(scopeID(org.Name))
	return a.grant(ctx, org, Developers, pkg, ReadWrite)
}

func (a *Auth) grant(ctx context.Context, org *Org, team, pkg string, is Permission) error {
	return a.store(ctx, org, teamPackageID(org.Name, team, pkg), textMember("type", "team-package"), textMember("permissions", string(is)))
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
