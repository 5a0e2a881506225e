package views

import (
	"bytes"
	"cmp"
	"slices"

	"settee/couch"
)

// walkFrom is from how many documents on their old records are read by one walk in the order of
// the ids: a look for a record that is not there asks every table that might have it.
const walkFrom = 32

// eachOld shows the record of each collected document that has one; its bytes are valid during the call.
func (b *builder) eachOld(show func(m *mapped, old []byte) error) error {
	snapshot, err := b.space.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if len(b.docs) >= walkFrom {
		return b.walkOld(snapshot, show)
	}
	for i := range b.docs {
		m := &b.docs[i]
		old, err := snapshot.Get(docKey(m.id))
		if missing(err) {
			continue
		}
		if err == nil {
			err = show(m, old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) walkOld(snapshot *couch.SpaceSnapshot, show func(m *mapped, old []byte) error) error {
	ordered := make([]*mapped, len(b.docs))
	for i := range b.docs {
		ordered[i] = &b.docs[i]
	}
	slices.SortStableFunc(ordered, func(a, b *mapped) int { return cmp.Compare(a.id, b.id) })
	prefix := docKey("")
	it, err := snapshot.Iter(prefix, after(prefix))
	if err != nil {
		return err
	}
	defer it.Close() //nolint:errcheck // its error is read below
	there := it.First()
	for _, m := range ordered {
		key := docKey(m.id)
		if there && bytes.Compare(it.Key(), key) < 0 {
			there = it.SeekGE(key)
		}
		if !there {
			break
		}
		if !bytes.Equal(it.Key(), key) {
			continue
		}
		old, err := it.Value()
		if err == nil {
			err = show(m, old)
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}
