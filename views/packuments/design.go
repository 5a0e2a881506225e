package packuments

import (
	"embed"
	"encoding/json"
	"path"
	"strings"
)

//go:embed js/*.js
var sources embed.FS

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

// DesignDoc is the design document without a revision, members in a fixed order.
func DesignDoc() json.RawMessage {
	views := map[string]view{}
	files, _ := sources.ReadDir("js") // an embedded folder cannot fail
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".js")
		views[name] = view{Map: Source(name), Reduce: reduces[name]}
	}
	raw, _ := json.Marshal(struct {
		ID       string          `json:"_id"`
		Language string          `json:"language"`
		Views    map[string]view `json:"views"`
	}{"_design/" + Name, "javascript", views}) // strings only: it cannot fail
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
