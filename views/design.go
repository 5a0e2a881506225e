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
)

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
	LocalSeq      bool            `json:"local_seq"`
	IncludeDesign bool            `json:"include_design"`
	Collation     string          `json:"collation"`
	Partitioned   json.RawMessage `json:"partitioned"` // true or false; nil: as the database is
}

func invalid(format string, args ...any) error {
	return &couch.Error{Kind: couch.InvalidDesignDoc, Reason: fmt.Sprintf(format, args...)}
}

// parseDesign reads a design document's body.
func parseDesign(body []byte) (*design, error) {
	var doc struct {
		Language, Views, Options json.RawMessage
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, invalid("Document must be a JSON object")
	}
	d := &design{language: javascript}
	for _, field := range []struct {
		name, kind string
		raw        json.RawMessage
		into       any
	}{{"language", "string", doc.Language, &d.language}, {"options", "object", doc.Options, &d.options}} {
		if field.raw != nil && (json.Unmarshal(field.raw, field.into) != nil || string(field.raw) == "null") {
			return nil, invalid("`%s` field must have %s type", field.name, field.kind)
		}
	}
	if p := string(d.options.Partitioned); p != "" && p != "true" && p != "false" {
		return nil, invalid("`options.partitioned` field must have boolean type")
	}
	views := map[string]json.RawMessage{}
	if doc.Views != nil && (json.Unmarshal(doc.Views, &views) != nil || views == nil) {
		return nil, invalid("`views` field must have object type")
	}
	for name, raw := range views {
		if name == "lib" {
			d.lib = raw
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

func (d *design) parseView(name string, raw json.RawMessage) (view, error) {
	v := view{name: name}
	var members struct {
		Map, Reduce json.RawMessage
		Options     struct{ Collation string }
	}
	if len(raw) == 0 || raw[0] != '{' {
		return v, invalid("`views.%s` field must have object type", name)
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		return v, invalid("`views.%s.options` field must have object type", name)
	}
	for _, field := range []struct {
		name string
		raw  json.RawMessage
		into *string
	}{{"map", members.Map, &v.mapping}, {"reduce", members.Reduce, &v.reduce}} {
		if field.raw == nil || json.Unmarshal(field.raw, field.into) == nil && field.raw[0] == '"' {
			continue
		}
		if d.language == javascript {
			return v, invalid("`views.%s.%s` field must have string type", name, field.name)
		}
		*field.into = string(field.raw)
	}
	if d.language == javascript && members.Map == nil {
		return v, invalid("`views.%s.map` field must exist", name)
	}
	v.raw = cmp.Or(members.Options.Collation, d.options.Collation) == "raw"
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
