package auth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// acme is an organisation with somebody in each role, and teams that may this and that.
func acme() *Org {
	team := func(name string, packages map[string]Permission, members ...string) *Team {
		t := &Team{Name: name, Packages: packages, members: map[string]orgMember{}, made: true}
		for _, m := range members {
			t.members[m] = orgMember{account: "then"}
		}
		return t
	}
	return &Org{
		Name: "acme", Founder: "olga",
		members: map[string]orgMember{
			"olga": {RoleOwner, "then"}, "adam": {RoleAdmin, "then"}, "dora": {RoleDeveloper, "then"}, "rita": {RoleDeveloper, "then"},
			"wim": {RoleDeveloper, "then"}, "mia": {RoleDeveloper, "then"}, "gone": {RoleNone, ""}, "anew": {RoleOwner, "long ago"},
		},
		Teams: map[string]*Team{
			"readers": team("readers", map[string]Permission{"@acme/p": ReadOnly}, "rita", "wim", "gone"),
			"writers": team("writers", map[string]Permission{"@acme/p": ReadWrite}, "wim", "gone", "stranger"),
		},
	}
}

// someone is a person of the matrix; the accounts of all were made then.
func someone(name string) Identity {
	switch name {
	case "nobody":
		return Identity{}
	case "root":
		return Identity{Name: "root", Roles: []string{"_admin"}}
	}
	return Identity{Name: name, created: "then"}
}

// The columns of the matrix.
var (
	packageActs = []Act{Read, Star, Publish, Tag, Deprecate, Unpublish, Own, Access, Grant}
	kinds       = map[Kind]string{Unauthorized: "1", Forbidden: "3", NotFound: "4"} // the last figure of the status
)

// verdicts are the answers for each act, a letter each: "." may, 1, 3 and 4 are 401, 403 and 404.
func verdicts(t *testing.T, acts []Act, ask func(Act) error) string {
	t.Helper()
	var row strings.Builder
	for _, act := range acts {
		err := ask(act)
		if err == nil {
			row.WriteString(".")
			continue
		}
		refusal := &Error{}
		require.ErrorAs(t, err, &refusal)
		require.NotEmpty(t, refusal.Reason)
		row.WriteString(kinds[refusal.Kind])
	}
	return row.String()
}

// TestRights is the whole matrix of who, what, on which package.
func TestRights(t *testing.T) {
	packages := []Package{
		{Name: "p", Exists: true, Maintainers: []string{"mia"}},
		{Name: "p"},
		{Name: "@acme/p", Exists: true, Maintainers: []string{"mia", "gone", "friend"}, Org: acme()},
		{Name: "@acme/p", Exists: true, Maintainers: []string{"mia", "gone", "friend"}, Org: acme(), Restricted: true},
		{Name: "@acme/new", Org: acme()},
		{Name: "@mia/p", Exists: true, Maintainers: []string{"friend"}, Org: person("mia"), Restricted: true},
		{Name: "@mia/new", Org: person("mia")},
		{Name: "@free/new"},
		{Name: "@free/p", Exists: true, Maintainers: []string{"friend"}, Restricted: true},
		{Name: "nobodys", Exists: true},
	}
	// Acts: read, star, publish, tag, deprecate, unpublish, own, access, grant.
	const (
		all     = "........." // whoever owns the package, or its scope
		writer  = ".....3333"
		reader  = "..3333333"
		none    = "443444444" // of what one may not know that it is there; who publishes is told as if it were new
		out     = ".11111111" // nobody, of what is public
		outside = "411111111" // nobody, of what is restricted, and of what is not there
		make    = "44.444444" // there is nothing yet: it may be published
		notMake = "443444444"
	)
	for who, rows := range map[string][]string{
		//          p       new     @acme/p  restricted  new     @mia/p   new      @free/new  @free/p  nobody's
		"root":     {all, make, all, all, make, all, make, make, all, all},
		"olga":     {reader, make, all, all, make, none, notMake, make, none, reader},
		"adam":     {reader, make, all, all, make, none, notMake, make, none, reader},
		"dora":     {reader, make, reader, none, make, none, notMake, make, none, reader},
		"rita":     {reader, make, reader, reader, make, none, notMake, make, none, reader},
		"wim":      {reader, make, writer, writer, make, none, notMake, make, none, reader},
		"mia":      {all, make, all, all, make, all, make, make, none, reader},
		"friend":   {reader, make, all, all, notMake, all, notMake, make, all, reader},
		"gone":     {reader, make, reader, none, notMake, none, notMake, make, none, reader},
		"anew":     {reader, make, reader, none, notMake, none, notMake, make, none, reader},
		"stranger": {reader, make, reader, none, notMake, none, notMake, make, none, reader},
		"nobody":   {out, outside, out, outside, outside, outside, outside, outside, outside, out},
	} {
		require.Len(t, rows, len(packages))
		for i, pkg := range packages {
			got := verdicts(t, packageActs, func(act Act) error { return may(someone(who), act, pkg) })
			require.Equal(t, rows[i], got, "%s, %s %+v", who, pkg.Name, pkg)
		}
	}
}

