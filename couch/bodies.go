package couch

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// bodies reads revisions of documents that come in the order of their ids. It mostly
// stands beside the next one already, where a look-up would open every table anew.
type bodies struct {
	db *DB
	r  pebble.Reader
	it *pebble.Iterator
}

func (db *DB) bodies(r pebble.Reader) (*bodies, error) {
	p := db.prefix(kindBody)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: p.key(), UpperBound: end(p[:])})
	if err != nil {
		return nil, readError(err)
	}
	return &bodies{db, r, it}, nil
}

// read gives a revision with attachment stubs. It looks for the current body first.
func (b *bodies) read(id DocID, rev Rev) (*Document, error) {
	b.db.store.meters.reads.Add(1)
	value, err := b.at(b.db.currentKey(id))
	if err == nil {
		at, body, err := splitCurrent(value)
		if err != nil || at == rev {
			return b.document(id, rev, body, err)
		}
	} else if err := b.it.Error(); err != nil { // the next seek would forget it
		return nil, readError(err)
	}
	if err == nil || err == errNoBody {
		value, err = b.at(b.db.bodyKey(id, rev))
	}
	return b.document(id, rev, value, err)
}

// at reads a copy of what a key has.
func (b *bodies) at(key []byte) ([]byte, error) {
	found := b.it.SeekGE(key)
	if err := b.it.Error(); err != nil {
		return nil, readError(err)
	}
	if !found || !bytes.Equal(b.it.Key(), key) {
		return nil, errNoBody
	}
	v, err := b.it.ValueAndErr()
	if err != nil {
		return nil, readError(err)
	}
	return bytes.Clone(v), nil
}

func (b *bodies) document(id DocID, rev Rev, record []byte, err error) (*Document, error) {
	if err != nil {
		return nil, err
	}
	body, err := readBody(record)
	if err == nil {
		err = b.db.join(b.r, &body)
	}
	if err != nil {
		return nil, err
	}
	return body.document(id, rev), nil
}

func (b *bodies) close() {
	if b != nil {
		_ = b.it.Close() // its error was told by read
	}
}
