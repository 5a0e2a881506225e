package mango

// A Mapper makes the rows of an index: the key is the list of the columns' values. Documents
// that lack a column, or that its partial filter leaves out, have no row. It is safe for concurrent use.
type Mapper struct {
	paths  []path
	filter *Selector // nil: every document
}

// NewMapper reads the map member of a view. What CouchDB would not take for an index
// maps nothing.
func NewMapper(mapping []byte) *Mapper {
	mapping = trim(mapping)
	fields, _ := member(mapping, "fields")
	filter, err := partial(mapping)
	if kind(fields) != object || err != nil {
		return nil
	}
	m := &Mapper{filter: filter}
	for _, f := range distinct(fields) {
		p, err := parsePath(f.name)
		if err != nil || p == nil {
			return nil
		}
		m.paths = append(m.paths, p)
	}
	return m
}

// AppendKey appends the key of a document's row; not ok: it has none. doc is as for
// Selector.Match.
func (m *Mapper) AppendKey(dst, doc []byte) (key []byte, ok bool) {
	if m == nil || m.filter != nil && !m.filter.Match(doc) {
		return dst, false
	}
	doc = trim(doc)
	start := len(dst)
	dst = append(dst, '[')
	for i, p := range m.paths {
		value, found := lookUp(doc, p)
		if found != here {
			return dst[:start], false
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, value...)
	}
	return append(dst, ']'), true
}

// AppendDoc appends what a row of the index tells of its document: the id and the columns.
func (x *Index) AppendDoc(dst []byte, id string, key []byte) []byte {
	root := &branch{}
	root.set(path{{"_id", -1}}, appendQuoted(nil, id))
	row := in(key)
	for _, c := range x.Columns {
		if !row.next() {
			break
		}
		root.set(c.path, row.value)
	}
	return root.append(dst)
}
