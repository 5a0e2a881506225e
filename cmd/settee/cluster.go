package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-kivik/kivik/v4"
)

// cluster is a CouchDB at --db while it is looked over. Databases that are missing,
// _users among them, are made by the rooms that need them; _replicator is not needed.
type cluster struct {
	url    *url.URL
	client *kivik.Client
	log    *slog.Logger
}

const (
	// clusterPatience is how long a CouchDB may take to start that was started with us.
	clusterPatience = 30 * time.Second
	// clusterPause lies between two questions to it.
	clusterPause = 200 * time.Millisecond
	// defaultMaxDocument is CouchDB's own max_document_size where none is set.
	defaultMaxDocument = 8_000_000
	// leastVersion is the oldest CouchDB that is still mended; 2 let everybody read accounts.
	leastVersion = 3
)

// openCluster opens the CouchDB at a URL. What a registry cannot do without is an
// error, what it will miss one day a warning; both say what to do.
func openCluster(ctx context.Context, location string, patience time.Duration, log *slog.Logger) (*kivik.Client, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("it is no URL") // the cause repeats the password
	}
	client, err := dialCluster(location)
	if err != nil {
		return nil, err
	}
	c := &cluster{u, client, log}
	for _, check := range []func(context.Context) error{
		func(ctx context.Context) error { return c.awaken(ctx, patience) }, c.administered,
	} {
		if err := check(ctx); err != nil {
			return nil, errors.Join(err, client.Close())
		}
	}
	c.lookOver(ctx)
	return client, nil
}

// awaken waits for a server that is starting, and looks whether it is a CouchDB that serves.
func (c *cluster) awaken(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	told := false
	for {
		version, err := c.client.Version(ctx)
		if err == nil {
			return c.serves(version)
		}
		if !starting(err) {
			return c.explained(err)
		}
		if !told {
			told = true
			c.log.Info("waiting for the CouchDB of --db", "url", c.shown(), "error", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no CouchDB answered at %s within %s: start it, or correct --db: %w", c.shown(), patience, err)
		case <-time.After(clusterPause):
		}
	}
}

// starting reports what a server answers that is on its way: no connection, or 5xx.
func starting(err error) bool {
	var certificate *tls.CertificateVerificationError
	var answered interface{ HTTPStatus() int }
	return errors.As(err, &answered) && answered.HTTPStatus() >= http.StatusInternalServerError && !errors.As(err, &certificate) && !talksOtherwise(err)
}

// talksOtherwise reports that something answered which is no CouchDB.
func talksOtherwise(err error) bool {
	return strings.Contains(err.Error(), "invalid character") || strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func (c *cluster) serves(v *kivik.ServerVersion) error {
	number, _, _ := strings.Cut(v.Version, ".")
	major, err := strconv.Atoi(number)
	if v.Version == "" || err != nil {
		return fmt.Errorf("what answers at %s is no CouchDB: --db wants the URL of its HTTP API", c.shown())
	}
	if !strings.Contains(v.Vendor, "Apache") {
		return nil // others count their own versions
	}
	if major < leastVersion {
		return fmt.Errorf("CouchDB %s at %s is too old: settee needs CouchDB %d or later", v.Version, c.shown(), leastVersion)
	}
	return nil
}

// administered makes sure that databases can be made and design documents be written.
func (c *cluster) administered(ctx context.Context) error {
	session, err := c.client.Session(ctx)
	switch {
	case err != nil:
		return c.explained(err)
	case slices.Contains(session.Roles, "_admin"):
		return nil
	case session.Name == "":
		return fmt.Errorf("--db names no user, and %s serves none without: write http://USER:PASSWORD@%s, of a server admin", c.shown(), c.url.Host)
	}
	return fmt.Errorf("%q is no server admin of %s, and settee makes databases there: name one in --db, or make one:\n  %s",
		session.Name, c.shown(), c.curl("ADMIN", "_local", "admins/"+url.PathEscape(session.Name), "PASSWORD"))
}

// explained says what to do about an answer that was no success.
func (c *cluster) explained(err error) error {
	switch status := kivik.HTTPStatus(err); {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%s refuses the name or the password of --db", c.shown())
	case status == http.StatusForbidden:
		return fmt.Errorf("%s has locked the user of --db out for a while, after wrong passwords: %w", c.shown(), err)
	case talksOtherwise(err), status == http.StatusNotFound:
		return fmt.Errorf("what answers at %s is no CouchDB: --db wants the URL of its HTTP API: %w", c.shown(), err)
	}
	return fmt.Errorf("ask %s: %w", c.shown(), err)
}

// lookOver warns of what will fail one day. Nothing here keeps a registry from starting:
// most never see a packument of 8 MB, and a node may be away.
func (c *cluster) lookOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	members, err := c.client.Membership(ctx)
	if err != nil || len(members.ClusterNodes) == 0 {
		c.log.Warn("the CouchDB of --db does not tell its nodes, so the size of documents that it takes is not known", "error", err)
		return
	}
	for _, node := range members.ClusterNodes {
		if !slices.Contains(members.AllNodes, node) {
			c.log.Warn("a node of the CouchDB of --db is away", "node", node)
			continue
		}
		c.measure(ctx, node)
	}
}

// measure warns of a node that refuses documents which the registry takes.
func (c *cluster) measure(ctx context.Context, node string) {
	most := int64(defaultMaxDocument)
	value, err := c.client.ConfigValue(ctx, node, "couchdb", "max_document_size")
	if err == nil {
		most, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil && kivik.HTTPStatus(err) != http.StatusNotFound { // not found is not set
		c.log.Warn("a node of the CouchDB of --db does not tell the size of documents that it takes", "node", node, "error", err)
		return
	}
	if most >= maxDocument {
		return
	}
	user := c.url.User.Username()
	c.log.Warn("the CouchDB of --db takes no packument above its max_document_size: the largest have 20 MB", "node", node, "bytes", most,
		"do", c.curl(user, node, "couchdb/max_document_size", strconv.Itoa(maxDocument)))
}

// curl is the command that sets a setting; it asks for the password.
func (c *cluster) curl(user, node, setting, value string) string {
	return fmt.Sprintf(`curl -u %s -X PUT %s/_node/%s/_config/%s -d '"%s"'`, user, strings.TrimSuffix(c.shown(), "/"), node, setting, value)
}

// shown is the URL without who signs in.
func (c *cluster) shown() string {
	u := *c.url
	u.User = nil
	return u.String()
}
