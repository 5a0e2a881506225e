package couch

import (
	"io"
	"regexp"
	"strconv"
	"strings"

	kgzip "github.com/klauspost/compress/gzip"
)

// CouchDB's defaults of the settings in [attachments].
const (
	compressibleTypes = "text/*, application/javascript, application/json, application/xml"
	compressionLevel  = 8
)

// packing says which attachments are kept as gzip: the settings
// attachments/compressible_types and attachments/compression_level.
type packing struct {
	types *regexp.Regexp // of media types without parameters
	level int            // 1 to 9; else nothing is compressed
}

func (s *Store) readPacking() *packing {
	list, set := s.Setting("attachments", "compressible_types")
	if !set {
		list = compressibleTypes
	}
	p := &packing{level: compressionLevel, types: typesOf(list)}
	if level, set := s.Setting("attachments", "compression_level"); set {
		p.level, _ = strconv.Atoi(strings.TrimSpace(level)) // what is no number is no level
	}
	return p
}

// typesOf makes one pattern of a list in which a star stands for anything.
func typesOf(list string) *regexp.Regexp {
	var each []string
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one != "" {
			each = append(each, strings.ReplaceAll(regexp.QuoteMeta(one), `\*`, ".*"))
		}
	}
	if each == nil {
		each = []string{`[^\s\S]`} // nothing
	}
	return regexp.MustCompile("(?is)^(?:" + strings.Join(each, "|") + ")$")
}

// wants reports whether a type is to be compressed.
func (p *packing) wants(contentType string) bool {
	if p.level < kgzip.BestSpeed || p.level > kgzip.BestCompression {
		return false
	}
	media, _, _ := strings.Cut(contentType, ";")
	return p.types.MatchString(strings.TrimSpace(media))
}

// pack compresses r while it is read.
func (p *packing) pack(r io.Reader) io.ReadCloser {
	from, to := io.Pipe()
	go func() {
		z, err := kgzip.NewWriterLevel(to, p.level)
		if err == nil {
			_, err = io.Copy(z, r)
		}
		if err == nil {
			err = z.Close()
		}
		to.CloseWithError(err)
	}()
	return from
}
