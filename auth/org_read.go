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
	o := &Org{Name: name, Display: doc.text("display"), claim: claimOf(doc), members: map[string]orgMember{}, Teams: map[string]*Team{}}
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

// claimOf tells claims of one scope apart.
func claimOf(scope object) string {
	var owners []string
	scope.scan("owners", &owners)
	return scope.text("created") + " " + strings.Join(owners, " ")
}

// take reads a document by what stands in its id behind the organisation's.
func (o *Org) take(id []string, doc object) {
	switch {
	case doc.text("of") != o.claim:
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

// wrap says what was tried when the store failed; a refusal stays what it is.
func wrap(what string, err error) error {
	var refusal *Error
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	return fmt.Errorf("auth: %s: %w", what, err)
}
