package mango

import "strings"

// DefaultLimit is how many documents an answer has where the request says nothing; CouchDB's.
const DefaultLimit = 25

// A Find is what _find and _explain are asked.
type Find struct {
	Selector    *Selector
	UseIndex    []string // design document, and perhaps the index's name
	Bookmark    string   // where the last answer ended; "": the beginning
	After       *Place   // what the bookmark says
	Limit, Skip int
	Sort        []Column // all in one direction
	Fields      *Projection
	Partition   string // "": all
	Quorum      int    // r
	Conflicts   bool   // documents come with their _conflicts
	Stale       bool   // stale=ok
	NoUpdate    bool   // update=false: take the index as it is
	Stable      bool
	Stats       bool // execution_stats
	NoFallback  bool // allow_fallback=false

	fields []string
}

// A Column is one field of an index or of a sort.
type Column struct {
	Field string // as written
	Desc  bool

	path path
}

// name is the field as a selector's normal form spells it.
func (c Column) name() string {
	if c.path == nil {
		return c.Field // no selector names such a field
	}
	return c.path.String()
}

// ParseFind reads the body of a _find, whose limit is the given one where it names none. Its errors are
// *Error.
func ParseFind(raw []byte, limit int) (*Find, error) {
	raw, err := body(raw)
	if err != nil {
		return nil, err
	}
	f := &Find{Limit: limit, Quorum: 1, Fields: &Projection{}}
	update, fallback := true, true
	err = readOptions(raw, []option{
		{"selector", true, f.readSelector},
		{"use_index", false, f.readIndex},
		{"bookmark", false, f.readBookmark},
		{"limit", false, asNumber(&f.Limit)},
		{"skip", false, asNumber(&f.Skip)},
		{"sort", false, f.readSort},
		{"fields", false, f.readFields},
		{"partition", false, f.readPartition},
		{"r", false, asPositive(&f.Quorum)},
		{"conflicts", false, asBool(&f.Conflicts)},
		{"stale", false, f.readStale},
		{"update", false, asBool(&update)},
		{"stable", false, asBool(&f.Stable)},
		{"execution_stats", false, asBool(&f.Stats)},
		{"allow_fallback", false, asBool(&fallback)},
	})
	f.NoUpdate, f.NoFallback = !update, !fallback
	return f, err
}

func (f *Find) readSelector(raw []byte) (err error) {
	f.Selector, err = Compile(raw)
	return err
}

// readIndex takes "design", "design/name" and the same as a list.
func (f *Find) readIndex(raw []byte) (err error) {
	f.UseIndex, err = indexName(raw)
	return err
}

func indexName(raw []byte) ([]string, error) {
	refused := &Error{"invalid_index_name", "Invalid index name: " + term(raw)}
	switch kind(raw) {
	case null:
		return nil, nil
	case text:
		s, _ := decode(raw)
		parts := strings.Split(string(s), "/")
		if len(parts) > 1 && parts[0] == "_design" {
			parts = parts[1:]
		}
		if len(parts) > 2 {
			return nil, refused
		}
		return parts, nil
	case array:
		var parts []string
		for m := in(raw); m.next(); {
			s, ok := decode(m.value)
			if !ok || len(parts) == 2 {
				return nil, refused
			}
			parts = append(parts, string(s))
		}
		return parts, nil
	}
	return nil, refused
}

func (f *Find) readBookmark(raw []byte) error {
	if kind(raw) == null {
		return nil
	}
	s, ok := decode(raw)
	if !ok {
		return &Error{"invalid_bookmark", "Invalid bookmark value: " + string(raw)}
	}
	f.Bookmark = string(s)
	return nil
}

// Resume reads the bookmark; CouchDB does so only when a search begins.
func (f *Find) Resume() error {
	if f.Bookmark == "" {
		return nil
	}
	place, err := parseBookmark(f.Bookmark)
	if err != nil {
		return &Error{"invalid_bookmark", "Invalid bookmark value: " + string(appendQuoted(nil, f.Bookmark))}
	}
	f.After = &place
	return nil
}

func (f *Find) readSort(raw []byte) (err error) {
	f.Sort, err = columns(raw)
	return err
}

func (f *Find) readFields(raw []byte) (err error) {
	if f.Fields, err = Fields(raw); err != nil {
		return err
	}
	for m := in(raw); m.next(); {
		name, _ := decode(m.value)
		f.fields = append(f.fields, string(name))
	}
	return nil
}

func (f *Find) readPartition(raw []byte) error {
	s, ok := decode(raw)
	if !ok {
		return &Error{"illegal_partition", "Partition must be a string"}
	}
	f.Partition = string(s)
	return nil
}

// In narrows the search to the partition of the path, "" where that names none.
func (f *Find) In(partition string) error {
	if partition != "" && f.Partition != "" && partition != f.Partition {
		return &Error{"bad_partition", "Conflicting value for `partition` in the body: " + f.Partition}
	}
	if partition != "" {
		f.Partition = partition
	}
	return nil
}

func (f *Find) readStale(raw []byte) error {
	s, _ := decode(raw)
	if kind(raw) != no && string(s) != "ok" && string(s) != "false" {
		return &Error{"invalid_ok_or_false_value", "Invalid value for stale: " + term(raw)}
	}
	f.Stale = string(s) == "ok"
	return nil
}

// columns reads a list of fields, each a name or {name: "asc" or "desc"}.
func columns(raw []byte) ([]Column, error) {
	if kind(raw) != array {
		return nil, &Error{"invalid_sort_json", "Sort must be an array of sort specs, not: " + pretty(raw)}
	}
	var list []Column
	for m := in(raw); m.next(); {
		c, err := column(m.value)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	for _, c := range list {
		if c.Desc != list[0].Desc {
			return nil, &Error{"unsupported_mixed_sort", "Sorts currently only support a single direction for all fields."}
		}
	}
	return list, nil
}

func column(raw []byte) (Column, error) {
	var c Column
	refused := &Error{"invalid_sort_field", "Invalid sort field: " + pretty(raw)}
	switch kind(raw) {
	case text:
		s, _ := decode(raw)
		if c.Field = string(s); c.Field == "" {
			return c, refused
		}
	case object:
		members := distinct(raw)
		if len(members) != 1 {
			return c, refused
		}
		direction, _ := decode(members[0].value)
		if string(direction) != "asc" && string(direction) != "desc" {
			return c, refused
		}
		c.Field, c.Desc = members[0].name, string(direction) == "desc"
	default:
		return c, refused
	}
	c.path, _ = parsePath(c.Field) // what is no path is in no document
	return c, nil
}
