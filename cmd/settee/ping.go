package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// pingTime is how long each API may take to answer: whoever asks has a shorter or a
// longer patience of its own.
const pingTime = 5 * time.Second

const pingExamples = `  settee ping
  settee ping --npm 127.0.0.1:4873 --couch off
`

// ping asks the APIs of a server on this machine whether they answer. It takes the
// addresses that serve was given, from the same environment, so that it is the health
// check of a container in which there is nothing else.
func ping(ctx context.Context, args []string, stdout, _ io.Writer) error {
	fs := newFlags("ping", "ask a server on this machine whether it serves", pingExamples, stdout)
	npm := fs.String("npm", "127.0.0.1:4873", "`ADDR` of the npm API, or off")
	couch := fs.String("couch", "127.0.0.1:5984", "`ADDR` of the CouchDB API, or off")
	db := fs.String("db", "", "`URL` of an Apache CouchDB, where there is one: then serve has no CouchDB API")
	cert := fs.String("tls-cert", "", "`FILE` of the certificate, where the server has one: then it is asked by HTTPS")
	if err := parse(fs, args, os.LookupEnv); err != nil {
		return err
	}
	scheme := "http"
	if *cert != "" {
		scheme = "https"
	}
	if *db != "" {
		*couch = off
	}
	if *npm == off && *couch == off {
		return usageError{errors.New("--npm and --couch are both off: nothing is asked")}
	}
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	return errors.Join(answers(ctx, "npm", scheme, *npm, "/-/ping"), answers(ctx, "couch", scheme, *couch, "/_up"))
}

// near asks a server on this machine, whose certificate is of another name than localhost. Nothing is
// sent that somebody else could use.
var near = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// answers asks one API.
func answers(ctx context.Context, name, scheme, addr, path string) error {
	if addr == off {
		return nil
	}
	here, err := dialled(addr)
	if err != nil {
		return usageError{fmt.Errorf("--%s: %w", name, err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+here+path, nil)
	if err != nil {
		return usageError{fmt.Errorf("--%s: %w", name, err)}
	}
	resp, err := near.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s answers %s", name, here, resp.Status)
	}
	return nil
}

// dialled is where a client on the same machine meets who listens at addr: 0.0.0.0 and
// the like are every address, this machine's own among them.
func dialled(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}
