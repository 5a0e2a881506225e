package auth

import (
	"context"
	"time"
)

// Role is what somebody is in an organisation.
type Role string

// The roles. RoleNone is the role of who was a member: nothing that they maintain in the
// scope is theirs any more. "" is the role of who never was one.
const (
	RoleOwner     Role = "owner"     // all, and to say who is a member
	RoleAdmin     Role = "admin"     // all packages, all teams, and to bring in developers
	RoleDeveloper Role = "developer" // new packages, one's own, and those of one's teams
	RoleNone      Role = "none"
)

func (r Role) member() bool { return r == RoleOwner || r == RoleAdmin || r == RoleDeveloper }

// Developers is the team that every organisation has: of every new member, and with
// read-write to every new package.
const Developers = "developers"

// Org is an organisation: whose a scope is. It is shared with the caches: do not change it.
type Org struct {
	Name    string
	Display string
	Created time.Time // zero: unknown
	Founder string    // who claimed the scope
	Person  bool      // it is no organisation, but an account with a scope of its name
	Teams   map[string]*Team

	claim   string // who claimed it, and when: documents of another claim, made in another region at once, say nothing of this one
	members map[string]orgMember
}

// orgMember is a user's role, given to the account of that time.
type orgMember struct {
	role    Role
	account string // its created; "" of server admins, and where it is not known
}

// Team is some of an organisation's members, and what they may do with which packages.
type Team struct {
	Name, Description string
	Packages          map[string]Permission

	members map[string]orgMember
	made    bool // its own document is there; others may outlive it for a moment
}

// person is the scope of an account.
func person(name string) *Org {
	return &Org{Name: name, Founder: name, Person: true, members: map[string]orgMember{name: {role: RoleOwner}}}
}

// RoleOf is somebody's role; "" where there is no organisation.
func (o *Org) RoleOf(id Identity) Role {
	if o == nil || id.Anonymous() {
		return ""
	}
	m := o.members[id.Name]
	if m.role != RoleNone && m.account != "" && m.account != id.created {
		return "" // the account was made anew, by whoever
	}
	return m.role
}

// Members are the members' roles by name.
func (o *Org) Members() map[string]Role {
	all := make(map[string]Role, len(o.members))
	for name, m := range o.members {
		if m.role.member() {
			all[name] = m.role
		}
	}
	return all
}

// Left reports whether a user was put out, and what they maintain is not theirs.
func (o *Org) Left(user string) bool { return o != nil && o.members[user].role == RoleNone }

// In are the names of a team's members.
func (o *Org) In(t *Team) (names []string) {
	for name := range t.members {
		if o.members[name].role.member() {
			names = append(names, name)
		}
	}
	return names
}

// granted is what a member's teams may do with a package.
func (o *Org) granted(id Identity, pkg string) (most right) {
	for _, t := range o.Teams {
		m, in := t.members[id.Name]
		if in && (m.account == "" || m.account == id.created) {
			most = max(most, permissionRights[t.Packages[pkg]])
		}
	}
	return most
}

// GrantedTo are the users whose role or teams give them something of a package, with what.
func (o *Org) GrantedTo(pkg string) map[string]Permission {
	all := map[string]Permission{}
	for name, m := range o.members {
		if m.role == RoleOwner || m.role == RoleAdmin {
			all[name] = ReadWrite
		}
	}
	for _, t := range o.Teams {
		is := t.Packages[pkg]
		if is == "" {
			continue
		}
		for _, name := range o.In(t) {
			if permissionRights[is] > permissionRights[all[name]] {
				all[name] = is
			}
		}
	}
	return all
}

// ScopeOwner is whose a package's scope is: an organisation, or the account of its name.
// nil: the name has no scope, or nobody's. A claim counts more than a name, so that nobody takes
// over a scope by signing up under its name.
func (a *Auth) ScopeOwner(ctx context.Context, pkg string) (*Org, error) {
	name := Scope(pkg)
	if !plausibleName(name) {
		return nil, nil
	}
	org, err := a.orgs.doc(ctx, name)
	if err != nil || org != nil {
		return org, wrap("read an organisation", err)
	}
	who, err := a.account(ctx, name)
	if err != nil || who == nobody {
		return nil, err
	}
	return person(name), nil
}

// Org reads an organisation, or NotFound.
func (a *Auth) Org(ctx context.Context, name string) (*Org, error) {
	if !plausibleName(name) {
		return nil, ErrNoOrg
	}
	org, err := a.orgs.doc(ctx, name)
	if err == nil && org == nil {
		err = ErrNoOrg
	}
	return org, wrap("read an organisation", err)
}

// ErrNoOrg is the answer for an organisation that is not there; compare with errors.Is.
var ErrNoOrg = &Error{Kind: NotFound, Reason: "Scope not found"}

// Collaborators are who may do more with a package than everybody, and what, as far as by
// may know: who is in an organisation its members see.
func (a *Auth) Collaborators(ctx context.Context, by Identity, pkg Package) (map[string]Permission, error) {
	org, err := a.ScopeOwner(ctx, pkg.Name)
	if err != nil {
		return nil, err
	}
	all := map[string]Permission{}
	if org != nil && (org.Person || mayOrg(by, OrgRead, org) == nil) {
		all = org.GrantedTo(pkg.Name)
	}
	for _, name := range pkg.Maintainers {
		if org == nil || org.members[name].role != RoleNone {
			all[name] = ReadWrite
		}
	}
	return all, nil
}
