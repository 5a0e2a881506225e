package registry

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"settee/manifest"
)

// The bounds of an unpacked tarball. Source code deflates to a tenth; a
// thousandth, which gzip can reach, is a bomb.
const (
	unpackedRatio    = 100
	unpackedLeast    = 64 << 20 // whatever the ratio: small packages of zeros are harmless
	unpackedMost     = 4 << 30
	mostEntries      = 200_000
	mostListed       = 50_000 // files whose names are kept to look through: some 5 MB
	mostPath         = 4096   // bytes of a path: more no system opens
	mostManifestSize = 4 << 20
)

// contents are what a tarball is found to hold.
type contents struct {
	Files      int
	Unpacked   int64
	Shrinkwrap bool
	Gyp        bool // binding.gyp at the top: npm install builds it
	Name       string
	Version    string

	manifest []byte          // package.json
	found    bool            // it, under that very name
	list     []manifest.File // up to mostListed of them
	entries  int
	most     int64 // that Unpacked may be
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// inflater reads the members of a gzip one after another.
type inflater struct {
	gzip gzip.Reader
	in   bufio.Reader
	err  error // that ended it
}

var (
	errNoGzip  = invalid("invalid tarball: it is not gzip")
	errFollows = invalid("invalid tarball: something follows the end of its gzip")
)

func (z *inflater) Reset(r io.Reader) error {
	z.in.Reset(r)
	z.err = nil
	return z.next(errNoGzip)
}

func (z *inflater) next(bad error) error {
	if z.gzip.Reset(&z.in) != nil {
		return bad
	}
	z.gzip.Multistream(false)
	return nil
}

func (z *inflater) Read(p []byte) (int, error) {
	for z.err == nil {
		n, err := z.gzip.Read(p)
		if n > 0 && errors.Is(err, io.EOF) {
			return n, nil // and again
		}
		if !errors.Is(err, io.EOF) {
			z.err = err
			return n, err
		}
		if _, z.err = z.in.Peek(1); z.err == nil {
			z.err = z.next(errFollows)
		}
	}
	return 0, z.err
}

// examine reads a tarball of compressed bytes to its end, bounded.
func examine(r io.Reader, compressed int64) (c contents, err error) {
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	if err := z.Reset(r); err != nil {
		return c, err
	}
	c.most = min(max(unpackedRatio*compressed, unpackedLeast), unpackedMost)
	bound := &bounded{r: z, left: c.most}
	if err := c.read(tar.NewReader(bound)); err != nil {
		return c, bound.refusal(err)
	}
	if _, err := io.Copy(io.Discard, bound); err != nil { // the checksum stands at the end
		return c, bound.refusal(err)
	}
	if !c.found {
		return c, invalid("invalid tarball: it has no package.json")
	}
	return c, nil
}

func (c *contents) read(t *tar.Reader) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.entries++; c.entries > mostEntries {
			return fail(http.StatusUnsupportedMediaType, "Too many files.")
		}
		if err := c.entry(h, t); err != nil {
			return err
		}
	}
}

// kinds are what the public registry takes no tarball with, in its words.
var kinds = map[byte]string{
	tar.TypeLink: "Hard link", tar.TypeSymlink: "Symbolic link", tar.TypeChar: "Character device", tar.TypeBlock: "Block device", tar.TypeFifo: "Named pipe",
	tar.TypeGNUSparse: "Sparse file",
}

// entry takes one entry. npm cuts off the first folder, whatever its name.
func (c *contents) entry(h *tar.Header, r io.Reader) error {
	if err := checkPath(h.Name); err != nil {
		return err
	}
	if kind := kinds[h.Typeflag]; kind != "" {
		return fail(http.StatusUnsupportedMediaType, "%s is not allowed", kind)
	}
	if h.Typeflag != tar.TypeReg {
		return nil // folders, and what git archive says of itself
	}
	c.Files++
	if c.Unpacked += h.Size; c.Unpacked > c.most { // of a sparse file the header alone can say anything
		return errBomb
	}
	_, inside, _ := strings.Cut(path.Clean(h.Name), "/")
	if len(c.list) < mostListed {
		c.list = append(c.list, manifest.File{Path: inside, Size: h.Size})
	}
	switch inside {
	case "npm-shrinkwrap.json":
		c.Shrinkwrap = true
	case "binding.gyp":
		c.Gyp = true
	case "package.json":
		c.found = true
		return c.readManifest(h, r)
	}
	if passesForManifest(h.Name) {
		return c.readManifest(h, r)
	}
	return nil
}

