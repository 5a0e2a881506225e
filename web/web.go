package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"settee/auth"
	"settee/auth/limit"
)

// Root is where all pages begin; the last of its slashes is theirs.
const Root = "/-/web/"

// Options of the pages. The zero value works.
type Options struct {
	PublicURL string // what browsers reach the server by, as the registry's; default what a request says
	Now       func() time.Time
	Logger    *slog.Logger // default: discards
}

// Site is the web pages. It is an http.Handler for all paths that begin with Root, safe for
// concurrent use.
type Site struct {
	o      Options
	auth   *auth.Auth
	log    *slog.Logger
	mux    *http.ServeMux
	pages  map[string]*template.Template
	assets map[string]*asset
	origin *http.CrossOriginProtection
}

//go:embed assets pages
var files embed.FS

// kinds are what pages are made of beside themselves.
var kinds = map[string]string{"style.css": "text/css; charset=utf-8", "key.js": "text/javascript; charset=utf-8"}

// asset is such a file; its hash is part of its address.
type asset struct {
	kind string
	body []byte
	hash string
}

// New makes the pages of an Auth, which stays the caller's.
func New(a *auth.Auth, o Options) (*Site, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	s := &Site{o: o, auth: a, log: o.Logger, mux: http.NewServeMux(), origin: http.NewCrossOriginProtection()}
	if u, err := url.Parse(o.PublicURL); err == nil && u.Host != "" {
		if err := s.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return nil, err
		}
	}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	for name := range kinds {
		s.mux.HandleFunc("GET "+Root+"assets/"+name, s.serveAsset)
	}
	for _, row := range table {
		s.mux.HandleFunc(row.method+" "+strings.TrimSuffix(Root, "/")+row.path, s.handle(row))
	}
	s.mux.HandleFunc(Root, s.handle(route{access: everybody, answer: (*Site).serveNothing}))
	return s, nil
}

// loadAssets reads the files once.
func loadAssets() (map[string]*asset, error) {
	all := map[string]*asset{}
	for name, kind := range kinds {
		body, err := files.ReadFile("assets/" + name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		all[name] = &asset{kind: kind, body: body, hash: hex.EncodeToString(sum[:8])}
	}
	return all, nil
}

// base is the URL of the server as the browser knows it.
func (s *Site) base(r *http.Request) string {
	if s.o.PublicURL != "" {
		return s.o.PublicURL
	}
	return limit.Base(r)
}

// ServeHTTP answers what begins with Root.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	s.mux.ServeHTTP(w, r)
}
