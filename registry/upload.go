package registry

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"settee/provenance"
	"settee/tarballs"
)

// upload is the body of a PUT: a publish document, or an edited packument.
type upload struct {
	members     object // all but versions and _attachments
	versions    object // nil: the body has none
	attachments []attachment
}

// attachment is one of _attachments.
type attachment struct {
	name   string
	length int64  // as announced; -1: not
	data   *spool // nil: a stub, as npm 6 sends of older versions, or a bundle
	bundle []byte // of provenance: JSON, which is sent as text, not as base64
}

func (u *upload) Close() {
	for _, a := range u.attachments {
		a.data.Close()
	}
}

// data are the attachments that have bytes of a file.
func (u *upload) data() (with []attachment) {
	for _, a := range u.attachments {
		if a.data != nil {
			with = append(with, a)
		}
	}
	return with
}

var windows = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// readUpload reads a body in one pass; tarballs are decoded, hashed and spooled
// as they stream by, so a large package costs no memory. Close what it returns.
func readUpload(r io.Reader, dir string, limit int64) (_ *upload, err error) {
	window := windows.Get().(*[]byte)
	defer windows.Put(window)
	s := newScanner(r, *window, limit)
	u := &upload{}
	defer func() {
		if err != nil {
			u.Close()
		}
	}()
	if s.peek() != '{' {
		return nil, s.bad("expected an object")
	}
	err = s.members(func(name string) error {
		if u.members.at(name) >= 0 || name == "versions" && u.versions != nil || name == "_attachments" && u.attachments != nil {
			return invalid("invalid document: %q occurs twice", name)
		}
		switch {
		case name == "versions" && s.peek() == '{':
			return u.readVersions(s)
		case name == "_attachments" && s.peek() == '{':
			return u.readAttachments(s, dir)
		}
		value, err := s.value(nil)
		u.members = append(u.members, member{name, value})
		return err
	})
	if err == nil {
		err = s.finish()
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (u *upload) readVersions(s *scanner) error {
	u.versions = object{}
	err := s.members(func(number string) error {
		if s.peek() != '{' {
			return invalid("invalid document: version %q is no object", number)
		}
		value, err := s.value(nil)
		u.versions = append(u.versions, member{number, value})
		return err
	})
	if before := len(u.versions); err == nil && len(u.versions.unique()) != before {
		return invalid("invalid document: a version occurs twice")
	}
	return err
}

func (u *upload) readAttachments(s *scanner, dir string) error {
	u.attachments = []attachment{}
	return s.members(func(name string) error {
		u.attachments = append(u.attachments, attachment{name: name, length: -1})
		a := &u.attachments[len(u.attachments)-1]
		if s.peek() != '{' {
			return invalid("invalid attachment: %q is no object", name)
		}
		return s.members(func(field string) error { return a.read(s, field, dir) })
	})
}

func (a *attachment) read(s *scanner, field, dir string) error {
	switch {
	case field == "data" && (a.data != nil || a.bundle != nil):
		return invalid("invalid attachment: %q has data twice", a.name)
	case field == "data" && strings.HasSuffix(a.name, ".sigstore"):
		return a.readBundle(s)
	case field == "data":
		a.data = newSpool(dir)
		return s.data(a.data)
	}
	value, err := s.value(nil)
	if err != nil || field != "length" {
		return err
	}
	if a.length, err = strconv.ParseInt(string(value), 10, 64); err != nil || a.length < 0 {
		return invalid("invalid attachment: the length of %q is no number", a.name)
	}
	return nil
}

func (a *attachment) readBundle(s *scanner) error {
	raw, err := s.value(nil)
	if err != nil {
		return err
	}
	if a.bundle = []byte(plain(raw)); len(a.bundle) == 0 {
		return invalid("invalid attachment: the data of %q is no text", a.name)
	}
	if len(a.bundle) > provenance.MostBundle {
		return fail(http.StatusRequestEntityTooLarge, "The provenance bundle is too large: this registry takes at most %d bytes.", provenance.MostBundle)
	}
	if !json.Valid(a.bundle) {
		return invalid("invalid attachment: the data of %q is no JSON", a.name)
	}
	return nil
}

// bundle is the provenance bundle that was sent; nil: none.
func (u *upload) bundle() (bundle []byte, err error) {
	for _, a := range u.attachments {
		if a.bundle != nil && bundle != nil {
			return nil, invalid("invalid document: it has two provenance bundles")
		}
		if a.bundle != nil {
			bundle = a.bundle
		}
	}
	return bundle, nil
}

// digest is the sha512 that the blob store keeps a spooled tarball by.
func (s *spool) digest() (d tarballs.Digest) {
	s.sha512.Sum(d[:0])
	return d
}

// bodyOf is the body of a request within the registry's bound.
func bodyOf(w http.ResponseWriter, r *http.Request, limit int64) (io.Reader, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge(limit)
	}
	return http.MaxBytesReader(w, r.Body, limit), nil
}
