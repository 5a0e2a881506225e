package registry

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"settee/tarballs"
	"settee/views/packuments"
)

// file is what a tarball's name stands for in one entry.
type file struct {
	version string
	digest  tarballs.Digest
	etag    []string // as http.Header wants it
	cache   []string
}

// The Cache-Control of tarballs: their bytes never change.
const (
	forEver        = "public, immutable, max-age=31536000"
	forEverPrivate = "private, immutable, max-age=31536000"
)

var octets = []string{"application/octet-stream"}

// serveTarball answers GET /:p/-/:file.
func (r *Registry) serveTarball(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	f := e.file(path.Base(q.param("file")))
	if f == nil {
		if e, f, err = r.missed(q, e); err != nil {
			return err
		}
	}
	h := w.Header()
	h["Etag"], h["Cache-Control"], h["Content-Type"] = f.etag, f.cache, octets
	blob := r.small.get(f.digest)
	if blob == nil {
		if blob, err = r.openTarball(w, q, f, r.storeOf(e, f)); blob == nil {
			return e.elsewhere(err)
		}
	}
	if len(q.Header["Range"]) > 0 || len(q.Header["If-None-Match"]) > 0 || len(q.Header["If-Match"]) > 0 {
		http.ServeContent(w, q.Request, "", time.Time{}, bytes.NewReader(blob))
		return nil
	}
	h["Accept-Ranges"] = []string{"bytes"}
	h["Content-Length"] = []string{strconv.Itoa(len(blob))}
	if q.Method != http.MethodHead {
		_, _ = w.Write(blob)
	}
	return nil
}

// openTarball reads a small tarball into memory, or serves a large one itself.
func (r *Registry) openTarball(w http.ResponseWriter, q *request, f *file, blobs tarballs.Store) ([]byte, error) {
	from, info, err := blobs.Open(q.Context(), f.digest, 0, -1)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, tarballs.ErrNoPeer) {
		return nil, fail(http.StatusNotFound, "Not found: the tarball is not in the store")
	}
	if err != nil {
		return nil, elsewhere(fmt.Errorf("registry: open a tarball: %w", err))
	}
	defer func() { _ = from.Close() }()
	if info.Size <= mostSmall {
		return r.keepSmall(from, info.Size, f.digest)
	}
	h := w.Header()
	if len(q.Header["Range"]) > 0 || len(q.Header["If-None-Match"]) > 0 || len(q.Header["If-Match"]) > 0 {
		parts := tarballs.Seeker(q.Context(), blobs, info)
		defer func() { _ = parts.Close() }()
		http.ServeContent(w, q.Request, "", time.Time{}, parts)
		return nil, nil
	}
	h["Accept-Ranges"] = []string{"bytes"}
	h["Content-Length"] = []string{strconv.FormatInt(info.Size, 10)}
	if q.Method == http.MethodHead {
		return nil, nil
	}
	if n, err := io.Copy(w, from); err != nil || n != info.Size {
		panic(http.ErrAbortHandler) // the length is promised: a cut connection is the only honest end
	}
	return nil, nil
}

// elsewhere is the answer for a tarball that another region has and cannot give now, or that is on its way through
// others: the version is there, so it is no 404, and who asks again may get it.
func elsewhere(err error) error {
	text := "This tarball is not in this region yet, and the region that has it does not give it now. Please try again."
	switch {
	case errors.Is(err, tarballs.ErrNoPeer):
		text = "This tarball is not in this region yet, nor in one that it is fetched from. Please try again."
	case !errors.Is(err, tarballs.ErrUnavailable) && !errors.Is(err, tarballs.ErrDigest):
		return err
	}
	return &Error{Status: http.StatusServiceUnavailable, Message: text, Notice: text, cause: err}
}

// keepSmall reads a small tarball, proves it and keeps it.
func (r *Registry) keepSmall(from io.Reader, size int64, want tarballs.Digest) ([]byte, error) {
	blob := make([]byte, size)
	if _, err := io.ReadFull(from, blob); err != nil {
		return nil, elsewhere(fmt.Errorf("registry: read a tarball: %w", err))
	}
	if sha512.Sum512(blob) != want {
		return nil, fmt.Errorf("registry: the stored tarball %x is damaged", want[:8])
	}
	r.small.put(want, blob)
	return blob, nil
}

// file finds the tarball of a file's name.
func (e *entry) file(name string) *file {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f := e.files[name]; f != nil {
		return f
	}
	f := e.doc.file(name)
	if f != nil {
		if e.files == nil {
			e.files = map[string]*file{}
		}
		e.files[name] = f
	}
	return f
}

// file reads a tarball's digest out of the version whose it is: by the
// convention of names, else by the links, as documents from elsewhere have them.
func (p *packument) file(name string) *file {
	number, manifest := p.fileOf(name)
	sum := packuments.Text(packuments.Member(packuments.Member(manifest, "dist"), "integrity"))
	digest, err := tarballs.ParseSRI(sum)
	if err != nil {
		return nil
	}
	f := &file{version: number, digest: digest, etag: []string{`"` + digest.String()[:32] + `"`}, cache: []string{forEver}}
	if p.restricted() {
		f.cache = []string{forEverPrivate}
	}
	return f
}

// fileOf is the version whose tarball has that name.
func (p *packument) fileOf(name string) (number string, manifest []byte) {
	asked, ok := strings.CutPrefix(strings.TrimSuffix(name, ".tgz"), p.name.Base()+"-")
	if manifest = p.versions.of(asked); ok && manifest != nil {
		return asked, manifest
	}
	if number, manifest = p.linked(name); manifest != nil || !ok {
		return number, manifest
	}
	manifest, number = p.version(asked)
	return number, manifest
}

func (p *packument) linked(name string) (number string, manifest []byte) {
	for _, m := range p.versions {
		link := plain(packuments.Member(packuments.Member(m.value, "dist"), "tarball"))
		if link[strings.LastIndexByte(link, '/')+1:] == name && name != "" {
			return m.name, m.value
		}
	}
	return "", nil
}
