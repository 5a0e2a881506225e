package tarballs

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func opened(t testing.TB) *FolderStore {
	s, err := Folder(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func through(t testing.TB, local Store, sources []Source, o ThroughOptions) *ThroughStore {
	s := Through(local, sources, o)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// peerOf is a peer over HTTP; each request goes through see, where it is set.
func peerOf(t testing.TB, s Store, see func(*http.Request)) *Peer {
	h := Handler(s, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if see != nil {
			see(r)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL + "/_settee")
	require.NoError(t, err)
	u.User = url.UserPassword("adm", "secret")
	return NewPeer("us", u, nil)
}

func digestOf(b []byte) Digest { return sha512.Sum512(b) }

func stored(t testing.TB, s Store, b []byte) Digest {
	info, err := s.Put(t.Context(), bytes.NewReader(b), nil)
	require.NoError(t, err)
	return info.Digest
}

// What a peer has is read through it, whole and in parts, and is here afterwards.
func TestReadThrough(t *testing.T) {
	for _, n := range []int{0, 1, 2, 20_000, copyBuffer, copyBuffer + 1, spoolInMemory, spoolInMemory + 1, 3 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			local, remote := opened(t), opened(t)
			s := through(t, local, []Source{peerOf(t, remote, func(r *http.Request) {
				name, password, _ := r.BasicAuth()
				require.Equal(t, "adm:secret", name+":"+password)
			})}, ThroughOptions{TempDir: t.TempDir()})
			b := random(n)
			d := stored(t, remote, b)
			_, err := s.Stat(t.Context(), d)
			require.ErrorIs(t, err, fs.ErrNotExist, "Stat speaks of what is here")
			_, _, err = s.Open(t.Context(), d, int64(n)+1, 1)
			require.ErrorIs(t, err, ErrRange)
			r, info, err := s.Open(t.Context(), d, 0, -1)
			require.NoError(t, err)
			require.EqualValues(t, n, info.Size)
			if n <= 20_000 { // it reads byte by byte
				require.NoError(t, iotest.TestReader(r, b))
			} else {
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				require.True(t, bytes.Equal(b, got))
			}
			require.NoError(t, r.Close())
			_, err = s.Fetch(t.Context(), d)
			require.NoError(t, err)
			require.True(t, bytes.Equal(b, read(t, local, d, 0, -1)))
			require.EqualValues(t, 1, s.Metrics().Fetched)
		})
	}
}

func TestReadThroughParts(t *testing.T) {
	remote := opened(t)
	b := random(3 << 20)
	d := stored(t, remote, b)
	for _, r := range [][2]int64{{0, 1}, {1, 5}, {2 << 20, -1}, {3<<20 - 1, 1}, {3 << 20, -1}, {100_000, 2 << 20}} {
		s := through(t, opened(t), []Source{peerOf(t, remote, nil)}, ThroughOptions{})
		end := r[0] + r[1]
		if r[1] < 0 {
			end = int64(len(b))
		}
		require.True(t, bytes.Equal(b[r[0]:end], read(t, s, d, r[0], r[1])), "%v", r)
	}
}

// However many ask at once, a peer is asked once.
func TestOneDownload(t *testing.T) {
	remote := opened(t)
	b := random(2 << 20)
	d := stored(t, remote, b)
	var asked atomic.Int64
	all := make(chan struct{})
	s := through(t, opened(t), []Source{peerOf(t, remote, func(*http.Request) { asked.Add(1); <-all })}, ThroughOptions{})
	var wg sync.WaitGroup
	got := make([][]byte, 32)
	for i := range got {
		wg.Go(func() { got[i] = read(t, s, d, 0, -1) })
	}
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return entered(s.mu.downloads[d]) > len(got) }, 10*time.Second, time.Millisecond)
	close(all)
	wg.Wait()
	for _, g := range got {
		require.True(t, bytes.Equal(b, g))
	}
	require.EqualValues(t, 1, asked.Load())
}

func entered(d *download) int {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.readers
}

// source is a Source made of a function.
type source struct {
	name string
	open func(d Digest, offset int64) (io.ReadCloser, int64, error)
	asks atomic.Int64
}

func (s *source) Name() string { return s.name }

func (s *source) OpenAt(_ context.Context, d Digest, offset int64) (io.ReadCloser, int64, error) {
	s.asks.Add(1)
	return s.open(d, offset)
}

// giving is a source of these bytes, whatever is asked for.
func giving(name string, b []byte) *source {
	return &source{name: name, open: func(_ Digest, offset int64) (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(b[min(offset, int64(len(b))):])), int64(len(b)), nil
	}}
}

