package auth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kivik/kivik/v4"

	"settee/auth/audit"
	"settee/auth/limit"
	"settee/database"
)

// The databases.
const (
	usersDB    = "_users"
	tokensDB   = "tokens"
	orgsDB     = "orgs"
	factorsDB  = "factors"
	sessionsDB = "sessions" // publishersDB is beside what it holds
)

// Signup says who may make an account.
type Signup string

// The policies.
const (
	SignupOpen       Signup = "open"
	SignupInvitation Signup = "invitation" // who was invited
	SignupClosed     Signup = "closed"
)

// Options are the policies of an Auth. The zero value works, without a server admin.
type Options struct {
	AdminName, AdminPassword string   // the server admin, who is no document
	Signup                   Signup   // default open: a team's first minute must work
	Iterations               int      // PBKDF2 rounds of new passwords; default CouchDB's 600,000
	MinPassword              int      // characters of new passwords; default 8, NIST's least; npm sends any length
	Settings                 Settings // what administrators change while the server runs; default nothing is set
	Secret                   []byte   // signs session cookies where [chttpd_auth] secret is not set; default random, so a restart ends sessions
	Mail                     Post     // sends messages; nil: there are none, and nobody confirms addresses or resets passwords
	Site                     string   // the registry's public URL, which links in messages begin with
	VerifyEmail              bool     // only who has confirmed an address may publish
	Region                   string   // of several; it is in the ids of what each region writes for itself
	Now                      func() time.Time
	Logger                   *slog.Logger
	Audit                    audit.Recorder // is told what was done and what failed; nil: it is not kept
	OIDC                     OIDC           // whose id-tokens publish; the zero value: nobody's
	Limiter                  *limit.Limiter // of users and tokens; nil: they may ask as often as they like

	// Elsewhere reports whether the packages of a scope come from another registry: only admins make an account or an
	// organisation of its name then, as all of the scope is its owner's here. nil: none do.
	Elsewhere func(ctx context.Context, scope string) (bool, error)

	// ClientAddr is the address a request comes from, for tokens bound to addresses and
	// for failed sign-ins; default RemoteAddr, which a limit.Door has made the client's where a
	// trusted proxy says who that is.
	ClientAddr func(*http.Request) netip.Addr
}

func (o Options) withDefaults() Options {
	if o.Signup == "" {
		o.Signup = SignupOpen
	}
	if o.Iterations <= 0 {
		o.Iterations = defaultIterations
	}
	if o.MinPassword <= 0 {
		o.MinPassword = 8
	}
	if len(o.Secret) == 0 {
		o.Secret = make([]byte, 32)
		rand.Read(o.Secret)
	}
	if o.Settings == nil {
		o.Settings = nothingSet{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OIDC.Issuers == nil {
		o.OIDC.Issuers = WellKnownIssuers
	}
	if o.ClientAddr == nil {
		o.ClientAddr = connectionAddr
	}
	return o
}

// Auth answers who asks and what they may do. It is safe for concurrent use.
type Auth struct {
	o      Options
	conf   configuration
	client *kivik.Client

	users    *mirror[account]
	tokens   *mirror[token]
	orgs     *mirror[Org]
	factors  *mirror[factor]
	lists    longLists // of tokens
	uses     *uses     // of tokens
	errands  *errands  // messages that are asked for
	sessions *kivik.DB // tickets and web sessions: each is read once or twice

	publishers *kivik.DB // whom packages trust
	issuers    *issuers

	admin   *account      // the server admin of Options, or nobody
	prover  *prover       // the hot path of passwords
	gate    chan struct{} // one place a password being hashed
	waiting atomic.Int64  // who waits for a place

	lockouts *lockouts
	codes    *guesses              // of second factors
	chain    atomic.Pointer[chain] // the handlers that were configured last
	jwtKeys  sync.Map              // name in [jwt_keys] -> *jwtKey

	members chan struct{} // the turn to change who is a member of an organisation

	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open makes the databases _users, tokens, orgs, factors and sessions where they are
// missing and starts following them. The client stays the caller's; close the Auth first.
func Open(ctx context.Context, client *kivik.Client, o Options) (*Auth, error) {
	o = o.withDefaults()
	if o.Signup != SignupOpen && o.Signup != SignupInvitation && o.Signup != SignupClosed {
		return nil, fmt.Errorf("auth: signup must be %q, %q or %q, not %q", SignupOpen, SignupInvitation, SignupClosed, o.Signup)
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	a := &Auth{
		o: o, conf: configuration{o.Settings}, client: client, stop: stop,
		users:   newMirror(client.DB(usersDB), o.Now, parseAccount),
		tokens:  newMirror(client.DB(tokensDB), o.Now, parseToken),
		orgs:    newOrgs(client.DB(orgsDB), o.Now),
		factors: newMirror(client.DB(factorsDB), o.Now, parseFactor), sessions: client.DB(sessionsDB),
		publishers: client.DB(publishersDB), issuers: newIssuers(o.OIDC.Client, o.Now),
		uses: newUses(), errands: newErrands(o.Now),
		prover: newProver(), lockouts: newLockouts(), codes: newGuesses(),
		// One core stays free: password checks cannot starve everything else.
		gate:    make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)),
		members: make(chan struct{}, 1),
	}
	a.admin = serverAdmin(o, a.secret())
	err := errors.Join(follow(ctx, following, a, a.users), follow(ctx, following, a, a.tokens), follow(ctx, following, a, a.orgs), follow(ctx, following, a, a.factors),
		database.Private(ctx, client, sessionsDB), database.Private(ctx, client, publishersDB), database.PutDesign(ctx, client.DB(tokensDB), json.RawMessage(tokensDesign)))
	if err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("auth: open: %w", err)
	}
	a.running.Go(func() { a.sweeping(following) })
	a.running.Go(func() { a.writingUses(following) })
	a.running.Go(func() { a.errands.run(following) })
	return a, nil
}

// Close stops the followers that keep the caches true.
func (a *Auth) Close() error {
	a.stop()
	a.running.Wait()
	return nil
}
