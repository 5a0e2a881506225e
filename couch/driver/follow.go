package driver

import (
	"errors"
	"io"

	"settee/couch"
)

// Follow is for options of Put whose Apply finds this method in its target: the document is text, and the bytes
// of its attachments that follow ("follows", as in multipart/related) are what next gives, in the order in which text
// names them and as they are to be stored. The engine reads them as it stores them, so that none is held in
// memory; what Put was given as document is not looked at.
func (o *options) Follow(text []byte, next func() (io.Reader, error)) {
	o.follow = &followed{text, next}
}

type followed struct {
	text []byte
	next func() (io.Reader, error)
}

// A pending document may not be stored before Ready has returned; its text, which nobody changes
// any more, can be read, and its revision computed, meanwhile.
type pending interface {
	Text() []byte
	Ready() error
}

// document is the document to put under an id.
func (o *options) document(c *couch.DB, id couch.DocID, doc any) (*couch.Document, error) {
	if p, ok := doc.(pending); ok && o.follow == nil {
		o.ready = p.Ready
		return c.Parse(id, p.Text(), true)
	}
	if o.follow == nil {
		raw, err := encodeDocument(doc)
		if err != nil {
			return nil, err
		}
		return c.Parse(id, raw, false)
	}
	in, err := couch.ParseDocument(o.follow.text)
	if err != nil {
		return nil, err
	}
	for i := range in.Attachments {
		if a := in.Attachments[i]; a.Follows {
			if a.Length < 0 && a.Encoded <= 0 {
				return nil, errUnknown // CouchDB does not take it either, and it need not have an end
			}
			in.Attachments[i].Body = &follower{next: o.follow.next}
		}
	}
	return in, nil
}

// A follower takes its bytes when it is first read, so the engine must read attachments in their order.
type follower struct {
	next func() (io.Reader, error)
	r    io.Reader
}

func (f *follower) Read(b []byte) (int, error) {
	if f.r == nil {
		r, err := f.next()
		if err == io.EOF {
			err = errFewer
		}
		if err != nil {
			return 0, err
		}
		f.r = r
	}
	return f.r.Read(b)
}

var errUnknown = &couch.Error{Kind: couch.BadRequest, Reason: "the length of an attachment that follows is not told"}

var errFewer = &couch.Error{Kind: couch.BadRequest, Reason: "attachment shorter than expected", Err: errors.New("fewer attachments follow than the document names")}
