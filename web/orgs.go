package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

type orgRow struct {
	Name string
	Role auth.Role
}

var orgFields = fields{{Name: "org", Label: "Name", Hint: "The scope of its packages: acme is @acme.", Auto: "off", Most: 214}}

// showOrgs answers GET orgs.
func (s *Site) showOrgs(w http.ResponseWriter, v *visit) error {
	return s.orgsPage(w, v, http.StatusOK, orgFields)
}

func (s *Site) orgsPage(w http.ResponseWriter, v *visit, status int, list fields) error {
	orgs, err := s.auth.OrgsOf(v.Context(), v.who.Name)
	if err != nil {
		return err
	}
	var rows []orgRow
	for _, o := range orgs {
		if role := o.RoleOf(v.who); !o.Person && role != "" && role != auth.RoleNone {
			rows = append(rows, orgRow{o.Name, role})
		}
	}
	slices.SortFunc(rows, func(a, b orgRow) int { return cmp.Compare(a.Name, b.Name) })
	return s.show(w, v, status, "orgs", page{Title: "Organisations", Here: "orgs", Fields: list, Data: rows})
}

// makeOrg answers POST orgs.
func (s *Site) makeOrg(w http.ResponseWriter, v *visit) error {
	name := strings.TrimPrefix(v.value("org"), "@")
	err := s.auth.CreateOrg(v.Context(), v.who, name, v.who.Name)
	s.record(v, audit.OrgCreate, name, err)
	if why, status, ok := reason(err); ok {
		return s.orgsPage(w, v, status, orgFields.filled(v).wrong("org", why))
	}
	if err != nil {
		return err
	}
	redirect(w, v, target("orgs/"+name))
	return nil
}

type memberRow struct {
	Name string
	Role auth.Role
}

type teamRow struct {
	*auth.Team
	In []string
}

type orgData struct {
	Name    string
	Role    auth.Role
	Members []memberRow
	Teams   []teamRow
	Roles   []auth.Role
	Changes bool // who looks may change something
}

// showOrg answers GET orgs/NAME.
func (s *Site) showOrg(w http.ResponseWriter, v *visit) error {
	return s.orgPage(w, v, http.StatusOK, page{})
}

func (s *Site) orgPage(w http.ResponseWriter, v *visit, status int, p page) error {
	o, err := s.auth.MayOrg(v.Context(), v.who, auth.OrgRead, v.PathValue("org"))
	if err != nil {
		return err
	}
	d := orgData{Name: o.Name, Role: o.RoleOf(v.who), Roles: []auth.Role{auth.RoleDeveloper, auth.RoleAdmin, auth.RoleOwner}}
	_, may := s.auth.MayOrg(v.Context(), v.who, auth.OrgTeams, o.Name)
	d.Changes = may == nil
	for name, role := range o.Members() {
		d.Members = append(d.Members, memberRow{name, role})
	}
	slices.SortFunc(d.Members, func(a, b memberRow) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range o.Teams {
		in := o.In(t)
		slices.Sort(in)
		d.Teams = append(d.Teams, teamRow{t, in})
	}
	slices.SortFunc(d.Teams, func(a, b teamRow) int { return cmp.Compare(a.Name, b.Name) })
	p.Title, p.Here, p.Data = "@"+o.Name, "orgs", d
	return s.show(w, v, status, "org", p)
}

// changeOrg answers POST orgs/NAME/CHANGE.
func (s *Site) changeOrg(w http.ResponseWriter, v *visit) error {
	c, known := orgChanges[v.PathValue("change")]
	if !known {
		return errNotFound
	}
	org := v.PathValue("org")
	err := c.do(s.auth, v, org)
	on := org
	if team := v.value("team"); team != "" {
		on += ":" + team
	}
	s.record(v, c.act, on, err)
	if why, status, ok := reason(err); ok {
		if _, denied := s.auth.MayOrg(v.Context(), v.who, auth.OrgRead, org); denied != nil {
			return denied
		}
		return s.orgPage(w, v, status, page{Problem: why})
	}
	if err != nil {
		return err
	}
	return s.orgPage(w, v, http.StatusOK, page{Notice: c.notice})
}

// orgChanges are what the forms of an organisation do. auth says who may.
var orgChanges = map[string]struct {
	act    audit.Act
	notice string
	do     func(a *auth.Auth, v *visit, org string) error
}{
	"member": {audit.OrgMember, "The member has this role now.", func(a *auth.Auth, v *visit, org string) error {
		return a.SetMember(v.Context(), v.who, org, v.value("user"), auth.Role(v.value("role")))
	}},
	"remove": {audit.OrgRemove, "The member is out.", func(a *auth.Auth, v *visit, org string) error {
		return a.RemoveMember(v.Context(), v.who, org, v.value("user"))
	}},
	"team": {audit.TeamCreate, "The team is made.", func(a *auth.Auth, v *visit, org string) error {
		return a.CreateTeam(v.Context(), v.who, org, v.value("team"), v.value("description"))
	}},
	"team-remove": {audit.TeamDelete, "The team is no more.", func(a *auth.Auth, v *visit, org string) error {
		return a.RemoveTeam(v.Context(), v.who, org, v.value("team"))
	}},
	"team-add": {audit.TeamMember, "The member is in the team.", func(a *auth.Auth, v *visit, org string) error {
		return a.AddTo(v.Context(), v.who, org, v.value("team"), v.value("user"))
	}},
	"team-drop": {audit.TeamRemove, "The member is out of the team.", func(a *auth.Auth, v *visit, org string) error {
		return a.RemoveFrom(v.Context(), v.who, org, v.value("team"), v.value("user"))
	}},
}
