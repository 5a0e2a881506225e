package replicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// longestValue bounds what one value of a foreign answer may take in memory: a document of
// CouchDB's largest size many times over.
const longestValue = 256 << 20

// errTooLong is a value beyond that.
var errTooLong = errors.New("the answer holds a value that is too long")

// A stream reads JSON piece by piece.
type stream struct {
	body io.ReadCloser
	left int64 // of longestValue
	dec  *json.Decoder

	heard func() // called when something came; may be nil
}

func newStream(body io.ReadCloser) *stream {
	s := &stream{body: body, left: longestValue}
	s.dec = json.NewDecoder(s)
	return s
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, errTooLong
	}
	n, err := s.body.Read(p)
	s.left -= int64(n)
	if n > 0 && s.heard != nil {
		s.heard()
	}
	return n, err
}

// close gives the connection back, if what is left of the answer is short.
func (s *stream) close() {
	_, _ = io.CopyN(io.Discard, s.body, 4<<10)
	_ = s.body.Close()
}

// failed is an error of a body; its end before that of the JSON is one too.
func failed(err error) error {
	if err == io.EOF {
		return errCut
	}
	return fmt.Errorf("an answer that cannot be understood: %w", err)
}

func (s *stream) delim(want json.Delim) error {
	t, err := s.dec.Token()
	if err != nil {
		return failed(err)
	}
	if t != want {
		return failed(fmt.Errorf("%v where %v belongs", t, want))
	}
	return nil
}

// object reads an object; of each key member must read the value.
func (s *stream) object(member func(key string) error) error {
	if err := s.delim('{'); err != nil {
		return err
	}
	for s.dec.More() {
		t, err := s.dec.Token()
		if err != nil {
			return failed(err)
		}
		if err := member(t.(string)); err != nil { // the decoder takes no other key
			return err
		}
	}
	return s.delim('}')
}

// list reads a list, whose elements element must read.
func (s *stream) list(element func() error) error {
	if err := s.delim('['); err != nil {
		return err
	}
	for s.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	return s.delim(']')
}

// value reads the next value.
func (s *stream) value(v any) error {
	s.left = longestValue
	if err := s.dec.Decode(v); err != nil {
		return failed(err)
	}
	return nil
}

func (s *stream) skip() error {
	var v json.RawMessage
	return s.value(&v)
}
