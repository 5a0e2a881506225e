package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/go-kivik/kivik/v4/couchdb" // the driver of --db
	"github.com/go-kivik/kivik/v4/couchdb/chttp"
)

// dialCluster is a client of the CouchDB at a URL; nothing is asked of it yet.
//
// Kivik signs in for a cookie where the URL holds a password. Each request carries the
// password instead: a cookie ends while it is in use, and nodes that do not share a
// secret refuse each other's. Requests are not compressed: between neighbours that
// costs more than it saves.
func dialCluster(location string) (*kivik.Client, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	options := []kivik.Option{
		couchdb.OptionHTTPClient(&http.Client{Transport: whole{clusterTransport()}}),
		couchdb.OptionNoRequestCompression(),
		couchdb.OptionUserAgent("settee/" + release()),
	}
	if password, given := u.User.Password(); given {
		options = append(options, couchdb.BasicAuth(u.User.Username(), password))
	}
	u.User = nil // Kivik would use it beside the option
	return kivik.New("couch", u.String(), options...)
}

// clusterTransport keeps as many connections as requests are under way: Go keeps two
// to a host, and each further request would make one and throw it away.
//
//   - 256 idle ones: publishes and installs of a busy registry; CouchDB takes 2,048.
//   - idle for 30 s: below the patience of CouchDB (5 min) and of the proxies before it.
//   - a minute for an answer to begin: an index that is being built takes that long, a
//     node that has stopped for ever must not hold a package's turn.
//
// A name with several addresses, as of a cluster's nodes, is tried through: what dialled
// a node that has gone meets the next.
func clusterTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
	}
}

// whole sends bodies that can be sent again. Kivik gives a pipe, which is spent when a
// connection that the server hung up on meanwhile is found dead. An edit names the
// revision it replaces, so CouchDB does none of them twice.
type whole struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t whole) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.Body == nil || q.Body == http.NoBody || q.GetBody != nil {
		return t.next.RoundTrip(q)
	}
	body, err := io.ReadAll(q.Body)
	if err := errors.Join(err, q.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the body to send: %w", err)
	}
	again := q.Clone(q.Context())
	again.ContentLength = int64(len(body))
	again.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	again.Body, _ = again.GetBody()
	again.Header[chttp.HeaderIdempotencyKey] = []string{} // net/http repeats what bears it; an empty one is not sent
	return t.next.RoundTrip(again)
}
