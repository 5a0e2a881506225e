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
//	access          "public" or "restricted" (readable by its owners only)
//	dist-tags       tag -> version; latest always exists
//	time            created, modified, and every version ever published, so that no
//	                number is used again; ISO 8601 in UTC with milliseconds
//	maintainers     [{name, email}], never empty
//	users           who starred it: {name: true}
//	readme          of the version that was published as latest, up to 64 KiB
//	description, homepage, keywords, repository, bugs, license, author,
//	contributors, readmeFilename: of the latest version
//	versions        number -> the package.json that was sent, and
//	    dist            shasum, integrity, fileCount, unpackedSize: as computed here;
//	                    tarball: a path without scheme and host
//	    _npmUser        who published it; maintainers: of the package at that time
//	    _hasShrinkwrap, hasInstallScript: as found in the tarball and its scripts
//
// A package that was unpublished keeps a tombstone: name, access and time, where
// time.unpublished is {name, time, tags, versions, maintainers, description}. After
// 24 hours those maintainers may publish under the name again, with new numbers.
//
// # Publish
//
//  1. Credentials, then the right to write the package, from the headers, the path
//     and the package as it is. Nothing of the body has been read.
//  2. The body in one strict pass: metadata into memory (Options.MaxMetadata), the
//     tarball base64-decoded, hashed and spooled (in memory to 1 MiB, then a file).
//  3. The checks: names, number, tags, length, sha1, sha512; the tarball is read to
//     its end, bounded, and its package.json must agree. A provenance bundle
//     (.sigstore) is refused, as nothing here verifies it yet.
//  4. The blob is stored and durable.
//  5. The document is written, spliced from raw JSON: the new version is appended,
//     all others are copied byte for byte. Writers of one package take turns inside
//     this process; a conflict with another is retried on what that one made of it.
//
// A crash between 4 and 5 leaves a blob that nobody names: Sweep removes it. The same
// publish sent again (same bytes, same user) succeeds and changes nothing.
//
// # Read
//
// An entry of the cache is one package at one revision: its packument, the
// representations made of it (full and abbreviated, gzip and plain, one for each
// base URL), each made once however many ask, and its tarballs' digests. The
// abbreviated form comes out of the view abbreviated. A write here replaces the
// entry; the database's changes feed drops it after a write from elsewhere. Once the
// feed is lost, entries are believed for Options.MaxStale (15 s) and each reading after
// that asks the database, so nothing is served that is older. The cache
// is bounded in bytes and drops what was used longest ago. ?write=true reads the
// database.
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
