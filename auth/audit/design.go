package audit

import (
	"context"
	"encoding/json"
	"strings"

	"settee/database"

	"github.com/go-kivik/kivik/v4"
)

// designID is the document of the index that Query reads.
const designID = "_design/" + Database

// sources are the views of the index. Each is sorted by time; rows have no value.
var sources = map[string]string{
	"time":    `function (doc) { if (doc.type === "entry") emit(doc.at, null); }`,
	"user":    `function (doc) { if (doc.type === "entry") { if (doc.by) emit([doc.by, doc.at], null); if (doc.on && doc.on !== doc.by) emit([doc.on, doc.at], null); } }`,
	"act":     `function (doc) { if (doc.type === "entry") { emit([doc.act, doc.at], null); var dot = doc.act.indexOf("."); if (dot > 0) emit([doc.act.slice(0, dot), doc.at], null); } }`,
	"package": `function (doc) { if (doc.type === "entry" && doc.package) emit([doc.package, doc.at], null); }`,
}

// design is the design document.
func design() object {
	all := object{}
	for name, source := range sources {
		all[name] = object{"map": source}
	}
	return object{"_id": designID, "language": "javascript", "views": all}
}

// prepare makes the database, for server admins only, and its index.
func prepare(ctx context.Context, db *kivik.DB) error {
	if err := database.Private(ctx, db.Client(), db.Name()); err != nil {
		return err
	}
	return database.PutDesign(ctx, db, json.RawMessage(design().canonical(nil)))
}

// readDesign is the sum of the design document that is there, "" of one that is none of ours.
func readDesign(ctx context.Context, db *kivik.DB) (sum, rev string, err error) {
	raw, err := database.Text(ctx, db, designID)
	if raw == nil || err != nil {
		return "", "", err
	}
	var is struct {
		Rev string `json:"_rev"`
	}
	if err := json.Unmarshal(raw, &is); err != nil {
		return "", "", err
	}
	if o, err := parse(raw); err == nil {
		sum = o.sum()
	}
	return sum, is.Rev, nil
}

// cutRecord reads the id of a record that no chain has: what it is of, and the rest.
func cutRecord(id string) (kind, rest string, ok bool) {
	rest, ok = strings.CutPrefix(id, "conflict:")
	return "conflict:", rest, ok
}
