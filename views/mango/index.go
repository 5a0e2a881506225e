package mango

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // CouchDB's names
	"encoding/hex"
	"slices"
	"strings"
)

// Language is that of the design documents that hold indexes.
const Language = "query"

// Design is what ids of design documents begin with.
const Design = "_design/"

// An Index is one that a search can read: of a design document, or _all_docs.
type Index struct {
	DDoc        string // its id; "" for _all_docs
	Name        string
	Columns     []Column
	Partial     *Selector // the documents it holds; nil: all that have the columns
	Partitioned bool

	rest []byte // the members of its definition beside the fields, as JSON
}

// AllDocs is the index that every database has.
var AllDocs = &Index{Name: "_all_docs", Columns: []Column{{Field: "_id", path: path{{"_id", -1}}}}}

// IsAllDocs reports whether an index is the one that every database has.
func (x *Index) IsAllDocs() bool { return x.DDoc == "" }

// readIndex reads a view of a design document. What is no index of CouchDB's is none
// here: not ok.
func readIndex(ddoc, name string, view []byte) (*Index, bool) {
	x := &Index{DDoc: ddoc, Name: name}
	mapping, _ := member(view, "map")
	options, _ := member(view, "options")
	fields, has := member(mapping, "fields")
	if kind(mapping) != object || kind(options) != object || !has || kind(fields) != object {
		return nil, false
	}
	for _, m := range distinct(fields) {
		c := Column{Field: m.name}
		direction, _ := decode(m.value)
		c.Desc = string(direction) == "desc"
		c.path, _ = parsePath(m.name)
		x.Columns = append(x.Columns, c)
	}
	for _, m := range distinct(mapping) {
		if m.name == "fields" || m.name == "partial_filter_selector" && string(m.value) == "{}" {
			continue
		}
		x.rest = append(append(appendQuoted(append(x.rest, ','), m.name), ':'), m.value...)
	}
	var err error
	x.Partial, err = partial(mapping)
	return x, err == nil
}

// partial is the selector of a definition, which old ones call selector; nil where
// there is none.
func partial(mapping []byte) (*Selector, error) {
	for _, name := range []string{"partial_filter_selector", "selector"} {
		if raw, ok := member(mapping, name); ok && string(raw) != "{}" {
			return Compile(raw)
		}
	}
	return nil, nil
}

// ReadIndexes lists the indexes of a design document: id and body. Those of another
// language have none.
func ReadIndexes(id string, body []byte, partitioned bool) []*Index {
	body = trim(body)
	language, _ := member(body, "language")
	if s, _ := decode(language); string(s) != Language {
		return nil
	}
	options, _ := member(body, "options")
	if p, ok := member(options, "partitioned"); ok {
		partitioned = kind(p) == yes
	}
	views, _ := member(body, "views")
	var list []*Index
	for m := in(views); m.named && m.next(); {
		name, _ := decode(m.name)
		if x, ok := readIndex(id, string(name), m.value); ok {
			x.Partitioned = partitioned
			list = append(list, x)
		}
	}
	return list
}

// SortIndexes puts a list in the order in which CouchDB tells it.
func SortIndexes(list []*Index) {
	slices.SortFunc(list, func(a, b *Index) int { return cmp.Or(cmp.Compare(a.DDoc, b.DDoc), cmp.Compare(a.Name, b.Name)) })
}

// MarshalJSON gives an index as _index and _explain show it.
func (x *Index) MarshalJSON() ([]byte, error) { return x.AppendJSON(nil), nil }

// AppendJSON is MarshalJSON into a buffer.
func (x *Index) AppendJSON(dst []byte) []byte {
	if x.IsAllDocs() {
		return append(dst, `{"ddoc":null,"name":"_all_docs","type":"special","def":{"fields":[{"_id":"asc"}]}}`...)
	}
	dst = appendQuoted(append(dst, `{"ddoc":`...), x.DDoc)
	dst = appendQuoted(append(dst, `,"name":`...), x.Name)
	dst = append(dst, `,"type":"json","partitioned":`...)
	dst = append(dst, trueOrFalse(x.Partitioned)...)
	dst = append(dst, `,"def":{"fields":[`...)
	for i, c := range x.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.append(append(dst, '{'))
		dst = append(dst, '}')
	}
	return append(append(append(dst, ']'), x.rest...), '}', '}')
}

func trueOrFalse(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// append writes the column as a member.
func (c Column) append(dst []byte) []byte {
	dst = append(appendQuoted(dst, c.Field), ':')
	if c.Desc {
		return append(dst, `"desc"`...)
	}
	return append(dst, `"asc"`...)
}

// appendColumns writes columns as an object.
func appendColumns(dst []byte, list []Column) []byte {
	dst = append(dst, '{')
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.append(dst)
	}
	return append(dst, '}')
}

// A Creation is what POST _index asks for.
type Creation struct {
	DDoc, Name  string // as given, or as CouchDB would name them
	Partitioned *bool  // as given

	view []byte // as it stands in the design document
}

