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
	"strings"
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

// A Peer is a Source that another process serves by Handler.
type Peer struct {
	name           string
	base           string // URL without credentials; a digest follows
	user, password string
	client         *http.Client
}

// NewPeer makes a peer of the URL below which its digests stand. transport may be nil: one
// with time-outs, whose connections stay open, so that a blob costs one round trip.
func NewPeer(name string, base *url.URL, transport http.RoundTripper) *Peer {
	bare := *base
	bare.User = nil
	p := &Peer{name: name, base: strings.TrimSuffix(bare.String(), "/") + "/", user: base.User.Username()}
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

// OpenAt implements Source.
func (p *Peer) OpenAt(ctx context.Context, d Digest, offset int64) (io.ReadCloser, int64, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+d.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	if p.user != "" {
		q.SetBasicAuth(p.user, p.password)
	}
	want := http.StatusOK
	if offset > 0 {
		want = http.StatusPartialContent
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := p.client.Do(q)
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
