package couch

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// AttachmentReader is an attachment's stored bytes, to be closed.
type AttachmentReader struct {
	Attachment
	io.ReadSeekCloser
}

// stub describes a stored attachment, its encoding included.
func (a *storedAtt) stub() Attachment {
	out := Attachment{Name: a.name, ContentType: a.contentType, RevPos: a.revpos, Length: a.length,
		Digest: "md5-" + base64.StdEncoding.EncodeToString(a.md5[:md5.Size]), Stub: true}
	return out
}

func (a *storedAtt) encoded() Attachment {
	out := a.stub()
	if a.gzip {
		out.Encoding, out.Encoded = "gzip", a.stored
	}
	return out
}

// fill gives the attachments of a document their bytes, or marks them, where they are asked for.
func (db *DB) fill(ctx context.Context, r pebble.Reader, doc *Document, atts []storedAtt, since uint64, o GetOptions) error {
	for i := range atts {
		out := &doc.Attachments[i]
		if o.AttEncodingInfo {
			*out = atts[i].encoded()
		}
		wanted := o.Attachments || o.Follows || o.AttsSince != nil
		if !wanted || (len(o.AttsSince) > 0 && atts[i].revpos <= since) {
			continue
		}
		if o.Follows {
			out.Follows, out.Stub = true, false
			continue
		}
		data, err := db.bytesOf(ctx, r, &atts[i])
		if err != nil {
			return err
		}
		out.Data, out.Stub = data, false
	}
	return nil
}

// bytesOf reads an attachment whole, decoded.
func (db *DB) bytesOf(ctx context.Context, r pebble.Reader, a *storedAtt) ([]byte, error) {
	f := db.file(ctx, r, a)
	defer f.Close() //nolint:errcheck // it was read to its end
	data := make([]byte, a.stored)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, lost(a, err)
	}
	if !a.gzip {
		return data, nil
	}
	data, err := unzip(data)
	if err != nil {
		return nil, lost(a, err)
	}
	return data, nil
}

func lost(a *storedAtt, err error) error {
	return &Error{Kind: Internal, Reason: "The bytes of attachment " + a.name + " could not be read.", Err: err}
}

// Attachment opens an attachment of a revision (zero: the winner). ID and rev of the document are returned too.
func (db *DB) Attachment(ctx context.Context, id DocID, rev Rev, name string) (*AttachmentReader, Rev, error) {
	if err := db.enter(); err != nil {
		return nil, Rev{}, err
	}
	snap := db.store.pebble.NewSnapshot()
	a, rev, err := db.findAttachment(snap, id, rev, name)
	if err != nil {
		_ = snap.Close()
		db.leave()
		return nil, Rev{}, err
	}
	f := db.file(ctx, snap, a)
	f.release = func() {
		_ = snap.Close()
		db.leave()
	}
	return &AttachmentReader{a.encoded(), f}, rev, nil
}

func (db *DB) findAttachment(r pebble.Reader, id DocID, rev Rev, name string) (*storedAtt, Rev, error) {
	rev, body, err := db.revision(r, id, rev)
	if err != nil {
		return nil, rev, err
	}
	for i := range body.atts {
		if body.atts[i].name == name {
			return &body.atts[i], rev, nil
		}
	}
	return nil, rev, ErrNoAttachment
}

// file reads the stored bytes of an attachment from wherever they are. It is
// not safe for concurrent use.
type file struct {
	ctx     context.Context
	db      *DB
	reader  pebble.Reader
	att     *storedAtt
	at      int64
	open    io.ReadCloser // a part of the bytes, from at on; nil: not opened yet
	release func()
}

func (db *DB) file(ctx context.Context, r pebble.Reader, a *storedAtt) *file {
	return &file{ctx: ctx, db: db, reader: r, att: a}
}

func (f *file) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if f.at >= f.att.stored {
			return 0, io.EOF
		}
		if f.open == nil {
			if err := f.openAt(); err != nil {
				return 0, err
			}
		}
		n, err := f.open.Read(p)
		f.at += int64(n)
		if err != nil {
			_ = f.open.Close()
			f.open = nil
		}
		if n > 0 {
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if err != nil && len(f.att.locator) == sha512.Size {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return 0, nil
}

func (f *file) openAt() (err error) {
	if len(f.att.locator) == sha512.Size {
		if f.db.store.o.Blobs == nil {
			return &Error{Kind: Internal, Reason: "The store was opened without its blobs."}
		}
		f.open, err = f.db.store.o.Blobs.Read(f.ctx, [64]byte([]byte(f.att.locator)), f.at, -1)
		return err
	}
	chunk, err := read(f.reader, f.db.chunkKey(f.att.locator, int(f.at/chunkSize)))
	if err != nil {
		return err
	}
	skip := f.at % chunkSize
	if skip >= int64(len(chunk)) {
		return io.ErrUnexpectedEOF
	}
	f.open = io.NopCloser(bytes.NewReader(chunk[skip:]))
	return nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.att.stored
	}
	if offset < 0 {
		return f.at, errors.New("couch: seek before the start of an attachment")
	}
	if f.at = offset; f.open != nil {
		_ = f.open.Close()
		f.open = nil
	}
	return offset, nil
}

func (f *file) Close() (err error) {
	if f.open != nil {
		err = f.open.Close()
		f.open = nil
	}
	if f.release != nil {
		f.release()
		f.release = nil
	}
	return err
}
