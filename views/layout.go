package views

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"settee/couch"
)

// height is the number of summary levels: 16^6 rows before the top level grows.
const height = 6

// high is above every byte that can follow a collated key or a docid.
const high = 0xff

var stateKey = []byte{'m'}

func docKey(id couch.DocID) []byte { return append([]byte{'d'}, id...) }

// levelPrefix is what the keys of a level start with; level 0 are the rows.
func levelPrefix(view, level int) []byte {
	if level == 0 {
		return []byte{'r', byte(view >> 8), byte(view)}
	}
	return []byte{'s', byte(view >> 8), byte(view), byte(level)}
}

// after is the first key that does not start with prefix; prefixes never end in FF.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}

// levelOf is the highest level on which the row starts a summary.
func levelOf(row []byte) int {
	if len(row) == 0 {
		return height
	}
	return min(bits.TrailingZeros64(xxhash.Sum64(row))/4, height)
}

func appendDocID(dst []byte, id couch.DocID) []byte {
	for i := range len(id) {
		dst = append(dst, id[i])
		if id[i] == 0 {
			dst = append(dst, high)
		}
	}
	return append(dst, 0, 1)
}

func appendRowKey(dst, collated []byte, id couch.DocID, n int) []byte {
	return binary.BigEndian.AppendUint32(appendDocID(append(dst, collated...), id), uint32(n))
}

func appendRowValue(dst []byte, collated int, key, value []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(collated))
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	return append(append(dst, key...), value...)
}

// entry is a row taken apart. Its bytes are those of the record.
type entry struct {
	collated []byte
	id       couch.DocID
	key      json.RawMessage
	value    json.RawMessage
}

func parseEntry(row, record []byte) entry {
	collated, n := binary.Uvarint(record)
	record = record[n:]
	length, n := binary.Uvarint(record)
	record = record[n:]
	id := row[collated : len(row)-6]
	if bytes.IndexByte(id, 0) >= 0 {
		id = bytes.ReplaceAll(id, []byte{0, high}, []byte{0})
	}
	return entry{collated: row[:collated], id: couch.DocID(id), key: record[:length], value: record[length:]}
}

// A summary is its number of rows and the reduction's bytes.

func appendSummary(dst []byte, count int64, part []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(count)), part...)
}

func parseSummary(record []byte) (count int64, part []byte) {
	n, size := binary.Uvarint(record)
	return int64(n), record[size:]
}

// docRow names one row of a document in its 'd' record.
type docRow struct {
	view int
	key  []byte
	size int // bytes of the row, for the figures
}

func appendDocRow(dst []byte, r docRow) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.view))
	dst = binary.AppendUvarint(dst, uint64(r.size))
	dst = binary.AppendUvarint(dst, uint64(len(r.key)))
	return append(dst, r.key...)
}

func parseDocRows(record []byte) (rows []docRow) {
	for len(record) > 0 {
		var v [3]uint64
		for i := range v {
			n, size := binary.Uvarint(record)
			v[i], record = n, record[size:]
		}
		rows = append(rows, docRow{view: int(v[0]), size: int(v[1]), key: record[:v[2]]})
		record = record[v[2]:]
	}
	return rows
}
