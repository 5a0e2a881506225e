// Package couch is the document store: databases of revisioned JSON documents
// on one Pebble instance.
//
// # Keys
//
// All databases share one ordered key space. DB is a database's number, four
// bytes big-endian, never reused.
//
//	'!' name                     store metadata: format, uuid, next database number
//	'n' database name            -> DB, creation time, incarnation token
//	'd' DB 'm' name              database metadata: revs_limit, security, counters
//	'd' DB 'i' docid             by-id: winner, sequence, the crown of the revision tree
//	'd' DB 'r' docid 00 pos      a spilled segment of the tree's trunk (see below)
//	'd' DB 'b' docid 00 rev      body of one revision, raw JSON without _members, and its attachment list
//	'd' DB 's' seq               by-sequence: docid, winner, leaves; seq eight bytes big-endian
//	'd' DB 'l' local id          _local document
//	'd' DB 'a' digest            a small attachment's bytes, shared by digest
//	'd' DB 'x' space 00 key      an index derived from the database (see Space)
//
// # Cost of an update
//
// The by-id record holds the revision tree as long as it is short. When the
// trunk, the line from the root to the first branch, passes 128 revisions, its
// oldest 64 move to a segment key, so an update rewrites a bounded record
// whatever the document's history; a full tree is read only when a replicated
// path does not touch the crown. Stemming drops whole segments.
//
// # Durability
//
// Writers of one database take its lock, read the tree, assign the sequence and
// apply a batch without waiting for the disk; they wait for the log after the
// lock is released, so concurrent writers share one fsync. Batches reach the
// log in sequence order: when one is durable so is every earlier one. A
// sequence is visible in Changes only up to that durable watermark, and nothing
// is acknowledged before its batch is durable.
package couch
