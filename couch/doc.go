// Package couch is the document store: databases of revisioned JSON documents
// on one Pebble instance.
//
// # Keys
//
// All databases share one ordered key space. DB is a database's number, four
// bytes big-endian, never reused.
//
//	'!' name                     store metadata: format, uuid, next database number
//	'c' section 00 key           -> a setting's value (see Settings)
//	'n' database name            -> DB, creation time, incarnation token, 1 where it is partitioned
//	'd' DB 'm' name              database metadata: revs_limit, security, counters
//	'd' DB 'i' docid             by-id: winner, sequence, where its body is, the crown of the revision tree
//	'd' DB 'r' docid 00 00 pos   a spilled segment of the tree's trunk (see below)
//	'd' DB 'b' docid 00 00       the current body: the winner's revision, then its body
//	'd' DB 'b' docid 00 00 rev   body of another revision: its attachments, then raw JSON without _members, or its pieces
//	'd' DB 'p' purge             purge log: docid, the leaves that were purged; purge eight bytes big-endian
//	'd' DB 's' seq               by-sequence: docid, leaves, the winner first; seq eight bytes big-endian
//	'd' DB 'l' local id          _local document
//	'd' DB 'a' digest chunk      a small attachment's bytes, or a piece of a large body, shared by the sha256 of what is stored
//	'd' DB 'x' space 00 key      an index derived from the database (see Space)
//
// Where a docid is followed by more it is closed: a NUL in it is written 00 FF
// and its end 00 00. An attachment's locator in the body record is the sha256
// of a small one or the sha512 under which Blobs keeps a large one.
//
// # Cost of a read
//
// A plain read is one look-up, of the current body, which says whose it is. It
// stands apart from the by-id record so that ranges by id, offsets and counts go
// over small records, and so that losing one of the two does not lose both.
//
// A body of more than 4 KiB has a key of its own from the beginning. So has that
// of a leaf that wins because another one went: bodies only ever leave the
// current key. The by-id record says whether its winner's is there.
//
// # Cost of an update
//
// A new document is three keys beside the counters: by-id, by-sequence, body.
// When another revision takes the winner's place, the body that was current
// moves to a key of its own in the same batch.
//
// The by-id record holds the revision tree as long as it is short. When the
// trunk, the line from the root to the first branch, passes 128 revisions, its
// oldest 64 move to a segment key, so an update rewrites a bounded record
// whatever the document's history; a full tree is read only when a replicated
// path does not touch the crown. Stemming drops whole segments. A forest of
// several roots, which only replication makes, has no trunk and is not split.
//
// A body of 32 KiB or more is cut in pieces of 8 KiB or so, of 64 where it is large, where its bytes say (see firstPiece), and an update
// stores those that are new: of a document of 400 kB to which 2 kB are added, two or three, and the list of all, 40 bytes each.
// The log, the flush and the compactions of the tables then move little; hashing and parsing are left.
// A reader gathers a body from its pieces. The last text of each large document that was written is remembered with its
// terms (Parse): what is new of the next one is parsed, the rest is compared.
//
// Of a large database each kind of keys is written to tables of its own. What a
// load adds at the end of one kind is then merged with what is there already of
// that kind, not with all kinds in between.
//
// # Purging
//
// A purge removes leaves, and the ancestors that lead to no other leaf, with
// their bodies. It takes a sequence: the document's new row stands there, or no
// row where nothing is left of the document. What the feed cannot tell, that a
// document vanished, is in the purge log, from which indexes learn it. The log
// keeps its newest entries, a thousand by default; who comes later than that
// begins anew. A revision that a replica sends again comes back.
//
// # Partitions
//
// A partitioned database holds ids of the form partition:id only, beside design
// and _local documents. Ids are keys as they are, so a partition is a range of
// every index by id, and of a space whose keys begin with it.
//
// # Global changes
//
// While there is a database _global_changes it has a document for the creation,
// the updates and the deletion of each other one, written twice a second at most.
//
// # Durability
//
// Writers of one database take its lock, read the tree, assign the sequence and
// apply a batch without waiting for the disk; they wait for the log after the
// lock is released, so concurrent writers share one fsync. Batches reach the
// log in sequence order: when one is durable so is every earlier one. A
// sequence is visible in Changes only up to that durable watermark, and nothing
// is acknowledged before its batch is durable.
//
// Snapshots that readers iterate wait until all they show is durable. Otherwise
// a reader could miss a document whose newest update is not durable yet and,
// after a crash that undoes it, never hear of the older one that comes back.
//
// When the log cannot be written or synced the store is broken: what was
// written last may or may not be on the disk. Every later write answers
// Unavailable until the folder is opened again. What Pebble itself calls fatal,
// a manifest that cannot be written, ends the process.
//
// # Proof and repair
//
// Check proves that all keys agree. Repair mends: what can be computed (counters,
// winners, by-sequence records) is computed anew; a by-id record that cannot be
// read is made from the leaves that its by-sequence record names, or from the
// newest bodies; a leaf whose body cannot be read goes as if purged. Before
// that, spans of keys in blocks that fail their checksum are cut out of the
// tables. It begins anew until nothing is left to mend, and gives away each record before it goes.
//
// # Compaction
//
// A superseded revision's body stays until a compaction, which runs beside
// readers and writers: it looks at a snapshot, deletes what no leaf needs, lets
// the snapshot go and has Pebble rewrite the tables. Bytes that became useless
// are counted with every write; by Options.Compaction a database with too many
// compacts itself, the most urgent first, one at a time, at a bounded rate.
//
// # Loads
//
// What is large and can be made again, an index of many documents, need not pass
// the log and the memory tables: a SpaceLoad writes sorted tables, which the store takes
// in all at once, durable. It waits while compactions are behind. Tables of a load that a crash
// ended are named load-*.sst, and go when the store opens.
//
// # A full disk
//
// Writes are refused with Full while less than Options.Reserve is free; reads,
// deletions of databases and compactions go on, and so do writes once there is
// space. What is kept serves the flushes and the log of writes that were
// admitted. Should another program take that too, tables are given up and begun
// anew later, and a write to the log waits for space instead of failing. Room is
// looked for once a megabyte of writes.
// The file SPARE holds an eighth of the reserve in blocks that no other program can take: where others use up the
// disk to its last byte, the log gets that room before it waits, and the file comes back when there is space. So do the tables that
// Open makes of the log of a killed store; where that is not enough Open fails with Full.
//
// # Listeners
//
// Nothing polls. Who waits for the next sequence is parked on the durable
// watermark: WaitSeq for one wait, a Listener for a reader who stays. Listeners are told in
// rounds, so that a crowd of them leaves the writers most of the time (see audience). A
// reader of Changes holds a snapshot, and with it what compactions would take away:
// whoever serves slow readers has to let go of it in time and read on in a newer one.
//
// # Locks
//
// Store.mu, then DB.mu, then globalChanges.mu or largeDBs.adding; those of the
// settings stand alone. Whatever takes long, parsing, hashing, validation, attachments, the
// wait for the disk, happens outside them.
package couch
