package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// tlsSettings are the files of a certificate, for both ports; none: plain HTTP.
type tlsSettings struct{ cert, key string }

func (s *tlsSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&s.cert, "tls-cert", "", "`FILE` of a certificate with its chain, in PEM: both ports then speak HTTPS, by HTTP/2 too; read again when it changes")
	fs.StringVar(&s.key, "tls-key", "", "`FILE` of the certificate's key, in PEM")
}

func (s *tlsSettings) check() error {
	if (s.cert == "") != (s.key == "") {
		return errors.New("--tls-cert and --tls-key want each other")
	}
	return nil
}

// open reads the files; nil where there are none. They are to be good at the start: later, what was good stays.
func (s *tlsSettings) open(log *slog.Logger) (*tls.Config, error) {
	if s.cert == "" {
		return nil, nil
	}
	c := &certificate{tlsSettings: *s, log: log}
	files, err := c.stat()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, err
	}
	c.looked.Store(time.Now().UnixNano())
	c.held.Store(&held{files, &pair})
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// certificate is what two files hold now. Renewals replace files and signal nobody, be it certbot, a mounted secret
// or a person; so a handshake looks whether they changed, one of all that come in a second.
type certificate struct {
	tlsSettings
	log    *slog.Logger
	looked atomic.Int64 // when, in Unix nanoseconds
	held   atomic.Pointer[held]
}

type held struct {
	files [2]os.FileInfo
	pair  *tls.Certificate
}

// lookEvery bounds what handshakes cost: a renewed certificate is valid for long before the old one ends.
const lookEvery = time.Second

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	last, now := c.looked.Load(), time.Now().UnixNano()
	if now-last >= int64(lookEvery) && c.looked.CompareAndSwap(last, now) {
		c.look()
	}
	return c.held.Load().pair, nil
}

// look reads the files again if they are others. A pair that is not good is told of once, and the one before
// it kept: the key may only be on its way.
func (c *certificate) look() {
	was := c.held.Load()
	files, err := c.stat()
	if err != nil {
		c.log.Warn("the certificate cannot be looked at: the one that was read before is kept", "error", err)
		return
	}
	if same(files[0], was.files[0]) && same(files[1], was.files[1]) {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Warn("the certificate changed and is not good: the one before it is kept", "error", err)
		c.held.Store(&held{files, was.pair})
		return
	}
	c.log.Info("the certificate changed", "file", c.cert, "until", pair.Leaf.NotAfter)
	c.held.Store(&held{files, &pair})
}

func (c *certificate) stat() (files [2]os.FileInfo, err error) {
	for i, name := range []string{c.cert, c.key} {
		if files[i], err = os.Stat(name); err != nil {
			return files, err
		}
	}
	return files, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// strict tells browsers that this host speaks HTTPS only, for half a year. Of its subdomains settee knows nothing.
func strict(h http.Handler) http.Handler {
	value := []string{fmt.Sprintf("max-age=%d", 180*24*60*60)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Strict-Transport-Security"] = value
		h.ServeHTTP(w, r)
	})
}
