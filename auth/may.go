package auth

import (
	"context"
	"slices"
	"strings"
)

// Act is something that somebody may do or not.
type Act uint8

// The acts, on a package and on an organisation.
const (
	Read      Act = iota // see that a package is there, its packument, its tarballs
	Star                 // say that one likes it
	Publish              // a version; the first one makes the package
	Stage                // put a version up for somebody else to publish
	Tag                  // set and remove dist-tags
	Deprecate            // warn of versions
	Unpublish            // take versions away
	Own                  // say who maintains the package
	Access               // say who reads it, and what a publish of it asks for
	Grant                // say what teams may do with it

	OrgRead    // see members and teams
	OrgTeams   // make and end teams, say who is in them
	OrgMembers // say who is a member; whom whose role allows, mayChange says
)

// right is how much somebody may do with a package, each one what those before it may.
type right uint8

const (
	nothing right = iota
	reads
	stages // only a token's limit
	writes
	owns
)

// needs is the right that an act on a package takes.
var needs = map[Act]right{
	Read: reads, Star: reads, Stage: stages, Publish: writes, Tag: writes, Deprecate: writes,
	Unpublish: owns, Own: owns, Access: owns, Grant: owns,
}

// Package is what is known of a package, or of a name that has none, for May to judge by.
type Package struct {
	Name                string
	Exists              bool
	Restricted          bool
	Maintainers         []string
	RequiresTFA         bool // each publish asks for a second factor,
	AutomationOverrides bool // but of tokens that are made for automation
	Org                 *Org // whose its scope is; nil where it has none, or nobody's. May looks it up
}

// May says whether somebody may do something with a package. It answers nil, ErrAnonymous,
// NotFound where the package is not for them to know of, else Forbidden.
func (a *Auth) May(ctx context.Context, id Identity, act Act, pkg Package) (err error) {
	if act == Read && pkg.Exists && !pkg.Restricted {
		return nil // most of all questions, answered without looking anything up
	}
	if pkg.Org == nil {
		if pkg.Org, err = a.ScopeOwner(ctx, pkg.Name); err != nil {
			return err
		}
	}
	if err = may(id, act, pkg); err != nil || act != Publish && act != Stage {
		return err
	}
	return a.confirmed(ctx, id)
}

// MayOrg says whether somebody may do something with an organisation, and gives it. One
// that is not there is NotFound.
func (a *Auth) MayOrg(ctx context.Context, id Identity, act Act, name string) (*Org, error) {
	org, err := a.Org(ctx, name)
	if err != nil {
		return nil, err
	}
	return org, may(id, act, Package{Org: org})
}

// may is the rule. A token never gives more than its user has, nor more than it was made for.
func may(id Identity, act Act, pkg Package) error {
	if act >= OrgRead {
		return mayOrg(id, act, pkg.Org)
	}
	need, has, limit := needs[act], pkg.rightOf(id), id.Token.limit(pkg)
	publishes := act == Publish || act == Stage
	if !pkg.Exists && !publishes {
		has = nothing
	}
	switch {
	case act == Read && min(has, limit) >= reads:
		return nil
	case id.Token != nil && id.Token.Publisher != nil && act != Read && !publishes:
		return errPublishesOnly
	case act != Read && id.Anonymous():
		return ErrAnonymous
	case act == Read, min(has, limit) < reads && !publishes:
		return errNoPackage
	case has < need && publishes:
		return forbidden(`You do not have permission to publish "` + pkg.Name + `". Are you logged in as the correct user?`)
	case has < need:
		return forbidden(`You do not have permission to perform this action on "` + pkg.Name + `". Are you logged in as the correct user?`)
	case act == Stage && limit < stages, act != Stage && limit < writes: // a star is written, too
		return id.Token.refusal(pkg.Name)
	}
	return nil
}

// errPublishesOnly is the answer for all else that a trusted publisher's token is used for.
var errPublishesOnly = forbidden("This token was given to a trusted publisher: it publishes, and does nothing else.")

// errNoPackage is the answer for what is not there, and for what is not to be seen.
var errNoPackage = &Error{Kind: NotFound, Reason: "Not found"}

// rightOf is what somebody may do with the package, whatever signed them in.
func (p Package) rightOf(id Identity) right {
	switch role := p.Org.RoleOf(id); {
	case id.Admin() && (p.Exists || !id.Anonymous()):
		return owns
	case !p.Exists:
		return p.rightToMake(id, role)
	case id.Anonymous(), role == RoleNone: // who was put out of an organisation maintains nothing of it
		return p.rightOfAll()
	case role == RoleOwner, role == RoleAdmin, slices.Contains(p.Maintainers, id.Name):
		return owns
	case role == RoleDeveloper:
		return max(p.rightOfAll(), p.Org.granted(id, p.Name))
	}
	return p.rightOfAll()
}

func (p Package) rightOfAll() right {
	if p.Restricted {
		return nothing
	}
	return reads
}

// rightToMake is that of who wants to publish under a new name.
func (p Package) rightToMake(id Identity, role Role) right {
	free := p.Org == nil // no scope, or nobody's, which the publish makes one's own
	if !id.Anonymous() && (free || role.member()) {
		return owns
	}
	return nothing
}

// Scope is the scope of a package's name without its "@"; "" where there is none.
func Scope(pkg string) string {
	scope, _, found := strings.Cut(pkg, "/")
	if !found || !strings.HasPrefix(scope, "@") {
		return ""
	}
	return scope[1:]
}
