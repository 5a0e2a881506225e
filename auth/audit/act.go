package audit

import (
	"slices"
	"strings"
)

// Act is what was done. The list is closed: Append refuses others.
type Act string

// The acts. A failure is the act with Entry.OK false, or one of its own where there is no act.
const (
	LogStart Act = "log.start" // a process began its chain
	LogHeads Act = "log.heads" // the heads of other chains

	Login       Act = "login"        // by name and password, or on the web; a token or a session was given
	LoginFailed Act = "login.failed" // a wrong password or code
	LoginLocked Act = "login.locked" // the last failure before an address is refused for a while
	Logout      Act = "logout"
	Signup      Act = "signup"

	AccountChange  Act = "account.change" // e-mail and the other members of a profile
	AccountVerify  Act = "account.verify" // an e-mail address was proved
	AccountRecover Act = "account.recover"
	AccountInvite  Act = "account.invite"
	AccountDisable Act = "account.disable"
	AccountEnable  Act = "account.enable"
	AccountDelete  Act = "account.delete"
	Password       Act = "account.password"
	SessionRevoke  Act = "session.revoke"

	FactorEnable   Act = "factor.enable"
	FactorDisable  Act = "factor.disable"
	FactorChange   Act = "factor.change"   // its mode, or another key
	FactorRecovery Act = "factor.recovery" // a recovery code was used, or new ones were made
	FactorFailed   Act = "factor.failed"

	TokenCreate Act = "token.create"
	TokenRevoke Act = "token.revoke"

	PackagePublish   Act = "package.publish"
	PackageUnpublish Act = "package.unpublish"
	PackageDeprecate Act = "package.deprecate"
	PackageTag       Act = "package.tag"
	PackageOwner     Act = "package.owner"
	PackageAccess    Act = "package.access" // visibility, and what is asked of who publishes

	PackageStage    Act = "package.stage"    // a version waits for somebody to publish it; details stage
	PackageApprove  Act = "package.approve"  // it was published; details stage, and by who staged it
	PackageReject   Act = "package.reject"   // it was not
	PackageTrust    Act = "package.trust"    // a build may publish it
	PackageDistrust Act = "package.distrust" // it may not any more

	OrgCreate   Act = "org.create"
	OrgDelete   Act = "org.delete"
	OrgMember   Act = "org.member" // came, or got another role; details role
	OrgRemove   Act = "org.remove"
	TeamCreate  Act = "team.create"
	TeamDelete  Act = "team.delete"
	TeamMember  Act = "team.member"
	TeamRemove  Act = "team.remove"
	TeamPackage Act = "team.package" // its rights on a package; details permissions, "none" where they ended

	AdvisoryImport Act = "advisory.import" // On is the file; details added, changed
	AdvisoryRemove Act = "advisory.remove"

	HookCreate Act = "hook.create" // On is its type and name; of the others its id
	HookUpdate Act = "hook.update"
	HookDelete Act = "hook.delete"

	ServerKey        Act = "server.key"    // a signing key was made, rotated, revoked or taken in; On is its id, details what
	ServerConfig     Act = "server.config" // a setting of _config; On is section/key, the value is not told
	ServerSweep      Act = "server.sweep"  // blobs that nothing names were removed; details looked, deleted, bytes
	DatabaseDelete   Act = "database.delete"
	DatabasePurge    Act = "database.purge"
	DatabaseSecurity Act = "database.security"
	UserWrite        Act = "user.write" // a document of _users by a server admin
)

var acts = []Act{
	LogStart, LogHeads, Login, LoginFailed, LoginLocked, Logout, Signup,
	AccountChange, AccountVerify, AccountRecover, AccountInvite, AccountDisable, AccountEnable, AccountDelete, Password, SessionRevoke,
	FactorEnable, FactorDisable, FactorChange, FactorRecovery, FactorFailed, TokenCreate, TokenRevoke,
	PackagePublish, PackageUnpublish, PackageDeprecate, PackageTag, PackageOwner, PackageAccess, PackageTrust, PackageDistrust, PackageStage, PackageApprove, PackageReject,
	OrgCreate, OrgDelete, OrgMember, OrgRemove, TeamCreate, TeamDelete, TeamMember, TeamRemove, TeamPackage,
	AdvisoryImport, AdvisoryRemove, HookCreate, HookUpdate, HookDelete, ServerKey, ServerConfig, ServerSweep, DatabaseDelete, DatabasePurge, DatabaseSecurity, UserWrite,
}

// Acts is the whole list.
func Acts() []Act { return slices.Clone(acts) }

// Known reports whether the act is in the list.
func (a Act) Known() bool { return slices.Contains(acts, a) }

// Family is what stands before the dot: "package" of "package.publish".
func (a Act) Family() string {
	family, _, _ := strings.Cut(string(a), ".")
	return family
}
