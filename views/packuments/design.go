package packuments

import (
	"embed"
	"encoding/json"
	"path"
	"strings"
)

//go:embed js/*.js
var sources embed.FS

//go:embed guard/validate.js
var guard string

// Kept is what refuses who is no server admin and writes to the database of packuments.
const Kept = "Only server admins write packuments here: publish with npm."

// Name is the design document's name, without "_design/".
const Name = "registry"

// reduces are the views that count their rows; the others have no reduce.
var reduces = map[string]string{
	"versions": "_count", "updated": "_count", "by-maintainer": "_count", "by-keyword": "_count", "by-scope": "_count",
	"dependents": "_count", "deprecated": "_count", "install-scripts": "_count", "licences": "_count", "starred": "_count",
}

type view struct {
	Map    string `json:"map"`
	Reduce string `json:"reduce,omitempty"`
}

// DesignDoc is the design document without a revision, members in a fixed order. Guarded, it has a validate_doc_update that
// lets only server admins write, for databases where nothing else does: it costs each write a reading of the packument in
// the sandbox.
func DesignDoc(guarded bool) json.RawMessage {
	views := map[string]view{}
	files, _ := sources.ReadDir("js") // an embedded folder cannot fail
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".js")
		views[name] = view{Map: Source(name), Reduce: reduces[name]}
	}
	validate := ""
	if guarded {
		validate = strings.TrimSpace(guard)
	}
	raw, _ := json.Marshal(struct {
		ID       string          `json:"_id"`
		Language string          `json:"language"`
		Validate string          `json:"validate_doc_update,omitempty"`
		Views    map[string]view `json:"views"`
	}{"_design/" + Name, "javascript", validate, views}) // strings only: it cannot fail
	return raw
}

// Source is the JavaScript of a view's map function, "" for an unknown view.
func Source(view string) string {
	b, err := sources.ReadFile(path.Join("js", view+".js"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
