package tarballs

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// indexSuffix makes the name of a pack's index of the pack's own.
const indexSuffix = ".index"

// An index is a head, and an entry for each record of its pack in the order of digests:
//
//	head  = "settee pack 1\n\x00\x00" the number of entries (8) their checksum (8)
//	entry = sha512 (64) offset (8) length (8) when it was put (8, Unix nanoseconds; 0: deleted)
//
// Numbers are little-endian. The checksum is xxhash64 of all entries but their times, which are
// written in place later: eight bytes, aligned, so that no crash tears them.
const (
	indexMagic = "settee pack 1\n\x00\x00"
	indexHead  = len(indexMagic) + 16
	entrySize  = 64 + 8 + 8 + 8
	entryTime  = entrySize - 8
)

// indexEntry is a record of a sealed pack.
type indexEntry struct {
	added
	stored int64
}

// encodeIndex sorts the entries.
func encodeIndex(all []indexEntry) []byte {
	slices.SortFunc(all, func(a, b indexEntry) int {
		return cmp.Or(bytes.Compare(a.digest[:], b.digest[:]), cmp.Compare(a.offset, b.offset))
	})
	out := make([]byte, indexHead, indexHead+len(all)*entrySize)
	sum := xxhash.New()
	for _, e := range all {
		at := len(out)
		out = append(out, e.digest[:]...)
		out = binary.LittleEndian.AppendUint64(out, uint64(e.offset))
		out = binary.LittleEndian.AppendUint64(out, uint64(e.size))
		_, _ = sum.Write(out[at:])
		out = binary.LittleEndian.AppendUint64(out, uint64(e.stored))
	}
	copy(out, indexMagic)
	binary.LittleEndian.PutUint64(out[len(indexMagic):], uint64(len(all)))
	binary.LittleEndian.PutUint64(out[len(indexMagic)+8:], sum.Sum64())
	return out
}

var errIndex = errors.New("the index of a pack is damaged")

// decodeIndex gives each entry with its number. The checksum is compared at the end.
func decodeIndex(r io.Reader, each func(slot int, e indexEntry) bool) error {
	var head [indexHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:len(indexMagic)]) != indexMagic {
		return errors.Join(errIndex, err)
	}
	n := binary.LittleEndian.Uint64(head[len(indexMagic):])
	sum := xxhash.New()
	var b [entrySize]byte
	for slot := range n {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return errors.Join(errIndex, err)
		}
		_, _ = sum.Write(b[:entryTime])
		e := indexEntry{added{Digest(b[:64]), int64(binary.LittleEndian.Uint64(b[64:])), int(binary.LittleEndian.Uint64(b[72:]))}, int64(binary.LittleEndian.Uint64(b[entryTime:]))}
		if e.size < 0 || e.size > smallBlob || e.offset < 0 || e.offset > mostOffset {
			return fmt.Errorf("%w: it names bytes that no pack has", errIndex)
		}
		if !each(int(slot), e) {
			return nil
		}
	}
	if sum.Sum64() != binary.LittleEndian.Uint64(head[len(indexMagic)+8:]) {
		return errIndex
	}
	return nil
}

// setTime notes when a blob was put again, or 0, that it was deleted. No fsync is waited for: a crash
// takes it back, and so makes an orphan, or an older one.
func (s *packs) setTime(p *pack, slot uint32, stored int64) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(stored))
	err := s.fs.patch(p.name+indexSuffix, int64(indexHead)+int64(slot)*entrySize+entryTime, b)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the pack was rewritten meanwhile, with what memory knows
	}
	return err
}

// readIndex gives the entries of a sealed pack's index.
func (s *packs) readIndex(p *pack, each func(slot int, e indexEntry) bool) error {
	file, err := s.fs.open(p.name + indexSuffix)
	if err != nil {
		return err
	}
	defer file.Close()
	return decodeIndex(bufio.NewReaderSize(file, 64<<10), each)
}

func unixNano(stored int64) time.Time { return time.Unix(0, stored) }
