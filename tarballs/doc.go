// Package tarballs keeps blobs by their content: a Store maps a sha512 to the
// bytes that have it. The registry's tarballs and the large attachments of
// package couch lie in one store, so equal bytes are kept once.
//
// # Layout of a folder
//
//	DIR/ab/ab34…ef      a blob; its name is its digest in lower-case hex (128
//	                    characters), its shard the first byte of it
//	DIR/tmp/put-*       a blob that is still arriving, or was when a crash came
//	DIR/journal/X       a segment: small blobs whose files need not be durable yet
//
// All folders are made when the store is first opened, so a put never makes one.
//
// A blob over 64 KiB is written to tmp, hashed as it goes; the file is fsynced,
// renamed into its shard and the shard fsynced.
//
// A smaller one goes to the journal first. All that wait share one write to the
// segment and one fsync; then each file is written to tmp and renamed into its
// shard, and no fsync is waited for. (Past 64 KiB writing the bytes twice costs
// about what the fsyncs do, and a put would hold more memory for idle senders.)
// Reads know nothing of the journal: they find plain files.
//
// So a name in a shard always means whole bytes that a crash cannot take: they
// are durable there, or lie in a segment, whose own name is durable. After a
// crash a small blob's file may be torn until the next opening has replayed the
// segments; nothing reads before that.
//
// # Segments
//
//	segment = record* zeros
//	record  = length (4 bytes, little-endian) sha512 (64 bytes) the bytes
//
// A segment grows by 4 MiB of zeros, which records replace: an fdatasync of them
// then need not commit the names of all the files made meanwhile.
//
// A segment ends at 64 MiB, after 30 seconds, or with Close. Its checkpoint, in
// the background, fsyncs each of its blobs' files, then their shards, and removes
// it. One checkpoint runs at a time and the next segment's end waits for it, so
// two segments at most lie on the disk. Plain fsyncs, 16 in flight, rather than
// Linux's syncfs: they are everywhere, report each file's error and do not wait
// for what others write to the disk. (A known hole: a file is opened again for
// its fsync. Where a write has failed since, and the kernel has forgotten the
// file in between, it forgets the error too.)
//
// The process that writes a segment holds a lock on it (flock). Opening replays
// the segments that nobody holds: every record whose bytes have its sha512 is
// written anew, fsynced, and then the segment goes. A torn tail was never
// acknowledged and is dropped. Files that look whole are written as well: after
// a failed fsync memory may show what the disk does not have. A replay may bring
// a deleted blob back, which the next sweep removes. On systems without flock
// one process at a time may open the store.
//
// Opening also removes the files in tmp that are older than a day; younger ones
// may belong to another process that is still writing.
//
// # Layout of a bucket
//
//	PREFIX/ab/ab34…ef   the same name; objects are put whole or not at all
//
// A body's digest is its key, and it is known only after the last byte. So a
// body is spooled before it is sent: up to 1 MiB in memory, past that in an
// unlinked temporary file. The alternative, sending to a temporary key and then
// copying, costs the bucket each byte twice, ends at the 5 GiB limit of a copy
// and leaves garbage in the bucket after a crash. The spool keeps memory
// bounded, allows every retry to start from byte 0, and sends nothing at all
// when the sender breaks off, the digest is wrong or the bucket has the blob.
// The server checks a Content-MD5, or a CRC32C of each part.
//
// # Durability and failure
//
// When Put returns nil the bytes are durable. When it returns an error the
// blob may or may not be there (a folder's fsync or a bucket's answer may fail
// after the effect); asking again is always right, since a put is idempotent.
// Where a shard's fsync fails, the put takes its name away again, so that the
// next put of these bytes writes anew and trusts nothing that may be lost.
//
// Where an fsync of a segment or of its checkpoint fails, the journal is broken:
// every later put of a new small blob is an error until the store is closed and
// opened again, and the segments stay for that opening. Reads, large blobs and
// repeated puts go on. A segment that could not be written to, as on a full disk,
// is ended, and the next put begins another.
//
// # Other regions
//
// Handler serves a store's blobs by digest to Peers, and a ThroughStore fetches from them what
// its local store lacks: when a reader opens it, or ahead of readers by Fetch. A download's
// bytes are spooled as a put's into a bucket are, hashed as they come, and both the readers
// and the local store follow the spool at their own pace; none of them gets its last byte
// before the digest of the whole was found right. So wrong bytes are seen by readers as an
// answer that was cut short, and by the store not at all. One download runs however many
// ask; it goes on when they have gone, and takes up a line that broke where it broke.
//
//	it is here, or in a bucket that regions share   it is read, and no peer asked
//	a peer has it                                   it is read while it is fetched
//	all peers answer that they lack it              ErrNoPeer, an fs.ErrNotExist
//	a peer does not answer, fails, stalls           ErrUnavailable; that peer is left alone
//	                                                for 0.1 s, twice as long each time, to 5 s
//	what comes has another digest                   ErrDigest; that peer is asked last from then on
//	it cannot be stored, as on a full disk          readers have it; the next one fetches it again
//
// A reader who knows somebody in particular that has a blob names him (ThroughStore.From): he is asked first, and how he
// does counts for that blob alone.
//
// An Announcing store tells the peers that listen which digests are put, so that they
// fetch a blob while the document that names it is still on its way: then both cost one
// round trip together, not one after the other. Below a ThroughStore it tells of what that fetches too, so
// that a blob passes through a chain of peers without waiting for documents.
//
// A peer serves what it has itself and asks nobody, so peers never ask in a circle.
//
// # Age
//
// A blob is Stored when it was last put, not first: a put of bytes that are
// there already refreshes the date (in a bucket, when it is over an hour old).
// Sweep goes by that date, so a blob that a publish is about to refer to is
// young, whoever stored it years ago.
package tarballs
