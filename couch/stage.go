package couch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	kgzip "github.com/klauspost/compress/gzip"
)

// chunkSize splits an attachment that stays in Pebble for want of a blob store.
const chunkSize = 1 << 20

// staged is an attachment whose bytes are read, hashed and, when large, stored.
type staged struct {
	storedAtt
	inline []byte // the bytes that still have to be written; nil for a blob
}

// stage reads an attachment's bytes once: those that stay small are kept for
// the document's batch, the rest streams to the blob store.
func (db *DB) stage(ctx context.Context, a *Attachment) (staged, error) {
	out := staged{storedAtt: storedAtt{attDigest: attDigest{name: a.Name, contentType: a.ContentType}, revpos: a.RevPos}}
	if out.contentType == "" {
		out.contentType = "application/octet-stream"
	}
	encoded := a.Follows && a.Encoding == "gzip" // inline data is decoded, whatever is said of its source
	raw := &meter{r: a.Body, most: a.arriving(encoded)}
	if !a.Follows {
		raw.r = bytes.NewReader(a.Data)
	}
	source := io.Reader(raw)
	packing := db.store.packing.Load()
	out.gzip = encoded || packing.wants(out.contentType)
	sum := md5.New()
	arrived := sum // of the bytes before they are compressed here
	if out.gzip && !encoded {
		if a.Follows && a.Digest != "" {
			arrived = md5.New()
			source = io.TeeReader(raw, arrived)
		}
		zipped := packing.pack(source)
		defer zipped.Close() //nolint:errcheck // it stops the compressor when the reader gave up
		source = zipped
	}
	stored := &meter{r: io.TeeReader(source, sum), most: -1}
	if err := db.place(ctx, stored, &out); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return out, e
		}
		return out, &Error{Kind: BadRequest, Reason: "Attachment " + a.Name + " could not be read.", Err: err}
	}
	sum.Sum(out.md5[:0])
	out.stored, out.length = stored.n, raw.n
	if raw.n < raw.most {
		return out, &Error{Kind: BadRequest, Reason: "attachment shorter than expected"}
	}
	if a.Follows && !a.hasDigest(arrived.Sum(nil), out.md5[:]) {
		return out, &Error{Kind: DigestMismatch, Reason: "Possible message corruption."}
	}
	if !encoded {
		return out, nil
	}
	var err error
	if out.length, err = db.unzipped(ctx, &out); err != nil {
		return out, &Error{Kind: BadRequest, Reason: "Attachment " + a.Name + " is not gzip, as its encoding says.", Err: err}
	}
	return out, nil
}

// unzipped is the length of what came compressed. A sender's word for it would
// be passed on for ever, and one that streams has none.
func (db *DB) unzipped(ctx context.Context, s *staged) (int64, error) {
	from := io.NopCloser(bytes.NewReader(s.inline))
	if s.inline == nil {
		var err error
		if from, err = db.store.o.Blobs.Read(ctx, [64]byte([]byte(s.locator)), 0, -1); err != nil {
			return 0, err
		}
	}
	defer from.Close() //nolint:errcheck // it was only read
	z, err := kgzip.NewReader(from)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, z)
}

// place puts the stored form of an attachment where it belongs.
func (db *DB) place(ctx context.Context, r io.Reader, out *staged) error {
	limit := db.store.o.InlineLimit
	if db.store.o.Blobs == nil {
		limit = 1<<63 - 2
	}
	head, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return err
	}
	if int64(len(head)) <= limit {
		key := sha256.Sum256(head)
		out.inline, out.locator = head, string(key[:])
		return nil
	}
	digest, _, err := db.store.o.Blobs.Write(ctx, io.MultiReader(bytes.NewReader(head), r))
	out.locator = string(digest[:])
	if isFull(err) {
		return fullError(err)
	}
	return err
}

// arriving is how many bytes are said to come; < 0: nobody says.
func (a *Attachment) arriving(encoded bool) int64 {
	switch {
	case !a.Follows:
		return -1
	case encoded:
		return a.Encoded
	}
	return a.Length
}

// hasDigest reports whether bytes have the digest that their sender says, if it
// says one: of what arrived, or of what is stored, as other stores tell it.
func (a *Attachment) hasDigest(arrived, stored []byte) bool {
	want, ok := strings.CutPrefix(a.Digest, "md5-")
	return !ok || want == base64.StdEncoding.EncodeToString(arrived) || want == base64.StdEncoding.EncodeToString(stored)
}

// meter counts what is read, and reads no more than most where that is not less than 0: a sender that has no
// end would fill the disk.
type meter struct {
	r    io.Reader
	n    int64
	most int64
}

func (m *meter) Read(p []byte) (int, error) {
	if m.r == nil {
		return 0, io.EOF
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.most >= 0 && m.n > m.most {
		return n, &Error{Kind: BadRequest, Reason: "attachment longer than expected"}
	}
	return n, err
}

func unzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// chunkKey is where a part of an attachment's bytes lies.
func (db *DB) chunkKey(locator string, n int) []byte {
	return binary.BigEndian.AppendUint32(db.prefix(kindAtt).key(locator), uint32(n))
}

// attachmentsOf settles what the attachments of a new revision are: new bytes
// are staged, stubs are found in the revision before.
func (db *DB) attachmentsOf(ctx context.Context, e *edit) error {
	doc := e.doc
	if len(doc.Attachments) == 0 {
		return nil
	}
	before := doc.kept
	seen := map[string]bool{}
	for i := range doc.Attachments {
		a := &doc.Attachments[i]
		if err := a.checkName(); err != nil {
			return err
		}
		if seen[a.Name] {
			return &Error{Kind: BadRequest, Reason: fmt.Sprintf("Duplicate attachment %q", a.Name)}
		}
		seen[a.Name] = true
		if a.Stub {
			if before == nil {
				var err error
				if before, err = db.attachmentsBefore(e); err != nil {
					return err
				}
			}
			kept, ok := findStub(before, a)
			if !ok {
				return missingStub(e, a.Name)
			}
			if doc.kept != nil {
				kept.revpos = e.pos()
			}
			e.atts = append(e.atts, staged{storedAtt: kept})
			continue
		}
		s, err := db.stage(ctx, a)
		if err != nil {
			return err
		}
		if pos := e.pos(); !e.replicated || s.revpos == 0 || s.revpos > pos {
			s.revpos = pos
		}
		e.atts = append(e.atts, s)
	}
	return nil
}

func missingStub(e *edit, name string) error {
	return &Error{Kind: MissingStub, Reason: "Invalid attachment stub in " + string(e.id) + " for " + name}
}

func findStub(before []storedAtt, a *Attachment) (storedAtt, bool) {
	for _, b := range before {
		if b.name == a.Name {
			return b, a.RevPos == 0 || a.RevPos == b.revpos
		}
	}
	return storedAtt{}, false
}

// attachmentsBefore reads the nearest ancestor that has a body.
func (db *DB) attachmentsBefore(e *edit) ([]storedAtt, error) {
	ancestors := []Rev{e.doc.Rev}
	if e.replicated {
		ancestors = e.path[1:]
	}
	for _, r := range ancestors {
		switch b, err := db.readBodyHead(db.store.pebble, e.id, r); {
		case err == nil:
			return b.atts, nil
		case !errors.Is(err, errNoBody):
			return nil, err
		}
	}
	return nil, nil
}

// holds reports whether the bytes of an attachment are there.
func (db *DB) holds(locator string) (bool, error) {
	if len(locator) != sha256.Size {
		return true, nil // a blob store keeps what documents name
	}
	return has(db.store.pebble, db.chunkKey(locator, 0))
}
