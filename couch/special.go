package couch

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"settee/couch/revtree"
)

// specialMembers reads the underscore members of a document on its way in. What
// is only informational on the way out is ignored.
var specialMembers = map[string]func(*Document, []byte) error{
	"_id":                (*Document).setID,
	"_rev":               (*Document).setRev,
	"_deleted":           (*Document).setDeleted,
	"_revisions":         (*Document).setRevisions,
	"_attachments":       (*Document).setAttachments,
	"_revs_info":         ignore,
	"_conflicts":         ignore,
	"_deleted_conflicts": ignore,
	"_local_seq":         ignore,
}

func ignore(*Document, []byte) error { return nil }

func (d *Document) set(name string, raw []byte) error {
	if read, ok := specialMembers[name]; ok {
		return read(d, raw)
	}
	return badMember(name)
}

func badMember(name string) error {
	return &Error{Kind: DocValidation, Reason: "Bad special document member: " + name}
}

func (d *Document) setID(raw []byte) error {
	if !isText(raw) {
		return &Error{Kind: IllegalDocID, Reason: "Document id must be a string"}
	}
	d.ID = DocID(unquote(raw))
	return d.ID.Check()
}

// Check reports an id that no document may have.
func (id DocID) Check() error {
	switch {
	case id == "":
		return &Error{Kind: IllegalDocID, Reason: "Document id must not be empty"}
	case id[0] == '_' && !id.IsDesign() && !id.IsLocal():
		return &Error{Kind: IllegalDocID, Reason: "Only reserved document ids may start with underscore."}
	}
	return nil
}

func (d *Document) setRev(raw []byte) error {
	if !isText(raw) {
		return errRev
	}
	if d.Revisions != nil {
		return nil // _revisions says more
	}
	rev, err := revtree.Parse(unquote(raw))
	if err != nil {
		return errRev
	}
	d.Rev = rev
	return nil
}

var errRev = &Error{Kind: BadRequest, Reason: revtree.ErrRev.Error()}

func (d *Document) setDeleted(raw []byte) error {
	switch string(raw) {
	case "true":
		d.Deleted = true
	case "false":
		d.Deleted = false
	default:
		return badMember("_deleted")
	}
	return nil
}

func (d *Document) setRevisions(raw []byte) error {
	if !isObject(raw) {
		return badMember("_revisions")
	}
	start, ids := []byte(nil), []byte(nil)
	w := walker{b: raw}
	w.members(func(key string, value []byte) {
		switch key {
		case "start":
			start = value
		case "ids":
			ids = value
		}
	})
	pos, err := strconv.ParseUint(string(start), 10, 63)
	if err != nil {
		return &Error{Kind: DocValidation, Reason: "_revisions.start isn't an integer."}
	}
	if ids == nil || !isArray(ids) {
		return &Error{Kind: DocValidation, Reason: "_revisions.ids isn't a array."}
	}
	var revs []Rev
	w = walker{b: ids}
	w.elements(func(int) {
		from := w.i
		w.skip()
		id := w.b[from:w.i]
		if !isText(id) {
			err = &Error{Kind: DocValidation, Reason: "RevId isn't a string"}
			return
		}
		if len(id) == len(`""`) {
			err = errRev
			return
		}
		revs = append(revs, Rev{Pos: pos, ID: revtree.ParseID(unquote(id))})
		pos--
	})
	if err != nil {
		return err
	}
	switch {
	case len(revs) == 0:
		return nil // as if there were no such member
	case len(revs) == 1 && revs[0].Pos == 0: // of a _local document, as CouchDB's replicator sends its checkpoints back
		d.Rev = revs[0]
		return nil
	case uint64(len(revs)) > revs[0].Pos:
		return errRev
	}
	d.Revisions, d.Rev = revs, revs[0]
	return nil
}

func (d *Document) setAttachments(raw []byte) (err error) {
	if !isObject(raw) {
		return badMember("_attachments")
	}
	w := walker{b: raw}
	w.members(func(name string, value []byte) {
		if err != nil {
			return
		}
		var a Attachment
		if a, err = parseAttachment(name, value); err == nil {
			d.Attachments = append(d.Attachments, a)
		}
	})
	return err
}

// checkName refuses the names that attachments may not have.
func (a *Attachment) checkName() error {
	if strings.HasPrefix(a.Name, "_") {
		return &Error{Kind: BadRequest, Reason: "Attachment name '" + a.Name + "' starts with prohibited character '_'"}
	}
	return nil
}

func parseAttachment(name string, raw []byte) (a Attachment, err error) {
	a.Name = name
	if err := a.checkName(); err != nil {
		return a, err
	}
	if !isObject(raw) {
		return a, badMember("_attachments")
	}
	encoded := false
	a.Length = -1
	w := walker{b: raw}
	w.members(func(key string, value []byte) {
		switch {
		case key == "stub":
			a.Stub = string(value) == "true"
		case key == "follows":
			a.Follows = string(value) == "true"
		case key == "revpos":
			a.RevPos, _ = strconv.ParseUint(string(value), 10, 63)
		case key == "length":
			a.Length = lengthOf(value)
		case key == "encoded_length":
			a.Encoded, encoded = lengthOf(value), true
		case !isText(value):
			if key == "data" {
				err = badData(name)
			}
		case key == "content_type":
			a.ContentType = unquote(value)
		case key == "digest":
			a.Digest = unquote(value)
		case key == "encoding":
			a.Encoding = unquote(value)
		case key == "data":
			if a.Data, err = unbase64(value); err != nil {
				err = badData(name)
			}
		}
	})
	if a.Encoding != "" && !encoded {
		a.Encoded = a.Length // CouchDB's reading: it tells the length of what is sent
	}
	if a.Data != nil {
		a.Length = int64(len(a.Data))
	}
	if err == nil && !a.Stub && !a.Follows && a.Data == nil {
		err = badData(name)
	}
	return a, err
}

// lengthOf reads a length; what is none is not known.
func lengthOf(raw []byte) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 63)
	if err != nil {
		return -1
	}
	return n
}

// unbase64 decodes inline data, which may be large: straight from the request's
// bytes where nothing in it is escaped.
func unbase64(raw []byte) ([]byte, error) {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		text = []byte(unquote(raw))
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(data, text)
	return data[:n], err
}

func badData(name string) error {
	return &Error{Kind: BadRequest, Reason: "Invalid attachment data for " + name}
}
