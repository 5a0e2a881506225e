package replicate

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb"
)

// Endpoint is where a peer is, as CouchDB's replication documents say it.
type Endpoint struct {
	URL            string // http(s)://user:password@host:port/database
	Headers        map[string]string
	User, Password string // stronger than those of the URL, which are stronger than a header's
	Proxy          string // URL of a proxy: http, https or socks5

	// As says that the URL is of a database of the server that replicates, opened in somebody's name. A Scheduler's
	// Open heeds it, Dial does not.
	As *Owner `json:",omitempty"`
}

// DialOptions say how to speak to a peer; the zero value is good.
type DialOptions struct {
	Transport         http.RoundTripper // nil: one of its own
	ConnectionTimeout time.Duration     // 0: 30 s; how long a connection or the beginning of an answer may take
	Connections       int               // 0: 20, as CouchDB; open at once
}

// Dial makes a peer of an endpoint. It speaks to nobody yet: whether the database is there and whether the password
// is right, Run finds out. With a user it asks for a session and keeps its cookie; where the peer
// has no sessions, each request carries the password (Basic).
func Dial(_ context.Context, e Endpoint, o DialOptions) (Peer, error) {
	u, err := e.parse()
	if err != nil {
		return Peer{}, err
	}
	base, name, err := split(u)
	if err != nil {
		return Peer{}, err
	}
	transport := o.Transport
	if transport == nil {
		if transport, err = newTransport(e.Proxy, o); err != nil {
			return Peer{}, err
		}
	}
	user, password, headers := e.credentials()
	a := &authenticated{next: &mended{transport, strings.TrimSuffix(base.EscapedPath(), "/"), u.Path}, base: base, headers: headers, user: user, password: password}
	client := &http.Client{Transport: a}
	k, err := kivik.New("couch", base.String(), couchdb.OptionHTTPClient(&http.Client{Transport: unending{a}}), couchdb.OptionNoRequestCompression())
	if err != nil {
		return Peer{}, fmt.Errorf("%w: %w", ErrBadOptions, err)
	}
	shown := *u
	if user != "" {
		shown.User = nil
	}
	return Peer{
		DB: k.DB(name), Name: shown.String(),
		Create: func(ctx context.Context) error { return k.CreateDB(ctx, name) },
		remote: &remote{client: client, db: u, endpoint: e},
	}, nil
}

// parse reads the URL: without user and password, and with a slash at its end.
func (e Endpoint) parse() (*url.URL, error) {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: a peer has an invalid url", ErrBadOptions)
	case u.Scheme == "" && u.Host == "":
		return nil, fmt.Errorf("%w: local_endpoints_not_supported: %q is the name of a database here, not the URL of one", ErrBadOptions, e.URL)
	case u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%w: a peer has an invalid url", ErrBadOptions)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if !strings.HasSuffix(u.Path, "/") {
		if u.RawPath != "" {
			u.RawPath += "/"
		}
		u.Path += "/"
	}
	return u, nil
}

// split is the server's URL and the database's name in it.
func split(u *url.URL) (*url.URL, string, error) {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 || slash == len(path)-1 {
		return nil, "", fmt.Errorf("%w: the url of a peer names no database", ErrBadOptions)
	}
	name, err := url.PathUnescape(path[slash+1:])
	if err != nil {
		return nil, "", fmt.Errorf("%w: a peer has an invalid url", ErrBadOptions)
	}
	base := *u
	base.Path, base.RawPath = path[:slash+1], ""
	if base.Path, err = url.PathUnescape(path[:slash+1]); err != nil {
		return nil, "", fmt.Errorf("%w: a peer has an invalid url", ErrBadOptions)
	}
	return &base, name, nil
}

// credentials are the user, the password, and the headers without them.
func (e Endpoint) credentials() (user, password string, headers map[string]string) {
	headers = make(map[string]string, len(e.Headers))
	for name, value := range e.Headers {
		if strings.EqualFold(name, "Authorization") {
			if u, p, ok := basic(value); ok {
				user, password = u, p
				continue
			}
		}
		headers[name] = value
	}
	if u, err := url.Parse(e.URL); err == nil && u.User != nil {
		if p, set := u.User.Password(); set {
			user, password = u.User.Username(), p
		}
	}
	if e.User != "" {
		user, password = e.User, e.Password
	}
	return user, password, headers
}

// basic reads a header of Basic authentication.
func basic(header string) (user, password string, ok bool) {
	scheme, code, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}

// newTransport is a transport of one peer: all its connections go to the same host.
func newTransport(proxy string, o DialOptions) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxConnsPerHost = o.Connections
	if t.MaxConnsPerHost <= 0 {
		t.MaxConnsPerHost = 20
	}
	t.MaxIdleConnsPerHost = t.MaxConnsPerHost
	t.ResponseHeaderTimeout = o.ConnectionTimeout
	if t.ResponseHeaderTimeout <= 0 {
		t.ResponseHeaderTimeout = 30 * time.Second
	}
	t.Proxy = nil // CouchDB takes the environment's no more than this
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%w: a proxy has an invalid url", ErrBadOptions)
		}
		t.Proxy = http.ProxyURL(u)
	}
	return t, nil
}
