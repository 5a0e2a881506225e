package httpd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"settee/auth"
	"settee/auth/audit"
	"settee/couch"
	"settee/replicate"
	"settee/views"
)

// Options are the limits and effects of a Server. The zero value works.
type Options struct {
	// MaxBody bounds a JSON body after decoding, as it is held in memory; default
	// 128 MiB: a batch of a thousand large documents, and a few of them still fit a small machine.
	MaxBody int64
	// MaxAttachment bounds one attachment, which streams; default CouchDB's 1 GiB.
	MaxAttachment int64
	// Stall is how long a client may neither send nor take a byte of what is
	// due; default a minute, CouchDB's own socket time-out.
	Stall time.Duration
	// Own are the endpoints of settee's own: /_settee/NAME and what lies below it, for
	// server admins. They see the request as it came, and refuse methods themselves.
	Own map[string]http.Handler
	// ReadOnly are databases whose documents clients may not write, and what refuses them:
	// copies of another server's. Who writes through the driver is not asked.
	ReadOnly map[string]string
	// Kept are databases that only server admins write, and what refuses others.
	Kept map[string]string
	// Record is told what server admins do, who signs in and who writes accounts, before that is
	// answered: *auth.Auth's. It may be nil.
	Record func(*http.Request, auth.Identity, audit.Entry)
	// Metrics are figures that _prometheus tells beside those of the server; may be nil.
	Metrics func() []Metric
	// Configured are settings that the command line gave: _config shows them
	// where nothing was set. LogLevel is the logger's, for log/level; may be nil.
	Configured couch.Settings
	LogLevel   *slog.LevelVar
	// Version is settee's; the CouchDB version that is announced is CouchVersion.
	Version string
	Logger  *slog.Logger
	Now     func() time.Time
}

// CouchVersion is the CouchDB whose answers this package gives.
const CouchVersion = "3.5.0"

const (
	defaultMaxBody       = 128 << 20
	defaultMaxAttachment = 1 << 30
	defaultMaxRequest    = 4 << 30 // CouchDB's
	defaultStall         = time.Minute
)

func (o *Options) defaults() {
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.MaxAttachment <= 0 {
		o.MaxAttachment = defaultMaxAttachment
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Authenticator is what the server needs to know of accounts; *auth.Auth is
// one. It is safe for concurrent use.
type Authenticator interface {
	// Identify reads a request's credentials. None give the zero Identity.
	// It is called for every request, so it must be cheap when repeated.
	Identify(r *http.Request) (auth.Identity, error)
	// Handlers are the names of the ways by which it does.
	Handlers() []string
	// SignIn checks a name and a password that a request brings, and the token of a
	// second factor where the account has one.
	SignIn(r *http.Request, name, password, token string) (auth.Identity, error)
	// Cookie is the Set-Cookie by which an identity's session goes on, ClearCookie the
	// one that ends it in the browser. RenewCookie is "" unless id came by a cookie
	// that nears its end.
	Cookie(r *http.Request, id auth.Identity) string
	RenewCookie(r *http.Request, id auth.Identity) string
	ClearCookie(r *http.Request) string
	// ForgetAccounts makes what was written to _users hold at once.
	ForgetAccounts()
	// HashPassword replaces a password in clear in a document of _users by its hash.
	HashPassword(ctx context.Context, doc json.RawMessage) (json.RawMessage, error)
	// Newcomer refuses a name of which nobody but an admin makes an account.
	Newcomer(ctx context.Context, name string) error
	// HashAdminPassword makes of a password what [admins] keeps of it.
	HashAdminPassword(ctx context.Context, password string) (string, error)
}

// Server answers CouchDB's API. It is safe for concurrent use.
type Server struct {
	o      Options
	store  *couch.Store
	views  *views.Engine
	auth   Authenticator
	router *mux.Router
	plain  *endpoint // of plainDoc, whose paths are told without the router
	server []string  // the Server header, shared by all answers

	defaults couch.Settings         // of settings that are not set
	policy   atomic.Pointer[policy] // what they say; follows them
	logLevel slog.Level             // the logger's own
	unwatch  func()
	counts   *counts
	started  time.Time

	ctx    context.Context // of feeds and background work; ends with Close
	cancel context.CancelFunc
	tasks  tasks
	tails  tails

	scheduler *replicate.Scheduler

	resharding resharding

	calls sync.Pool // of *call

}

// New makes the server of a store, the engine of its views and its accounts.
func New(store *couch.Store, engine *views.Engine, a Authenticator, o Options) *Server {
	o.defaults()
	s := &Server{o: o, store: store, views: engine, auth: a, server: []string{"CouchDB/" + CouchVersion + " (settee " + o.Version + ")"}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.counts, s.started = newCounts(table), o.Now()
	s.calls.New = func() any { return &call{shard: s.counts.shard()} }
	if o.LogLevel != nil {
		s.logLevel = o.LogLevel.Level()
	}
	s.defaults = s.defaultsOf()
	s.readSettings("")
	s.unwatch = store.WatchSettings(s.readSettings)
	store.AddValidator(accounts{a})
	store.AddValidator(replications{})
	if len(o.ReadOnly) > 0 {
		store.AddValidator(copies(o.ReadOnly))
	}
	if len(o.Kept) > 0 {
		store.AddValidator(kept(o.Kept))
	}
	s.router = newRouter()
	s.plain = s.endpointOf(plainDoc)
	s.newScheduler()
	return s
}

// Close ends all feeds and replications, which keep how far they are, and waits for compactions that requests
// began. Requests in flight are the HTTP server's to drain.
func (s *Server) Close() error {
	s.unwatch()
	s.cancel()
	err := s.scheduler.Close()
	s.tasks.wait()
	return err
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.calls.Get().(*call)
	c.begin(s, w, r)
	h := w.Header()
	h["Server"] = c.policy.server
	h["Cache-Control"] = mustRevalidate
	if c.policy.frame != nil {
		h["X-Frame-Options"] = c.policy.frame
	}
	c.set("X-Couch-Request-Id", requestID(r))
	defer s.end(c)
	if c.policy.cors != nil && c.cors() {
		return
	}
	if err := c.serve(); err != nil {
		c.answer(err)
	}
}

// end returns the call to the pool; a handler that panicked has its answer here.
func (s *Server) end(c *call) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			c.count(0)
			panic(p)
		}
		defer func() { c.count(c.answered.status) }()
		s.o.Logger.Error("handler panicked", "method", c.r.Method, "path", c.r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		c.answer(&couch.Error{Kind: couch.Internal, Reason: "The request could not be answered."})
		return
	}
	if c.answered.status == 0 {
		c.w.WriteHeader(http.StatusOK) // a handler that had nothing to write
	}
	c.count(c.answered.status)
	c.reset()
	s.calls.Put(c)
}

// count counts a request that has ended.
func (c *call) count(status int) {
	c.shard.ended(c.r.Method, status, time.Since(c.began))
	if c.running > 0 {
		c.shard.rows[c.running-1].running.Add(-1)
	}
}

// overrides are the methods that a POST may stand for.
var overrides = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "COPY"}

// method is the request's, or what a POST overrides it with.
func method(r *http.Request) string {
	if r.Method != http.MethodPost {
		return r.Method
	}
	if m := r.Header.Get("X-HTTP-Method-Override"); slices.Contains(overrides, m) {
		return m
	}
	return r.Method
}
