package views

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"settee/couch"
	"settee/views/mango"
)

// javascript is the language of a design document that names none.
const javascript = "javascript"

// design is what of a design document an index depends on.
type design struct {
	language  string
	views     []view // by name
	lib       json.RawMessage
	options   designOptions
	signature string
}

// view is one view of a design document. Map is the source, or the raw
// object where another language keeps one.
type view struct {
	name, mapping, reduce string
	raw                   bool // options.collation "raw"
}

type designOptions struct {
	LocalSeq, IncludeDesign bool
	Partitioned             json.RawMessage // true or false; nil: as the database is
}

func invalid(format string, args ...any) error {
	return &couch.Error{Kind: couch.InvalidDesignDoc, Reason: fmt.Sprintf(format, args...)}
}

// parseDesign reads a design document's body.
func parseDesign(body []byte) (*design, error) {
	var doc map[string]json.RawMessage // not a struct: encoding/json takes "Views" for views
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, invalid("Document must be a JSON object")
	}
	d := &design{language: javascript}
	if raw := doc["language"]; raw != nil && (raw[0] != '"' || json.Unmarshal(raw, &d.language) != nil) {
		return nil, invalid("`language` field must have string type")
	}
	var err error
	if d.options, err = parseOptions(doc["options"]); err != nil {
		return nil, err
	}
	views := map[string]json.RawMessage{}
	if raw := doc["views"]; raw != nil && (raw[0] != '{' || json.Unmarshal(raw, &views) != nil) {
		return nil, invalid("`views` field must have object type")
	}
	for name, raw := range views {
		if name == "lib" {
			if d.lib = raw; raw[0] != '{' {
				return nil, invalid("`views.lib` field must have object type")
			}
			continue
		}
		v, err := d.parseView(name, raw)
		if err != nil {
			return nil, err
		}
		d.views = append(d.views, v)
	}
	slices.SortFunc(d.views, func(a, b view) int { return cmp.Compare(a.name, b.name) })
	d.signature = d.sign()
	return d, nil
}

func parseOptions(raw json.RawMessage) (o designOptions, err error) {
	var options map[string]json.RawMessage
	if raw != nil && (raw[0] != '{' || json.Unmarshal(raw, &options) != nil) {
		return o, invalid("`options` field must have object type")
	}
	for _, name := range []string{"include_design", "local_seq", "partitioned"} {
		if v := string(options[name]); v != "" && v != "true" && v != "false" {
			return o, invalid("`options.%s` field must have boolean type", name)
		}
	}
	return designOptions{
		LocalSeq: string(options["local_seq"]) == "true", IncludeDesign: string(options["include_design"]) == "true",
		Partitioned: options["partitioned"],
	}, nil
}

func (d *design) parseView(name string, raw json.RawMessage) (view, error) {
	v := view{name: name}
	var members, options map[string]json.RawMessage // not a struct: encoding/json takes "Map" for map
	if raw[0] != '{' || json.Unmarshal(raw, &members) != nil {
		return v, invalid("`views.%s` field must have object type", name)
	}
	if o := members["options"]; o != nil && (o[0] != '{' || json.Unmarshal(o, &options) != nil) {
		return v, invalid("`views.%s.options` field must have object type", name)
	}
	for _, field := range []struct {
		name   string
		object bool
		into   *string
	}{{"map", d.language == mango.Language, &v.mapping}, {"reduce", false, &v.reduce}} {
		switch raw := members[field.name]; {
		case raw == nil:
		case field.object && raw[0] == '{':
			*field.into = string(raw)
		case field.object:
			return v, invalid("`views.%s.%s` field must have object type", name, field.name)
		case raw[0] != '"' || json.Unmarshal(raw, field.into) != nil:
			return v, invalid("`views.%s.%s` field must have string type", name, field.name)
		}
	}
	if members["map"] == nil {
		return v, invalid("View `%s` must contain map function", name)
	}
	v.raw = string(options["collation"]) == `"raw"` // in the design document's own options it is nothing to CouchDB
	return v, nil
}

// sign makes the index's name: whatever changes a row must change it.
func (d *design) sign() string {
	type part struct {
		Name, Map, Reduce string
		Raw               bool
	}
	parts := make([]part, len(d.views))
	for i, v := range d.views {
		parts[i] = part{v.name, v.mapping, v.reduce, v.raw}
	}
	var lib bytes.Buffer
	if d.lib != nil {
		_ = json.Compact(&lib, d.lib) // valid: it was decoded out of a document
	}
	of := []any{formatVersion, d.language, d.options.LocalSeq, d.options.IncludeDesign, parts, lib.String()}
	if d.options.Partitioned != nil {
		of = append(of, d.options.Partitioned)
	}
	b, _ := json.Marshal(of)
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

// find is the number of the view of that name, or -1.
func (d *design) find(name string) int {
	return slices.IndexFunc(d.views, func(v view) bool { return v.name == name })
}
