package couch

import "github.com/cespare/xxhash/v2"

// digests is a set of attachments and of pieces of bodies. It keeps eight bytes of each, so that a
// million take some 20 MB; two that share them are one, of which the worst is
// that garbage stays.
type digests map[uint64]struct{}

// add tells whether the set had it not.
func (d digests) add(locator string) (fresh bool) {
	before := len(d)
	d[xxhash.Sum64String(locator)] = struct{}{}
	return len(d) > before
}

// of adds the attachments and the pieces of a body record.
func (d digests) of(record []byte) error {
	body, err := readBody(record)
	for i := range body.atts {
		d.add(body.atts[i].locator)
	}
	for _, each := range body.pieces {
		d.add(each.locator)
	}
	return err
}

func (d digests) has(locator []byte) bool {
	_, ok := d[xxhash.Sum64(locator)]
	return ok
}
