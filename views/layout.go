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

// maxViews is how many a design document may have: VIEW has two bytes.
const maxViews = 1 << 16

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

const (
	rowKeyEnd  = 6 // bytes of a row key after the docid
	lengthSize = 5 // bytes of a length, at most
)

func appendRowKey(dst, collated []byte, id couch.DocID, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendDocID(append(dst, collated...), id), n)
}

func appendRowValue(dst []byte, collated int, key, value []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(collated))
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	return append(append(dst, key...), value...)
}

// large is from how many bytes on a row's value lies apart: whoever walks the rows, or looks for one, then
// reads no block of megabytes. Much less would double the keys of ordinary views.
const large = 32 << 10

func valuePrefix(view int) []byte { return []byte{'v', byte(view >> 8), byte(view)} }

// A block of the store ends behind the key that fills it. A record of padding as large as a block, written with
// every large value, fills the one of the keys before: else their readers would read the first large value too.
var (
	paddingKey = []byte{'u'}
	padding    = make([]byte, 4<<10)
)

// headOf is how much of a row's record comes before its value.
func headOf(record []byte) int {
	_, n := binary.Uvarint(record)
	length, k := binary.Uvarint(record[n:])
	return min(n+k+int(length), len(record))
}

// takeApart cuts large values off the records of rows, which nobody may need whole any more.
func takeApart(rows []change) (values []change) {
	for i := range rows {
		r := &rows[i]
		if len(r.value) <= large {
			continue
		}
		if head := headOf(r.value); len(r.value)-head > large {
			values = append(values, change{r.key, r.value[head:]})
			r.value = r.value[:head]
		}
	}
	return values
}

// entry is a row taken apart. Its bytes are those of the record.
type entry struct {
	collated []byte
	id       []byte
	key      json.RawMessage
	value    json.RawMessage
}

func parseEntry(row, record []byte) entry {
	collated, n := binary.Uvarint(record)
	record = record[n:]
	length, n := binary.Uvarint(record)
	record = record[n:]
	id := row[collated : len(row)-rowKeyEnd]
	if bytes.IndexByte(id, 0) >= 0 {
		id = bytes.ReplaceAll(id, []byte{0, high}, []byte{0})
	}
	return entry{collated: row[:collated], id: id, key: record[:length], value: record[length:]}
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
	size int    // bytes of the row, for the figures
	sum  uint64 // hash of its record: an update leaves a row alone that stays as it is
}

// appendDocRow adds a row to a 'd' record. The docid and the number of the emit, which end its
// key, are not written: rows of a view stand in the order of their numbers.
func appendDocRow(dst []byte, view int, row *mappedRow, collated []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(view))
	dst = binary.AppendUvarint(dst, uint64(row.size()))
	dst = binary.AppendUvarint(dst, uint64(len(collated)))
	dst = binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(row.value))
	return append(dst, collated...)
}

// docRows reads the record of a document, which may be damaged.
func docRows(id couch.DocID, record []byte) (rows []docRow, ok bool) {
	var numbers []uint32 // by view
	for len(record) > 0 {
		var v [3]uint64
		for i := range v {
			n, size := binary.Uvarint(record)
			if size <= 0 {
				return nil, false
			}
			v[i], record = n, record[size:]
		}
		if len(record) < 8 || v[2] > uint64(len(record)-8) || v[0] >= maxViews {
			return nil, false
		}
		view, sum := int(v[0]), binary.LittleEndian.Uint64(record)
		record = record[8:]
		for len(numbers) <= view {
			numbers = append(numbers, 0)
		}
		rows = append(rows, docRow{view: view, size: int(v[1]), sum: sum, key: appendRowKey(nil, record[:v[2]], id, numbers[view])})
		numbers[view]++
		record = record[v[2]:]
	}
	return rows, true
}
