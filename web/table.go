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
	{"POST", "/signout", everybody, (*Site).signOut},
	{"GET", "/signup", everybody, (*Site).showSignUp},
	{"POST", "/signup", everybody, (*Site).signUp},

	{"GET", "/login/{ticket}", fresh, (*Site).showLogin},
	{"POST", "/login/{ticket}/approve", fresh, (*Site).approveLogin},
	{"POST", "/login/{ticket}/deny", everybody, (*Site).denyLogin},
	{"GET", "/challenge/{ticket}", everybody, (*Site).showChallenge},
	{"POST", "/challenge/{ticket}", everybody, (*Site).passChallenge},

	{"GET", "/account", signedIn, (*Site).showAccount},
	{"POST", "/account", fresh, (*Site).changeAccount},
	{"GET", "/password", fresh, (*Site).showPassword},
	{"POST", "/password", fresh, (*Site).changePassword},
	{"GET", "/sessions", signedIn, (*Site).showSessions},
	{"POST", "/sessions/end", signedIn, (*Site).endSession},
	{"POST", "/sessions/end-others", signedIn, (*Site).endOtherSessions},
}
