package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
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

// wrap says what was tried when the store failed; a refusal stays what it is.
func wrap(what string, err error) error {
	var refusal *Error
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	return fmt.Errorf("auth: %s: %w", what, err)
}

// The ids of an organisation's documents.
func scopeID(org string) string                   { return "scope:" + org }
func memberID(org, user string) string            { return scopeID(org) + ":member:" + user }
func teamID(org, team string) string              { return scopeID(org) + ":team:" + team }
func teamMemberID(org, team, user string) string  { return teamID(org, team) + ":member:" + user }
func teamPackageID(org, team, name string) string { return teamID(org, team) + ":package:" + name }

// orgOf is the organisation of a document.
func orgOf(docID string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(docID, "scope:"), ":")
	return name
}

// newOrgs is a mirror of whole organisations.
func newOrgs(db *kivik.DB, now func() time.Time) *mirror[Org] {
	m := newMirror[Org](db, now, nil)
	m.of = orgOf
	m.read = func(ctx context.Context, name string) (*Org, error) { return readOrg(ctx, db, name) }
	return m
}

// readOrg reads the documents of an organisation; nil where its own is missing.
func readOrg(ctx context.Context, db *kivik.DB, name string) (*Org, error) {
	doc, err := readObject(ctx, db, scopeID(name))
	if doc == nil || err != nil {
		return nil, err
	}
	o := parseOrg(name, doc)
	within := scopeID(name) + ":"
	rows := db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": within, "endkey": within + "\ufff0", "include_docs": true}))
	defer rows.Close()
	for rows.Next() {
		var raw json.RawMessage
		if err := rows.ScanDoc(&raw); err != nil {
			return nil, err
		}
		doc, err := parseObject(raw)
		if err != nil {
			return nil, err
		}
		o.take(strings.Split(strings.TrimPrefix(doc.text("_id"), within), ":"), doc)
	}
	maps.DeleteFunc(o.Teams, func(_ string, t *Team) bool { return !t.made })
	return o, rows.Err()
}

func parseOrg(name string, doc object) *Org {
	o := &Org{Name: name, Display: doc.text("display"), members: map[string]orgMember{}, Teams: map[string]*Team{}}
	o.Created, _ = time.Parse(time.RFC3339, doc.text("created")) // shown only
	var owners []string
	doc.scan("owners", &owners)
	for i, owner := range owners {
		if i == 0 {
			o.Founder = owner
		}
		o.members[owner] = orgMember{role: RoleOwner}
	}
	o.team(Developers).made = true
	return o
}

// take reads a document by what stands in its id behind the organisation's.
func (o *Org) take(id []string, doc object) {
	switch {
	case len(id) == 2 && id[0] == "member":
		o.members[id[1]] = orgMember{Role(doc.text("role")), doc.text("account_created")}
	case len(id) == 2 && id[0] == "team":
		t := o.team(id[1])
		t.Description, t.made = doc.text("description"), true
	case len(id) == 4 && id[0] == "team" && id[2] == "member":
		o.team(id[1]).members[id[3]] = orgMember{account: doc.text("account_created")}
	case len(id) == 4 && id[0] == "team" && id[2] == "package":
		o.team(id[1]).Packages[id[3]] = Permission(doc.text("permissions"))
	}
}

// team is the team of that name, which one of its documents may tell of first.
func (o *Org) team(name string) *Team {
	t := o.Teams[name]
	if t == nil {
		t = &Team{Name: name, members: map[string]orgMember{}, Packages: map[string]Permission{}}
		o.Teams[name] = t
	}
	return t
}

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

// OrgsOf are the organisations that a user is a member of. It reads the ids of all
// organisations' documents: nothing for a hot path.
func (a *Auth) OrgsOf(ctx context.Context, user string) (orgs []*Org, err error) {
	rows := a.orgs.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": "scope:", "endkey": "scope:\ufff0"}))
	defer rows.Close()
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			return nil, err
		}
		name := orgOf(id)
		if id != memberID(name, user) {
			continue
		}
		org, err := a.orgs.doc(ctx, name)
		if err != nil {
			return nil, wrap("read an organisation", err)
		}
		if org != nil && org.members[user].role.member() {
			orgs = append(orgs, org)
		}
	}
	return orgs, wrap("read the organisations", rows.Err())
}
