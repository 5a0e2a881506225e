package auth

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

var rootID = Identity{Name: "root", Roles: []string{adminRole}}

// peopled is an Auth that knows accounts of those names.
func peopled(t *testing.T, names ...string) (*Auth, map[string]Identity) {
	t.Helper()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	return a, signedUp(t, a, names...)
}

func signedUp(t *testing.T, a *Auth, names ...string) map[string]Identity {
	t.Helper()
	ids := map[string]Identity{}
	for _, name := range names {
		_, err := a.Signup(context.Background(), name, "correct horse", "")
		require.NoError(t, err)
		ids[name], err = a.Login(context.Background(), name, "correct horse")
		require.NoError(t, err)
	}
	return ids
}

func (a *Auth) theOrg(t *testing.T, name string) *Org {
	t.Helper()
	o, err := a.Org(context.Background(), name)
	require.NoError(t, err)
	return o
}

func TestOrgs(t *testing.T) {
	ctx := context.Background()
	a, ids := peopled(t, "olga", "adam", "dora", "mallory")
	olga, adam, dora, mallory := ids["olga"], ids["adam"], ids["dora"], ids["mallory"]
	no := func(kind Kind, err error) { t.Helper(); require.ErrorIs(t, err, &Error{Kind: kind}) }
	ok := func(err error) { t.Helper(); require.NoError(t, err) }

	no(NotFound, a.SetMember(ctx, rootID, "acme", "olga", RoleOwner))
	no(Forbidden, a.CreateOrg(ctx, mallory, "acme", "olga"))
	no(Unauthorized, a.CreateOrg(ctx, Identity{}, "acme", ""))
	no(NotFound, a.CreateOrg(ctx, rootID, "acme", "no-such-user"))
	no(Exists, a.CreateOrg(ctx, rootID, "mallory", "olga")) // an account's name
	no(Exists, a.CreateOrg(ctx, mallory, "mallory", "mallory"))
	no(Exists, a.CreateOrg(ctx, rootID, "root", "olga"))
	ok(a.CreateOrg(ctx, olga, "acme", "olga"))
	no(Exists, a.CreateOrg(ctx, rootID, "acme", "adam"))
	_, err := a.Signup(ctx, "acme", "correct horse", "")
	require.ErrorIs(t, err, ErrNameTaken, "an organisation's name is no account's")

	ok(a.SetMember(ctx, olga, "acme", "adam", RoleAdmin))
	no(Forbidden, a.SetMember(ctx, adam, "acme", "dora", RoleOwner))
	ok(a.SetMember(ctx, adam, "acme", "dora", RoleDeveloper))
	no(Forbidden, a.SetMember(ctx, dora, "acme", "mallory", RoleDeveloper))
	no(Forbidden, a.SetMember(ctx, mallory, "acme", "mallory", RoleOwner))
	no(NotFound, a.SetMember(ctx, olga, "acme", "no-such-user", RoleDeveloper))
	no(BadRequest, a.SetMember(ctx, olga, "acme", "dora", "king"))
	no(BadRequest, a.SetMember(ctx, olga, "acme", "dora", RoleNone))
	require.Equal(t, map[string]Role{"olga": RoleOwner, "adam": RoleAdmin, "dora": RoleDeveloper}, a.theOrg(t, "acme").Members())

	in := func(team string) []string {
		o := a.theOrg(t, "acme")
		found, err := o.Team(team)
		ok(err)
		return slices.Sorted(slices.Values(o.In(found)))
	}
	require.Equal(t, []string{"adam", "dora", "olga"}, in(Developers), "who comes is a developer")
	no(Forbidden, a.CreateTeam(ctx, dora, "acme", "docs", ""))
	ok(a.CreateTeam(ctx, adam, "acme", "docs", "who writes"))
	no(Exists, a.CreateTeam(ctx, adam, "acme", "docs", ""))
	no(Exists, a.CreateTeam(ctx, adam, "acme", Developers, ""))
	no(NotFound, a.AddTo(ctx, adam, "acme", "docs", "mallory"))
	no(NotFound, a.AddTo(ctx, adam, "acme", "nodocs", "dora"))
	ok(a.AddTo(ctx, adam, "acme", "docs", "dora"))
	ok(a.AddTo(ctx, adam, "acme", "docs", "dora"))
	require.Equal(t, []string{"dora"}, in("docs"))

	pkg := Package{Name: "@acme/p", Exists: true, Restricted: true}
	may := func(id Identity, act Act) error { return a.May(ctx, id, act, pkg) }
	no(NotFound, may(dora, Read))
	no(BadRequest, a.GrantTo(ctx, adam, "acme", "docs", "@other/p", ReadOnly))
	no(BadRequest, a.GrantTo(ctx, adam, "acme", "docs", "@acme/p", "own"))
	no(NotFound, a.GrantTo(ctx, adam, "acme", "docs", "@acme/p", NoAccess))
	ok(a.GrantTo(ctx, adam, "acme", "docs", "@acme/p", ReadOnly))
	ok(may(dora, Read))
	no(Forbidden, may(dora, Publish))
	ok(a.GrantNew(ctx, a.theOrg(t, "acme"), "@acme/p"))
	ok(may(dora, Publish))
	require.Equal(t, map[string]Permission{"olga": ReadWrite, "adam": ReadWrite, "dora": ReadWrite}, a.theOrg(t, "acme").GrantedTo("@acme/p"))
	ok(a.GrantTo(ctx, adam, "acme", Developers, "@acme/p", NoAccess))
	no(Forbidden, may(dora, Publish))
	ok(a.RemoveFrom(ctx, adam, "acme", "docs", "dora"))
	no(NotFound, a.RemoveFrom(ctx, adam, "acme", "docs", "dora"))
	no(NotFound, may(dora, Read))

	ok(a.AddTo(ctx, adam, "acme", "docs", "dora"))
	no(Forbidden, a.RemoveTeam(ctx, olga, "acme", Developers))
	ok(a.RemoveTeam(ctx, olga, "acme", "docs"))
	no(NotFound, a.RemoveTeam(ctx, olga, "acme", "docs"))
	no(NotFound, may(dora, Read))
	ok(a.CreateTeam(ctx, olga, "acme", "docs", ""))
	require.Empty(t, in("docs"), "a team of the same name inherits nothing")
	require.Empty(t, a.theOrg(t, "acme").Teams["docs"].Packages)

	no(Forbidden, a.RemoveMember(ctx, adam, "acme", "olga"))
	no(Forbidden, a.RemoveMember(ctx, olga, "acme", "olga"))
	no(Forbidden, a.SetMember(ctx, olga, "acme", "olga", RoleDeveloper))
	no(NotFound, a.RemoveMember(ctx, olga, "acme", "mallory"))
	ok(a.RemoveMember(ctx, dora, "acme", "dora")) // leaves
	pkg.Maintainers = []string{"dora"}
	no(NotFound, may(dora, Read)) // what she maintained is the organisation's
	require.Equal(t, []string{"adam", "olga"}, in(Developers))
	ok(a.SetMember(ctx, olga, "acme", "adam", RoleOwner))
	ok(a.RemoveMember(ctx, adam, "acme", "olga"))
	require.Equal(t, map[string]Role{"adam": RoleOwner}, a.theOrg(t, "acme").Members(), "who claimed is gone")
	no(Forbidden, a.SetMember(ctx, olga, "acme", "olga", RoleOwner))
	ok(a.SetMember(ctx, adam, "acme", "dora", RoleDeveloper))
	ok(may(dora, Own))
	require.Equal(t, "olga", a.theOrg(t, "acme").Founder)
}

