// Package replicate brings what one database holds to another, between any two kivik.DB: the embedded
// engine, Apache CouchDB, PouchDB-server, settee over HTTP. It speaks CouchDB's replication protocol.
//
// # Scheduler
//
// A Scheduler runs what _replicate and documents of _replicator databases ask for, in CouchDB's states:
//
//	document ──> initializing ──> error        it has no id yet: its filter is not read, or _replicate runs the same
//	                  │             │          tried again within 128 s, each time doubled up to three days
//	                  v             v
//	               pending <──> running ──> completed      written into the document, with its figures
//	                  ^             │
//	                  └── crashing <┘          rests 30 s · 2^n, eight and a half hours at most
//	malformed, or asked for by another document already ──> failed, written into the document
//
// A document's job is known by the replication's id, which hangs on the server, both ends and what selects
// documents, so two documents that ask for the same have one job: the first's. An edit that asks for something else ends the
// job and begins another; a deletion ends it. Completed and failed are final until somebody edits the state away.
//
// Nothing else is kept. A scheduler that starts reads all documents, skips those in a final state and begins the
// others anew, without their history; where a run had got to stands in its checkpoints, and its figures go on from there
// (Options.CountOn). A run that is stopped, whether by Close, by an edit or by its turn being over, writes a last
// checkpoint; one that dies with the process repeats what came after the last, which the target then does not lack.
//
// At most max_jobs run at once. A turn comes each interval: jobs beyond the limit stop, continuous ones first; where others
// wait, max_churn of the continuous ones that ran longest make room; the free places go to jobs that have rested, those that ran longest
// ago first. A crash counts as the first of a row when the job had run for health_threshold before it. Jobs that
// _replicate began are in no document: they are not tried again, and end with the server.
package replicate
