package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/auth/audit"
	"settee/auth/limit"
	"settee/couch"
	"settee/couch/driver"
	"settee/couch/httpd"
	"settee/region"
	"settee/registry"
	"settee/tarballs"
	"settee/upstream"
	"settee/views"
	"settee/views/packuments"
	"settee/web"
)

// house is all rooms, opened and wired.
type house struct {
	npm      http.Handler
	couch    http.Handler  // nil with --db
	settings auth.Settings // nil with --db
	door     *limit.Door   // before both APIs
	endFeeds func()
	attached func(context.Context, func(digest [64]byte)) error // what documents keep beside tarballs; nil with --db, unless a bucket may have it

	accounts   *auth.Auth
	registry   *registry.Registry
	region     *region.Region
	blobs      http.Handler // what is here, to peers
	announcing *tarballs.Announcing
	closers    []func() error // in the order of opening
}

// maxDocument is the bytes of the largest packument: thrice the largest known.
const maxDocument = 64 << 20

// open opens the stores and wires the rooms; what it opened before an error it closes.
func open(ctx context.Context, s settings, who admin, log *slog.Logger, level *slog.LevelVar) (*house, error) {
	h := &house{endFeeds: func() {}}
	if err := h.wire(ctx, s, who, log, level); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *house) wire(ctx context.Context, s settings, who admin, log *slog.Logger, level *slog.LevelVar) error {
	if s.keepsData() {
		if err := os.MkdirAll(s.data, 0o700); err != nil { // others may not read documents
			return fmt.Errorf("make --data: %w", err)
		}
	}
	blobs, err := openTarballs(ctx, s)
	if err != nil {
		return err
	}
	h.closing(closerOf(blobs))
	h.region = region.New(region.Options{
		Name: s.region, Peers: s.peerRegions, ReadOnly: s.readOnly,
		PublicURL: s.publicURL, NPMPort: s.npmPort(), NPMTLS: s.tls.cert != "", Logger: log,
		Written: func() { h.accounts.ForgetAccounts(); h.registry.Forget() },
	})
	h.blobs, h.announcing = tarballs.Handler(blobs, log), tarballs.Announce(blobs)
	through := tarballs.Through(h.announcing, h.region.Sources(), tarballs.ThroughOptions{Logger: log})
	h.closing(through.Close)
	sweepable := tarballs.Sweepable(blobs)
	client, serveCouch, err := h.documents(ctx, s, sweepable, log, level)
	if err != nil {
		return err
	}
	h.closing(client.Close)
	if s.readOnly {
		h.settings = unchanging{h.settings}
	}
	recorder, err := h.openAudit(ctx, client, s, log)
	if err != nil {
		return err
	}
	h.door = s.door.hang(log)
	o := auth.Options{
		AdminName: who.name, AdminPassword: who.password, Signup: auth.Signup(s.signup), VerifyEmail: s.verifyEmail, Site: strings.TrimSuffix(s.publicURL, "/"),
		Settings: h.settings, Region: s.region, Logger: log, Audit: recorder, OIDC: s.trust.oidc, Limiter: h.door.Limiter,
	}
	if len(s.upstream.options.Targets) > 0 {
		o.Elsewhere = func(ctx context.Context, scope string) (bool, error) { return h.registry.Elsewhere(ctx, scope) }
	}
	if post, err := s.post.open(log); err != nil {
		return fmt.Errorf("--smtp: %w", err)
	} else if post != nil {
		h.closing(post.Close)
		o.Mail = post
	}
	a, err := auth.Open(ctx, client, o)
	if err != nil {
		return fmt.Errorf("open the accounts: %w", err)
	}
	h.closing(a.Close)
	searchDir, counted, err := h.openSearch(ctx, client, s, log)
	if err != nil {
		return err
	}
	up, err := h.openUpstream(ctx, client, blobs, s, log)
	if err != nil {
		return fmt.Errorf("--upstream: %w", err)
	}
	policies := registry.Options{
		Upstream:    up,
		Root:        s.trust.root,
		SearchDir:   searchDir,
		Downloads:   counted,
		PublicURL:   s.publicURL,
		MaxBody:     s.maxBody,
		MaxMetadata: maxDocument,
		Guard:       s.db != "",
		NewScoped:   s.newScoped,
		ReadOnly:    s.readOnly,
		SharedBlobs: s.tarballs != "",
		Attachments: registry.Attachments{Each: h.attached, Remove: sweepable.Remove},
		Logger:      log,
	}
	s.publish.to(&policies)
	if err := h.openTold(ctx, client, s, log, &policies); err != nil {
		return err
	}
	r, err := registry.New(ctx, client, through, a, policies)
	if err != nil {
		return fmt.Errorf("open the registry: %w", err)
	}
	h.closing(r.Close)
	policies.Hooks.Start(r.Hooked())
	h.closing(policies.Hooks.Close) // before what it asks
	pages, err := web.New(a, web.Options{PublicURL: s.publicURL, Logger: log})
	if err != nil {
		return fmt.Errorf("make the web pages: %w", err)
	}
	h.npm, h.accounts, h.registry = beside(pages, r), a, r
	if s.readOnly {
		h.npm = h.region.PassOn(h.npm)
	}
	if err := h.region.Start(client, through, r); err != nil {
		return fmt.Errorf("--peer: %w", err)
	}
	h.closing(h.region.Close)
	if serveCouch != nil {
		h.couch = serveCouch(a)
	}
	return nil
}

