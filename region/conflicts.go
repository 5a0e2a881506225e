package region

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/replicate"
)

// oldest resolves conflicts of a database whose documents belong to who made them first.
type oldest struct{ db *kivik.DB }

// A claim is one leaf of such a document.
type claim struct {
	rev     string
	created string
}

// resolve handles a change of replicate.Follower with Conflicts: all leaves but one are closed. Their
// tombstones hang on nothing but the leaf, so that each region writes the same ones.
func (o oldest) resolve(ctx context.Context, c replicate.Change) error {
	if len(c.Revs) < 2 || strings.HasPrefix(c.ID, "_") {
		return nil
	}
	claims, err := o.claims(ctx, c.ID)
	if err != nil || len(claims) < 2 {
		return err
	}
	kept := first(claims)
	for _, one := range claims {
		if one.rev == kept.rev {
			continue
		}
		_, err := o.db.Delete(ctx, c.ID, one.rev)
		if status := kivik.HTTPStatus(err); err != nil && status != http.StatusConflict && status != http.StatusNotFound {
			return fmt.Errorf("close a leaf of %s: %w", c.ID, err)
		}
	}
	return nil
}

// claims reads the live leaves, the winner first.
func (o oldest) claims(ctx context.Context, id string) ([]claim, error) {
	var winner struct {
		Rev       string   `json:"_rev"`
		Conflicts []string `json:"_conflicts"`
	}
	if err := o.db.Get(ctx, id, kivik.Param("conflicts", true)).ScanDoc(&winner); err != nil {
		return nil, absentIsNil(err)
	}
	var claims []claim
	for _, rev := range slices.Insert(winner.Conflicts, 0, winner.Rev) {
		var doc json.RawMessage
		if err := o.db.Get(ctx, id, kivik.Rev(rev)).ScanDoc(&doc); err != nil {
			return nil, absentIsNil(err) // it changed meanwhile: the next change brings us back
		}
		var leaf struct {
			Created string `json:"created"`
		}
		_ = json.Unmarshal(doc, &leaf) // of another type it is none
		claims = append(claims, claim{rev, leaf.Created})
	}
	return claims, nil
}

func absentIsNil(err error) error {
	if kivik.HTTPStatus(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// first is the claim that holds: the oldest one; of several, or where none says when it
// was made, the one that stands first, which is CouchDB's winner.
func first(claims []claim) claim {
	kept := claims[0]
	for _, c := range claims[1:] {
		if c.created != "" && (kept.created == "" || c.created < kept.created) {
			kept = c
		}
	}
	return kept
}