// Two regions make one organisation at once. Whose claim goes leaves nothing in the other's, though
// his documents come over.
func TestClaimsMeet(t *testing.T) {
	ctx := context.Background()
	now := newClock()
	here, there := openAuth(t, engine.Open(t).Client, testOptions(now)), openAuth(t, engine.Open(t).Client, testOptions(now))
	olga := signedUp(t, here, "olga", "mallory")["olga"]
	mallory := signedUp(t, there, "olga", "mallory")["mallory"]
	require.NoError(t, here.CreateOrg(ctx, olga, "acme", "olga"))
	require.NoError(t, there.CreateOrg(ctx, mallory, "acme", "mallory"))
	require.NoError(t, there.GrantNew(ctx, there.theOrg(t, "acme"), "@acme/p"))
	require.NoError(t, there.CreateTeam(ctx, mallory, "acme", "own", ""))
	for _, id := range []string{memberID("acme", "mallory"), teamMemberID("acme", Developers, "mallory"), teamPackageID("acme", Developers, "@acme/p"), teamID("acme", "own")} {
		doc, err := readObject(ctx, there.orgs.db, id)
		require.NoError(t, err)
		require.NotNil(t, doc, id)
		doc = slices.DeleteFunc(doc, func(m member) bool { return m.name == "_rev" })
		_, err = here.orgs.db.Put(ctx, id, doc.marshal())
		require.NoError(t, err)
	}
	here.orgs.clear()
	o := here.theOrg(t, "acme")
	require.Equal(t, map[string]Role{"olga": RoleOwner}, o.Members())
	require.Len(t, o.Teams, 1)
	require.Empty(t, o.Teams[Developers].Packages)
	require.NoError(t, here.SetMember(ctx, olga, "acme", "mallory", RoleDeveloper), "an owner takes the name's documents over")
	require.Equal(t, map[string]Role{"olga": RoleOwner, "mallory": RoleDeveloper}, here.theOrg(t, "acme").Members())
}