// TestTokenRights is what tokens leave of the rights of mia, who may all with @acme/p and p, and of
// wim, who may write @acme/p.
func TestTokenRights(t *testing.T) {
	packages := []Package{
		{Name: "@acme/p", Exists: true, Maintainers: []string{"mia"}, Org: acme()},
		{Name: "@acme/p", Exists: true, Maintainers: []string{"mia"}, Org: acme(), Restricted: true},
		{Name: "p", Exists: true, Maintainers: []string{"mia"}},
		{Name: "@acme/new", Org: acme()},
		{Name: "new"},
	}
	acts := append([]Act{Stage}, packageActs...)
	const (
		all    = ".........."
		reader = "3.33333333"
		stager = "..33333333"
		make   = ".44.444444"
		none   = "3443444444" // the first is to stage
		fresh  = none         // nothing there, and not to be made
	)
	granular := func(t Token) *Token { t.Kind = TokenGranular; return &t }
	for _, c := range []struct {
		what  string
		token *Token
		rows  []string
	}{
		{"no token", nil, []string{all, all, all, make, make}},
		{"classic", &Token{Kind: TokenClassic}, []string{all, all, all, make, make}},
		{"automation", &Token{Kind: TokenAutomation}, []string{all, all, all, make, make}},
		{"read-only", &Token{ReadOnly: true}, []string{reader, reader, reader, fresh, fresh}},
		{"for nothing", granular(Token{}), []string{reader, "3443444444", reader, fresh, fresh}},
		{"all packages", granular(Token{PackagesAll: true, Permission: ReadWrite}), []string{all, all, all, make, make}},
		{"all packages, to read", granular(Token{PackagesAll: true, Permission: ReadOnly}), []string{reader, reader, reader, fresh, fresh}},
		{"all packages, without access", granular(Token{PackagesAll: true, Permission: NoAccess}), []string{reader, none, reader, fresh, fresh}},
		{"all packages, permission unknown", granular(Token{PackagesAll: true, Permission: "everything"}), []string{reader, none, reader, fresh, fresh}},
		{"all packages, to stage", granular(Token{PackagesAll: true, Permission: StageOnly}), []string{stager, stager, stager, ".443444444", ".443444444"}},
		{"one package", granular(Token{Packages: []string{"@acme/p"}, Permission: ReadWrite}), []string{all, all, reader, fresh, fresh}},
		{"another package", granular(Token{Packages: []string{"@acme/q", "acme/p", "@acme", "q"}, Permission: ReadWrite}), []string{reader, none, reader, fresh, fresh}},
		{"the scope", granular(Token{Scopes: []string{"@acme"}, Permission: ReadWrite}), []string{all, all, reader, make, fresh}},
		{"the scope without @", granular(Token{Scopes: []string{"acme"}, Permission: ReadWrite}), []string{all, all, reader, make, fresh}},
		{"another scope", granular(Token{Scopes: []string{"@acm", "@acme2", "", "@"}, Permission: ReadWrite}), []string{reader, none, reader, fresh, fresh}},
		{"the organisation only", granular(Token{Orgs: []string{"acme"}, OrgsPermission: ReadWrite}), []string{reader, none, reader, fresh, fresh}},
		{"to read, though it says to write", granular(Token{ReadOnly: true, PackagesAll: true, Permission: ReadWrite}), []string{reader, reader, reader, fresh, fresh}},
		{"of no kind, but limited", &Token{Packages: []string{"p"}, Permission: ReadWrite}, []string{reader, none, all, fresh, fresh}},
	} {
		t.Run(c.what, func(t *testing.T) {
			mia, root := someone("mia"), someone("root")
			mia.Token, root.Token = c.token, c.token
			for i, pkg := range packages {
				require.Equal(t, c.rows[i], verdicts(t, acts, func(act Act) error { return may(mia, act, pkg) }), "%s %+v", pkg.Name, pkg)
				require.Equal(t, c.rows[i], verdicts(t, acts, func(act Act) error { return may(root, act, pkg) }), "a server admin's: %s %+v", pkg.Name, pkg)
			}
		})
	}
	// A token never gives what its user has not.
	wim := someone("wim")
	wim.Token = granular(Token{PackagesAll: true, Permission: ReadWrite})
	require.Equal(t, "......3333", verdicts(t, acts, func(act Act) error { return may(wim, act, packages[1]) }))
	dora := someone("dora")
	dora.Token = wim.Token
	require.Equal(t, "3443444444", verdicts(t, acts, func(act Act) error { return may(dora, act, packages[1]) }))
}

