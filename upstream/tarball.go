package upstream

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"settee/tarballs"
	"settee/views/packuments"
)

// Tarball is a version's tarball as its document tells of it.
type Tarball struct {
	Name, Version string
	Mark          []byte // the document's member settee, raw
}

// Store is a store of blobs that fetches this tarball from where its packument says it is.
func (r *Reader) Store(t Tarball) tarballs.Store {
	s, err := r.source(t)
	if err != nil {
		return r.through
	}
	return r.through.From(s)
}

// source is a tarball where the other registry has it.
type source struct {
	*remote
	of   string // the version, as people write it
	at   string
	most int64
	temp string
}

func (r *Reader) source(t Tarball) (*source, error) {
	m := r.remote(t.Name)
	if m == nil {
		return nil, ErrNotFound
	}
	mark := parseMark(t.Mark)
	s := &source{remote: m, of: t.Name + "@" + t.Version, at: m.URL.String() + conventional(t.Name, t.Version), most: r.o.MaxTarball, temp: r.o.TempDir}
	if link := mark.Links[t.Version]; link != "" {
		s.at = link
	} else if from, err := url.Parse(mark.From); err == nil && from.Host != "" && mark.From != m.URL.String() && r.asks(mark.From) {
		s.at = mark.From + conventional(t.Name, t.Version)
	}
	return s, nil
}

// Name implements tarballs.Source: a digest alone tells no operator what is wrong.
func (s *source) Name() string { return s.of + " from " + s.remote.Name() }

// asks reports whether a registry is still one of ours to ask.
func (r *Reader) asks(address string) bool {
	for _, m := range r.remotes {
		if m.URL.String() == address {
			return true
		}
	}
	return false
}

// OpenAt implements tarballs.Source.
func (s *source) OpenAt(ctx context.Context, _ tarballs.Digest, offset int64) (io.ReadCloser, int64, error) {
	header := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := s.get(ctx, s.at, header)
	if errors.Is(err, ErrNotFound) {
		return nil, 0, fs.ErrNotExist
	}
	if err != nil {
		return nil, 0, err
	}
	body, size, err := s.accept(res, offset)
	if err != nil {
		_ = res.Body.Close()
	}
	return body, size, err
}

// accept takes an answer that can be a tarball.
func (s *source) accept(res *http.Response, offset int64) (io.ReadCloser, int64, error) {
	switch kind := res.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/html"), strings.HasPrefix(kind, "application/json"):
		return nil, 0, fmt.Errorf("it answered with %.60q instead of a tarball", kind)
	case res.StatusCode == http.StatusNotModified:
		return nil, 0, &statusError{res.Status}
	}
	begin, size := int64(0), res.ContentLength
	if res.StatusCode == http.StatusPartialContent {
		begin = offset
		if first, _, ok := strings.Cut(strings.TrimPrefix(res.Header.Get("Content-Range"), "bytes "), "-"); !ok || first != strconv.FormatInt(offset, 10) {
			return nil, 0, errors.New("it answered with another range than was asked for")
		}
		if size >= 0 {
			size += offset
		}
	}
	if size > s.most {
		return nil, 0, errTooLarge
	}
	body := res.Body
	if size < 0 {
		var err error
		if body, size, err = s.measured(res.Body); err != nil {
			return nil, 0, err
		}
		size += begin
	}
	if begin < offset { // it knows no ranges
		if _, err := io.CopyN(io.Discard, body, offset); err != nil {
			_ = body.Close()
			return nil, 0, err
		}
	}
	return body, size, nil
}

// measured reads a body whose length was not told to its end, into a file.
func (s *source) measured(body io.ReadCloser) (io.ReadCloser, int64, error) {
	defer func() { _ = body.Close() }()
	f, err := os.CreateTemp(s.temp, "settee-upstream-*")
	if err != nil {
		return nil, 0, err
	}
	_ = os.Remove(f.Name()) // without a name it goes with the process
	n, err := io.Copy(f, io.LimitReader(body, s.most+1))
	if err == nil && n > s.most {
		err = errTooLarge
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, n, nil
}

// Learn reads a tarball of which only the sha1 was told, keeps it if it has that, and writes its sha512 into the
// document. Its errors are fs.ErrNotExist, tarballs.ErrDigest, tarballs.ErrUnavailable.
func (r *Reader) Learn(ctx context.Context, t Tarball, manifest []byte) (tarballs.Digest, error) {
	v := version{dist: packuments.Member(manifest, "dist")}
	want := v.sha1()
	s, err := r.source(t)
	if err != nil || want == "" {
		return tarballs.Digest{}, fs.ErrNotExist
	}
	learning := r.learning.DoChan(t.Name+"@"+t.Version+" "+want, func() (any, error) { return r.learn(carried(r.ctx, ctx), t, s, want) })
	select {
	case got := <-learning:
		d, _ := got.Val.(tarballs.Digest)
		return d, got.Err
	case <-ctx.Done():
		return tarballs.Digest{}, ctx.Err()
	}
}

func (r *Reader) learn(ctx context.Context, t Tarball, s *source, want string) (tarballs.Digest, error) {
	if !r.enter() {
		return tarballs.Digest{}, tarballs.ErrUnavailable
	}
	defer r.running.Done()
	info, err := r.proven(ctx, s, want)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tarballs.ErrDigest):
		return tarballs.Digest{}, err
	case err != nil:
		return tarballs.Digest{}, fmt.Errorf("%w: %w", tarballs.ErrUnavailable, err)
	}
	_, err = r.edit(ctx, t.Name, func(was []byte) ([]byte, bool, error) {
		return learned(was, t.Version, want, info.Digest), false, nil
	})
	return info.Digest, err
}

// enter begins what Close waits for, unless that was called.
func (r *Reader) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

// proven stores a tarball that has a sha1.
func (r *Reader) proven(ctx context.Context, s *source, want string) (tarballs.Info, error) {
	body, size, err := s.OpenAt(ctx, tarballs.Digest{}, 0)
	if err != nil {
		return tarballs.Info{}, err
	}
	defer func() { _ = body.Close() }()
	sum := sha1.New()
	in := &ending{r: io.TeeReader(io.LimitReader(body, size), sum), check: func(n int64) error {
		if n != size {
			return io.ErrUnexpectedEOF
		}
		if hex.EncodeToString(sum.Sum(nil)) != want {
			return fmt.Errorf("by its sha1: %w", tarballs.ErrDigest)
		}
		return nil
	}}
	return r.through.Put(ctx, in, nil)
}

// ending checks what was read before it says that it ends: a store keeps nothing of what fails.
type ending struct {
	r     io.Reader
	n     int64
	check func(n int64) error
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.n += int64(n)
	if errors.Is(err, io.EOF) {
		if err := e.check(e.n); err != nil {
			return n, err
		}
	}
	return n, err
}

// learned is a document in which a version tells its sha512; nil where it does already, or is another by now.
func learned(was []byte, number, sum string, d tarballs.Digest) []byte {
	manifest := packuments.Member(packuments.Member(was, "versions"), number)
	v := version{number: number, manifest: manifest, dist: packuments.Member(manifest, "dist")}
	v.integrity, v.tarball = packuments.Member(v.dist, "integrity"), packuments.Member(v.dist, "tarball")
	if v.sha1() != sum || len(v.tarball) == 0 {
		return nil
	}
	v.name = packuments.Text(packuments.Member(was, "_id"))
	v.sum = d.SRI()
	at := cap(was) - cap(manifest)
	out := append(make([]byte, 0, len(was)+256), was[:at]...)
	return append(v.append(out), was[at+len(manifest):]...)
}