// passesForManifest reports whether some client, on some system, puts an entry where package.json is: they cut the first folder off
// before or after they clean the path, take a backslash for a slash, or capitals for small letters.
func passesForManifest(name string) bool {
	slashes := strings.ReplaceAll(name, `\`, "/")
	_, before, _ := strings.Cut(slashes, "/")
	_, after, _ := strings.Cut(path.Clean(slashes), "/")
	return strings.EqualFold(path.Clean("/"+before), "/package.json") || strings.EqualFold(after, "package.json")
}

// checkPath refuses a path that some client, on some system, could follow out of the package, or
// that none can make.
func checkPath(name string) error {
	slashes := strings.ReplaceAll(name, `\`, "/")
	switch {
	case strings.HasPrefix(slashes, "/"), len(slashes) > 2 && slashes[1] == ':' && slashes[2] == '/', strings.Contains("/"+slashes+"/", "/../"):
		return invalid("invalid tarball: an entry leaves the package: %.100q", name)
	case strings.ContainsRune(name, 0):
		return invalid("invalid tarball: the name of an entry has a zero byte: %.100q", name)
	case len(name) > mostPath:
		return invalid("invalid tarball: the name of an entry has more than %d bytes", mostPath)
	}
	return nil
}

// readManifest reads package.json. Of several the last counts on unpacking, but not to who reads the first: they must be the same.
func (c *contents) readManifest(h *tar.Header, r io.Reader) error {
	if h.Size > mostManifestSize {
		return invalid("invalid tarball: its package.json is larger than %d bytes", mostManifestSize)
	}
	raw := make([]byte, h.Size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return err
	}
	text := bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !json.Valid(text) || !isObject(bytes.TrimSpace(text)) {
		return invalid("invalid tarball: its package.json cannot be read")
	}
	m := parseObject(text) // Unmarshal would take Name for name
	if m.text("name") == "" {
		return invalid("invalid tarball: its package.json has no name")
	}
	if c.Name != "" && !bytes.Equal(raw, c.manifest) {
		return invalid("invalid tarball: it has two files package.json, which differ")
	}
	c.Name, c.Version, c.manifest = m.text("name"), m.text("version"), raw
	return nil
}

// agree refuses a tarball that is of another package or version.
func (c contents) agree(name PackageName, version string) error {
	if strings.TrimSpace(c.Name) != string(name) || cleaned(c.Version) != unbuilt(version) {
		return invalid("invalid tarball: its package.json is of %s@%s, not of %s@%s", c.Name, c.Version, name, version)
	}
	return nil
}

// bounded ends a stream that grows past its bound.
type bounded struct {
	r     io.Reader
	left  int64
	begin [2]byte // of the stream
	begun int
}

var errBomb = invalid("invalid tarball: it unpacks to too much")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBomb
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if b.begun < len(b.begin) {
		b.begun += copy(b.begin[b.begun:], p[:n])
	}
	return n, err
}

// refusal is the answer to what could not be read.
func (b *bounded) refusal(err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, gzip.ErrChecksum):
		return invalid("invalid tarball: its bytes are damaged: the checksum of gzip does not fit")
	case b.begin == [2]byte{0x1f, 0x8b}:
		return invalid("invalid tarball: it is gzip inside gzip")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("invalid tarball: it ends early")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return invalid("invalid tarball: a header of an entry is damaged or too long")
	}
	return invalid("invalid tarball: %s", err)
}
