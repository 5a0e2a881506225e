// Package replicate brings what one database holds to another, between any two kivik.DB: the embedded
// engine, Apache CouchDB, PouchDB-server, settee over HTTP. It speaks CouchDB's replication protocol.
// Three things are here: [Run] replicates, a [Scheduler] runs what _replicate and _replicator documents ask
// for, and a [Follower] reacts to one database's changes.
//
// # A replication
//
//	source                                            target
//	GET  _local/ID      the checkpoints' common past   GET  _local/ID
//	_changes?style=all_docs&since=…  ──rows──▶  batches of 500
//	                       each in one of 4 workers:
//	                                                   POST _revs_diff
//	POST _bulk_get?revs=true&latest=true  ──────────▶  POST _bulk_docs {new_edits: false}
//	GET  ID?open_revs=…  (attachments)  ────────────▶  PUT  ID?new_edits=false  (multipart)
//	                       behind them, in the feed's order:
//	_ensure_full_commit, GET /db, PUT _local/ID        the same
//
// A continuous run reads the feed to its end, then waits at it: over HTTP with feed=continuous, whose rows need no
// further request, and whose batches are what has come when a worker is free. CouchDB's feed ends after a third of
// ConnectionTimeout without a row, and is asked for again, so that one in which nothing happens is not taken for dead.
//
// A checkpoint at a sequence says that everything up to it is durable at the target, or was refused there. It is
// written each CheckpointInterval and at the end of a run, also of one that failed or was told to end, at
// the source first. Before it is written both databases are looked at: one that was made anew since the run
// began (instance_start_time) ends the run with [ErrCheckpoint]. So a run may be cut anywhere: the next
// one looks at no more than one interval again, and writes nothing twice, as a revision that is there is not missing.
//
// Documents go by as text, and are never parsed whole. What a worker holds is bounded by BatchBytes and by its
// largest document; attachments are streamed from source to target, whatever their size, and those that came
// with revisions the target has (atts_since) are not sent again, unless it lost them (412).
//
// What a target's validation refuses is counted (DocWriteFailures) and logged, and the run goes on, as
// CouchDB's does; so is a document that is too large, which CouchDB answers by refusing the whole request.
//
// # Where a run begins
//
// The checkpoint is CouchDB's document: session_id, source_last_seq, and a history of at most 50 sessions. If both
// sides name the same session, the lower of their sequences is where to begin; else the newest session that both
// histories have; else the feed's beginning.
//
// Ids are CouchDB's, version 4: a hash over the replicating server's UUID, both ends and what selects documents
// ([ReplicationID]). Run tries that of ServerUUID, then those that the servers at both ends would have, and the
// first under which there is a common past it keeps: what a CouchDB began goes on here, and there again. Selectors CouchDB
// brings into a normal form first, which is not done here: of those only ones in that form have the same id.
// PouchDB's replicator has ids and checkpoints of its own; they stay unread.
//
// # Failures
//
// A request that fails in passing (no connection, silence for ConnectionTimeout, 408, 429, 5xx, an answer that is cut
// or no JSON) is tried again Retries times, after 0.25 s, then twice as long each time, up to a minute,
// half of it at random; or when the server said (Retry-After), within that minute. What came of an answer before
// it was cut is kept, and tries are counted anew after it. A peer is believed in nothing that can be checked: a document that was not asked for, a feed with _local documents,
// values of more than 256 MB are errors, or left out.
//
// What does not pass is told by kind: [ErrDBNotFound], [ErrUnauthorized], [ErrFilter], [ErrBadOptions], [ErrCheckpoint].
//
// # Ends
//
// Any kivik.DB is an end. Drivers that know them are given two options of ours, by the interfaces that options
// are asked for: documents as text without a scan, and attachments that follow as a stream; the driver of the embedded engine does.
// For others an attachment is held in memory. [Dial] opens a database over HTTP, whose protocol this package speaks itself, since Kivik's driver
// holds attachments in memory and tells no errors of single documents; what others read through Peer.DB is mended.
// It asks for a session and keeps its cookie, or sends the password with each request where there are no sessions.
package replicate
