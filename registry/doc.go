// Package registry is the npm API over packuments, which are documents of a
// kivik.DB, and tarballs, which are blobs of a tarballs.Store. It works the same on
// the embedded engine and on Apache CouchDB.
//
// # The document
//
// One document a package in the database registry; its id is the package's name,
// its body the full packument, less what is made when it is served:
//
//	_id, _rev       as CouchDB has them
//	name            the package's name
//	access          "public" or "restricted" (see Rights)
//	dist-tags       tag -> version; latest always exists
//	time            created, modified, and every version ever published, so that no
//	                number is used again; ISO 8601 in UTC with milliseconds
//	maintainers     [{name, email}]; empty only after a merge, see there
//	users           who starred it: {name: true}
//	readme          of the version that was published as latest, up to 64 KiB
//	description, homepage, keywords, repository, bugs, license, author,
//	contributors, readmeFilename: of the latest version
//	versions        number, without build metadata -> the package.json that was sent, and
//	    dist            shasum, integrity, fileCount, unpackedSize: as computed here;
//	                    tarball: a path without scheme and host
//	    _npmUser        who published it; maintainers: of the package at that time
//	    _hasShrinkwrap, hasInstallScript: as found in the tarball and its scripts
//	    keywords        a list, also where a text was sent
//	    _quality        what the tarball showed (manifest.Facts), some 100 bytes; all else of a quality report is
//	                    made when it is read. As all of a version it is copied byte for byte in merges
//	settee          what merging must know beside it (see Merging); no client of npm sees it
//
// A package that was unpublished keeps a tombstone: name, access and time, where
// time.unpublished is {name, time, tags, versions, maintainers, description}. After
// 24 hours those maintainers may publish under the name again, with new numbers.
// Owners may unpublish for 72 h after a publish, and later what has one owner, fewer than 300 downloads a week and
// no package here whose latest version needs it (unpublish_policy.go); admins always. All else is 405, in npm's words.
//
// # Rights
//
// Registry.may asks auth.May before any byte is stored, with what the packument says. A restricted package does not
// exist for who may not read it: every answer that could name it is the answer for a package that is not
// there, be the caller nobody in particular or somebody, and it is in no list, no search, and no number
// of either. Entries of the cache are asked for each reader; answers of restricted packages say Cache-Control: private. Public
// ones may stay in a proxy as long as they may, whatever becomes of the package: a tarball for ever.
//
// A new package of an organisation is granted to its team developers before it is written. A publish that changes who
// may read the package needs the right to do so, not just to publish. A new package is public unless its publisher, or
// Options.NewScoped, says otherwise. What its publishes ask for (publish_requires_tfa, automation_token_overrides_tfa) is a mark of merging.
//
// By the database itself nobody reads packuments but server admins, peers of a region among them, and who has the role
// registry-reader, which is for followers that may see everything; nobody gives a role to themselves.
// New begins that way (_security: members), also where the database was for everybody, and leaves what an administrator made of it otherwise. Only server
// admins write there: couch/httpd refuses others (Options.Kept), and where another server has the documents
// (Options.Guard) the design document does.
//
// # Publish
//
//  1. Credentials, then the right to publish the package, from the headers, the path
//     and the package as it is. Nothing of the body has been read.
//  2. The body in one strict pass: metadata into memory (Options.MaxMetadata), the
//     tarball base64-decoded, hashed and spooled (in memory to 1 MiB, then a file).
//  3. The checks: names, number, tags, length, sha1, sha512; the tarball is read to
//     its end, bounded: no links or devices, no path that leaves it, no second gzip, nothing behind its end; its package.json must
//     agree. A provenance bundle (.sigstore) must prove it (see Attestations). What manifest finds in
//     package.json and the tarball is no reason to refuse: it is told by npm-notice. The version is signed.
//     A new unscoped name is refused where it differs from another here, or from a popular one, only by capitals and
//     punctuation (403, in npm's words); admins may. The names here that have any are mirrored in memory, at most half a million.
//  4. The blob is stored and durable.
//  5. The document is written, spliced from raw JSON: the new version is appended,
//     all others are copied byte for byte. Writers of one package take turns inside
//     this process; a conflict with another is retried on what that one made of it.
//
// A crash between 4 and 5 leaves a blob that nobody names: Sweep removes it, when somebody asks for that (POST /-/settee/gc, settee gc): whatever no winning or
// conflicting leaf here or of the upstream's packuments names, nor a staged version or an attachment in the same store, once it is a day old; a publish of this process holds what it is
// about to name. The same
// publish sent again (same bytes, same user) succeeds and changes nothing.
//
// # Merging
//
// Regions that publish the same package apart make a conflict: a document with several
// leaves. Merge makes one packument of them. It is pure: bodies in, a body out; no clock, no
// name of a region, the same in any order, in any grouping, and of its own result. Each part of
// a packument joins with its like by itself; what the parts must know of the past is in
// the member settee, written with each edit:
//
//	founder      whose account owned the name when the package was made, and when that was made
//	tags         tag -> at, when it was set; to, what it was set to, where that is gone
//	access       how often it was changed
//	tfa          what publishes ask for (requires, overrides), and n, how often that was changed
//	owners,stars name -> how often one came or went, where it is more than once
//	edited       version -> when it was deprecated, or no more
//	gone         version -> integrity and publisher of what was unpublished
//	lost         publishes that lost their number: version, time, integrity, by
//	readme       when it was set, and with which publish
//	unpublished  when the package was unpublished, or came back
//	rivals       founder -> the packument that lost the name
//
// Moments are the clock's of the region, but always after what they replace, so that an
// edit made in knowledge of another wins whatever the clocks say. The rules:
//
//   - Name. Packages that different people made at once under one name are two; who made
//     it first (time.created, then founder) has the name, and nothing of the other gets into
//     his: neither versions nor maintainers nor tags. The other is kept aside, whole. What
//     one person made in two places is one package, as is what owners of one scope made.
//   - Versions are united, each copied byte for byte but for its signatures, which are united too. A number belongs to its earliest publish
//     (time, then integrity); the same bytes published twice are the earlier version.
//   - A version that was unpublished stays so, as does its number. Of a package that was
//     unpublished whole only those versions live that its unpublisher could not know; if
//     none does it is a tombstone.
//   - A dist-tag is what it was set to last, or removed. One whose version is gone is not shown.
//     latest, which always exists, then is the highest version.
//   - A maintainer or a star is there if who knows more of the past says so: removal is not undone
//     by an edit that did not know of it, though what somebody published where it was not
//     known yet stays. Maintainers who removed each other leave a package
//     that only owners of its scope and admins write.
//   - Access changed in one place counts; changed at once in two, restricted does. So does what publishes ask
//     for, and there what asks for more.
//   - A deprecation is the one made last. The readme is the one set last, if the publish
//     that it came with is still there. The package's other members are those of latest.
//   - time.created is the first, time.modified the last.
//
// # Regions
//
// A region that receives another leaf serves the merge from the next reading on, before
// anything is written: load makes the cache entry of all leaves. Resolve, which a
// replicate.Follower calls, writes the merge as the child of the winner and then closes the other
// leaves with deletions that have no members; a write that meets a conflict does so first. So:
//
//   - While regions are apart each serves what was published in it, and a number may stand for
//     two contents. Nobody can know. Clients that have a lockfile refuse the other content.
//   - From the moment that a region has both, the earlier publish is served there, in
//     packuments and under the tarball's path, which are read from one entry; the later never
//     again. Whoever installed the later has an integrity that fits no version any more: an error, not
//     other bytes. Caches that keep tarballs for ever may give it to who has that integrity.
//   - No other acknowledged publish is missing in any region that has its leaf.
//   - Who lost is told: a record conflict:PACKAGE@VERSION:TIME:DIGEST:WHAT in the database audit, written before the
//     merge and the same in every region; a warning in the log; npm-notice, for 30 days, on the answers
//     to who published it that no cache keeps (a write, ?write=true); the refusal of the same publish.
//     A package that lost its name is kept in the document that has it, with all its versions, for an admin to restore.
//     Its tarballs are named by nobody, and go with a sweep.
//   - Which publish is earlier is for the clocks of the regions to say: they are to be kept
//     by NTP. A clock that is behind wins numbers and names that were published at once, never ones that were known.
//
// Regions end. The same leaves give the same body, whose parent is the same winner, so the same
// revision and the same closings. If databases name revisions differently there are two
// leaves with one body; their merge says what the winner says, so nothing is written but a
// closing. Without edits every new body is the merge of some leaves there were, and larger than the one it
// follows; there are finitely many, and the last is the merge of all.
//
// # Read
//
// An entry of the cache is one package at one revision: its packument, the
// representations made of it (full and abbreviated; plain, gzip, br and zstd; one for each
// base URL), each made once however many ask, and its tarballs' digests. The text is one for
// the codings that are made at the same time, and stays only where somebody asks for it plain. The coding is the one
// that Accept-Encoding likes best; of those that it likes alike zstd, then br, then gzip; where a packument is over
// 1 MB gzip, which is compressed in pieces, and after a publish only those that it changed; 406 where none is left. Each
// representation has its own ETag, which is compared weakly, as proxies that compress make it weak. The
// abbreviated form comes out of the view abbreviated, or out of the view's twin while
// the view lacks what is here: leaves in conflict were merged, or the index fails or
// takes over 2 s. A write here replaces the entry; the database's changes feed drops it after a write from elsewhere. Once the
// feed is lost, entries are believed for Options.MaxStale (15 s) and each reading after
// that asks the database, so nothing is served that is older. The cache
// is bounded in bytes and drops what was used longest ago. ?write=true reads the
// database.
//
// A tarball that is not here may be read through from another region (tarballs.ThroughStore). Where
// that region does not give it now, or has it no more than we, the answer is 503 with Retry-After and an npm-notice.
//
// # Signatures
//
// Each version is signed when it is published (package provenance), by the newest key of the database signing, which
// holds one document a key and is for server admins alone:
//
//	{"_id": "SHA256:…", "type": "key", "created": <time>, "public": <base64 of DER>,
//	 "private": <base64 of PKCS #8>,        none of another registry's
//	 "expires": <time>, "revoked": <time>}  where it ended; of two leaves the one that ends it counts
//
// New makes the first key. Regions replicate them: two that each made one before they met have two, both are good
// in both, and the newer signs. Keys.Rotate makes another and lets those before it end a day later, so that a region
// which is cut off for less signs nothing in vain.
//
// A follower signs what came another way: published before there were keys, or replicated from elsewhere. It signs
// versions that have no signature, and replaces those by keys that were revoked or had expired when the version was
// published, as clients refuse a version for one of these. It never replaces another registry's: whoever
// replicates packages from one takes in its keys (Keys.Import), and those of Options.Upstream are taken in hourly. What an upstream shows
// without a signature by any of these keys is given one of ours beside those it has, each time that it is read for the cache: the signature says that this registry lets no other
// bytes through under that name and number, and nothing of who published them. The follower is durable, and another set of keys begins it anew. As clients refuse
// what is not signed once there are keys, GET /-/npm/v1/keys answers 404 until it is through. Signing is no edit: it moves
// time.modified into the next second, so regions that do it at once write the same revision, and merges unite signatures.
//
// Who may write the packuments' database may have anything signed, and who reads signing can sign. Both are server admins.
//
// # Attestations
//
// A provenance bundle that comes with a publish is proved (package provenance), and must be of the repository that package.json
// names; else the publish is refused with 422. It is kept in the database attestations, which server admins read and regions
// replicate, before the version that links to it is written:
//
//	{"_id": "@s/n@1.0.0:<32 hex of the tarball's SHA-512>", "type": "attestation", "package", "version", "integrity",
//	 "predicateType", "repository", "bundle": {…}}
//
// Of two publishes of one number each has its own, whichever the packument says is the version's. dist.attestations has
// {url, provenance: {predicateType}}, the url, like a tarball's, without a host until it is served. Who may read the
// package may read them. Those of an upstream's version are asked for once and kept as they came. They stay when a version is unpublished, as the logs that prove them do, but nobody is served them.
//
// # Other registries
//
// Where Options.Upstream is set, a package that no document here bears the name of is read through (beyond.go); package
// upstream says when. Names that are ours never get there: one that was unpublished or is restricted has a document, and
// every name in a scope of an account, an organisation or a package here counts as ours. Therefore who is no admin takes no name that was read through, or that
// is popular and may be (theirs), nor a scope of which that holds, or the other registry says that it has it (Elsewhere; package auth). What is read through has a cache of
// its own, over the database upstream; all reads answer from an entry of either alike, and no write does. An entry shows what the rules let
// through at the time that it was made for (filter.go): versions, their times and the dist-tags agree, in both forms, and when time changes what they show the
// entry is made anew. The member policyRestrictions has npm tell why; other clients are told by npm-notice, and by the
// answer for the version or the tarball itself.
//
// # Search and downloads
//
// Packages search and downloads say what is found, what comes first and what counts (search.go, all.go, downloads.go). The index follows
// the database; while it has not heard of it for Options.MaxStale, each package that is shown is read from the cache. /-/all is made of the index, too.
//
// Where an upstream is asked for all names, a search asks it too (search_far.go). What it finds comes behind what is found here, in its order: at most a hundred, which
// count in the total, none with a name of ours, none that the rules hide unless it was read through. A text is not told that names
// something of ours: a word is a package's name or a scope, or a row of words is one but for punctuation, with the scope or without it, where no popular package is called so;
// nor one that names what the operator has asked elsewhere or nowhere. Who searches can tell by that that there is such a name. Where it fails
// or takes over a second, and where over 250 are found here, ours are answered alone.
//
// # Followers of packages
//
// The npm port answers what followers ask of a database: GET / (unless text/html is accepted), /_changes and /_all_docs, read only. Sequences are numbers that
// grow; where the database's are none (Apache CouchDB) they are numbered here (numbers.go), and a follower hears everything once more after a restart. What who asks
// may not read is left out, and is in no count but the gaps between sequences; a package that was unpublished is deleted: true. A document that an administrator deleted in
// the database says no more who might read it: only who reads all packages (server admins and registry-reader, by no token that was made for some) hears of it. An answer has 10,000
// rows at most, with include_docs 250 and little over 32 MB of documents; feed=longpoll and continuous wait, 1,000 of them at a time. Views and writes are 501.
//
// # Second factor and tokens
//
// The route table says which routes ask for a second factor (otp.go), and a PUT of a package asks as soon as
// its body tells that it is no star: in either case before anything is stored. What a package asks for
// counts only for who may know that it is there. 401 with "WWW-Authenticate: OTP" makes
// clients ask for a code; who sends npm-auth-type: web is told of the page, where Options.Challenge knows one.
//
// A token that is made for less than its user may not manage the account. One that expires within a week
// says so by npm-notice, but not beside packuments and tarballs, which caches keep for others.
//
// # Trusted publishers
//
// The owners of a package say which builds may publish it, by no token that is made for less than they may, as the
// trust outlives it (trust.go; package auth keeps it, and to the very repository that published first). A version that a build published has _npmUser.trustedPublisher.
//
// # Staging
//
// npm stage publish sends what a publish does, and nobody installs it until a person approves it, with their second factor; so
// a build may hold no more than the right to stage (a token with read-write-stage-only, or a trusted publisher's). It is checked as
// a publish is, its tarball is stored and kept from sweeps, and the database staged, for server admins, has
//
//	item:UUID   {"staged": {id, packageName, version, tag, createdAt, actor, actorType, access, shasum, integrity}}   written last
//	text:UUID   {"staged": {manifest, tags, access, readme, repository}}
//
// Who may publish the package approves or rejects, and no build. What is approved is published then, with what the package is
// then: it may be refused, and waits on. Its _npmUser is who staged it, with approver; it is signed then. A version waits
// for 30 days, 20 of a package. Packuments do not tell of it (npm's stagedVersions): it is nobody else's to know.
//
// # Audit log
//
// Each write, and each that was refused to somebody, is appended to the audit log before it is
// answered (audit.go): handlers put what they know into request.entry. A publish is noted while its packument is written; where
// the database refuses that, which it does when it is full, another entry says that it failed. Package auth keeps the log.
// GET /-/settee/audit reads it: {"entries": [{id, at, act, by, …}], "next": what ?before= has for the page after, where there may be one}.
//
// # Audits
//
// The three audit endpoints answer from package advisories (advise.go): names and versions are asked of it, whatever
// is published here, so nothing is told of restricted packages. Bodies may be gzip'd, and are bounded as inflated. After
// a start they wait a moment until the advisories were read, then answer 503: never "nothing known" before that is so.
//
// # Hooks
//
// Package hooks keeps and delivers them; hooks.go is npm's API of them, hooked.go what they ask of packages. A hook is its owner's alone, and tells
// only of what that one may read. Tokens that are made for less than their user may not manage them. A secret is never shown.
//
// # Errors
//
// {"error": text, "message": text, "code": "E404"}, in the words that npm prints;
// "reason" where CouchDB's clients look for it. Routes prints every route.
//
// # Locks
//
// cache.mu and entry.mu are never held together, and no I/O is done under either.
// The turn to write a package is taken before both.
package registry
