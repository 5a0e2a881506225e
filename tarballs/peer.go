package tarballs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A Source is where blobs may be had that are not here. Implementations are safe for
// concurrent use.
type Source interface {
	// Name is what logs call it; it holds no credentials.
	Name() string
	// OpenAt returns a blob's bytes from offset, and the size of the whole. A blob that
	// the source has not gives an error that is fs.ErrNotExist. The caller closes body,
	// and ends ctx where no more bytes come.
	OpenAt(ctx context.Context, d Digest, offset int64) (body io.ReadCloser, size int64, err error)
}

// A Peer is a Source that another process serves: a blob by Handler at BASE/blobs/DIGEST,
// what it announces (Announcing) at BASE/announcements.
type Peer struct {
	name           string
	blobs          string // URLs without credentials; a digest follows
	announcements  string
	user, password string
	client         *http.Client
}

// NewPeer makes a peer of its base URL, which may hold credentials. transport may be nil: one
// with time-outs, whose connections stay open, so that a blob costs one round trip.
func NewPeer(name string, base *url.URL, transport http.RoundTripper) *Peer {
	bare := *base
	bare.User = nil
	p := &Peer{name: name, user: base.User.Username()}
	p.blobs, p.announcements = bare.JoinPath("blobs").String()+"/", bare.JoinPath("announcements").String()
	p.password, _ = base.User.Password()
	if transport == nil {
		transport = peerTransport()
	}
	p.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the credentials are for this host
	}}
	return p
}

func peerTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second, // the peer only opens a file
		MaxIdleConnsPerHost:   defaultDownloads,
		IdleConnTimeout:       10 * time.Minute,
		DisableCompression:    true,
	}
}

// Name implements Source.
func (p *Peer) Name() string { return p.name }

// get asks for a URL of the peer.
func (p *Peer) get(ctx context.Context, location string, header http.Header) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Accept-Encoding", "identity") // a blob's length is told
	for name, values := range header {
		q.Header[name] = values
	}
	if p.user != "" {
		q.SetBasicAuth(p.user, p.password)
	}
	return p.client.Do(q)
}

// OpenAt implements Source.
func (p *Peer) OpenAt(ctx context.Context, d Digest, offset int64) (io.ReadCloser, int64, error) {
	want, header := http.StatusOK, http.Header{}
	if offset > 0 {
		want = http.StatusPartialContent
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := p.get(ctx, p.blobs+d.String(), header)
	if err != nil {
		return nil, 0, err
	}
	if res.StatusCode == want && res.ContentLength >= 0 {
		return res.Body, offset + res.ContentLength, nil
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection is used again
	switch {
	case res.StatusCode == http.StatusNotFound:
		return nil, 0, fs.ErrNotExist
	case res.StatusCode == want:
		return nil, 0, errors.New("the answer does not tell its length")
	}
	return nil, 0, fmt.Errorf("the answer is %s", res.Status)
}
