package auth

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

// ids are what GitHub tells of a repository beside its name.
func ids(repository, owner any) jwt.MapClaims {
	return jwt.MapClaims{"repository_id": repository, "repository_owner_id": owner}
}

// TestPinned keeps a trust to the repository that used it first, whatever other one comes to bear its name.
func TestPinned(t *testing.T) {
	a, _, issuer, p := trusting(t)
	exchange := func(more ...jwt.MapClaims) error {
		_, _, err := a.Exchange(t.Context(), issuer.Token(append([]jwt.MapClaims{job, forUs}, more...)...), "left", anyMay)
		return err
	}
	pinned := func() map[string]string {
		list, err := a.Publishers(t.Context(), "left")
		require.NoError(t, err)
		require.Len(t, list, 1)
		return list[0].Pinned
	}
	require.NoError(t, exchange(), "a service that tells no ids")
	require.Empty(t, pinned())
	require.ErrorIs(t, exchange(ids("666", "7"), jwt.MapClaims{"repository": "mallory/left"}), errNoTrust)
	require.Empty(t, pinned(), "who is not trusted pins nothing")
	require.NoError(t, exchange(ids("1", "7")))
	require.Equal(t, map[string]string{"repository_id": "1", "repository_owner_id": "7"}, pinned())
	require.NoError(t, exchange(ids("1", "7")))
	require.NoError(t, exchange(ids(1, 7)), "a number is as good")
	for name, other := range map[string]jwt.MapClaims{
		"made anew": ids("2", "7"), "another owner": ids("1", "8"), "both": ids("2", "8"), "no ids": {}, "one": ids("1", nil), "no text": ids([]string{"1"}, "7"), "half": ids(1.5, "7"),
	} {
		require.ErrorIs(t, exchange(other), errOtherSource, name)
	}
	require.NoError(t, a.RemovePublisher(t.Context(), "left", p.ID))
	who, err := a.who(t.Context(), "ada")
	require.NoError(t, err)
	p, err = a.AddPublisher(t.Context(), who.identity(handlerToken), p)
	require.NoError(t, err)
	require.NoError(t, exchange(ids("2", "8")), "trusted again, it is another")
	require.Equal(t, "2", pinned()["repository_id"])
}

// TestPinnedOnce has one of two repositories of a name pin a trust, when they come at once.
func TestPinnedOnce(t *testing.T) {
	a, _, issuer, _ := trusting(t)
	var at sync.WaitGroup
	var good atomic.Int64
	for i := range 6 {
		token := issuer.Token(job, forUs, ids(string(rune('1'+i)), "7"), jwt.MapClaims{"jti": string(rune('a' + i))})
		at.Go(func() {
			if _, _, err := a.Exchange(t.Context(), token, "left", anyMay); err == nil {
				good.Add(1)
			}
		})
	}
	at.Wait()
	require.EqualValues(t, 1, good.Load())
}

// TestIDsThatAreAskedFor compares ids that the trust itself names, from the first exchange on.
func TestIDsThatAreAskedFor(t *testing.T) {
	a, _, issuer, _ := trusting(t)
	who, err := a.who(t.Context(), "ada")
	require.NoError(t, err)
	claims := func(id any) Claims {
		return Claims{"repository": "acme/right", "repository_id": id, "workflow_ref": map[string]any{"file": "publish.yml"}}
	}
	for _, bad := range []any{"", 1.5, []any{"1"}, true} {
		_, err := a.AddPublisher(t.Context(), who.identity(handlerToken), Publisher{Package: "right", Kind: "github", Permissions: []string{MayPublish}, Claims: claims(bad)})
		require.ErrorContains(t, err, "repository_id must be an id")
	}
	_, err = a.AddPublisher(t.Context(), who.identity(handlerToken), Publisher{Package: "right", Kind: "github", Permissions: []string{MayPublish}, Claims: claims("5")})
	require.NoError(t, err)
	right := fixtures.GitHubJob("acme/right", "publish.yml", "")
	_, _, err = a.Exchange(t.Context(), issuer.Token(right, forUs, ids("6", "7")), "right", anyMay)
	require.ErrorIs(t, err, errNoTrust)
	_, _, err = a.Exchange(t.Context(), issuer.Token(right, forUs, ids("5", "7")), "right", anyMay)
	require.NoError(t, err)
}
