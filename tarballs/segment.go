package tarballs

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"time"
)

// segment is one file of the journal, locked while its process lives.
type segment struct {
	name    string
	file    file
	lock    io.Closer
	timer   *time.Timer
	size    int64
	zeroed  int64 // how far the file has been written with zeros
	blobs   []Digest
	placing sync.WaitGroup // acknowledged blobs whose file is still being named
}

// newSegment makes a segment. It gets its name when it is locked: an opening
// replays every segment that nobody holds.
func newSegment(fs door, temp, dir string) (*segment, error) {
	t, err := fs.create(temp)
	if err != nil {
		return nil, err
	}
	s := &segment{name: filepath.Join(dir, rand.Text()), file: t}
	if s.lock, err = fs.lock(t.Name()); err == nil {
		if err = fs.rename(t.Name(), s.name); err == nil {
			err = fs.sync(dir)
		}
	}
	if err != nil {
		_, _ = fs.remove(t.Name()), fs.remove(s.name)
		s.release()
		return nil, err
	}
	return s, nil
}

// reserve writes zeros until there is room for the blobs.
func (s *segment) reserve(blobs []*entry, zeros []byte) error {
	end := s.size
	for _, e := range blobs {
		end += int64(recordHead + len(e.bytes))
	}
	for s.zeroed < end {
		if _, err := s.file.WriteAt(zeros, s.zeroed); err != nil {
			return err
		}
		s.zeroed += int64(len(zeros))
	}
	return nil
}

func (s *segment) add(e *entry) {
	s.blobs = append(s.blobs, e.digest)
	s.size += int64(recordHead + len(e.bytes))
	s.placing.Add(1)
}

// release gives the files back. What is to be durable is fsynced before.
func (s *segment) release() {
	_ = s.file.Close()
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// A record is the length of the bytes (4, little-endian), their sha512 (64) and
// the bytes. The sha512 is the checksum as well: nothing else can prove more.
const recordHead = 4 + sha512.Size

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
