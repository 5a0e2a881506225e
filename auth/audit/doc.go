// Package audit keeps a log that cannot be rewritten unseen: append-only documents
// in the database audit of any kivik.DB, each with the hash of the one before it.
//
// # Documents
//
// A chain is what one process in one region appends from its start to its end. Its
// name is REGION-RANDOM, where RANDOM is 13 characters of a-z2-7 (65 bits) and REGION
// "local" in a server that has none; so two processes never write one document. An
// entry's id is the chain, a colon and its number of ten digits, from 1 on:
//
//	{"_id": "eu-3kq5vhz2mwt7a:0000000042", "type": "entry", "act": "package.publish",
//	 "at": "2026-03-01T12:00:00.000Z", "by": "ada", "token": "npm_abcd…", "from": "192.0.2.7",
//	 "package": "left", "version": "1.0.0", "on": "", "note": "", "ok": true,
//	 "details": {"tags": "latest"}, "heads": {…},   where there are any
//	 "previous": <64 hex>, "hash": <64 hex>}
//
// Texts that are empty are left out; ok and previous never are. All values are
// strings, true, false and objects of strings. Numbers, null and arrays do not occur, so
// that every CouchDB gives back what it was given.
//
// hash is the SHA-256, in hex, of the canonical form: the document without _rev and
// hash, as JSON without white space, members of every object sorted by the bytes of their
// names, strings as in RFC 8785 (UTF-8; only " and \ and the controls below U+0020 are
// escaped: \b \t \n \f \r, else \u00xx). _id is part of it, so an entry fits one place only.
// previous is the hash of the entry before; in number 1 it is "".
//
// heads are the last entries of other chains that the writer knew: name of the chain ->
// "NUMBER HASH". Number 1 (act "log.start") names every chain whose head no other number 1
// names, so that each chain's end is named by somebody, and who removes the witness
// is betrayed by the witness of the witness. Each hour an entry "log.heads" names the
// chains that grew since. The own head is written to the server's log then, and when
// the log closes: "audit: head".
//
// The database holds beside that conflict:… records of the registry, which every region writes alike and
// no chain has, and _design/audit, the index of Query.
//
// # Appending
//
// Append is durable when it returns. Concurrent calls share one _bulk_docs; a write
// whose answer was lost is sent again under the same ids, and found stored. The queue is bounded:
// when the store has been away for so long that it is full, Append fails at once with ErrFull, and
// who called logs what he could not append. An entry that Append gave up on, as its ctx
// ended, is stored all the same when the store is back.
//
// Texts are cut at 1 KiB, and what is not printable becomes "?": the log is read in terminals.
// No secret is in an entry: tokens by their first characters only. That is for the
// caller to see to.
//
// # What Verify finds
//
//	altered    a document whose content does not have its hash, or has members of no entry, that was
//	           written again (a revision beyond the first), or that has conflicting revisions
//	missing    a number between others of its chain, or number 1
//	broken     an entry whose previous is not the hash of the one before
//	cut        an entry that a head names, its hash, or a whole chain
//	foreign    a document that is no entry and no record
//	index      _design/audit is another one: what Query finds may not be all
//
// A change of any single document is found, whoever made it: it breaks its own hash, or the
// link that follows, or a head. What Verify cannot see: the end of a chain that was
// cut off after the last entry that any other chain names, and chains that began after that; a database that
// was forged as a whole. Keep heads elsewhere, as in the server's logs, and hand them to
// Verify: then everything up to them is proved. A replica that has not caught up may miss
// entries that heads name; they are found cut until they arrive.
//
// Verify reads the database once, in pages, and keeps a head a chain. Of 50,000 entries that took 4.5 s on two busy
// cores, a page of a hundred of any Query 7 to 46 ms (go test ./auth/audit -run xxx -bench Query -entries 50000).
package audit
