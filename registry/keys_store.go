package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/database"
	"settee/provenance"
)

// SigningDatabase holds the keys that sign versions. Server admins alone read it.
const SigningDatabase = "signing"

// overlap is how long a key that was rotated still signs well: as long as a region may be cut off, or its clock
// be behind, that has not heard of the new one.
const overlap = 24 * time.Hour

// Keys are the keys of a registry, as documents of SigningDatabase.
type Keys struct{ db *kivik.DB }

// OpenKeys makes the database where it is missing.
func OpenKeys(ctx context.Context, client *kivik.Client) (*Keys, error) {
	if err := database.Private(ctx, client, SigningDatabase); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return &Keys{client.DB(SigningDatabase)}, nil
}

// keyDoc is a key's document; its id is the key's.
type keyDoc struct {
	ID      string     `json:"_id"`
	Rev     string     `json:"_rev,omitempty"`
	Type    string     `json:"type"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Public  string     `json:"public"`
	Private string     `json:"private,omitempty"` // none of another registry's

	Conflicts []string `json:"_conflicts,omitempty"` // leaves that two regions wrote at once
}

func (d *keyDoc) key() (k *provenance.Key, err error) {
	if d.Private != "" {
		k, err = provenance.ParsePrivate(d.Private)
	} else {
		k, err = provenance.ParsePublic(d.ID, d.Public)
	}
	if err != nil {
		return nil, err
	}
	if k.ID != d.ID {
		return nil, errors.New("it is another key's")
	}
	k.Created, k.Revoked = d.Created, d.Revoked != nil
	if d.Expires != nil {
		k.Expires = *d.Expires
	}
	return k, nil
}

// All are the keys, the oldest first, and the documents that are none.
func (s *Keys) All(ctx context.Context) (keys []*provenance.Key, spoilt map[string]error, err error) {
	docs, err := s.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	spoilt = map[string]error{}
	for _, d := range docs {
		if err := s.tighten(ctx, d); err != nil {
			return nil, nil, err
		}
		k, err := d.key()
		if err != nil {
			spoilt[d.ID] = err
			continue
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *provenance.Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return keys, spoilt, nil
}

func (s *Keys) read(ctx context.Context) (docs []*keyDoc, err error) {
	rows := s.db.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "conflicts": true}))
	defer rows.Close()
	for rows.Next() {
		id, _ := rows.ID()
		d := &keyDoc{}
		if rows.ScanDoc(d) != nil {
			d = &keyDoc{ID: id, Type: "key"} // spoilt, as its key will say
		}
		if d.Type == "key" {
			docs = append(docs, d)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("registry: read the keys: %w", err)
	}
	return docs, nil
}

// tighten has a key end where any region says so.
func (s *Keys) tighten(ctx context.Context, d *keyDoc) error {
	for _, rev := range d.Conflicts {
		var o keyDoc
		if err := s.db.Get(ctx, d.ID, kivik.Rev(rev)).ScanDoc(&o); err != nil {
			return fmt.Errorf("registry: read the key %s: %w", d.ID, err)
		}
		if d.Revoked == nil {
			d.Revoked = o.Revoked
		}
		if o.Expires != nil && (d.Expires == nil || o.Expires.Before(*d.Expires)) {
			d.Expires = o.Expires
		}
	}
	return nil
}

// Make makes a key that signs from now on.
func (s *Keys) Make(ctx context.Context, now time.Time) (*provenance.Key, error) {
	k, err := provenance.NewKey(now)
	if err != nil {
		return nil, err
	}
	return k, s.put(ctx, &keyDoc{ID: k.ID, Type: "key", Created: now.UTC().Truncate(time.Millisecond), Public: k.Public(), Private: k.Private()})
}

// Rotate makes a key, and lets those before it end soon.
func (s *Keys) Rotate(ctx context.Context, now time.Time) (*provenance.Key, error) {
	k, err := s.Make(ctx, now)
	if err != nil {
		return nil, err
	}
	end := now.Add(overlap).UTC().Truncate(time.Millisecond)
	return k, s.each(ctx, func(d *keyDoc) bool {
		ends := d.ID != k.ID && d.Private != "" && d.Revoked == nil && (d.Expires == nil || d.Expires.After(end))
		if ends {
			d.Expires = &end
		}
		return ends
	})
}

// Revoke ends a key for good: what it signed is signed anew by another, which must be there.
func (s *Keys) Revoke(ctx context.Context, id string, now time.Time) error {
	keys, _, err := s.All(ctx)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(keys, func(k *provenance.Key) bool { return k.ID == id })
	if !known {
		return fmt.Errorf("there is no key %s", id)
	}
	if !slices.ContainsFunc(keys, func(k *provenance.Key) bool { return k.ID != id && k.Signs(now) && k.Expires.IsZero() }) {
		return errors.New("no other key could take its place: rotate first")
	}
	return s.each(ctx, func(d *keyDoc) bool {
		if d.ID != id || d.Revoked != nil {
			return false
		}
		at := now.UTC().Truncate(time.Millisecond)
		d.Revoked, d.Private = &at, "" // it must sign nothing any more
		return true
	})
}

// Import takes in the public half of another registry's key, whose signatures packages from there have.
func (s *Keys) Import(ctx context.Context, id, public string, expires, now time.Time) error {
	k, err := provenance.ParsePublic(id, public)
	if err != nil {
		return err
	}
	d := &keyDoc{ID: k.ID, Type: "key", Created: now.UTC().Truncate(time.Millisecond), Public: public}
	if !expires.IsZero() {
		d.Expires = &expires
	}
	if err := s.put(ctx, d); !conflict(err) {
		return err
	}
	return s.edit(ctx, d.ID, func(was *keyDoc) bool { // it is there already, and may end now
		changed := was.Private == "" && was.Public == public && !sameMoment(was.Expires, d.Expires)
		was.Expires = d.Expires
		return changed
	})
}

func sameMoment(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// each lets change edit every key's document, and writes those that it has changed.
func (s *Keys) each(ctx context.Context, change func(*keyDoc) (changed bool)) error {
	keys, _, err := s.All(ctx)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := s.edit(ctx, k.ID, change); err != nil {
			return err
		}
	}
	return nil
}

func (s *Keys) edit(ctx context.Context, id string, change func(*keyDoc) bool) error {
	for attempt := 0; ; attempt++ {
		var d keyDoc
		if err := s.db.Get(ctx, id).ScanDoc(&d); err != nil {
			return fmt.Errorf("registry: read the key %s: %w", id, err)
		}
		if !change(&d) {
			return nil
		}
		if err := s.put(ctx, &d); !conflict(err) || attempt >= writeAttempts {
			return err
		}
	}
}

func (s *Keys) put(ctx context.Context, d *keyDoc) error {
	d.Conflicts = nil
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	var options []kivik.Option
	if d.Rev != "" {
		options = append(options, kivik.Rev(d.Rev))
	}
	if _, err := s.db.Put(ctx, d.ID, json.RawMessage(raw), options...); err != nil {
		return fmt.Errorf("registry: write the key %s: %w", d.ID, err)
	}
	return nil
}
