package driver

import (
	"bytes"
	"encoding/json"

	"settee/couch"
)

// encode returns the JSON of v. What is JSON already passes untouched:
// json.Marshal would scan and compact it once more, 20 MB of a packument too.
// (A string is a JSON string here; see encodeDocument.)
func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case json.RawMessage:
		return v, nil
	case json.Marshaler:
		raw, err := v.MarshalJSON()
		return raw, invalid(err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), invalid(err)
}

// encodeDocument is encode for a document, whose JSON may also come as text.
func encodeDocument(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	}
	return encode(v)
}

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return &couch.Error{Kind: couch.BadRequest, Reason: "invalid UTF-8 JSON", Err: err}
}

func readDocument(v any) (*couch.Document, error) {
	raw, err := encodeDocument(v)
	if err != nil {
		return nil, err
	}
	return couch.ParseDocument(raw)
}

// render is the JSON of a document; its size is that of the body and little more.
func render(d *couch.Document) []byte {
	return d.AppendJSON(make([]byte, 0, len(d.Body)+256))
}
