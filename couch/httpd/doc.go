// Package httpd is CouchDB's HTTP API on the document engine.
//
// # A request's way
//
//	Listener    what is no request is refused in CouchDB's words too
//	ServeHTTP   request id, headers, other origins, body bounds, gzip, the path without empty segments
//	routes      one table: method, path, who may, what body; the router finds the row
//	call        one request's state: who asks, which database, the query
//	handler     reads, asks the engine, answers; or returns an error
//	answer      the one place that turns an error into a status and {"error","reason"}
//
// Path segments keep their escapes until a handler asks for them, so that an id
// may hold %2F; a plus is a space in paths as it is in queries, as in CouchDB.
//
// # Who may
//
//	anyone     nothing is asked; wrong credentials are still refused
//	signedIn   anyone who is somebody
//	observer   server admins and the role _metrics: figures
//	lister     server admins, or anyone where admin_only_all_dbs is false
//	member     the database's _security lets them read and write documents
//	dbAdmin    design documents, _security, _revs_limit
//	keeper     db admins too: _compact, _view_cleanup, whose refusal is 401
//	admin      the server admin: databases come and go, purges, settings
//
// There is no admin party: a new database admits server admins only. A _security
// without members admits everybody; readers are members by an older name.
//
// In _users, and any database whose last part is that, one who is no admin of it
// has their own account, whole. Others' accounts are missing, or what
// [chttpd_auth] public_fields names of them; lists, feeds, views, local and design
// documents are for admins, _all_docs and _changes for server admins. Passwords are
// hashed before anything keeps them. A validator of the store holds every write of
// _users to the rules of CouchDB's _design/_auth, which need not be there; anonymous
// callers may sign up where _security lets them in, which it does not unless
// users_db_security_editable let somebody change it. users_db_public has no effect,
// as in CouchDB 3. A document of _replicator belongs to who wrote it, as its member
// owner says; others see all of it but credentials, by itself and in no list, and
// may not change it.
//
// Options.Record is told of sign-ins, of writes to _users, and of what changes settings or _security, purges, or deletes a
// database, also where it was refused to somebody (audit.go); before the answer leaves.
//
// # Settings
//
// _config changes the store's settings. The table of known.go says which settee
// knows, CouchDB's defaults, when a change is felt and what it does; what is not in
// it is kept for those who ask and has no effect. The settings are read into one
// policy at each change; a request takes the policy that holds when it begins and
// looks nothing up. X-Couch-Persist: false tries a setting until _reload or the end.
// A password of [admins] is hashed before it is kept.
//
// # Figures
//
// Requests are counted by method, status, row of the table and time, in shards that
// calls keep, so that processors do not wait for each other. _stats nests them and
// the store's as CouchDB does, where settee has the like, and _prometheus has
// CouchDB's names; what is settee's own stands under settee and couchdb_storage_.
// Times are since the start, not of the last ten seconds.
//
// # What is not CouchDB's
//
// /_settee and what lies below it is settee's own: Options.Own says what is there. It is
// for server admins, and what is not there answers as CouchDB does.
//
// # Bodies
//
// JSON bodies are held in memory, up to Options.MaxBody after decoding, or
// chttpd/max_http_request_size where it is set; that bounds every body.
// Attachments stream. The documents of _bulk_docs are cut out of the body as
// raw slices and parsed in parallel, never decoded into maps.
//
// A body that stalls for Options.Stall, or brings less than 64 bytes a second on
// the whole, is answered with 408 and its connection cut. What a handler leaves of
// a body is read before the answer begins, up to 256 KiB.
//
// # Attachments
//
// No answer holds an attachment: each is opened when its turn comes and read as it
// is written, by itself, as a part, or in base64 within JSON. In multipart/related
// the document comes first, then a part for each attachment that says follows, in the
// order of that member; names and headers of the parts, and what stands before and
// after them, are not looked at. What is sent is framed in CouchDB's own way, so its
// length is known beforehand.
//
// # Streams
//
// Lists, views and feeds are written in chunks from a pooled buffer. Each piece
// has a deadline, so that a reader who stops reading loses the connection and
// its snapshot; one who reads slowly gets a newer snapshot for the rest of a feed.
//
// # Feeds
//
// A feed that waits holds no snapshot and no buffer, and nothing polls: it is
// parked on the engine's Listener and one timer, for its heartbeat or its time-out.
// Feeds who want the same rows (no filter, no limit) share them: the first who
// is woken reads and renders a page, the others send its bytes. A feed ends with
// last_seq when the database goes or the server closes, and when its client goes.
// Its filter is of the revision of the design document that it began with.
//
// # Functions of design documents
//
// Shows, lists, updates and rewrites see the request as CouchDB shows it to them, without
// Authorization and cookies. A show's ETag is of the revisions of both documents, Accept and
// the roles. A list's rows are read as its function asks for them; what it sends is
// a stream like any other, and an error behind its beginning stands at its end. A rewritten
// request is served anew, with the rights of who asks.
//
// # Where answers differ from CouchDB's
//
// The conformance tables and the differential test hold every answer against
// CouchDB 3.5; rows with theirs name its status where ours is another. On purpose
// differ, of documents:
//
//   - What makes CouchDB fail with 500 (members and parameters of a wrong type) is 400.
//   - An edit that names a revision of a document that is not there conflicts, always;
//     CouchDB makes a child of nothing unless a validator has it look.
//   - Of two edits of one document in one _bulk_docs the second conflicts, though it
//     names the revision of the first: what validated it has not seen the first.
//   - An attachment stub that means nothing is its document's error in _bulk_docs, not
//     the whole request's.
//   - batch=ok is durable when it is answered, and a conflict is told.
//   - rev with latest=true is a leaf below rev, as CouchDB's manual has it; CouchDB
//     sends the winner of the document.
//   - "1-", "0-x" and a _revisions that is longer than its start are no revisions.
//   - A body keeps its spelling of numbers and strings (1e2, \u00e9) but not the white
//     space between them; the revision is the same. JSON may be 500 deep.
//   - An attachment's revpos is the generation that brought its bytes, also where a
//     client says otherwise, in a copy, and in a document made anew; the revision of
//     such a document tells its attachments apart. Attachments that are no objects
//     are refused. Digests of compressed ones are of another compressor.
//   - A digest of a part or a Content-MD5 that does not fit is 400; CouchDB fails
//     with 500 on the one and does not look at the other. A part's length may be left
//     out, and a multipart body must have its last boundary.
//   - The body of an ancestor that comes late is kept, whatever else is in the request,
//     and a stemmed revision that is told of again has its body until a compaction.
//     A path that spans two branches joins them, however low the limit of revisions.
//   - A revision that _revs_diff names twice is missing once. Purges are counted right.
//   - A Destination may not begin with a slash nor hold a bad escape.
//   - The revision of a _local document is 0-N or refused with 400.
//   - Of keys in the query and in the body the query's count; a single key of a query
//     in queries has a row where it is missing.
//   - w and r are not read: there is one node.
//
// Of searches:
//
//   - A search stops when it has its limit, where CouchDB looks for one match more, and its
//     execution_stats and bookmark tell no more than that. r above 1 reads the same documents, with their conflicts.
//   - A partition in the path and the same in the body agree.
//   - Who may not write design documents is refused an index, and its deletion, with 401 or 403. CouchDB
//     answers 500, and says ok to a deletion that it does not do.
//   - _bulk_delete removes all indexes of a design document, where CouchDB fails at the second.
//   - Lists in an $in, and ranges that nothing is in, are searched where CouchDB trips over them.
//
// Of replications (package replicate says how they are scheduled):
//
//   - A job starts at once, where CouchDB waits up to startup_jitter; what fails lasts as long to be tried again.
//   - An end that is this server's own, by its bare name or the address it listens at, is opened without a
//     connection, with the rights of whose credentials it has.
//   - A document of another is not taken over by leaving its owner out, a tombstone over it is its owner's too,
//     and no member of its ends shows a password; CouchDB shows that of a url in an object.
//   - A job that _replicate begins does not take the place of a document's: it joins it.
//   - The status of a document whose job was cancelled has no state; CouchDB fails with 500.
//   - _active_tasks names the database, not its shard. Where a peer is not reached, the reason has CouchDB's
//     word (econnrefused, nxdomain, timeout) and then this system's, where CouchDB prints a term of Erlang's.
//   - A member of a wrong type is 400 in _replicate where CouchDB fails with 500. socket_options mean nothing.
//
// And of functions of design documents:
//
//   - A validation function that throws 1 or true refuses, with 500; CouchDB stores the
//     document. batch=ok is refused too, where CouchDB answers before it asks.
//   - Where a function fails by an error of JavaScript's, the reason is its message.
//   - A response with a code that is none of 200 to 599, a header that would break out of
//     its line, or bytes that are no base64 is an external_response_error; CouchDB sends the first two.
//     Headers that frame the answer are the server's, whatever a function says.
//   - What start says in a show are its headers; CouchDB sends them as one named headers.
//   - ?format= of a type that nobody registered is 406, a list of a view of a design
//     document that is not there 404, getRow in a show render_error.
//   - What a function gives back of its arguments untouched keeps its numbers' spelling.
//   - Modules that require each other see what there is of the other's exports so far.
//   - Numbers of a rule's query, in rewrites, are sent as they are.
package httpd
