package views

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"

	"settee/couch"
	"settee/couch/collate"
)

// ranked is _top_N and _bottom_N: the N greatest or least values in the order of
// view keys, each once, whichever order the view itself has. A part is the list
// of values.
type ranked struct {
	most int
	top  bool
}

// mostRanked is CouchDB's limit of N.
const mostRanked = 100

func (ranked) final(part []byte) []byte { return part }

type ranking struct{ order, value []byte }

func (r ranked) reduce(rows []entry) []byte {
	var list []ranking
	for _, row := range rows {
		list = r.add(list, row.value)
	}
	return write(list)
}

func (r ranked) merge(parts [][]byte) []byte {
	var list []ranking
	for _, p := range parts {
		var values []json.RawMessage
		_ = json.Unmarshal(p, &values) // we wrote it
		for _, v := range values {
			list = r.add(list, v)
		}
	}
	return write(list)
}

// add puts a value in its place; one that is like another is left out.
func (r ranked) add(list []ranking, value []byte) []ranking {
	order, err := collate.Append(nil, value)
	if err != nil {
		return list // no value of a row is as deep
	}
	i, there := slices.BinarySearchFunc(list, order, func(l ranking, order []byte) int {
		if r.top {
			return bytes.Compare(order, l.order)
		}
		return bytes.Compare(l.order, order)
	})
	if there || i == r.most {
		return list
	}
	list = slices.Insert(list, i, ranking{order, value})
	return list[:min(len(list), r.most)]
}

func write(list []ranking) []byte {
	dst := []byte{'['}
	for i, l := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, l.value...)
	}
	return append(dst, ']')
}

// extreme is _first and _last: the value of the least or the greatest key and
// docid, in the order of view keys, whichever order the view itself has. A part is
// the length of what it is ordered by (4 bytes), that, and the value.
type extreme struct{ last bool }

func (e extreme) reduce(rows []entry) (part []byte) {
	for _, row := range rows {
		order, err := collate.Append(nil, row.key)
		if err != nil {
			continue // no key of a row is as deep
		}
		order = appendDocID(order, couch.DocID(row.id))
		next := append(binary.BigEndian.AppendUint32(nil, uint32(len(order))), order...)
		part = e.choose(part, append(next, row.value...))
	}
	return part
}

func (e extreme) merge(parts [][]byte) (part []byte) {
	for _, p := range parts {
		part = e.choose(part, p)
	}
	return part
}

// choose is the part that comes first or last; of equals, which one document has, the same holds.
func (e extreme) choose(a, b []byte) []byte {
	if a == nil {
		return b
	}
	first, _ := splitExtreme(a)
	second, _ := splitExtreme(b)
	if order := bytes.Compare(second, first); order < 0 && !e.last || order >= 0 && e.last {
		return b
	}
	return a
}

func splitExtreme(part []byte) (order, value []byte) {
	length := binary.BigEndian.Uint32(part)
	return part[4 : 4+length], part[4+length:]
}

func (extreme) final(part []byte) []byte {
	_, value := splitExtreme(part)
	return value
}
