// Package views builds and queries the indexes of design documents.
//
// # An index
//
// All views of a design document are one index. Its name is the signature: the md5
// of the views' functions, the language, the options and views.lib. Design documents that
// agree in those share the index; filters, names and revisions do not matter.
//
// The index lies in a couch.Space of the database, named "view-" and the
// signature. VIEW is the number of a view in the order of names, two bytes.
//
//	'm'                       state: how far the index has come, rows of each view
//	'd' docid                 the rows that the document has, for their removal: of each VIEW, size,
//	                          length of the collated key, hash of the record, collated key
//	'r' VIEW row              one row: collated key, docid 00 01, number of the emit (4 bytes);
//	                          of a partitioned index the partition 00 01 before the key
//	'u'                       4 KiB of zeros, where there are large values: see padding
//	'v' VIEW row              its value, where that is over 32 KiB: the row then ends with its key
//	's' VIEW LEVEL start      one summary: how many rows and their reduction
//
// The docid has its 00 bytes written 00 FF. A row's value is
// the length of the collated key, the length of the key's JSON, that JSON, the value's JSON.
//
// # In the background
//
// A database that was written to has its indexes built a second later, though nobody reads
// them; CouchDB calls it ken. So do those that the last life of the store left behind. One is
// built at a time (setting ken/batch_channels, 0 for none), gently, until somebody comes to wait for
// it. A design document says no with "autoupdate": false, a database with the setting
// ken.ignore/NAME = true. A database that nobody writes to costs nothing.
//
// # Summaries
//
// Each row has a level: how many groups of four zero bits end the hash of its
// row key, 6 at most. A row of level n starts a summary on the levels 1 to n; the empty key starts
// one on every level. A summary of level 1 covers the rows from its start to the
// next start on its level; one of level n the summaries of level n-1 likewise: 16 each, on average.
// So the shape depends on the rows alone, not on their history: there is
// nothing to split, merge or balance, and an update recomputes the summaries over the
// rows it touched. A range is the fewest summaries that tile it, and rows at its ends.
//
// # Building
//
// An index follows the change feed. Documents are mapped in parallel and written
// in batches; each holds the rows, the summaries and the sequence reached, so a crash
// loses whole batches and the next build takes them up again. When much is to be
// done, batches are larger, and are sorted tables that the store takes in as they are (couch.SpaceLoad);
// summaries are dropped first (state.Summed is false) and made in one pass at the end;
// who reads with update=false in between counts and reduces the rows themselves. When one batch is all
// there is, its rows are summed before they are written.
//
// A row that a document had already and that stays as it is, is not written again, nor are its summaries; one whose
// value alone changes touches no summary that only counts. So a packument of a thousand versions
// costs its new rows, and the few that are of the whole.
//
// A purge takes a document away without a row in the feed. An index keeps how far
// in the database's purge log it has come, and takes away the rows of what vanished
// before it follows the feed; when the log does not reach back so far it is built anew.
//
// One build runs at a time for an index; everyone who needs it waits for the same.
//
// # Reducers
//
// Built in are _sum, _count, _stats, _approx_count_distinct, _top_N, _bottom_N, _first
// and _last, by how the name begins, as in CouchDB. Integers of sums are as long as they
// must be; floats print as CouchDB prints them. Keys that collate alike are one to
// _approx_count_distinct, as they are to group=true. A reduction that grows
// instead of shrinking is refused: see guard.
//
// # Failure
//
// A map function that fails emits nothing for that document and is logged once a
// build. A JavaScript reduce function that throws gives null. A reduction that
// fails otherwise (a value that _stats cannot take, a function that is stopped, one that grows)
// is kept in its summary and comes back in every range that covers it, and in no other:
// in CouchDB a value that _stats cannot take ends the whole index. Where CouchDB's own
// code fails on values of _sum (an object and a number, floats that overflow), the sum is
// the object that tells of values that cannot be added.
//
// # Searches
//
// Mango's indexes are views like any other, made by a mapper in Go that cuts the columns out of
// raw JSON (package mango). Find has a search planned, brings the index up to date unless update=false or
// stale=ok, and reads its rows and their documents on one snapshot, one at a time, until the limit is
// reached: CouchDB reads on to the match behind it, so its execution_stats may count more.
// What the design documents hold is kept with the database (couch.DB.Derived).
//
// A design document that a scan of all documents meets is counted, and not found.
//
// # Filters
//
// A Filter chooses rows of the change feed, for whoever reads one. Functions of
// design documents run in the same sandbox as views do, on every leaf that the feed
// lists; they see the whole design document (this, require), deleted documents too, and as req what the reader of the feed makes of its request. A function that
// throws ends the feed with its exception. Programs are compiled once a revision of the design document.
//
// # Validation
//
// Every write but those of _design and _local documents is judged by the
// validate_doc_update of all the database's design documents, in the order of their ids, until one
// refuses. The database keeps which they are (couch.DB.Derived), so where there are none a write
// pays two loads, and a function that was acknowledged misses no write that begins
// afterwards. Functions see the document with what it replaces, _revisions and stubs of
// attachments in both; a conflict is told before any is asked.
//
// A function refuses by what it throws: {forbidden: …}, {unauthorized: …}, or
// ["error", word, reason]; anything else is the server's error, and refuses as well: CouchDB stores what
// a function that throws 1 or true was asked about. Of an error of JavaScript the reason is its message.
//
// # Answering requests
//
// Shows, lists, updates and rewrites are found by Engine.Function and called with the request
// as JSON. What they throw has CouchDB's words: ["error", word, reason] or {error, reason} with
// the status that the word has there, anything else render_error.
package views