// Wrong bytes are never served as whole, nor stored, and the next reader asks another.
func TestWrongBytesFromPeer(t *testing.T) {
	for _, n := range []int{1, 100, smallBlob + 100, 2 << 20} {
		for _, part := range [][2]int64{{0, -1}, {0, 1}, {int64(n) - 1, 1}} {
			b := random(n)
			wrong := bytes.Clone(b)
			wrong[n-1]++
			liar, honest := giving("liar", wrong), giving("honest", b)
			local := opened(t)
			var log bytes.Buffer
			s := through(t, local, []Source{liar, honest}, ThroughOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			r, info, err := s.Open(t.Context(), digestOf(b), part[0], part[1])
			require.NoError(t, err)
			require.EqualValues(t, n, info.Size)
			got, err := io.ReadAll(r)
			require.ErrorIs(t, err, ErrDigest)
			want, err := span(int64(n), part[0], part[1])
			require.NoError(t, err)
			require.Less(t, int64(len(got)), want)
			require.NoError(t, r.Close())
			require.Empty(t, all(t, local))
			require.True(t, bytes.Equal(b, read(t, s, digestOf(b), 0, -1)), "the one who lied is asked last")
			require.EqualValues(t, 1, s.Metrics().Wrong)
			require.Eventually(t, func() bool { return s.Metrics().Failed == 1 }, 10*time.Second, time.Millisecond)
			require.NoError(t, s.Close()) // all is logged
			require.Contains(t, log.String(), "from liar: ", "who lied is told")
		}
	}
}

// A line that breaks is taken up where it broke, with the same peer or the next.
func TestPeerBreaksOff(t *testing.T) {
	b := random(2 << 20)
	broken := errors.New("connection reset")
	tears := func(each int64, times int) *source {
		return &source{name: "torn", open: func(_ Digest, offset int64) (io.ReadCloser, int64, error) {
			rest := io.Reader(bytes.NewReader(b[offset:]))
			if times--; times >= 0 {
				rest = io.MultiReader(io.LimitReader(rest, each), iotest.ErrReader(broken))
			}
			return io.NopCloser(rest), int64(len(b)), nil
		}}
	}
	for name, sources := range map[string][]Source{
		"resumed":       {tears(500_000, 2)},
		"by another":    {tears(500_000, 99), giving("good", b)},
		"nothing comes": {tears(0, 99), giving("good", b)},
		"size differs":  {tears(500_000, 99), giving("short", b[:700_000]), giving("good", b)},
	} {
		t.Run(name, func(t *testing.T) {
			s := through(t, opened(t), sources, ThroughOptions{})
			require.True(t, bytes.Equal(b, read(t, s, digestOf(b), 0, -1)))
		})
	}
	s := through(t, opened(t), []Source{tears(500_000, 99)}, ThroughOptions{})
	r, _, err := s.Open(t.Context(), digestOf(b), 0, -1)
	require.NoError(t, err)
	_, err = io.ReadAll(r)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, broken)
	require.NoError(t, r.Close())
}

// A peer that fails is left alone for a while, and asked again after it.
func TestPeerRests(t *testing.T) {
	var now atomic.Int64
	down := &source{name: "down", open: func(Digest, int64) (io.ReadCloser, int64, error) { return nil, 0, errors.New("refused") }}
	s := through(t, opened(t), []Source{down}, ThroughOptions{Now: func() time.Time { return time.Unix(0, now.Load()) }})
	ask := func() error { _, _, err := s.Open(t.Context(), Digest{1}, 0, -1); return err }
	rest := shortestRest
	for i := range 12 {
		require.ErrorIs(t, ask(), ErrUnavailable)
		require.ErrorIs(t, ask(), ErrUnavailable)
		require.EqualValues(t, i+1, down.asks.Load())
		now.Add(int64(rest) - 1)
		require.ErrorIs(t, ask(), ErrUnavailable)
		require.EqualValues(t, i+1, down.asks.Load())
		now.Add(1)
		rest = min(2*rest, longestRest)
	}
	down.open = giving("", nil).open
	_, err := s.Fetch(t.Context(), digestOf(nil))
	require.NoError(t, err)
	require.EqualValues(t, 0, s.mu.sources[0].failures)
}

// Only when all have answered is a blob known to be nowhere.
func TestNowhere(t *testing.T) {
	lacks := peerOf(t, opened(t), nil)
	down := &source{name: "down", open: func(Digest, int64) (io.ReadCloser, int64, error) { return nil, 0, errors.New("refused") }}
	for _, c := range []struct {
		sources []Source
		want    error
	}{
		{nil, fs.ErrNotExist}, {[]Source{lacks, lacks}, ErrNoPeer}, {[]Source{lacks, down}, ErrUnavailable}, {[]Source{down}, ErrUnavailable},
	} {
		s := through(t, opened(t), c.sources, ThroughOptions{})
		_, err := s.Fetch(t.Context(), Digest{})
		require.ErrorIs(t, err, c.want)
		_, _, err = s.Open(t.Context(), Digest{}, 0, -1)
		require.ErrorIs(t, err, c.want)
	}
}

