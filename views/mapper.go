package views

import (
	"settee/couch"
	"settee/couch/collate"
)

// mapper maps the documents of one chunk. Rows lie together in blocks, for there are
// millions of them.
type mapper struct {
	*builder
	*chunk
	report func(view int, id couch.DocID, err error)

	doc      *mapped  // the one that is mapped now
	start    []byte   // what its row keys begin with
	numbers  []uint32 // of emits in each view
	collated []byte   // scratch
	record   []byte   // its 'd' record so far
	rows     []mappedRow
	block    []byte
}

func (w *mapper) run() {
	emit, failed := w.emit, w.failed
	for i, doc := range w.chunk.docs {
		if doc == nil {
			continue
		}
		w.doc = &w.out[i]
		if w.partitioned {
			partition, err := w.doc.id.Partition()
			if err != nil || partition == "" {
				continue // a design document is in none
			}
			w.start = appendPartition(w.start[:0], partition)
		}
		clear(w.numbers)
		w.record = w.record[:0]
		first := len(w.rows)
		w.mapDoc(doc, emit, failed)
		if n := len(w.rows); n > first {
			w.doc.rows = w.rows[first:n:n]
			w.doc.record = append(w.alloc(len(w.record)), w.record...)
		}
	}
}

func (w *mapper) failed(view int, err error) { w.report(view, w.doc.id, err) }

func (w *mapper) emit(view int, key, value []byte) {
	appendKey := collate.Append
	if w.design.views[view].raw {
		appendKey = collate.AppendRaw
	}
	var err error
	if w.collated, err = appendKey(append(w.collated[:0], w.start...), key); err != nil {
		w.failed(view, err)
		return
	}
	id := w.doc.id
	rowKey := appendRowKey(w.alloc(len(w.collated)+len(id)+rowKeyEnd), w.collated, id, w.numbers[view])
	record := appendRowValue(w.alloc(len(key)+len(value)+2*lengthSize), len(w.collated), key, value)
	w.numbers[view]++
	row := mappedRow{view: view, key: rowKey, value: record}
	w.rows = append(w.rows, row)
	w.record = appendDocRow(w.record, view, &row, w.collated)
}

// blockSize is some hundred rows.
const blockSize = 64 << 10

// alloc gives room for n bytes, empty. Should more be appended it moves elsewhere.
func (w *mapper) alloc(n int) []byte {
	if n > blockSize/8 {
		return make([]byte, 0, n)
	}
	if len(w.block)+n > cap(w.block) {
		w.block = make([]byte, 0, blockSize)
	}
	at := len(w.block)
	w.block = w.block[:at+n]
	return w.block[at : at : at+n]
}
