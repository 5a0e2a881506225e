package revtree

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Rev names one revision of a document: its generation and its hash.
//
// ID holds the hash as CouchDB keeps it: 16 raw bytes when the text after the
// dash is 32 hexadecimal digits, otherwise that text verbatim. Two spellings of
// one hash (upper and lower case) are therefore one Rev, and Rev is comparable.
type Rev struct {
	Pos uint64
	ID  string
}

// ErrRev is returned for text that is not a revision ("1-abc").
var ErrRev = errors.New("Invalid rev format") //lint:ignore ST1005 CouchDB's own words, sent to clients

// Parse reads "N-hash".
func Parse(s string) (Rev, error) {
	pos, id, ok := strings.Cut(s, "-")
	if !ok || id == "" {
		return Rev{}, ErrRev
	}
	n, err := strconv.ParseUint(pos, 10, 63)
	if err != nil {
		return Rev{}, ErrRev
	}
	return Rev{Pos: n, ID: ParseID(id)}, nil
}

// ParseID turns the text after the dash into the form that Rev.ID holds.
func ParseID(s string) string {
	if len(s) == 32 {
		var raw [16]byte
		if _, err := hex.Decode(raw[:], []byte(s)); err == nil {
			return string(raw[:])
		}
	}
	return s
}

// IDString is the hash as clients see it.
func (r Rev) IDString() string {
	if len(r.ID) == 16 {
		return hex.EncodeToString([]byte(r.ID))
	}
	return r.ID
}

// String is "N-hash", as clients see it.
func (r Rev) String() string { return strconv.FormatUint(r.Pos, 10) + "-" + r.IDString() }

// IsZero reports whether r names no revision.
func (r Rev) IsZero() bool { return r.Pos == 0 && r.ID == "" }

// Compare orders revisions by generation, then by the bytes of the hash.
func (r Rev) Compare(o Rev) int {
	if r.Pos != o.Pos {
		if r.Pos < o.Pos {
			return -1
		}
		return 1
	}
	return strings.Compare(r.ID, o.ID)
}