// beside has the web pages answer what is theirs, and the registry all else.
func beside(pages *web.Site, r *registry.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, web.Root) {
			pages.ServeHTTP(w, q)
			return
		}
		r.ServeHTTP(w, q)
	})
}

// openAudit begins a chain of the audit log. A read-only copy has none: what is done, its peer does.
func (h *house) openAudit(ctx context.Context, client *kivik.Client, s settings, log *slog.Logger) (audit.Recorder, error) {
	if s.readOnly {
		return nil, nil
	}
	l, err := audit.Open(ctx, client.DB(audit.Database), audit.Options{Region: s.region, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	h.closing(l.Close)
	return l, nil
}

// documents opens the embedded engine, or a client of the CouchDB that --db names;
// then the second result is nil, as that server has an API of its own.
func (h *house) documents(ctx context.Context, s settings, blobs tarballs.Store, log *slog.Logger, level *slog.LevelVar) (*kivik.Client, func(*auth.Auth) http.Handler, error) {
	if s.db != "" {
		client, err := openCluster(ctx, s.db, clusterPatience, log)
		if err != nil {
			return nil, nil, fmt.Errorf("--db: %w", err)
		}
		if s.tarballs != "" {
			h.attached = apart(client, s.db, blobs)
		}
		return client, nil, nil
	}
	store, err := openStore(s.data, blobs, log)
	if err != nil {
		return nil, nil, err
	}
	h.closing(store.Close)
	h.settings, h.attached = store, store.Attached
	if err := keepSecret(store); err != nil {
		return nil, nil, err
	}
	eng := views.New(store, views.Options{Native: twins()})
	h.closing(eng.Close)
	client, err := driver.NewClient(store, eng)
	if err != nil {
		return nil, nil, err
	}
	return client, func(a *auth.Auth) http.Handler {
		server := httpd.New(store, eng, a, httpd.Options{Version: release(), Logger: log, LogLevel: level, Configured: configured(s),
			Record: a.Record, Own: h.own(), ReadOnly: s.copied(), Kept: map[string]string{registry.Database: packuments.Kept, upstream.Database: packuments.Kept}, Metrics: metricsOf(h.region)})
		h.closing(server.Close)
		h.endFeeds = func() {
			_ = h.announcing.Close() // neither has anything to tell
			_ = server.Close()
		}
		return server
	}, nil
}

// keepSecret makes the secret that signs sessions, once: they outlive a restart.
func keepSecret(store *couch.Store) error {
	if _, made := store.Setting("chttpd_auth", "secret"); made {
		return nil
	}
	_, _, err := store.SetSetting("chttpd_auth", "secret", rand.Text()+rand.Text())
	return err
}

// configured are the flags that CouchDB keeps in its configuration.
func configured(s settings) couch.Settings {
	host, number, _ := net.SplitHostPort(s.couch)
	dir, err := filepath.Abs(s.data)
	if err != nil {
		dir = s.data
	}
	dir = filepath.Join(dir, "couch")
	return couch.Settings{
		"chttpd":  {"bind_address": host, "port": number},
		"couchdb": {"database_dir": dir, "view_index_dir": dir},
	}
}

// twins are the registry's native map functions in the engine's type; neither room knows the other.
func twins() views.Native {
	return views.Native{Twins: packuments.Twins(), Map: packuments.Map}
}

// errRunning says that a server has the folder.
var errRunning = errors.New("another settee is running there: stop it first")

// openStore opens the embedded engine in DATA/couch.
func openStore(data string, blobs tarballs.Store, log *slog.Logger) (*couch.Store, error) {
	store, err := couch.Open(filepath.Join(data, "couch"), couch.Options{
		Blobs: tarballs.Blobs(blobs), MaxDocumentSize: maxDocument, Logger: log,
		Fatal: func(err error) {
			log.Error("the store cannot go on: look at the disk, then start settee again", "error", err)
			os.Exit(1)
		},
	})
	if errors.Is(err, syscall.EAGAIN) { // the lock of the folder is taken
		return nil, fmt.Errorf("--data %s: %w", data, errRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("open --data %s: %w", data, err)
	}
	return store, nil
}

// keepsData says whether anything lives in --data.
func (s *settings) keepsData() bool { return s.db == "" || s.tarballs == "" }

func openTarballs(ctx context.Context, s settings) (tarballs.Store, error) {
	flag, location := "--tarballs", s.tarballs
	if location == "" {
		flag, location = "the tarballs of --data", filepath.Join(s.data, "tarballs")
	}
	store, err := tarballs.Open(ctx, location)
	if errors.Is(err, tarballs.ErrInUse) {
		return nil, fmt.Errorf("--data %s: %w", s.data, errRunning)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return store, nil
}

// closerOf is how to close a blob store: those that hold nothing open have no Close.
func closerOf(s tarballs.Store) func() error {
	if c, ok := s.(io.Closer); ok {
		return c.Close
	}
	return func() error { return nil }
}

func (h *house) closing(f func() error) { h.closers = append(h.closers, f) }

// close closes all rooms, the last opened first.
func (h *house) close() error {
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i]())
	}
	return errors.Join(errs...)
}