func TestOrgRights(t *testing.T) {
	acts := []Act{OrgRead, OrgTeams, OrgMembers}
	for who, want := range map[string]string{
		"root": "...", "olga": "...", "adam": "...", "dora": ".33", "gone": "333", "anew": "333", "stranger": "333", "nobody": "111",
	} {
		require.Equal(t, want, verdicts(t, acts, func(act Act) error { return may(someone(who), act, Package{Org: acme()}) }), who)
	}
	for i, c := range []struct {
		token Token
		want  string
	}{
		{Token{}, "..."}, {Token{ReadOnly: true}, ".33"},
		{Token{Kind: TokenGranular, PackagesAll: true, Permission: ReadWrite}, "333"},
		{Token{Orgs: []string{"acme"}, OrgsPermission: ReadWrite}, "..."},
		{Token{Orgs: []string{"@acme"}, OrgsPermission: ReadOnly}, ".33"},
		{Token{Orgs: []string{"acme"}, OrgsPermission: NoAccess}, "333"},
		{Token{Orgs: []string{"acme"}}, "333"},
		{Token{Orgs: []string{"acm"}, OrgsPermission: ReadWrite}, "333"},
		{Token{Orgs: []string{"acme"}, OrgsPermission: ReadWrite, ReadOnly: true}, ".33"},
	} {
		for _, who := range []string{"olga", "root"} {
			id := someone(who)
			id.Token = &c.token
			require.Equal(t, c.want, verdicts(t, acts, func(act Act) error { return may(id, act, Package{Org: acme()}) }), fmt.Sprint(who, i))
		}
	}
}

// TestMayChange is who may give whom which role: to owner, admin, developer, and out.
func TestMayChange(t *testing.T) {
	two := acme()
	two.members["otto"] = orgMember{RoleOwner, "then"}
	roles := []Role{RoleOwner, RoleAdmin, RoleDeveloper, RoleNone}
	for _, c := range []struct {
		by   string
		want map[string]string // by whose role is changed
	}{
		{"root", map[string]string{"olga": "....", "adam": "....", "dora": "....", "stranger": "...."}},
		{"olga", map[string]string{"olga": "....", "otto": "....", "adam": "....", "dora": "....", "stranger": "....", "gone": "...."}},
		{"adam", map[string]string{"olga": "3333", "adam": "333.", "dora": "33..", "stranger": "33..", "gone": "33.."}},
		{"dora", map[string]string{"olga": "3333", "adam": "3333", "dora": "333.", "wim": "3333", "stranger": "3333"}},
		{"gone", map[string]string{"gone": "3333", "dora": "3333"}},
		{"anew", map[string]string{"anew": "3333", "dora": "3333"}},
		{"stranger", map[string]string{"stranger": "3333", "dora": "3333"}},
		{"nobody", map[string]string{"dora": "1111"}},
	} {
		for user, want := range c.want {
			got := ""
			for _, to := range roles {
				got += verdicts(t, []Act{OrgMembers}, func(Act) error { return mayChange(someone(c.by), two, user, to) })
			}
			require.Equal(t, want, got, "%s changes %s", c.by, user)
		}
	}
	one := acme()
	delete(one.members, "anew")
	for _, by := range []string{"root", "olga"} {
		for _, to := range roles[1:] {
			require.ErrorContains(t, mayChange(someone(by), one, "olga", to), "must keep an owner", "%s, to %s", by, to)
		}
		require.NoError(t, mayChange(someone(by), one, "olga", RoleOwner))
	}
	dora := someone("dora")
	dora.Token = &Token{ReadOnly: true}
	require.ErrorIs(t, mayChange(dora, one, "dora", RoleNone), &Error{Kind: Forbidden})
}

func TestScope(t *testing.T) {
	for name, scope := range map[string]string{"x": "", "@s/x": "s", "@s": "", "s/x": "", "": "", "@/x": "", "@s/x/y": "s"} {
		require.Equal(t, scope, Scope(name), name)
	}
}
