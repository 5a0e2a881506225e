package registry

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// The bounds of an unpacked tarball. Source code deflates to a tenth; a
// thousandth, which gzip can reach, is a bomb.
const (
	unpackedRatio    = 100
	unpackedLeast    = 64 << 20 // whatever the ratio: small packages of zeros are harmless
	unpackedMost     = 4 << 30
	mostFiles        = 200_000
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
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

type inflater struct {
	gzip gzip.Reader
	in   bufio.Reader
}

// examine reads a tarball of compressed bytes to its end, bounded.
func examine(r io.Reader, compressed int64) (c contents, err error) {
	z := inflaters.Get().(*inflater)
	defer inflaters.Put(z)
	z.in.Reset(r)
	if err := z.gzip.Reset(&z.in); err != nil {
		return c, invalid("invalid tarball: it is not gzip")
	}
	bound := &bounded{r: &z.gzip, left: min(max(unpackedRatio*compressed, unpackedLeast), unpackedMost)}
	if err := c.read(tar.NewReader(bound)); err != nil {
		return c, bound.refusal(err)
	}
	if _, err := io.Copy(io.Discard, bound); err != nil { // the checksum stands at the end
		return c, bound.refusal(err)
	}
	if c.Name == "" {
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
		if err := c.entry(h, t); err != nil {
			return err
		}
	}
}

// entry takes one entry. npm cuts off the first folder, whatever its name.
func (c *contents) entry(h *tar.Header, r io.Reader) error {
	if strings.HasPrefix(h.Name, "/") || strings.Contains("/"+h.Name+"/", "/../") {
		return invalid("invalid tarball: an entry leaves the package: %q", h.Name)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	if c.Files++; c.Files > mostFiles {
		return invalid("invalid tarball: more than %d files", mostFiles)
	}
	c.Unpacked += h.Size
	_, inside, _ := strings.Cut(path.Clean(h.Name), "/")
	switch inside {
	case "npm-shrinkwrap.json":
		c.Shrinkwrap = true
	case "binding.gyp":
		c.Gyp = true
	case "package.json":
		return c.manifest(h, r)
	}
	return nil
}

// manifest reads package.json; of several the last counts, as on unpacking.
func (c *contents) manifest(h *tar.Header, r io.Reader) error {
	if h.Size > mostManifestSize {
		return invalid("invalid tarball: its package.json is larger than %d bytes", mostManifestSize)
	}
	raw := make([]byte, h.Size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return err
	}
	var m struct{ Name, Version string }
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\ufeff")), &m); err != nil || m.Name == "" {
		return invalid("invalid tarball: its package.json cannot be read")
	}
	c.Name, c.Version = m.Name, m.Version
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
	r    io.Reader
	left int64
}

var errBomb = invalid("invalid tarball: it unpacks to too much")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBomb
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (b *bounded) refusal(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	return invalid("invalid tarball: %s", err)
}
