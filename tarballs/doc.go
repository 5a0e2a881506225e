// Package tarballs keeps blobs by their content: a Store maps a sha512 to the
// bytes that have it. The registry's tarballs and the large attachments of
// package couch lie in one store, so equal bytes are kept once.
//
// # Layout of a folder
//
//	DIR/ab/ab34…ef      a blob; its name is its digest in lower-case hex (128
//	                    characters), its shard the first byte of it
//	DIR/tmp/put-*       a blob that is still arriving, or was when a crash came
//
// The 256 shards are made when the folder is opened, so a put never makes one.
// A put writes to tmp, hashing as it goes, fsyncs the file, renames it into its
// shard and fsyncs the shard. A name in a shard therefore always means whole,
// durable bytes: a crash leaves files in tmp and nothing else. Opening removes
// those of them that are older than a day; younger ones may belong to
// another process that is still writing.
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
// # Age
//
// A blob is Stored when it was last put, not first: a put of bytes that are
// there already refreshes the date (in a bucket, when it is over an hour old).
// Sweep goes by that date, so a blob that a publish is about to refer to is
// young, whoever stored it years ago.
package tarballs
