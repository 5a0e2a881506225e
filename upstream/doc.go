// Package upstream reads packages through from other registries: it asks them, keeps what they answer as documents
// and blobs of ours, and says which of it may be served. It knows npm's packuments, and nothing of the registry here.
//
// # What a reader sees, and when
//
//	nothing is kept, the other registry has it       the reader waits for it, with all others who want it: one request is sent
//	it is kept and fresh (Options.Fresh, 5 min)      what is kept; nobody is asked
//	it is kept and stale                             what is kept, at once, while one request asks whether it changed
//	it is kept and was not asked for over an hour    the same, but the reader waits up to 3 s for that request
//	a version is asked for that is not in a          the reader waits for one request, if the last was over 10 s ago
//	stale packument
//	the other registry fails, or does not answer     what is kept, however old, and after a day of that a notice;
//	                                                 where nothing is kept: ErrUnavailable, 503
//	the database takes no document so large          what is held of it in memory, at most Options.MaxUnkept of all such; else as where nothing is kept
//	it answers that there is no such package         ErrNotFound; believed for a minute. What was kept is forgotten
//	it refuses to say (401, 403)                     what is kept, asked for again after Fresh; where nothing is kept: ErrNotFound
//	the rules refuse the name                        Refused; nobody is asked
//	the request has been here before (Via)           ErrLoop, 508; nobody is asked
//
// Nothing that was not proven is kept or declared good: a packument must be JSON, of that name, within its bound, and each of its versions
// a version of it that tells its tarball's sum; a tarball must have the sum that its packument told. A reader who follows a
// tarball while it arrives gets its last byte only after that, and else a broken connection.
//
// # Which registry
//
// A [Target] is a registry for the names that its pattern fits; the first that fits is asked, and the one without
// a pattern for all else. Names that are ours must not be asked for at all: who calls [Reader.Look] sees to that.
//
//	@acme, @acme/*   the scope          left-*   names that begin so          *   every name
//
// Patterns do not tell capitals from small letters, as some registries do not. One of rules may end in a range of versions: lodash@<4.17.21.
//
// # The document
//
// The database upstream holds a packument a document, in the form of package registry's: id and name are the package's; links to
// tarballs have no host and follow the convention (/@scope/name/-/name-1.0.0.tgz). Left out are members that begin with
// _, access and settee, which are for the registry here to say, and versions that could not be installed or proven: a number that is no
// semver, another name or number inside, no tarball, no sum. A dist-tag whose version is left out goes with it. Whatever else was told stays as it was, byte for byte:
// integrity, signatures and attestations among it. (A sum in another form than one sha512 is an exception: it
// becomes one once the tarball has been read and fits what was told. A version that time does not tell of gets the moment when it was first
// seen here, as clients let through what has no time, or refuse the package.) The member settee says where it is from:
//
//	from      the registry's address
//	etag      what it is asked with next time (If-None-Match)
//	sum       the sha256 of its answer, as some registries tell no etag
//	fetched   when it was read
//	links     version -> where the tarball is, if not where the convention says
//	seen      version -> when it was first seen, if time does not tell when it was published
//
// Where the database takes none so large the document is held in memory in its place, and names no blobs there: a sweep may take its tarballs, which come again.
// A document is written when the other registry answers with another text, not when it says or shows that nothing changed. The design document is the
// registry's, so the abbreviated form comes out of its view, and a sweep finds in it which blobs are named.
//
// # Rules
//
// [Rules] say which names may be asked for and which versions are shown; package registry applies them when it makes an
// entry of its cache, since time alone changes what is shown. Deny goes before allow; a version younger than Cooldown
// is hidden unless an exception names it. A moment that is not told is when the version was first seen here, so that a registry without
// time gets no one past the rule. Each refusal has words for who asks.
//
// # Requests
//
// GET only. Accept: application/json, as the full packument has all that the abbreviated has. Credentials go to the
// registry's own origin (scheme, host and port), never to where it redirects or where its tarballs are. The registry itself may be anywhere, as the operator named it;
// what it redirects or links to must be outside (package dial), unless it is on the same host. Proxies of the environment are used for the registry itself.
//
// To one host there are 64 connections at most; whom that is too few waits. Every wait ends: 10 s for a connection, 30 s for the head of an answer, 15 s for the next byte, and after 30 s an answer must have come at 8 KiB/s on the average.
// A packument is bounded as inflated (Options.MaxPackument, 64 MiB) and in time (2 min), a tarball by Options.MaxTarball (512 MiB); five redirects are followed. What fails in passing (no connection, 408, 429, 5xx, a cut answer) is tried
// three times; a Retry-After is waited for if it is short. After five failures in a row the registry is left alone: for 1 s, then twice as long each
// time, up to a minute, with one request to try it.
//
// A request carries Via with a name of this process, and with what the reader's request carried: a circle of registries ends where it closes.
//
// # Searching
//
// [Reader.Search] asks the registry without a pattern for the hundred best of a text, and remembers the answer as long as a packument is believed. Who
// searches waits for a second; what does not come by then, fails or is no list of packages is not found. After five failures in a row a search is left alone as
// a registry is, by a count of its own: packuments are asked for nevertheless. What is found is left out where another registry is asked
// for the name, or the rules refuse it, and said to be hidden where they hide its version.
//
// Whether it has packages of a scope ([Reader.HasScope]) it is asked by a search too, remembered and left alone by counts of their own.
//
// # Keys and attestations
//
// [Reader.Keys] are the public keys of every registry asked, at most 32 of each; [Reader.Attestations] a version's, as its registry tells them, up to 4 MiB. Neither is
// kept or checked here: package registry does both.
//
// # Mirror
//
// A [Mirror] reads a registry's _changes in pages, keeps its place in _local/mirror-… after each 500 rows that are dealt with, and asks for
// each package named there: for those that are kept here, or for all. A package that is deleted there is forgotten here. While it is at the end of the feed, what
// is kept is fresh. A feed that fails is asked again within a minute, an address that never was one within ten.
//
// # Locks
//
// Reader.mu guards calls, what is known of freshness, and documents in memory; a breaker's mu its counts, a finder's what was found. They are never held together, nor during I/O.
package upstream
