package tarballs

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// pack is one file of small blobs.
type pack struct {
	id   uint32 // in memory only: places name their pack by it
	name string
	file file  // while it is written
	end  int64 // of its last record; a sealed one's that is known

	// Guarded by packs.mu.
	sealed bool    // it has an index and changes no more
	stuck  bool    // it could not be rewritten
	live   int64   // bytes of the records that are somebody's place
	added  []added // of one that is not sealed: its records, as they came
}

// added is a record of a pack.
type added struct {
	digest Digest
	offset int64
	size   int
}

// A record is the length of the bytes (4, little-endian), their sha512 (64) and
// the bytes. The sha512 is the checksum as well: nothing else can prove more.
const recordHead = 4 + sha512.Size

func recordSize(n int) int64 { return int64(recordHead + n) }

// writeRecord leaves its errors to w, which keeps them.
func writeRecord(w io.Writer, d Digest, b []byte) {
	var head [recordHead]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(b)))
	copy(head[4:], d[:])
	_, _ = w.Write(head[:])
	_, _ = w.Write(b)
}

// readRecords gives each whole record of r, whose bytes are valid during the
// call. A damaged one is passed over; all that follows a torn one was never
// acknowledged, and nothing proves it anyway.
func readRecords(r io.Reader, each func(Digest, []byte) error) error {
	var head [recordHead]byte
	buf := make([]byte, smallBlob)
	for {
		_, err := io.ReadFull(r, head[:])
		n := binary.LittleEndian.Uint32(head[:])
		if err == nil && (n > smallBlob || head == [recordHead]byte{}) {
			return nil
		}
		if err == nil {
			_, err = io.ReadFull(r, buf[:n])
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		d := Digest(sha512.Sum512(buf[:n]))
		if d != Digest(head[4:]) {
			continue
		}
		if err := each(d, buf[:n]); err != nil {
			return err
		}
	}
}

// readRecord reads the bytes of one record, of which the caller knows the size.
func readRecord(door door, name string, d Digest, at place) ([]byte, error) {
	file, err := door.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b := make([]byte, recordSize(int(at.size)))
	if _, err = file.ReadAt(b, int64(at.offset)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if binary.LittleEndian.Uint32(b) != at.size || !bytes.Equal(b[4:recordHead], d[:]) {
		return nil, fmt.Errorf("%w: the record in %s is another's", ErrDigest, name)
	}
	return b[recordHead:], nil
}
