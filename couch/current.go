package couch

import (
	"bytes"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// currentLimit is up to how many bytes a winner's body is its document's current
// one. Such a body is written again when another takes its place: beyond a block
// of a table that costs more than the look-up that it saves.
const currentLimit = 4 << 10

// currentKey is where the body of a document's winner lies while it is small. A
// plain read needs no more than that key.
func (db *DB) currentKey(id DocID) []byte { return appendClosed(db.prefix(kindBody).key(), id) }

// splitCurrent reads a current body: whose it is, and its record.
func splitCurrent(v []byte) (rev Rev, body []byte, err error) {
	c := cursor{b: v}
	if rev = c.rev(); c.bad {
		err = corrupt("current body")
	}
	return rev, c.b, err
}

// readCurrent reads the winner, where it is small.
func (db *DB) readCurrent(r pebble.Reader, id DocID) (*Document, error) {
	v, err := read(r, db.currentKey(id))
	if err != nil {
		return nil, err
	}
	db.store.meters.reads.Add(1)
	rev, v, err := splitCurrent(v)
	if err != nil {
		return nil, err
	}
	body, err := readBody(v)
	switch {
	case err != nil:
		return nil, err
	case body.deleted:
		return nil, ErrDeleted
	}
	return body.document(id, rev), nil
}

// currentRev is the revision that has its body under the current key; zero: none has.
func (db *DB) currentRev(r pebble.Reader, id DocID) (rev Rev, err error) {
	err = look(r, db.currentKey(id), func(v []byte) error {
		rev, _, err = splitCurrent(v)
		return err
	})
	if errors.Is(err, ErrMissing) {
		err = nil
	}
	return rev, err
}

// bodyValue reads a revision's body record, wherever it is. No body ever becomes
// the current one later than it was written: what is not that when it is looked
// for is under its own key, snapshot or not.
func (db *DB) bodyValue(r pebble.Reader, id DocID, rev Rev) (value []byte, err error) {
	bad := look(r, db.currentKey(id), func(v []byte) error {
		at, body, err := splitCurrent(v)
		if at == rev {
			value = bytes.Clone(body)
		}
		return err
	})
	if bad == nil && value != nil {
		return value, nil
	}
	value, err = read(r, db.bodyKey(id, rev))
	if errors.Is(err, ErrMissing) && bad != nil {
		err = bad // ErrMissing as well, or what hides it
	}
	return value, err
}

// settle puts bodies where they belong: the winner's, when it is new and small,
// under the current key, all others under keys of their own. There they stay: a
// leaf that wins because another went need not be read.
func (l *landing) settle(p *pending) error {
	r, before := &p.record, &p.before
	stays := before.current && before.winner.Rev == r.winner.Rev
	r.current = stays
	for e := p.stored; e != nil; e = e.earlier {
		l.head, l.key = l.head[:0], appendClosed(l.db.prefix(kindBody).onto(l.key[:0], ""), p.id)
		if e.rev() == r.winner.Rev && len(e.doc.Body) <= l.db.store.o.currentLimit {
			l.head, r.current = appendRev(l.head, r.winner.Rev), true
		} else {
			l.key = appendRevKey(l.key, e.rev())
		}
		l.head = appendBodyHead(l.head, e.doc.Deleted, e.pieces != nil, e.atts)
		body := e.doc.Body
		if e.pieces != nil {
			body = appendPieces(nil, e.pieces)
		}
		l.setJoined(l.key, l.head, body)
	}
	switch {
	case stays, !before.current:
		return nil
	case !r.current:
		_ = l.batch.Delete(l.db.currentKey(p.id), nil)
	}
	if !r.tree.Has(before.winner.Rev) {
		return nil
	}
	return l.moveOut(p)
}

// moveOut gives the body that was current a key of its own. One that is damaged is
// lost whether its document is edited or not.
func (l *landing) moveOut(p *pending) error {
	if p.old == nil {
		var err error
		p.old, err = read(l.db.store.pebble, l.db.currentKey(p.id))
		if err != nil && !errors.Is(err, ErrMissing) && !errors.Is(err, &Error{Kind: Internal}) {
			return err
		}
	}
	if rev, body, err := splitCurrent(p.old); err == nil && rev == p.before.winner.Rev {
		set(l.batch, l.db.bodyKey(p.id, rev), body)
	}
	return nil
}

// setJoined writes a value of two parts.
func (l *landing) setJoined(key, head, rest []byte) {
	op := l.batch.SetDeferred(len(key), len(head)+len(rest))
	copy(op.Key, key)
	copy(op.Value[copy(op.Value, head):], rest)
	_ = op.Finish()
}
