// Package web is the pages by which people sign in, look after their account and
// organisations, and let commands in: a few forms under /-/web/ on the npm port.
//
// # Pages
//
// They are made by html/template on the server, one style sheet, no framework, and work
// without JavaScript. One script, assets/key.js, is for security keys alone: browsers have no other
// way to them. It is a file of ours, as the pages' Content-Security-Policy says.
//
//	signin            name and password, then the second factor; ?for= says where to then
//	signup            make an account, where that is open
//	verify, reset, invite   what messages lead to (?ticket=): confirm an address, choose a new
//	                  password, make an account; reset alone asks who forgot one
//	login/TICKET      npm login waits: who asks, from where; approve or deny
//	challenge/TICKET  npm waits for a second factor: what is asked, from where
//	account           profile and e-mail
//	password, factor, tokens, sessions, orgs, orgs/NAME
//
// Where a sign-in leads to is one of these names, never a URL: see target.
//
// # Who may
//
// Each row of the table of routes says who may use it: everybody, who is signed in, or who has
// signed in just now (auth.Session.Fresh), which is what changes something. A form that was
// shown in time may be sent for as long again; after that it asks for another sign-in.
//
// A sign-in is a session of auth: its secret is in a cookie, HttpOnly, SameSite=Lax,
// which ends with the browser; under https it is Secure and called __Host-settee. Each sign-in has a new one, and
// ends the one before, so that a cookie somebody planted is worth nothing. Between password and second
// factor there is a ticket of five minutes, in the form.
//
// # What a request must be like
//
//	POST from another site                             403 (net/http.CrossOriginProtection)
//	POST without Origin and Sec-Fetch-Site             403: browsers send one of them
//	POST of anything but a form, or over 64 KiB        415, 413
//	a value that is there twice, or no UTF-8           400
//
// Every answer says that no other page may show it in a frame, that nothing but our own style
// and script counts, and, but for those two, that it must not be stored.
package web
