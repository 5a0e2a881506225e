package replicate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// attachmentsMember is the member of a document that names its attachments.
const attachmentsMember = "_attachments"

// hasAttachments reports whether a document names any.
func hasAttachments(doc []byte) bool {
	if !bytes.Contains(doc, []byte(`"`+attachmentsMember+`"`)) {
		return false // nearly all documents; a key spelled with escapes is no document's of a database
	}
	begin, end, err := member(doc, attachmentsMember)
	return err == nil && end > begin && len(bytes.TrimSpace(doc[begin:end])) > len("{}")
}

var errNoObject = errors.New("no JSON object where one belongs")

// member finds the value of a member of an object: the bytes from begin to end; none: begin == end.
func member(object []byte, name string) (begin, end int, err error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return 0, 0, errNoObject
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return 0, 0, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return 0, 0, err
		}
		if key == name {
			end := int(dec.InputOffset())
			return end - len(value), end, nil
		}
	}
	return 0, 0, nil
}

// revisionOf is the revision that a document says it is.
func revisionOf(doc []byte) string {
	begin, end, err := member(doc, "_rev")
	if err != nil || begin == end {
		return ""
	}
	var rev string
	_ = json.Unmarshal(doc[begin:end], &rev)
	return rev
}

// isOf reports whether a document says that it is the one of an id, once or as often as it says so.
func isOf(doc []byte, id string) bool {
	if rest, ok := bytes.CutPrefix(doc, []byte(`{"_id":"`)); ok && len(rest) > len(id) && string(rest[:len(id)]) == id && rest[len(id)] == '"' &&
		bytes.Count(doc, []byte(`_id`)) == 1 && !strings.Contains(id, `"`) && bytes.IndexByte(doc, '\\') < 0 {
		return true // nearly all documents
	}
	dec, found := json.NewDecoder(bytes.NewReader(doc)), false
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return false
		}
		if key != "_id" {
			continue
		}
		var is string
		if json.Unmarshal(value, &is) != nil || is != id {
			return false
		}
		found = true
	}
	return found
}

// inlined is a document with the bytes of its attachments in it, for databases that take them no other way.
func inlined(d document) ([]byte, error) {
	begin, end, err := member(d.json, attachmentsMember)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(d.json[begin:end]))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	out := append(append([]byte(nil), d.json[:begin]...), '{')
	for i := 0; dec.More(); i++ {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var a map[string]any
		if err := dec.Decode(&a); err != nil {
			return nil, err
		}
		if err := inline(a, d.parts); err != nil {
			return nil, err
		}
		key, _ := json.Marshal(name)
		value, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(append(out, '}'), d.json[end:]...), nil
}

// inline puts the bytes of an attachment into what a document says of it, if they follow.
func inline(a map[string]any, parts func() (part, error)) error {
	if a["follows"] != true {
		return nil
	}
	p, err := parts()
	if err != nil {
		return fmt.Errorf("an attachment that should follow: %w", err)
	}
	var r io.Reader = p
	if a["encoding"] == "gzip" {
		if r, err = gzip.NewReader(p); err != nil {
			return err
		}
	}
	if a["data"], err = io.ReadAll(r); err != nil {
		return err
	}
	for _, stored := range []string{"follows", "encoding", "encoded_length", "length", "digest"} {
		delete(a, stored)
	}
	return nil
}

// toFollow are the names of the attachments whose bytes follow a document, in its order.
func toFollow(doc []byte) (names []string, err error) {
	begin, end, err := member(doc, attachmentsMember)
	if err != nil || begin == end {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(doc[begin:end]))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var a struct{ Follows bool }
		if err := dec.Decode(&a); err != nil {
			return nil, err
		}
		if a.Follows {
			names = append(names, name.(string))
		}
	}
	return names, nil
}
