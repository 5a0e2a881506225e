package httpd

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/couch"
	"settee/couch/driver"
	"settee/replicate"
)

// newScheduler makes what runs replications, and has it follow the databases that ask for them.
func (s *Server) newScheduler() {
	s.scheduler = replicate.NewScheduler(replicate.SchedulerOptions{
		Open: s.openEnd, Settings: s.replicatorSettings(), UUID: s.store.UUID(), Node: nodeName, Logger: s.o.Logger, Now: s.o.Now,
	})
	s.store.WatchNew(func(db *couch.DB) { s.followReplicator(db.Name()) })
	names, err := s.store.Databases(s.ctx)
	if err != nil {
		s.o.Logger.Error("replication documents are not followed", "error", err)
	}
	for _, name := range names {
		s.followReplicator(name)
	}
}

func (s *Server) replicatorSettings() replicate.Settings {
	return replicate.Settings{Value: func(key string) (string, bool) { return s.store.Setting("replicator", key) }}
}

// followReplicator lets the documents of a database ask for replications, if it is one for that.
func (s *Server) followReplicator(name string) {
	if natureOf(name) != replicators {
		return
	}
	client, err := driver.NewClient(s.store, s.views)
	if err != nil {
		s.o.Logger.Error("replication documents are not followed", "database", name, "error", err)
		return
	}
	s.scheduler.Follow(client.DB(name))
}

// openEnd opens an end of a replication. A database of this server needs no connection: it is opened with the
// rights of those whose credentials the end has.
func (s *Server) openEnd(ctx context.Context, e replicate.Endpoint, r replicate.Request) (replicate.Peer, error) {
	name, own := s.ownDatabase(e)
	if !own {
		return replicate.Dial(ctx, e, replicate.DialOptions{ConnectionTimeout: r.Options.ConnectionTimeout, Connections: r.Connections})
	}
	user := couch.User{}
	if e.As != nil {
		user = couch.User{Name: e.As.Name, Roles: e.As.Roles}
	} else {
		id, err := s.identifyEnd(ctx, e)
		if err != nil {
			return replicate.Peer{}, err
		}
		user = couch.User{Name: id.Name, Roles: id.Roles}
	}
	client, err := driver.NewClientOf(s.store, s.views, user)
	if err != nil {
		return replicate.Peer{}, err
	}
	create := func(ctx context.Context) error {
		if r.CreateParams["partitioned"] == "true" {
			return client.CreateDB(ctx, name, kivik.Param("partitioned", true))
		}
		return client.CreateDB(ctx, name)
	}
	return replicate.Peer{DB: client.DB(name), Name: e.URL, Create: create}, nil
}

// ownDatabase is the database of this server that an end is, if it is one.
func (s *Server) ownDatabase(e replicate.Endpoint) (name string, own bool) {
	u, err := url.Parse(e.URL)
	if err != nil || u.RawQuery != "" || e.As == nil && (u.Scheme != "http" || e.Proxy != "" || !s.listensAt(u.Hostname(), u.Port())) {
		return "", false
	}
	name, err = unescape(strings.Trim(u.EscapedPath(), "/"))
	return name, err == nil && name != "" && strings.Count(u.EscapedPath(), "/") <= 2
}

// listensAt reports that a host's port is where this server listens, as far as the command line said it.
func (s *Server) listensAt(host, port string) bool {
	bound, at := s.text("chttpd", "bind_address"), s.text("chttpd", "port")
	if at == "" || at == "0" || port != at && (port != "" || at != "80") {
		return false
	}
	ip := net.ParseIP(bound)
	here := ip == nil || ip.IsUnspecified() || ip.IsLoopback()
	return host == bound || here && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// identifyEnd is who an end's credentials sign in, as if they came with a request.
func (s *Server) identifyEnd(ctx context.Context, e replicate.Endpoint) (auth.Identity, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL, nil)
	if err != nil {
		return auth.Identity{}, err
	}
	req.RemoteAddr = "127.0.0.1:0"
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	if e.User != "" {
		req.SetBasicAuth(e.User, e.Password)
	}
	id, err := s.auth.Identify(req)
	if err != nil {
		return auth.Identity{}, replicate.Unauthenticated("http://"+req.Host+"/_session", e.User)
	}
	return id, nil
}

// ownURL is what CouchDB makes of a database's bare name.
func (s *Server) ownURL(name string) string {
	host, port := s.text("chttpd", "bind_address"), s.text("chttpd", "port")
	if host == "" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "5984"
	}
	return "http://" + net.JoinHostPort(host, port) + "/" + url.QueryEscape(name)
}

// replicate is POST /_replicate.
func (c *call) replicate() error {
	r, err := c.replication()
	if err != nil {
		return failure(err)
	}
	status, answer := http.StatusOK, []byte(nil)
	switch {
	case r.Cancel:
		answer, err = localID(c.s.scheduler.Cancel(c.ctx(), r))
	case r.Options.Continuous:
		status = http.StatusAccepted
		answer, err = localID(c.s.scheduler.Begin(c.ctx(), r))
	default:
		var result replicate.Result
		if result, err = c.s.scheduler.Replicate(c.ctx(), r); err == nil {
			answer, err = result.MarshalJSON()
		}
	}
	if err != nil {
		return failure(err)
	}
	c.send(status, append(answer, '\n'))
	return nil
}

// replication reads the body. A bare name is of a database of this server, opened in the name of who asks.
func (c *call) replication() (replicate.Request, error) {
	raw, err := c.object()
	if err != nil {
		return replicate.Request{}, err
	}
	bare := map[string]bool{}
	body := []byte{'{'}
	err = members(raw, func(key string, value []byte) error {
		if key == "source" || key == "target" {
			if name, is := bareName(value); is {
				bare[key] = true
				value = appendString(nil, c.s.ownURL(name))
			}
		}
		body = appendMember(body, key, value)
		return nil
	})
	if err != nil {
		return replicate.Request{}, err
	}
	r, err := replicate.ParseRequest(append(body, '}'), c.s.replicatorSettings())
	if err != nil {
		return r, err
	}
	r.User = replicate.Owner{Name: c.user.Name, Roles: slices.Clone(c.user.Roles)}
	for key, end := range map[string]*replicate.Endpoint{"source": &r.Source, "target": &r.Target} {
		if bare[key] {
			end.User, end.As = r.User.Name, &r.User
		}
	}
	return r, nil
}

// bareName is the name of a database here that an end is given by, whether by itself or as a url.
func bareName(end []byte) (string, bool) {
	if isObject(end) {
		var at []byte
		_ = members(end, func(key string, value []byte) error {
			if key == "url" {
				at = value
			}
			return nil
		})
		if at == nil {
			return "", false
		}
		end = at
	}
	name, err := text(end)
	if err != nil {
		name = string(end)
	}
	return name, !strings.HasPrefix(name, "http://") && !strings.HasPrefix(name, "https://")
}

// localID is the answer that tells a replication's id.
func localID(id string, err error) ([]byte, error) {
	return append(appendString([]byte(`{"ok":true,"_local_id":`), id), '}'), err
}

// failure is the answer to what the scheduler refuses.
func failure(err error) error {
	if p := explain(err); p.word != string(couch.Internal) {
		return err // the engine's, or this package's own
	}
	f := replicate.FailureOf(err)
	return &statusError{f.Status, f.Word, f.Reason}
}
