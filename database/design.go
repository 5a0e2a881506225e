package database

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/go-kivik/kivik/v4"
)

// attempts bounds the writes of a design document that lose to other processes that start at the same time: they mostly
// write the same, which the next look finds.
const attempts = 8

// PutDesign has a design document say what want does, which names it by its member _id; one that does is not written again,
// as that would cost its indexes' followers a look.
func PutDesign(ctx context.Context, db *kivik.DB, want json.RawMessage) error {
	var err error
	for range attempts {
		if err = putDesign(ctx, db, want); kivik.HTTPStatus(err) != http.StatusConflict {
			break
		}
	}
	return err
}

func putDesign(ctx context.Context, db *kivik.DB, want json.RawMessage) error {
	var was, will map[string]any
	if err := json.Unmarshal(want, &will); err != nil {
		return fmt.Errorf("read the design document for %s: %w", db.Name(), err)
	}
	id, _ := will["_id"].(string)
	have, err := Text(ctx, db, id)
	if err != nil {
		return err
	}
	var options []kivik.Option
	if have != nil {
		if err := json.Unmarshal(have, &was); err != nil {
			return fmt.Errorf("read %s of %s: %w", id, db.Name(), err)
		}
		rev, _ := was["_rev"].(string)
		if delete(was, "_rev"); reflect.DeepEqual(was, will) {
			return nil
		}
		options = append(options, kivik.Rev(rev))
	}
	if _, err = db.Put(ctx, id, want, options...); err != nil {
		return fmt.Errorf("write %s of %s: %w", id, db.Name(), err)
	}
	return nil
}
