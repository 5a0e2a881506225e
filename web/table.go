package web

import (
	"net/http"
)

// access is who may use a route.
type access int

const (
	everybody access = iota
	signedIn
	// fresh is who has signed in just now.
	fresh
)

// route is one row of the table.
type route struct {
	method string
	path   string // behind /-/web, as http.ServeMux has it
	access access
	answer func(*Site, http.ResponseWriter, *visit) error
}

// table is every page and every form.
var table = []route{
	{"GET", "/{$}", everybody, (*Site).serveHome},
	{"GET", "/signin", everybody, (*Site).showSignIn},
	{"POST", "/signin", everybody, (*Site).signIn},
	{"POST", "/signin/factor", everybody, (*Site).signInFactor},
	{"POST", "/signin/key", everybody, (*Site).beginSignInKey},
	{"POST", "/signin/key/finish", everybody, (*Site).signInKey},
	{"POST", "/signout", everybody, (*Site).signOut},
	{"GET", "/signup", everybody, (*Site).showSignUp},
	{"POST", "/signup", everybody, (*Site).signUp},

	{"GET", "/verify", everybody, (*Site).showVerify},
	{"POST", "/verify", everybody, (*Site).verify},
	{"POST", "/verify/send", signedIn, (*Site).sendVerify},
	{"GET", "/reset", everybody, (*Site).showReset},
	{"POST", "/reset", everybody, (*Site).forgot},
	{"POST", "/reset/password", everybody, (*Site).reset},
	{"GET", "/invite", everybody, (*Site).showInvite},
	{"POST", "/invite", everybody, (*Site).acceptInvite},

	{"GET", "/login/{ticket}", fresh, (*Site).showLogin},
	{"POST", "/login/{ticket}/approve", fresh, (*Site).approveLogin},
	{"POST", "/login/{ticket}/deny", everybody, (*Site).denyLogin},
	{"GET", "/challenge/{ticket}", everybody, (*Site).showChallenge},
	{"POST", "/challenge/{ticket}", everybody, (*Site).passChallenge},
	{"POST", "/challenge/{ticket}/key", everybody, (*Site).beginChallengeKey},
	{"POST", "/challenge/{ticket}/key/finish", everybody, (*Site).challengeKey},

	{"GET", "/account", signedIn, (*Site).showAccount},
	{"POST", "/account", fresh, (*Site).changeAccount},
	{"GET", "/password", fresh, (*Site).showPassword},
	{"POST", "/password", fresh, (*Site).changePassword},
	{"GET", "/factor", fresh, (*Site).showFactor},
	{"POST", "/factor/enrol", fresh, (*Site).enrol},
	{"POST", "/factor/confirm", fresh, (*Site).confirm},
	{"POST", "/factor/mode", fresh, (*Site).setMode},
	{"POST", "/factor/recovery", fresh, (*Site).renewRecovery},
	{"POST", "/factor/disable", fresh, (*Site).disable},
	{"POST", "/factor/key", fresh, (*Site).beginKey},
	{"POST", "/factor/key/finish", fresh, (*Site).addKey},
	{"POST", "/factor/key/remove", fresh, (*Site).removeKey},
	{"GET", "/tokens", signedIn, (*Site).showTokens},
	{"POST", "/tokens", fresh, (*Site).makeToken},
	{"POST", "/tokens/revoke", fresh, (*Site).revokeToken},
	{"GET", "/sessions", signedIn, (*Site).showSessions},
	{"POST", "/sessions/end", signedIn, (*Site).endSession},
	{"POST", "/sessions/end-others", signedIn, (*Site).endOtherSessions},
	{"GET", "/orgs", signedIn, (*Site).showOrgs},
	{"POST", "/orgs", fresh, (*Site).makeOrg},
	{"GET", "/orgs/{org}", signedIn, (*Site).showOrg},
	{"POST", "/orgs/{org}/{change}", fresh, (*Site).changeOrg},
}
