package registry

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// orgOf is the organisation in a path; some clients put an @ before it.
func orgOf(q *request) string { return strings.TrimPrefix(q.param("org"), "@") }

// named is somebody as npm's commands name users: bob, @bob or ~bob.
func named(user string) string { return strings.TrimLeft(user, "@~") }

// teamOf is the team in a path as npm's commands name it.
func teamOf(q *request) string { return orgOf(q) + ":" + q.param("team") }

// nothing answers that it is done, if it is.
func nothing(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// empty is nothing for npm 6, which reads JSON of what it removes from teams, and fails on 204.
func empty(w http.ResponseWriter, err error) error {
	if err == nil {
		writeJSON(w, http.StatusOK, map[string]any{})
	}
	return err
}

// serveMembers answers GET /-/org/:org/user.
func (r *Registry) serveMembers(w http.ResponseWriter, q *request) error {
	org, err := r.auth.MayOrg(q.Context(), q.who, auth.OrgRead, orgOf(q))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, org.Members())
	return nil
}

// serveMemberSet answers PUT /-/org/:org/user. An organisation that is not there begins
// with the owner whom a server admin sets.
func (r *Registry) serveMemberSet(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	var sent struct {
		User string
		Role auth.Role
	}
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	name, user, role := orgOf(q), named(sent.User), cmp.Or(sent.Role, auth.RoleDeveloper)
	q.entry.On, q.entry.Details = name, map[string]string{"user": user, "role": string(role)}
	act := audit.OrgMember
	err := r.auth.SetMember(q.Context(), q.who, name, user, role)
	if errors.Is(err, auth.ErrNoOrg) && q.who.Admin() {
		if role != auth.RoleOwner {
			return fail(http.StatusNotFound, "Scope not found: the organization %s does not exist. It begins with an owner: npm org set %s %s owner", name, name, user)
		}
		act, err = audit.OrgCreate, r.auth.CreateOrg(q.Context(), q.who, name, user)
	}
	r.audit(q, act, err)
	if err != nil {
		return err
	}
	org, err := r.auth.Org(q.Context(), name)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]any{"org": map[string]any{"name": name, "size": len(org.Members())}, "user": user, "role": role})
	return nil
}

// serveMemberRemove answers DELETE /-/org/:org/user.
func (r *Registry) serveMemberRemove(w http.ResponseWriter, q *request) error {
	user, err := r.userSent(w, q)
	if err != nil {
		return err
	}
	q.entry.On, q.entry.Details = orgOf(q), map[string]string{"user": user}
	err = r.auth.RemoveMember(q.Context(), q.who, orgOf(q), user)
	r.audit(q, audit.OrgRemove, err)
	return nothing(w, err)
}

// serveTeams answers GET /-/org/:org/team.
func (r *Registry) serveTeams(w http.ResponseWriter, q *request) error {
	org, err := r.auth.MayOrg(q.Context(), q.who, auth.OrgRead, orgOf(q))
	if err != nil {
		return err
	}
	list := []string{}
	for name := range org.Teams {
		list = append(list, org.Name+":"+name)
	}
	slices.Sort(list)
	writeJSON(w, http.StatusOK, list)
	return nil
}

// serveTeamCreate answers PUT /-/org/:org/team.
func (r *Registry) serveTeamCreate(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	var sent struct{ Name, Description string }
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	if len(sent.Description) > 1_000 {
		return invalid("invalid description: longer than 1000 bytes")
	}
	q.entry.On = orgOf(q) + ":" + sent.Name
	err := r.auth.CreateTeam(q.Context(), q.who, orgOf(q), sent.Name, sent.Description)
	r.audit(q, audit.TeamCreate, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]any{"name": sent.Name})
	return nil
}

// serveTeamRemove answers DELETE /-/team/:org/:team.
func (r *Registry) serveTeamRemove(w http.ResponseWriter, q *request) error {
	q.entry.On = teamOf(q)
	err := r.auth.RemoveTeam(q.Context(), q.who, orgOf(q), q.param("team"))
	r.audit(q, audit.TeamDelete, err)
	return empty(w, err)
}

// team is the team in a path, for who may see it.
func (r *Registry) team(q *request) (*auth.Org, *auth.Team, error) {
	org, err := r.auth.MayOrg(q.Context(), q.who, auth.OrgRead, orgOf(q))
	if err != nil {
		return nil, nil, err
	}
	t, err := org.Team(q.param("team"))
	return org, t, err
}

// serveTeamMembers answers GET /-/team/:org/:team/user.
func (r *Registry) serveTeamMembers(w http.ResponseWriter, q *request) error {
	org, t, err := r.team(q)
	if err != nil {
		return err
	}
	list := append([]string{}, org.In(t)...)
	slices.Sort(list)
	writeJSON(w, http.StatusOK, list)
	return nil
}

// serveTeamAdd answers PUT /-/team/:org/:team/user, serveTeamDrop DELETE.
func (r *Registry) serveTeamAdd(w http.ResponseWriter, q *request) error {
	user, err := r.userSent(w, q)
	if err != nil {
		return err
	}
	q.entry.On, q.entry.Details = teamOf(q), map[string]string{"user": user}
	err = r.auth.AddTo(q.Context(), q.who, orgOf(q), q.param("team"), user)
	r.audit(q, audit.TeamMember, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, map[string]any{})
	return nil
}

func (r *Registry) serveTeamDrop(w http.ResponseWriter, q *request) error {
	user, err := r.userSent(w, q)
	if err != nil {
		return err
	}
	q.entry.On, q.entry.Details = teamOf(q), map[string]string{"user": user}
	err = r.auth.RemoveFrom(q.Context(), q.who, orgOf(q), q.param("team"), user)
	r.audit(q, audit.TeamRemove, err)
	return empty(w, err)
}

// userSent reads a body {"user": …} of somebody who signed in.
func (r *Registry) userSent(w http.ResponseWriter, q *request) (string, error) {
	if q.who.Anonymous() {
		return "", errWhoAreYou
	}
	var sent struct{ User string }
	err := readSmall(w, q, &sent)
	return named(sent.User), err
}
