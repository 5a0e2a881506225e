package views

import (
	"encoding/json"
	"slices"
	"strings"
)

// functionFields are the members of a design document that hold functions other than
// those of views, and what CouchDB lets them be. As there they are compiled when one
// is used: a broken one harms its own users only.
var functionFields = []struct {
	name  string
	kinds []kind
	each  bool // an object whose members are functions, or objects that have them
}{
	{"filters", nil, true}, {"lists", nil, true}, {"shows", nil, true}, {"updates", nil, true},
	{"rewrites", []kind{anArray, aString}, false},
	{"validate_doc_update", []kind{aString}, false},
}

// kind is a kind of JSON, by the byte it begins with.
type kind byte

const (
	aString  kind = '"'
	anArray  kind = '['
	anObject kind = '{'
)

var kindNames = map[kind]string{aString: "string", anArray: "array", anObject: "object"}

// checkFunctions checks the kinds of functionFields.
func checkFunctions(body json.RawMessage) error {
	for _, field := range functionFields {
		raw, err := member(body, field.name)
		if err != nil {
			continue // there is none
		}
		if !field.each {
			if err := mustBe(field.name, raw, field.kinds...); err != nil {
				return err
			}
			continue
		}
		if err := mustBe(field.name, raw, anObject); err != nil {
			return err
		}
		var functions map[string]json.RawMessage
		_ = json.Unmarshal(raw, &functions) // an object that was stored is one
		for name, function := range functions {
			if err := mustBe(field.name+"."+name, function, aString, anObject); err != nil {
				return err
			}
		}
	}
	return nil
}

func mustBe(name string, raw json.RawMessage, kinds ...kind) error {
	if slices.Contains(kinds, kind(raw[0])) {
		return nil
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = kindNames[k]
	}
	return invalid("`%s` field must have %s type", name, strings.Join(names, " or "))
}
