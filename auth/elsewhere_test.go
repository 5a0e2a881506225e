package auth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/fixtures/engine"
)

// TestElsewhere: the name of a scope whose packages come from another registry is for admins to give.
func TestElsewhere(t *testing.T) {
	ctx := context.Background()
	var fault error
	o := testOptions(newClock())
	o.Elsewhere = func(_ context.Context, scope string) (bool, error) {
		return scope == "types" || scope == "babel", fault
	}
	a := openAuth(t, engine.Open(t).Client, o)
	bob := signedUp(t, a, "bob")["bob"]

	refusal := &Error{Kind: Forbidden}
	_, err := a.Signup(ctx, "types", "correct horse", "")
	require.ErrorIs(t, err, refusal)
	require.ErrorContains(t, err, "The packages of @types come from another registry.")
	require.ErrorIs(t, a.CreateOrg(ctx, bob, "babel", "bob"), refusal)
	require.ErrorIs(t, a.ClaimScope(ctx, "babel", "bob"), refusal)
	link, err := a.Invite(ctx, rootID, "types@example.com")
	require.NoError(t, err)
	_, secret, _ := strings.Cut(link, "ticket=")
	_, err = a.SignupInvited(ctx, secret, "types", "correct horse")
	require.ErrorIs(t, err, refusal)
	_, err = a.SignupInvited(ctx, secret, "tina", "correct horse")
	require.NoError(t, err, "the invitation stays good")

	_, err = a.Register(ctx, "types", "correct horse", "")
	require.NoError(t, err, "admins do this")
	_, err = a.Login(ctx, "types", "correct horse")
	require.NoError(t, err)
	require.NoError(t, a.CreateOrg(ctx, rootID, "babel", "bob"))
	require.NoError(t, a.CreateOrg(ctx, bob, "ours", "bob"))
	fault = errors.New("the database is away")
	_, err = a.Signup(ctx, "eve", "correct horse", "")
	require.ErrorIs(t, err, fault)
}
