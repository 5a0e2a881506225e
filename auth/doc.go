// Package auth keeps accounts, tokens and rights. It speaks Kivik only, so it
// works on the embedded engine and on Apache CouchDB.
//
// # Documents
//
// An account is a document of _users in the form of CouchDB 3.5, which CouchDB
// and every program that knows it can read and write:
//
//	{"_id": "org.couchdb.user:ada", "name": "ada", "type": "user", "roles": [],
//	 "email": "ada@example.com", "created": "2026-03-01T12:00:00.000Z",
//	 "password_scheme": "pbkdf2", "pbkdf2_prf": "sha256", "iterations": 600000,
//	 "salt": <32 hex>, "derived_key": <64 hex>}
//
// The salt is used as text, not decoded. The older forms are read too: pbkdf2
// with other hash functions (none named: SHA-1, 40 hex), "simple" (SHA-1 of
// password and salt in password_sha) and "simple+pbkdf2"; a sign-in with a right
// password replaces them by the form above, with the same salt. Roles that begin with an underscore
// are not believed, whoever wrote them, "_metrics" excepted.
//
// Members beside them are ours: fullname, homepage, github, twitter, freenode and updated are
// the profile's; created, email_verified, disabled (a time: nobody signs in, tokens and
// sessions are dead), service (it has tokens and no password) and cidr_whitelist
// are the administrators' to write: who writes their own document at CouchDB's API may not change
// these, and a token may not write it at all. A CouchDB cluster whose port is open to users
// lets them: it does not know.
//
// Where they are set: "email_verified": true, "updated", "fullname" and the rest of npm's profile,
// "disabled": <time> (nobody signs in; tokens and sessions are good for nothing meanwhile), "service": true (it has
// tokens, and no password), "cidr_whitelist". Who may write what through CouchDB's API, beside what CouchDB asks:
//
//	                                                                    owner   admin of _users, server admin
//	password, email, fullname, homepage, …, members of others           yes     yes
//	roles, created, email_verified, disabled, service, cidr_whitelist    no      yes
//	anything, by a token                                                no      server admin
//
// A token is a document of tokens; its id is the SHA-512 of the secret, in hex.
// The secret itself, "npm_" and 36 characters, is stored nowhere.
//
//	{"_id": <128 hex>, "type": "token", "user": "ada",
//	 "account_created": "2026-03-01T12:00:00.000Z",   the account's "created"
//	 "redacted": "npm_abcd…", "readonly": false, "created": <time>,
//	 "kind": "classic",                               or "granular", "automation"
//	 "name": "ci", "description": …, "cidr": ["10.0.0.0/8"], "expires": <time>,   where they are set
//	 "packages": ["left-hand"], "scopes": ["@acme"], "packages_all": true,        of a granular one
//	 "packages_and_scopes_permission": "read-write", "orgs": ["acme"],
//	 "orgs_permission": "read-only", "bypass_2fa": true,
//	 "publisher": {"kind": "github", "id": <UUID>, "source": "acme/n"}}   of one that a trusted publisher got
//	{"_id": "used:<128 hex>@eu", "type": "used", "user": "ada", "key": <128 hex>,
//	 "at": <time>, "from": "192.0.2.7"}               its last use in a region
//
// A list calls a granular token by a UUID that is made of its id. The view by_user of
// _design/tokens, pushed at start, lists the tokens of a user. A use is noted once an hour by
// a look at a number that the mirrored token carries, and written within five minutes, many at once;
// a crash loses these. At CouchDB's API a token of packages is refused, one that only
// reads only reads, and the second factor of who needs it to publish is asked for by every write.
//
// It is good while it is there, not expired, and its user's account is the one
// it was made for: an account made anew under an old name has another "created".
//
// A second factor is a document of factors; its id is the account's name.
//
//	{"_id": "ada", "type": "factor", "account_created": "2026-03-01T12:00:00.000Z",
//	 "mode": "auth-only",                               or "auth-and-writes"
//	 "totp": {"key": <base32>, "last": 59077440,        the step whose code was taken last
//	          "pending": {"key": <base32>, "mode": "auth-only"}},   shown, not confirmed
//	 "recovery": [<sha256 of a code, hex>, …],
//	 "webauthn": [{"id": <base64url>, "name": "blue", "created": <time>,
//	               "site": "npm.example.com", "credential": <public key, count, flags>}, …]}
//
// It counts while "key" or a security key is there, and for the account it was made
// for. The authenticator's key stands as it is, as in CouchDB's own member "totp" of
// _users, for the server must compute with it: who reads factors can make codes.
//
// A ticket is a document of sessions, which lets whoever holds its secret do one
// thing, once and soon; web sessions stand beside them. What has expired for an hour
// is swept.
//
//	{"_id": "challenge:<sha256 of the secret, hex>", "type": "challenge", "user": "ada",
//	 "created": <time>, "expires": <time>, "data": <what its kind needs>}
//
// A ticket of kind "login" is a command that waits for a sign-in on the web. Its secret is in
// the page's URL and lets nobody get the token: the command polls with more than that.
//
// A session on the web, whose secret the browser keeps in a cookie:
//
//	{"_id": "session:ada:<sha256 of the secret, hex>", "type": "session", "user": "ada",
//	 "account": <sha256 of the account's created and salt, hex>,
//	 "created": <time>, "seen": <time>, "expires": <time>, "ended": <time>,   if it is
//	 "factor": true, "address": "192.0.2.7", "client": "Mozilla/5.0 …"}
//
// It lasts 8 hours after it was used last, a week at most, and as long as the account and
// its password are what they were. What was ended in one region is ended, whatever was done in
// others. It stands for the password and the factor for 15 minutes; then what changes
// the account takes another sign-in, which is another session.
//
// An organisation is some documents of orgs, each as small as can be changed alone, so that two
// regions hardly ever write the same one:
//
//	scope:acme                              type, owners: ["ada"] who claimed it, display, created
//	scope:acme:member:bob                   role: owner, admin, developer, none; account_created
//	scope:acme:team:docs                    description, created
//	scope:acme:team:docs:member:bob         account_created
//	scope:acme:team:docs:package:@acme/p    permissions: read-only, read-write
//
// All but the first have a member of: the claim, which is the first's created and owners. Where two regions made an
// organisation at once the older claim holds (package region), and what the other's documents say counts no more.
//
// The first account that publishes into a scope nobody owns claims it by making the
// first document, as does who makes an organisation; of several the store lets one. Who claimed is an owner until a member
// document says otherwise. A member who is put out is "none": what they maintain in the scope is not theirs
// any more. A role was given to an account, not to a name: an account made anew has it not. The team
// developers is always there, has every new member, and read-write to every new package.
//
// A scope without a document belongs to the account of its name. A claim counts more than a
// name, and a claimed name cannot be signed up, nor an account's claimed, so nobody gets into a
// scope by taking its name. Nor does who is no admin take the name of a scope whose packages come from another
// registry (Options.Elsewhere), as an account by either API, an organisation or by a publish: they would come from here. A name that is taken is not
// asked about: the other registry may hear of it.
//
// # Rights
//
// May answers who may do what with which package, MayOrg the same of organisations; may, mayOrg
// and mayChange are the rule. What somebody may do with a package is the most of these:
//
//	who                                        right    that is to
//	the server admin                           owns     all
//	an owner or admin of the scope's org       owns
//	a maintainer, but of the scope's "none"    owns     unpublish, name maintainers, grant, set access
//	a team's member, by read-write             writes   publish, set dist-tags, deprecate
//	a team's member, by read-only              reads    read, star
//	everybody, of a public package             reads
//
// A name without a package may be published by everybody where it has no scope or nobody's, and by members of its
// scope's organisation. Nobody in particular is 401, but for reading; what may not be read is 404, as
// what is not there; else it is 403.
//
// A token leaves of this what it was made for: a read-only one to read; a granular one its permission of its packages,
// scopes and organisations, and of all others what everybody may read.
//
// A server admin is no document. The first one comes from Options and stands before
// all others; more come and go with the section [admins] of Settings, in every form
// of hash that CouchDB wrote. A document of such a name adds roles to an admin of
// [admins]; its password does not count. The role is _admin. tokens, factors, sessions
// and orgs are made for server admins only, as CouchDB makes every database.
//
// # Credentials of a request
//
//	Authorization: Bearer npm_…         a token            handler "token"
//	Authorization: Basic name:password  an account         handler "default"
//	Cookie: AuthSession=…               a session          handler "cookie"
//	Authorization: Bearer eyJ…          a JSON Web Token   handler "jwt"
//	X-Auth-CouchDB-UserName: …          a trusted proxy    handler "proxy"
//
// The session of the web pages, handler "web", is no credential of a request to an API: only
// the pages ask for it (Resume).
//
// Authenticate is the registry's way: Authorization counts before the cookie, and
// jwt and proxy do not count at all. Identify is CouchDB's: tokens, then the handlers
// of [chttpd] authentication_handlers in their order, which are cookie and default
// where it is not set; the first that finds somebody decides.
//
// The cookie is CouchDB's: base64url("name:HEXTIME:" and HMAC), where HEXTIME are
// seconds in upper-case hex and the HMAC of "name:HEXTIME" is keyed by the secret and
// the account's salt. It lives 600 seconds; RenewCookie makes a new one when a tenth
// has passed. A new password ends the sessions, as it brings a new salt.
//
// A JSON Web Token is signed by a key of [jwt_keys], hmac:KID, rsa:KID or ec:KID, and
// has the claims of [jwt_auth] required_claims. exp and nbf hold whenever they are
// there, which CouchDB leaves to required_claims. Roles of tokens and proxies are
// believed, _admin too: who signs them, or owns the port, decides.
//
//	nothing, "_:_", expired, forged or orphaned cookie   anonymous
//	unreadable cookie or base64, two headers             400
//	a scheme that nobody knows                           400; by Identify anonymous
//	wrong name or password                               401
//	an account with conflicting documents                401
//	token unknown, revoked, expired, orphaned            401
//	token from an address outside its cidr               401, challenge "ipaddress"
//	right password, no second factor                     401, challenge "OTP"
//	five failures from one address in five minutes       403
//	more than 256 passwords wait to be checked           503
//	too many requests of a user or a token (auth/limit)  429
//
// Failures are counted by name and address, an IPv6 /64 being one, in bounded
// memory, so that who guesses locks out nobody elsewhere; [chttpd_auth_lockout] says how many, for how long and whether at all.
// Passwords that are being checked count as failures until they are found right, so
// that guessing in parallel gains nothing; who waits for such a verdict stands in
// the same bounded line.
//
// # Trusted publishers
//
// A package may trust jobs of a build service to publish it, without a token that somebody keeps: at most ten documents
// of publishers, whose ids begin with the package's name and ":":
//
//	{"_id": "@s/n:<UUID>", "type": "publisher", "package": "@s/n", "kind": "github", "issuer": "https://token.actions…",
//	 "claims": {"repository": "acme/n", "workflow_ref": {"file": "publish.yml"}, "environment": "npm"},
//	 "permissions": ["createPackage", "createStagedPackage"], "by": "ada", "account_created": <time>, "created": <time>}
//
//	kind      claims that must be said                                     issuer, unless Options.OIDC names another
//	github    repository, workflow_ref's file, environment                 token.actions.githubusercontent.com
//	gitlab    project_path, ci_config_ref_uri's file, environment          gitlab.com
//	circleci  org, project and pipeline definition, vcs-origin, contexts   oidc.circleci.com/org/ORG, each its own
//
// A job exchanges its id-token (Exchange), a JSON Web Token, for a token of the account that trusts it ("by"):
// granular, for this package, for an hour, marked with "publisher": {kind, id, source}. It publishes or stages and does
// nothing else, whatever the package asks a second factor for. It ends with the trust.
// The trust counts while that account is the same one and may publish the package.
//
// Names of repositories are given again when their owners leave; ids are not. The first exchange keeps the trust to the ids that its
// id-token has, as "pinned": {repository_id, repository_owner_id} of github, {project_id, namespace_id} of gitlab, and every later one must say the same (403): who
// has moved is trusted anew, which an owner says. What comes before the first exchange is not known; claims of these names are compared from the beginning. Of regions that are cut off
// from each other each may pin its own, and the leaf that wins counts.
//
// An id-token is believed when
//
//   - its issuer is the one that a publisher of the package was trusted for, and Options.OIDC still names;
//   - its signature is by the issuer's key of its kid and with an algorithm of idMethods: never none, never a
//     shared secret. What it says itself of keys (jku, jwk, x5u, x5c) is not looked at;
//   - it was made for "npm:" and the host of the registry's own address, whatever host a request says it asked, is not
//     expired, and was issued within the hour;
//   - it was not used for this package before: a document "id-token:<sha256>" of sessions says so, by its jti, or else by all
//     that was signed. Regions that are cut off from each other know of it later.
//
// Keys of issuers are asked for as OpenID Connect Discovery says, in 5 seconds and 256 KiB, without
// following redirects; they are kept for an hour, for a day where the issuer is away, and asked for once a minute at most.
//
// # Messages
//
// Links in messages (auth/mail) hold the secret of a ticket and begin with Options.Site, never with
// what a request says. Each works once, behind a button: programs that read mail open links.
//
//	verify   24 hours     while the address and the account are those it was sent to
//	reset    30 minutes   while password and address are; takes the second factor; ends all sessions,
//	                      and tokens where asked to; confirms the address
//	invite   7 days       makes an account, whose address counts as confirmed
//
// Whoever asks for a reset is answered at once and always the same; what is to be done follows after
// the answer. An account and a mailbox get three messages of a kind an hour, and thirty requests from one address count;
// these counts are a process's.
//
// # The end of an account
//
// DeleteAccount deletes the document, the tokens and the second factor. Packages keep naming their
// maintainer, so the name stays taken: a document "left:NAME" of sessions, without an end, says so, until FreeName.
// Who deletes a document of _users through CouchDB's API leaves the name free, as in CouchDB.
//
// # New passwords
//
// A new password has 8 characters at least and 256 bytes at most, does not contain the account's
// name (of four characters or more), forwards or backwards, and is not among those that are
// guessed first. These are not a list but rules upon a thousand words (common_words.txt): each
// word as it is, doubled, with digits for letters, with numbers and signs around it; rows and walks
// of the keyboard; dates, and other digits alone; fewer than four different characters. That
// refuses some millions, for 60 kB. It holds for sign-up, change and reset, on npm's port, the web and the
// command line. What is written to _users through CouchDB's API must match
// [chttpd_auth] password_regexp only, as in CouchDB; the others must match it too.
//
// # The second factor
//
// A security key of WebAuthn is asked on the web, for the host name that it was made
// for; it must say that its owner is there, and count on. Its question is a ticket, which
// is redeemed whatever the answer.
//
// A code is six digits of RFC 6238 (SHA-1, 30 seconds, one step early or late), one of
// five recovery codes, or the secret of a challenge that was passed on the web. Digits
// are used up durably before they count, with all steps before theirs; recovery codes
// and challenges go. Where regions were apart, what one used up the others refuse from
// when they know of it; when they wrote at once, the next write takes from both.
//
// A password alone signs nobody in whose account has a factor, on either port: not by
// Basic, where each request brings a code in npm-otp, nor at CouchDB's _session, where
// the member "token" of the form is the code. The cookie that _session gives is as
// good as the sign-in. A CouchDB account with the member "totp" of its own goes on as
// in CouchDB. Web tokens (jwt) and trusted proxies speak for themselves.
//
// What needs the factor again is in StepUp. A code stands for a minute for the other
// requests of one command: for changes of packages, by the token and from the address that
// brought it, and for Basic. For anybody else, and for the account itself, it is gone.
//
// Five wrong codes in five minutes from one address, and a hundred a day from all but
// the addresses where a right one came from, are answered 403; recovery codes and
// challenges cannot be guessed and are taken always, so nobody locks out the owner.
// These counts are a process's.
//
// What a token may do is for the caller to ask (May). Reasons and log lines hold names, never passwords or secrets.
//
// # Audit log
//
// What is done and what fails goes to Options.Audit (see auth/audit) through Record, which knows who
// asks and from where. Wrong passwords are recorded here, by the account that they
// were tried on and never by a name that no account has; all else by who does it.
//
// # Settings
//
// They are read when they are needed, so that a change holds at once:
//
//	[chttpd] authentication_handlers
//	[chttpd_auth] secret, timeout, hash_algorithms, allow_persistent_cookies, same_site,
//	  cookie_domain, password_scheme, pbkdf2_prf, iterations, min_iterations,
//	  max_iterations, password_regexp, upgrade_hash_on_auth, allow_conflicted_user_docs,
//	  x_auth_username, x_auth_roles, x_auth_token, proxy_use_secret
//	[chttpd_auth_lockout] mode, threshold, max_lifetime, max_objects
//	[jwt_auth] required_claims, roles_claim_name, roles_claim_path, allowed_algorithms
//	[jwt_keys], [admins]
//
// # Cost
//
// A password costs 600,000 rounds, once: its verdict, right or wrong, is
// remembered under an HMAC of name, password and the document's revision, with a
// key that only this process knows. Slow hashes have GOMAXPROCS-1 places, one at
// least, so that a flood of wrong passwords leaves a core for everything else. An
// unknown name, the admin's name and an account with a cheaper hash cost as much
// as any other when the password is wrong.
//
// # How stale an answer may be
//
// Documents are mirrored in memory, absent ones too. What is written through an
// Auth is true in it when the call returns. What is written elsewhere, through
// HTTP, by a replication or another process, arrives by the feeds of _users,
// tokens, factors and orgs: on the embedded engine within milliseconds, on CouchDB after
// the feed's way through the network. When a feed breaks, answers from memory
// are used for at most 15 seconds after the last proof that nothing was missed;
// after that every answer is read from the store, until the feed has caught up.
//
// ForgetAccounts is for who writes to _users in this process: what was written holds
// when it returns. A _users that somebody deletes stays away until somebody, or a
// sign-up, makes it again; tokens, factors and orgs come back by themselves.
package auth