// An account that is made anew under the name of a member is none.
func TestMemberMadeAnew(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	now := newClock()
	a := openAuth(t, client, testOptions(now))
	ids := signedUp(t, a, "olga", "dora")
	require.NoError(t, a.CreateOrg(ctx, rootID, "acme", "olga"))
	require.NoError(t, a.SetMember(ctx, ids["olga"], "acme", "dora", RoleDeveloper))
	require.NoError(t, a.GrantNew(ctx, a.theOrg(t, "acme"), "@acme/p"))
	pkg := Package{Name: "@acme/p", Exists: true, Restricted: true}
	for _, name := range []string{"dora", "olga"} {
		require.NoError(t, a.May(ctx, ids[name], Read, pkg))
		who, err := a.Account(ctx, name)
		require.NoError(t, err)
		_, err = client.DB(usersDB).Delete(ctx, userID(name), who.Rev)
		require.NoError(t, err)
		a.ForgetAccounts()
	}
	now.Pass(1)
	now.Pass(1e9)
	ids = signedUp(t, a, "olga", "dora")
	for _, name := range []string{"dora", "olga"} {
		require.ErrorIs(t, a.May(ctx, ids[name], Read, pkg), &Error{Kind: NotFound}, name)
		_, err := a.MayOrg(ctx, ids[name], OrgRead, "acme")
		require.ErrorIs(t, err, &Error{Kind: Forbidden}, name)
	}
}

func TestScopeOwner(t *testing.T) {
	ctx := context.Background()
	a, _ := peopled(t, "ada")
	require.NoError(t, a.ClaimScope(ctx, "acme", "ada"))
	require.NoError(t, a.ClaimScope(ctx, "acme", "root"), "it is no error to be late")
	for name, founder := range map[string]string{
		"@acme/p": "ada", "@ada/p": "ada", "@root/p": "root", "@free/p": "", "p": "", "@acme": "", "@/p": "", "": "", "@a:b/p": "", "@ACME/p": "",
		"@acme:member/p": "", "@" + strings.Repeat("a", 300) + "/p": "", "@\xff/p": "",
	} {
		o, err := a.ScopeOwner(ctx, name)
		require.NoError(t, err)
		if founder == "" {
			require.Nil(t, o, name)
			continue
		}
		require.Equal(t, founder, o.Founder, name)
		require.Equal(t, name != "@acme/p", o.Person, name)
	}
	_, err := a.Org(ctx, "ada")
	require.ErrorIs(t, err, ErrNoOrg, "a person is no organisation")
}

// Names that look like others, are too long or too odd name nothing.
func TestOddOrgNames(t *testing.T) {
	ctx := context.Background()
	a, ids := peopled(t, "olga")
	require.NoError(t, a.CreateOrg(ctx, rootID, "acme", "olga"))
	odd := []string{
		"", " ", "acme ", "ACME", "\u0430cme", "ac\u200bme", "acme\u0000", "a:b", "acme:team:x", "a/b", "@acme", "-a", "_a", ".a", "..", "a\nb", "\xff",
		"a~b", "a b", "%20", "ﬀ", "acme\ufff0", strings.Repeat("a", nameLength+1), strings.Repeat("a", 1<<20),
	}
	for _, name := range odd {
		require.ErrorIs(t, a.CreateOrg(ctx, rootID, name, "olga"), &Error{Kind: BadRequest}, "%.30q", name)
		require.ErrorIs(t, a.ClaimScope(ctx, name, "olga"), &Error{Kind: BadRequest}, "%.30q", name)
		require.ErrorIs(t, a.CreateTeam(ctx, ids["olga"], "acme", name, ""), &Error{Kind: BadRequest}, "%.30q", name)
		require.ErrorIs(t, a.SetMember(ctx, ids["olga"], "acme", name, RoleDeveloper), &Error{Kind: NotFound}, "%.30q", name)
		require.ErrorIs(t, a.AddTo(ctx, ids["olga"], "acme", Developers, name), &Error{Kind: NotFound}, "%.30q", name)
		for _, err := range []error{
			a.SetMember(ctx, ids["olga"], "acme", name, RoleDeveloper), a.RemoveMember(ctx, ids["olga"], "acme", name),
			a.AddTo(ctx, ids["olga"], "acme", Developers, name), a.RemoveFrom(ctx, ids["olga"], "acme", Developers, name), a.RemoveTeam(ctx, ids["olga"], "acme", name),
		} {
			require.ErrorIs(t, err, &Error{Kind: NotFound}, "%.30q", name)
			require.Less(t, len(err.Error()), 1000)
		}
		_, err := a.Org(ctx, name)
		require.ErrorIs(t, err, &Error{Kind: NotFound}, "%.30q", name)
		require.Error(t, a.GrantTo(ctx, ids["olga"], "acme", Developers, "@"+name+"/p", ReadOnly), "%.30q", name)
	}
	require.ErrorIs(t, a.GrantTo(ctx, ids["olga"], "acme", Developers, "@acme/a:member:b", ReadWrite), &Error{Kind: BadRequest})
	require.Equal(t, map[string]Role{"olga": RoleOwner}, a.theOrg(t, "acme").Members())
}