// ParseCreation reads the body of a POST _index. Its errors are *Error.
func ParseCreation(raw []byte) (*Creation, error) {
	raw, err := body(raw)
	if err != nil {
		return nil, err
	}
	c := &Creation{}
	var def []byte
	kindOf, quorum := "json", 2
	err = readOptions(raw, []option{
		{"index", true, func(raw []byte) error { def = raw; return nil }},
		{"type", false, asString(&kindOf)},
		{"name", false, asName(&c.Name)},
		{"ddoc", false, asName(&c.DDoc)},
		{"w", false, asPositive(&quorum)},
		{"partitioned", false, c.readPartitioned},
	})
	if err != nil {
		return nil, err
	}
	switch kindOf {
	case "json":
	case "text", "nouveau":
		return nil, &Error{"required index service unavailable", kindOf}
	default:
		return nil, &Error{"invalid_index", "Invalid type for index: " + kindOf}
	}
	c.nameIt(raw, def)
	if c.DDoc == Design {
		return nil, &Error{"illegal_docid", "Illegal document id `" + Design + "`"}
	}
	return c, c.define(def)
}

func (c *Creation) readPartitioned(raw []byte) error {
	k := kind(raw)
	if k != yes && k != no {
		return &Error{"invalid_partitioned_value", "Invalid value for partitioned: " + term(raw)}
	}
	p := k == yes
	c.Partitioned = &p
	return nil
}

// nameIt gives a nameless index, or its nameless design document, the hash of what
// was asked for: of the definition and the options in Erlang's order.
func (c *Creation) nameIt(raw, def []byte) {
	b := appendExternal(appendTuple([]byte{extVersion}, 2), def)
	b = appendListStart(b, 6)
	for _, o := range []struct{ name, absent string }{{"ddoc", "auto_name"}, {"def", ""}, {"name", "auto_name"}, {"partitioned", "db_default"}, {"type", ""}, {"w", ""}} {
		b = appendAtom(appendTuple(b, 2), o.name)
		given, ok := member(raw, o.name)
		switch {
		case o.name == "def":
			b = appendExternal(b, def)
		case ok:
			b = appendExternal(b, given)
		case o.absent != "":
			b = appendAtom(b, o.absent)
		case o.name == "type":
			b = appendBinary(b, []byte("json"))
		default:
			b = appendNumber(b, []byte("2"))
		}
	}
	sum := sha1.Sum(append(b, extNil))
	hash := hex.EncodeToString(sum[:])
	c.Name, c.DDoc = cmp.Or(c.Name, hash), cmp.Or(c.DDoc, hash)
	if !strings.HasPrefix(c.DDoc, Design) {
		c.DDoc = Design + c.DDoc
	}
}

// define checks a definition and makes the view of it.
func (c *Creation) define(def []byte) error {
	if kind(def) != object {
		return &Error{"invalid_index", "JSON indexes must be an object, not: " + term(def)}
	}
	var fields []Column
	filter := &Selector{}
	err := readOptions(def, []option{
		{"fields", true, func(raw []byte) (err error) { fields, err = columns(raw); return err }},
		{"partial_filter_selector", false, func(raw []byte) (err error) { filter, err = Compile(raw); return err }},
	})
	if err != nil {
		return err
	}
	c.view = appendColumns([]byte(`{"map":{"fields":`), onlyLast(fields))
	c.view = append(append(c.view, `,"partial_filter_selector":`...), filter.String()...)
	c.view = append(append(c.view, `},"reduce":"_count","options":{"def":`...), def...)
	c.view = append(c.view, '}', '}')
	return nil
}

// onlyLast keeps one of several columns with the same field: JSON has no more.
func onlyLast(list []Column) []Column {
	kept := list[:0:0]
	for i, c := range list {
		if !slices.ContainsFunc(list[i+1:], func(later Column) bool { return later.Field == c.Field }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// ParseDeletion reads the body of a POST _index/_bulk_delete: ids of design documents.
func ParseDeletion(raw []byte) (ids []string, err error) {
	if raw, err = body(raw); err != nil {
		return nil, err
	}
	quorum := 2
	err = readOptions(raw, []option{
		{"docids", true, func(raw []byte) (err error) { ids, err = docIDs(raw); return err }},
		{"w", false, asPositive(&quorum)},
	})
	return ids, err
}

func docIDs(raw []byte) (ids []string, err error) {
	if kind(raw) != array {
		return nil, &Error{"invalid_bulk_docs", "Bulk Delete requires an array of non-null docids. Docids: " + term(raw)}
	}
	for m := in(raw); m.next(); {
		if _, err := indexName(m.value); err != nil {
			return nil, err
		}
		id, ok := decode(m.value)
		if !ok {
			return nil, &Error{"invalid_index_name", "Invalid index name: " + term(m.value)}
		}
		ids = append(ids, DesignID(string(id)))
	}
	return ids, nil
}