// A peer that stops in the middle is given up.
func TestPeerStalls(t *testing.T) {
	b := random(300_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "300000")
		_, _ = w.Write(b[:100_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	s := through(t, opened(t), []Source{NewPeer("us", u, nil)}, ThroughOptions{Stall: 50 * time.Millisecond})
	r, _, err := s.Open(t.Context(), digestOf(b), 0, -1)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.ErrorIs(t, err, errStalled)
	require.Len(t, got, 100_000)
	require.NoError(t, r.Close())
}

// A reader that goes away does not end the download; Close does.
func TestReaderGoesAway(t *testing.T) {
	b := random(200_000)
	going := make(chan struct{})
	slow := &source{name: "slow", open: func(Digest, int64) (io.ReadCloser, int64, error) {
		wait := readerFunc(func([]byte) (int, error) { <-going; return 0, io.EOF })
		return io.NopCloser(io.MultiReader(bytes.NewReader(b[:100]), wait, bytes.NewReader(b[100:]))), int64(len(b)), nil
	}}
	local := opened(t)
	s := through(t, local, []Source{slow}, ThroughOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := s.Open(ctx, digestOf(b), 0, -1)
	require.NoError(t, err)
	_, err = io.ReadFull(r, make([]byte, 100))
	require.NoError(t, err)
	cancel()
	_, err = r.Read(make([]byte, 1))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	close(going)
	_, err = s.Fetch(t.Context(), digestOf(b))
	require.NoError(t, err)
	require.Len(t, all(t, local), 1)
	require.NoError(t, s.Close())
	_, err = s.Fetch(t.Context(), Digest{})
	require.ErrorIs(t, err, errClosed)
}

// fullStore cannot store.
type fullStore struct{ Store }

func (fullStore) Put(context.Context, io.Reader, *Digest) (Info, error) {
	return Info{}, errors.New("no space left on device")
}

// Readers get what a full disk cannot keep.
func TestReadThroughWithoutRoom(t *testing.T) {
	b := random(50_000)
	s := through(t, fullStore{opened(t)}, []Source{giving("us", b)}, ThroughOptions{})
	require.Equal(t, b, read(t, s, digestOf(b), 0, -1))
	_, err := s.Fetch(t.Context(), digestOf(b))
	require.ErrorContains(t, err, "no space left")
	s = through(t, opened(t), []Source{giving("us", random(2<<20))}, ThroughOptions{TempDir: "/nowhere"})
	_, _, err = s.Open(t.Context(), digestOf(random(2<<20)), 0, -1)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, ErrUnavailable)
}

// faulty fails the i-th thing that a peer does: answering, or giving a piece.
type faulty struct {
	*source
	left int
}

var errFault = errors.New("fault")

func (f *faulty) fails() bool { f.left--; return f.left == -1 }

func (f *faulty) OpenAt(ctx context.Context, d Digest, offset int64) (io.ReadCloser, int64, error) {
	if f.fails() {
		return nil, 0, errFault
	}
	r, size, err := f.source.OpenAt(ctx, d, offset)
	return io.NopCloser(readerFunc(func(p []byte) (int, error) {
		if f.fails() {
			return 0, errFault
		}
		return r.Read(p[:min(len(p), 10_000)])
	})), size, err
}

// Whatever fails, a reader has the bytes or an error, and the store the bytes or nothing.
func TestErrorSweepOfPeer(t *testing.T) {
	b := random(100_000)
	failed := 0
	for i := 0; ; i++ {
		local := opened(t)
		f := &faulty{giving("us", b), i}
		s := through(t, local, []Source{f}, ThroughOptions{})
		got, err := func() ([]byte, error) {
			r, _, err := s.Open(t.Context(), digestOf(b), 0, -1)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		}()
		if err != nil {
			require.ErrorIs(t, err, errFault)
			failed++
		} else {
			require.True(t, bytes.Equal(b, got))
		}
		_ = s.Close()
		for _, info := range all(t, local) {
			require.Equal(t, digestOf(b), info.Digest)
			require.True(t, bytes.Equal(b, read(t, local, info.Digest, 0, -1)))
		}
		if f.left >= 0 {
			break // nothing failed
		}
	}
	require.Positive(t, failed)
}

func BenchmarkReadThrough(b *testing.B) {
	remote := opened(b)
	peer := peerOf(b, remote, nil)
	d := stored(b, remote, random(20_000))
	local := opened(b)
	s := through(b, local, []Source{peer}, ThroughOptions{})
	b.ReportAllocs()
	for b.Loop() {
		read(b, s, d, 0, -1)
		_, err := s.Fetch(b.Context(), d)
		require.NoError(b, err)
		require.NoError(b, local.Delete(b.Context(), d))
	}
}
