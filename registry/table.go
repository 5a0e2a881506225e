package registry

import "net/http"

const (
	get  = http.MethodGet // and HEAD
	put  = http.MethodPut
	post = http.MethodPost
	del  = http.MethodDelete
)

// table is every route, the first that fits answers. What installs ask for
// stands first.
var table = compiled([]route{
	{method: get, pattern: "/:p", does: "packument, full or abbreviated by Accept; ?write=true past all caches", answer: (*Registry).servePackument},
	{method: get, pattern: "/:p/-/:file", does: "tarball", answer: (*Registry).serveCounted},
	{method: put, pattern: "/:p", does: "publish, deprecate, star", answer: (*Registry).servePut},

	{method: get, pattern: "/", does: "how to point npm here", answer: (*Registry).serveWelcome},
	{method: get, pattern: "/-/ping", does: "ping", answer: (*Registry).servePing},
	{method: get, pattern: "/-/ping/:rest", does: "ping", answer: (*Registry).servePing},
	{method: get, pattern: "/-/settee/audit", does: "the audit log, newest first, for server admins; ?user, act, package, since, until, failed, limit, before", answer: (*Registry).serveAuditLog},
	{method: get, pattern: "/-/settee/package/:p/quality", does: "the quality report of latest, or of ?version, which may be a range or dist-tag", answer: (*Registry).serveQuality},
	{method: get, pattern: "/-/whoami", does: "who the credentials are of", answer: (*Registry).serveWhoami},
	{method: get, pattern: "/-/v1/search", does: "search: words and qualifiers; ?size, from, quality, popularity, maintenance", answer: (*Registry).serveSearch},
	{method: post, pattern: "/-/v1/login", does: "sign in on the web: the URLs of the page and of what is polled", open: true, answer: (*Registry).serveWebLogin},
	{method: get, pattern: "/-/v1/login/:poll", does: "202 until somebody has signed in there, then the token, once", open: true, answer: (*Registry).servePollLogin},
	{method: get, pattern: "/-/v1/challenge/:poll", does: "202 until the second factor was given on the web, then what stands for it", open: true, answer: (*Registry).servePollChallenge},
	{method: get, pattern: "/-/npm/v1/user", does: "profile", answer: (*Registry).serveProfile},
	{method: post, pattern: "/-/npm/v1/user", does: "set profile, password, second factor", answer: (*Registry).serveProfileSet},
	{method: get, pattern: "/-/npm/v1/tokens", does: "list one's tokens", answer: (*Registry).serveTokens},
	{method: post, pattern: "/-/npm/v1/tokens", does: "make a token", answer: (*Registry).serveTokenCreate},
	{method: del, pattern: "/-/npm/v1/tokens/token/:token", does: "revoke a token, by its key or itself", answer: (*Registry).serveTokenRevoke},
	{method: get, pattern: "/-/npm/v1/attestations/:p", does: "what proves how a version was built, :p being name@version", answer: (*Registry).serveAttestations},
	{method: get, pattern: "/-/npm/v1/keys", does: "the public keys of signatures, once every version is signed", answer: (*Registry).serveKeys},
	{method: post, pattern: "/-/npm/v1/security/advisories/bulk", does: "the advisories in which versions lie, as npm asks on each install", answer: (*Registry).serveBulkAudit},
	{method: post, pattern: "/-/npm/v1/security/audits/quick", does: "audit of a tree, as npm 6 asks on each install", answer: (*Registry).serveQuickAudit},
	{method: post, pattern: "/-/npm/v1/security/audits", does: "audit of a tree, with what npm audit fix of npm 6 does", answer: (*Registry).serveAudit},

	{method: del, pattern: "/-/user/token/:token", does: "logout", answer: (*Registry).serveLogout},
	{method: put, pattern: "/-/user/:user", does: "adduser, login", open: true, answer: (*Registry).serveLogin},
	{method: put, pattern: "/-/user/:user/-rev/:rev", does: "adduser, login", open: true, answer: (*Registry).serveLogin},
	{method: put, pattern: "/-/user/v1/star", does: "star, as pnpm does", answer: (*Registry).serveStar},
	{method: del, pattern: "/-/user/v1/star", does: "no star any more", answer: (*Registry).serveStar},
	{method: get, pattern: "/-/user/v1/star", does: "what who asks starred", answer: (*Registry).serveStars},
	{method: get, pattern: "/-/user/:user/stars", does: "what a user starred", answer: (*Registry).serveStars},
	{method: get, pattern: "/-/user/:user/package", does: "what a user may do with which packages", answer: (*Registry).serveUserPackages},
	{method: get, pattern: "/-/-/package", does: "the same of who asks, as pnpm spells it", answer: (*Registry).serveUserPackages},
	{method: get, pattern: "/-/user/:user", does: "name and e-mail of a user", answer: (*Registry).serveUser},

	{method: get, pattern: "/-/package/:p/dist-tags", does: "dist-tags", answer: (*Registry).serveTags},
	{method: put, pattern: "/-/package/:p/dist-tags", does: "replace all dist-tags", asks: tagging, answer: (*Registry).serveTagsReplace},
	{method: post, pattern: "/-/package/:p/dist-tags", does: "set some dist-tags", asks: tagging, answer: (*Registry).serveTagsMerge},
	{method: put, pattern: "/-/package/:p/dist-tags/:tag", does: "set a dist-tag", asks: tagging, answer: (*Registry).serveTagSet},
	{method: post, pattern: "/-/package/:p/dist-tags/:tag", does: "set a dist-tag", asks: tagging, answer: (*Registry).serveTagSet},
	{method: del, pattern: "/-/package/:p/dist-tags/:tag", does: "remove a dist-tag", asks: tagging, answer: (*Registry).serveTagDelete},
	{method: get, pattern: "/-/package/:p/visibility", does: "whether a package is public", answer: (*Registry).serveVisibility},
	{method: get, pattern: "/-/package/:p/access", does: "public or restricted", answer: (*Registry).serveAccess},
	{method: post, pattern: "/-/package/:p/access", does: "set who may read it, and what a publish asks for", asks: writing, answer: (*Registry).serveAccessSet},
	{method: get, pattern: "/-/package/:p/collaborators", does: "who may do what with it", answer: (*Registry).serveCollaborators},
	{method: put, pattern: "/-/package/:p/owners", does: "one maintainer more", asks: writing, answer: (*Registry).serveOwnerAdd},
	{method: del, pattern: "/-/package/:p/owners/:user", does: "one maintainer less", asks: writing, answer: (*Registry).serveOwnerRemove},

	{method: get, pattern: "/-/package/:p/trust", does: "which builds a package trusts to publish it", answer: (*Registry).serveTrust},
	{method: post, pattern: "/-/package/:p/trust", does: "trust one more", answer: (*Registry).serveTrustAdd},
	{method: del, pattern: "/-/package/:p/trust/:id", does: "trust one no more", answer: (*Registry).serveTrustRemove},
	{method: post, pattern: "/-/npm/v1/oidc/token/exchange/package/:p", does: "a token to publish one package, for an id-token of a build", open: true, answer: (*Registry).serveExchange},

	{method: get, pattern: "/-/org/:org/user", does: "members of an organisation", answer: (*Registry).serveMembers},
	{method: put, pattern: "/-/org/:org/user", does: "give a user a role", asks: writing, answer: (*Registry).serveMemberSet},
	{method: del, pattern: "/-/org/:org/user", does: "put a member out", asks: writing, answer: (*Registry).serveMemberRemove},
	{method: get, pattern: "/-/org/:org/package", does: "packages of an organisation", answer: (*Registry).serveOrgPackages},
	{method: get, pattern: "/-/org/:org/team", does: "teams of an organisation", answer: (*Registry).serveTeams},
	{method: put, pattern: "/-/org/:org/team", does: "make a team", asks: writing, answer: (*Registry).serveTeamCreate},
	{method: del, pattern: "/-/team/:org/:team", does: "end a team", asks: writing, answer: (*Registry).serveTeamRemove},
	{method: get, pattern: "/-/team/:org/:team/user", does: "who is in a team", answer: (*Registry).serveTeamMembers},
	{method: put, pattern: "/-/team/:org/:team/user", does: "put a member into a team", asks: writing, answer: (*Registry).serveTeamAdd},
	{method: del, pattern: "/-/team/:org/:team/user", does: "take a member out of a team", asks: writing, answer: (*Registry).serveTeamDrop},
	{method: get, pattern: "/-/team/:org/:team/package", does: "what a team may do with which packages", answer: (*Registry).serveTeamPackages},
	{method: put, pattern: "/-/team/:org/:team/package", does: "say what a team may do with a package", asks: writing, answer: (*Registry).serveTeamGrant},
	{method: del, pattern: "/-/team/:org/:team/package", does: "nothing more of it", asks: writing, answer: (*Registry).serveTeamRevoke},

	{method: get, pattern: "/-/_view/starredByUser", does: "what a user starred", answer: (*Registry).serveStarred},
	{pattern: "/-/_view/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/_list/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/_show/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/starred-by-user/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/starred-by-package/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/by-user/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/user-by-email/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/by-field/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/rss/:rest", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/by-field", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/fields", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/needbuild", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/rss", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/scripts", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/top", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/users", does: "couchapp leftover", answer: (*Registry).serveLeftover},
	{pattern: "/-/:rest", does: "anything else: 404", answer: (*Registry).serveNothing},

	{method: put, pattern: "/:p/-rev/:rev", does: "unpublish versions, owners, star", answer: (*Registry).servePut},
	{method: del, pattern: "/:p/-rev/:rev", does: "unpublish a package", asks: writing, answer: (*Registry).serveUnpublish},
	{method: del, pattern: "/:p/-/:file/-rev/:rev", does: "what follows an unpublish; the sweep removes the bytes", answer: (*Registry).serveTarballDelete},
	{method: put, pattern: "/:p/-/:file/-rev/:rev", does: "publish as before 2013: refused", answer: (*Registry).serveOldPublish},
	{method: get, pattern: "/downloads/point/:period", does: "downloads of all public packages in a period", answer: (*Registry).serveDownloadsPoint},
	{method: get, pattern: "/downloads/point/:period/:p", does: "downloads of a package, or of several with commas", answer: (*Registry).serveDownloadsPoint},
	{method: get, pattern: "/downloads/range/:period", does: "the same of each day", answer: (*Registry).serveDownloadsRange},
	{method: get, pattern: "/downloads/range/:period/:p", does: "the same of each day", answer: (*Registry).serveDownloadsRange},
	{method: get, pattern: "/versions/:p/last-week", does: "downloads of a package's versions", answer: (*Registry).serveDownloadsVersions},
	{method: get, pattern: "/:p/:spec", does: "one version, by number, dist-tag or range", answer: (*Registry).serveVersion},
	{method: put, pattern: "/:p/:tag", does: "set a dist-tag, as npm 1 did", asks: tagging, answer: (*Registry).serveTagSet},
})
