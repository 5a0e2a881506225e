package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/replicate"
)

// withLeaves makes a read tell the other leaves of a document.
var withLeaves = kivik.Params(map[string]any{"conflicts": true, "deleted_conflicts": true})

// Resolve handles a change of the packuments' database, of a replicate.Follower with
// Conflicts: a package that was written apart gets its merged packument as the child of the
// winner, and the other leaves are closed. Every region does so by itself.
func (r *Registry) Resolve(ctx context.Context, c replicate.Change) error {
	if len(c.Revs) < 2 || strings.HasPrefix(c.ID, "_") {
		return nil
	}
	return r.ResolvePackage(ctx, PackageName(c.ID))
}

// ResolvePackage is Resolve of one package, which need not be in conflict.
func (r *Registry) ResolvePackage(ctx context.Context, name PackageName) error {
	unlock, err := r.cache.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return r.settle(context.WithoutCancel(ctx), name)
}

// settle resolves the conflict of a package whose turn to be written the caller has.
func (r *Registry) settle(ctx context.Context, name PackageName) error {
	for range writeAttempts {
		again, err := r.settleOnce(ctx, name)
		if err != nil {
			return fmt.Errorf("registry: resolve %s: %w", name, err)
		}
		if !again {
			return nil
		}
	}
	return fmt.Errorf("registry: resolve %s: others write it all the time", name)
}

// settleOnce writes the merge of the leaves there are; again where one of them was
// followed meanwhile. No revision is written where the winner says it all already, so two
// regions whose databases count revisions differently do not answer each other for ever.
func (r *Registry) settleOnce(ctx context.Context, name PackageName) (again bool, err error) {
	winner, leaves, err := r.leaves(ctx, name)
	if err != nil || len(leaves) < 2 {
		return false, err
	}
	merged, losses, err := Merge(leaves...)
	if err != nil {
		return false, err
	}
	if err := r.record(ctx, losses); err != nil {
		return false, err
	}
	if next := parsePackument(name, merged); !next.same(winner) {
		_, err := r.db.Put(ctx, string(name), json.RawMessage(merged), kivik.Rev(winner.rev))
		if err != nil {
			return conflict(err), unlessConflict(err)
		}
		r.tell(losses, winner)
	}
	for _, rev := range winner.conflicts {
		if _, err := r.db.Delete(ctx, string(name), rev); err != nil && !notFound(err) {
			if !conflict(err) {
				return false, err
			}
			again = true
		}
	}
	r.cache.forget(name)
	return again, nil
}

func unlessConflict(err error) error {
	if conflict(err) {
		return nil
	}
	return err
}

// leaves reads the live leaves of a package's document, the winner first; none where
// there is no document.
func (r *Registry) leaves(ctx context.Context, name PackageName) (winner *packument, leaves []Leaf, err error) {
	for range writeAttempts {
		raw, err := database.Text(ctx, r.db, string(name), withLeaves)
		if raw == nil {
			return nil, nil, err
		}
		winner = parsePackument(name, raw)
		leaves = []Leaf{{Rev: winner.rev, Body: raw}}
		for _, rev := range winner.conflicts {
			body, err := database.Text(ctx, r.db, string(name), kivik.Rev(rev))
			if err != nil {
				return nil, nil, err
			}
			if body == nil {
				break // closed and compacted meanwhile
			}
			leaves = append(leaves, Leaf{Rev: rev, Body: body})
		}
		if len(leaves) == 1+len(winner.conflicts) {
			return winner, leaves, nil
		}
	}
	return nil, nil, fmt.Errorf("registry: read %s: its revisions come and go", name)
}

// load reads a packument; nil where there is none. Of one in conflict it is the merge of
// all leaves, under the winner's revision: what was acknowledged is seen at once, and what
// lost its number is not.
func (r *Registry) load(ctx context.Context, name PackageName) (*packument, error) {
	winner, leaves, err := r.leaves(ctx, name)
	if winner == nil {
		return nil, err
	}
	if len(leaves) == 1 {
		winner.losses = winner.findLosses()
		return winner, nil
	}
	raw, losses, err := Merge(leaves...)
	if err != nil {
		return nil, err
	}
	p := parsePackument(name, raw)
	p.rev, p.conflicts, p.closed, p.losses = winner.rev, winner.conflicts, winner.closed, losses
	return p, nil
}
