package main

import (
	"context"
	"encoding/json"
	"errors"

	"settee/couch"
	"settee/registry"
)

// packument is what check needs of one.
type packument struct {
	Versions map[string]struct{ Dist struct{ Integrity string } }
}

// eachPackument walks the registry's documents; one that cannot be read has an error.
func eachPackument(ctx context.Context, store *couch.Store, tell func(done, total int64), look func(name string, p packument, err error)) error {
	db, err := store.DB(registry.Database)
	if errors.Is(err, couch.ErrNoDatabase) {
		return nil // a server that has served no npm yet
	}
	if err != nil {
		return err
	}
	info, err := db.Info(ctx)
	if err != nil {
		return err
	}
	rows, err := db.AllDocs(ctx, couch.AllDocsOptions{Limit: -1, IncludeDocs: true})
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // read to the end
	for done := int64(1); rows.Next(); done++ {
		row := rows.Row()
		if row.ID.IsDesign() || row.Doc == nil {
			continue
		}
		var p packument
		err := json.Unmarshal(row.Doc.Body, &p)
		look(string(row.ID), p, err)
		tell(done, info.Docs)
	}
	return rows.Err()
}