// Two servers on one store: of many who make one organisation one does, and of its owners who put
// each other out at once in one of them one stays.
func TestConcurrentOrgs(t *testing.T) {
	ctx := context.Background()
	client := engine.Open(t).Client
	servers := []*Auth{openAuth(t, client, testOptions(newClock())), openAuth(t, client, testOptions(newClock()))}
	users := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	ids := signedUp(t, servers[0], users...)
	won := make([]bool, len(users))
	var all sync.WaitGroup
	for i, user := range users {
		all.Go(func() { won[i] = servers[i%2].CreateOrg(ctx, ids[user], "acme", user) == nil })
	}
	all.Wait()
	for i, a := range servers {
		o := a.theOrg(t, "acme")
		for j, user := range users {
			require.Equal(t, user == o.Founder, won[j], "server %d, user %s", i, user)
		}
	}
	a := servers[0]
	for _, user := range users {
		require.NoError(t, a.SetMember(ctx, rootID, "acme", user, RoleOwner))
	}
	for i, user := range users {
		all.Go(func() { _ = a.RemoveMember(ctx, ids[user], "acme", users[(i+1)%len(users)]) })
		all.Go(func() { _ = a.SetMember(ctx, ids[user], "acme", users[(i+2)%len(users)], RoleDeveloper) })
	}
	all.Wait()
	require.NotZero(t, a.theOrg(t, "acme").owners())
}

// FuzzOrg reads documents of an organisation as others may have written them: nothing of it makes a
// fault, an owner whom no document names, or an outsider who may write.
func FuzzOrg(f *testing.F) {
	f.Add("member:bob", `{"role":"owner"}`)
	f.Add("member:bob", `{"role":"none","ROLE":"owner"}`)
	f.Add("team:docs", `{"description":"x","created":7}`)
	f.Add("team:docs:member:bob", `{"account_created":[]}`)
	f.Add("team:developers:package:@acme/p", `{"permissions":"read-write"}`)
	f.Add("team:developers:package:@acme/p:x", `{"permissions":["read-write"]}`)
	f.Add(":::", `{}`)
	f.Fuzz(func(t *testing.T, id, body string) {
		doc, err := parseObject([]byte(body))
		if err != nil {
			return
		}
		o := parseOrg("acme", object{jsonMember("owners", []string{"olga"})})
		o.claim = doc.text("of") // else nothing of it counts
		o.take(strings.Split(id, ":"), doc)
		eve := Identity{Name: "eve", created: "then"}
		pkg := Package{Name: "@acme/p", Exists: true, Restricted: true, Org: o}
		named := strings.HasSuffix(id, ":eve")
		if role := o.RoleOf(eve); role != "" && !named {
			t.Fatalf("%q %s makes eve %s", id, body, role)
		}
		if may(eve, Read, pkg) == nil && !named {
			t.Fatalf("%q %s lets eve read", id, body)
		}
		require.ErrorIs(t, may(Identity{}, Read, pkg), &Error{Kind: NotFound})
		for _, role := range o.Members() {
			require.True(t, role.member())
		}
		for name := range o.Teams {
			_ = o.In(o.Teams[name])
		}
		_ = o.GrantedTo(pkg.Name)
	})
}
