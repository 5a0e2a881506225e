package auth

import "context"

// InName is who the owner of an account would be, had they signed in: for what is done for them later, with what
// they may do then. An account that is not there, or is disabled, is NotFound. account tells it from others of its name.
func (a *Auth) InName(ctx context.Context, name string) (id Identity, account Account, err error) {
	who, err := a.account(ctx, name)
	if err != nil {
		return Identity{}, Account{}, err
	}
	if account = who.shown(); who == nobody || account.Disabled {
		return Identity{}, Account{}, errNoUser
	}
	return who.identity(""), account, nil
}
