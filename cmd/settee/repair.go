package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"settee/couch"
	"settee/views"
)

// checkDocuments proves the documents and the indexes, and mends them where that is wanted.
func checkDocuments(ctx context.Context, data string, store *couch.Store, mend bool, found func(string, ...any), tell func(done, total int64),
) (report couch.CheckReport, mended []string, err error) {
	if mend {
		aside := &asideFile{folder: data}
		var r couch.RepairReport
		r, err = store.Repair(ctx, aside.keep, tell)
		report, mended, err = r.CheckReport, r.Mended, errors.Join(err, aside.close())
		if aside.count > 0 {
			mended = append(mended, fmt.Sprintf("%d records that were set aside are in %s", aside.count, aside.name))
		}
	} else {
		report, err = store.Check(ctx, tell)
	}
	for _, text := range report.Problems {
		found("%s", text)
	}
	if err != nil {
		return report, mended, err
	}
	dropped, err := checkIndexes(ctx, store, mend, found)
	return report, append(mended, dropped...), err
}

// checkIndexes proves the indexes of all databases; one that is damaged is
// dropped where that is wanted, to be built anew.
func checkIndexes(ctx context.Context, store *couch.Store, mend bool, found func(string, ...any)) (dropped []string, err error) {
	names, err := store.Databases(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		db, err := store.DB(name)
		if errors.Is(err, &couch.Error{Kind: couch.Internal}) {
			continue // it was told of
		}
		if err != nil {
			return dropped, err
		}
		var failed error
		if err := views.Check(ctx, db, func(space string, damage error) {
			if !mend {
				found("%s: index %s: %v", name, space, damage)
				return
			}
			failed = errors.Join(failed, db.Space(space).Drop(ctx))
			dropped = append(dropped, fmt.Sprintf("%s: index %s: %v: dropped, it is built anew when asked for", name, space, damage))
		}); err != nil {
			return dropped, err
		}
		if failed != nil {
			return dropped, failed
		}
	}
	return dropped, nil
}

// asideFile keeps what a repair takes out of a store: a line of JSON each, key
// and value in base64. It is made when the first comes.
type asideFile struct {
	folder, name string
	file         *os.File
	count        int
}

func (a *asideFile) keep(s couch.SetAside) error {
	if a.file == nil {
		a.name = filepath.Join(a.folder, "set-aside-"+time.Now().UTC().Format("20060102T150405Z")+".jsonl")
		f, err := os.OpenFile(a.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		a.file = f
	}
	line, err := json.Marshal(struct {
		Database string `json:"database"`
		Key      []byte `json:"key"`
		Value    []byte `json:"value"`
	}{s.Database, s.Key, s.Value})
	if err != nil {
		return err
	}
	if _, err := a.file.Write(append(line, '\n')); err != nil {
		return err
	}
	a.count++
	return a.file.Sync()
}

func (a *asideFile) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
