package httpd

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"settee/couch"
)

var errRange = &couch.Error{Kind: couch.RangeNotSatisfied, Reason: "Requested range not satisfiable"}

// maxRanges is how many ranges are too many: the whole is sent, as CouchDB does.
const maxRanges = 10

// A byteRange is a part of an attachment, both ends included.
type byteRange struct{ from, to int64 }

func (r byteRange) size() int64 { return r.to - r.from + 1 }

// content is the value of Content-Range.
func (r byteRange) content(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.from, r.to, size)
}

// unset stands for the end that a range leaves out.
const unset = -1

// rangesOf reads a Range header as CouchDB does. Nil stands for the whole, which
// is the answer too where the header cannot be read, asks for everything from
// the first byte on, or for too many ranges.
func rangesOf(header string, size int64) ([]byteRange, error) {
	list, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return nil, nil
	}
	var ranges []byteRange
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		r, ok := readRange(one)
		if !ok {
			return nil, nil
		}
		ranges = append(ranges, r)
	}
	for i, r := range ranges {
		switch {
		case r == byteRange{0, unset}:
			return nil, nil
		case r.from == unset:
			r = byteRange{max(size-r.to, 0), size - 1}
		case r.to == unset || r.to >= size:
			r.to = size - 1
		}
		if r.to < r.from {
			return nil, errRange
		}
		ranges[i] = r
	}
	if len(ranges) >= maxRanges {
		return nil, nil
	}
	return ranges, nil
}

// readRange reads "1-2", "1-", "1" or "-2".
func readRange(s string) (r byteRange, ok bool) {
	from, to, dash := strings.Cut(s, "-")
	r = byteRange{unset, unset}
	if from != "" {
		if r.from, ok = readPosition(from); !ok {
			return r, false
		}
	}
	if to != "" {
		if r.to, ok = readPosition(to); !ok {
			return r, false
		}
	}
	return r, from != "" || dash && to != ""
}

// readPosition reads a number; what no attachment reaches is as good as endless.
func readPosition(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt64, true
	}
	return int64(n), err == nil
}

// sendRanges sends parts of an attachment: one as it is, several as multipart/byteranges.
func (c *call) sendRanges(a *couch.AttachmentReader, ranges []byteRange) error {
	h := c.w.Header()
	out := c.stream()
	defer out.release()
	out.status = http.StatusPartialContent
	if len(ranges) == 1 {
		r := ranges[0]
		h.Set("Content-Range", r.content(a.Length))
		h.Set("Content-Length", strconv.FormatInt(r.size(), 10))
		out.start(a.ContentType)
		return out.send(func() error { return copyRange(out, a, r) })
	}
	boundary := newBoundary()
	write := func(w io.Writer, body func(byteRange) error) error {
		p := parts{w: w, boundary: boundary}
		for _, r := range ranges {
			p.begin("Content-Type: "+a.ContentType, "Content-Range: "+r.content(a.Length))
			if p.err == nil {
				p.err = body(r)
			}
		}
		return p.end()
	}
	var size counter
	_ = write(&size, func(r byteRange) error { size += counter(r.size()); return nil })
	h.Set("Content-Length", strconv.FormatInt(int64(size), 10))
	out.start(`multipart/byteranges; boundary="` + boundary + `"`)
	return out.send(func() error {
		return write(out, func(r byteRange) error { return copyRange(out, a, r) })
	})
}

func copyRange(w io.Writer, a *couch.AttachmentReader, r byteRange) error {
	if _, err := a.Seek(r.from, io.SeekStart); err != nil {
		return err
	}
	_, err := io.CopyN(w, a, r.size())
	return err
}
