// Package tarballs keeps blobs by their content: a Store maps a sha512 to the
// bytes that have it. The registry's tarballs and the large attachments of
// package couch lie in one store, so equal bytes are kept once.
//
// # Layout of a folder
//
//	DIR/ab/ab34…ef      a blob; its name is its digest in lower-case hex (128
//	                    characters), its shard the first byte of it
//	DIR/tmp/put-*       a blob that is still arriving, or was when a crash came
//	DIR/packs/X         a pack: small blobs, one behind the other
//	DIR/packs/X.index   where in the pack they are
//
// All folders are made when the store is first opened, so a put never makes one. One process at a
// time has a folder open (it holds a flock on it; on systems without flock nothing but this
// sentence keeps a second one out). Several processes share a bucket.
//
// A blob over 64 KiB is written to tmp, hashed as it goes; the file is fsynced,
// renamed into its shard and the shard fsynced.
//
// A smaller one goes into a pack. All that wait share one write and one fdatasync, and a put makes no
// file: to create, name and fsync one cost a third of the processor's time of a publish, and more on a disk
// where many files were deleted shortly before. (Past 64 KiB a put would hold more memory for idle
// senders, and a reader too.) Stores made before packs have small blobs in shards; they are read there.
//
// # Packs
//
//	pack   = record* zeros
//	record = length (4 bytes, little-endian) sha512 (64 bytes) the bytes
//
// One pack is written at a time. It grows by zeros, which records replace: an fdatasync of them
// then need not commit the file system's journal. At 64 MiB, or with Close, a pack is sealed: its index is written
// (see encodeIndex), fsynced and named, and the pack changes no more. Where each blob lies is in memory, some
// 60 bytes for each, and read from the indexes when the store is opened; the bytes are read from the pack.
//
// A pack without an index is what a crash leaves. Opening writes all its whole records anew into
// another and removes it: after a failed fsync memory may show what the disk does not have. A torn tail was never
// acknowledged and is dropped. An index that is damaged is treated as none. So is what a store of before packs has
// left in DIR/journal, which has the same form.
//
// A deletion, and the date of a blob that is put again, are written into the index in place, and no
// fsync is waited for: a crash may bring a deleted blob back, which the next sweep removes. When less than half of a
// sealed pack is left, or more than eight are small, what they still hold is put into the pack that is being written,
// durably, keeping its date, and they are removed. That takes room for what is moved before it gives any; and where a moved
// blob turns out damaged its pack stays, for Verify to tell.
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
// Where an fsync of a pack fails, packs are broken: every later put of a new small blob is an
// error until the store is closed and opened again, and no index is written. Reads, large blobs and
// repeated puts go on. A pack that could not be written to, as on a full disk,
// is ended, and the next put begins another; one that could not be sealed is sealed later.
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
// A sweep goes by that date, so a blob that a publish is about to refer to is
// young, whoever stored it years ago. A SweepableStore removes one only after it has looked at the date again, and no put of its own returns
// without its blob. Between processes that share a bucket a moment is left, from that look to the removal, in which a put of the same old bytes finds them and they go.
package tarballs
