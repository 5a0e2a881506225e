package couch

import (
	"crypto/md5"
	"encoding/binary"
)

// attDigest is what a revision id takes from an attachment.
type attDigest struct {
	name, contentType string
	md5               [md5.Size]byte
}

// revID computes CouchDB's id of the revision that follows parent (zero: none):
// the md5 of [Deleted, OldPos, OldRev, Body, Atts] as an Erlang term.
func revID(deleted bool, parent Rev, body []byte, atts []attDigest) Rev {
	var room [96]byte
	head := append(room[:0], etfVersion, etfList, 0, 0, 0, 5)
	if deleted {
		head = appendAtom(head, "true")
	} else {
		head = appendAtom(head, "false")
	}
	head = appendInteger(head, parent.Pos, false)
	if parent.IsZero() {
		head = append(head, etfSmallInt, 0)
	} else {
		head = appendBinary(head, parent.ID)
	}
	h := md5.New()
	h.Write(head)
	h.Write(body)
	h.Write(append(appendAttDigests(room[:0], atts), etfNil))
	var sum [md5.Size]byte
	return Rev{Pos: parent.Pos + 1, ID: string(h.Sum(sum[:0]))}
}

// appendAttDigests writes the list of attachments, the last one first.
func appendAttDigests(dst []byte, atts []attDigest) []byte {
	if len(atts) == 0 {
		return append(dst, etfNil)
	}
	dst = append(dst, etfList)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(atts)))
	for i := len(atts) - 1; i >= 0; i-- {
		dst = append(dst, etfTuple, 3)
		dst = appendBinary(dst, atts[i].name)
		dst = appendBinary(dst, atts[i].contentType)
		dst = appendBinary(dst, string(atts[i].md5[:]))
	}
	return append(dst, etfNil)
}
