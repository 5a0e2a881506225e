package auth

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMayPublish(t *testing.T) {
	anonymous, ada := Identity{}, Identity{Name: "ada"}
	reader := Identity{Name: "ada", Token: &Token{ReadOnly: true}}
	writer := Identity{Name: "ada", Token: &Token{}}
	root := Identity{Name: "root", Roles: []string{"_admin"}}
	rootReads := Identity{Name: "root", Roles: []string{"_admin"}, Token: &Token{ReadOnly: true}}
	none, hers, his := []string(nil), []string{"ada"}, []string{"bob"}
	both := []string{"bob", "ada"}
	cases := []struct {
		what                string
		id                  Identity
		pkg                 string
		maintainers, owners []string
		kind                Kind
	}{
		{"anonymous, new", anonymous, "x", none, none, Unauthorized},
		{"anonymous, a maintainer without a name", anonymous, "x", []string{""}, none, Unauthorized},
		{"anonymous, an owner without a name", anonymous, "@s/x", none, []string{""}, Unauthorized},
		{"reader, own", reader, "x", hers, none, Forbidden},
		{"reading admin", rootReads, "x", none, none, Forbidden},
		{"admin, another's", root, "x", his, none, ""},
		{"admin, another's scope", root, "@s/x", his, his, ""},
		{"new", ada, "x", none, none, ""},
		{"new, by token", writer, "x", none, none, ""},
		{"own", ada, "x", hers, none, ""},
		{"one of two", ada, "x", both, none, ""},
		{"another's", ada, "x", his, none, Forbidden},
		{"another's, owners of no scope do not count", ada, "x", his, hers, Forbidden},
		{"new in own scope", ada, "@s/x", none, hers, ""},
		{"new in shared scope", ada, "@s/x", none, both, ""},
		{"new in free scope", ada, "@s/x", none, none, ""},
		{"new in another's scope", ada, "@s/x", none, his, Forbidden},
		{"own in another's scope", ada, "@s/x", hers, his, ""},
		{"another's in own scope", ada, "@s/x", his, hers, ""},
		{"another's in free scope", ada, "@s/x", his, none, Forbidden},
		{"new under own name", ada, "@ada/x", none, none, ""},
		{"another's under own name", ada, "@ada/x", his, none, ""},
		{"under own name, claimed by another", ada, "@ada/x", none, his, Forbidden},
		{"under own name, claimed by oneself", ada, "@ada/x", none, hers, ""},
		{"under another's name", ada, "@bob/x", none, his, Forbidden},
		{"not a scope", ada, "@ada", his, none, Forbidden},
		{"not a scope either", ada, "ada/x", his, none, Forbidden},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			err := MayPublish(c.id, c.pkg, c.maintainers, c.owners)
			if c.kind == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, &Error{Kind: c.kind})
		})
	}
}

func TestScope(t *testing.T) {
	for name, scope := range map[string]string{"x": "", "@s/x": "s", "@s": "", "s/x": "", "": "", "@/x": "", "@s/x/y": "s"} {
		require.Equal(t, scope, Scope(name), name)
	}
}

func TestClaimScope(t *testing.T) {
	ctx := context.Background()
	client := openClient(t)
	a := openAuth(t, client, testOptions(newClock()))
	for _, name := range []string{"ada", "bob"} {
		_, err := a.Signup(ctx, name, "correct horse", "")
		require.NoError(t, err)
	}
	owners := func(scope string) []string {
		o, err := a.ScopeOwners(ctx, scope)
		require.NoError(t, err)
		return o
	}
	require.Empty(t, owners("acme"))
	require.NoError(t, a.ClaimScope(ctx, "@acme", "bob"))
	require.NoError(t, a.ClaimScope(ctx, "acme", "bob"), "again")
	require.Equal(t, []string{"bob"}, owners("@acme"))
	require.ErrorIs(t, a.ClaimScope(ctx, "acme", "ada"), &Error{Kind: Forbidden})

	require.Equal(t, []string{"ada"}, owners("ada"), "the account of its name")
	require.NoError(t, a.ClaimScope(ctx, "ada", "ada"))
	require.ErrorIs(t, a.ClaimScope(ctx, "ada", "bob"), &Error{Kind: Forbidden})
	require.ErrorIs(t, a.ClaimScope(ctx, "root", "bob"), &Error{Kind: Forbidden}, "the server admin's name")
	require.ErrorIs(t, a.ClaimScope(ctx, "", "bob"), &Error{Kind: BadRequest})
	require.ErrorIs(t, a.ClaimScope(ctx, "free", ""), &Error{Kind: BadRequest})

	_, err := a.Signup(ctx, "acme", "correct horse", "")
	require.ErrorIs(t, err, ErrNameTaken, "a claimed scope takes the name")
}

// Two servers on one store: of many who claim one scope one gets it.
func TestConcurrentClaims(t *testing.T) {
	ctx := context.Background()
	client := openClient(t)
	servers := []*Auth{openAuth(t, client, testOptions(newClock())), openAuth(t, client, testOptions(newClock()))}
	users := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	won := make([]bool, len(users))
	var all sync.WaitGroup
	for i, user := range users {
		all.Go(func() { won[i] = servers[i%2].ClaimScope(ctx, "acme", user) == nil })
	}
	all.Wait()
	for i, a := range servers {
		owners, err := a.ScopeOwners(ctx, "acme")
		require.NoError(t, err)
		require.Len(t, owners, 1)
		for j, user := range users {
			require.Equal(t, user == owners[0], won[j], "server %d, user %s", i, user)
		}
	}
}
