package hooks

import (
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"settee/dial"
)

// Type is what a hook listens to.
type Type string

// The types.
const (
	Package Type = "package" // one package
	Scope   Type = "scope"   // all packages of a scope, "@acme"
	Owner   Type = "owner"   // all packages that a user maintains
)

// Status is whether a hook is told of anything.
type Status string

// The statuses.
const (
	Active   Status = "active"
	Disabled Status = "disabled" // its endpoint failed for a day, or said that it is gone
)

// Hook is somebody's wish to be told of packages.
type Hook struct {
	ID       string    `json:"-"`
	Type     Type      `json:"type"`
	Name     string    `json:"name"`
	Username string    `json:"username"`
	Account  time.Time `json:"account"` // when the user's account was made
	Endpoint string    `json:"endpoint"`
	Secret   string    `json:"secret"`
	Region   string    `json:"region"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Status   Status    `json:"status"`

	Rev string `json:"_rev,omitempty"`
}

// Bounds of what users send.
const (
	mostEndpoint = 2048
	mostSecret   = 1024
	mostName     = 256
	// MostHooks is how many hooks a user may have.
	MostHooks = 100
)

// Invalid is what is wrong with a hook that was asked for, in words for its owner.
type Invalid string

// Error implements error.
func (i Invalid) Error() string { return string(i) }

var (
	// ErrAbsent says that there is no such hook of that user.
	ErrAbsent = errors.New("there is no such hook")
	// ErrTooMany says that a user has MostHooks.
	ErrTooMany = errors.New("a user has at most 100 hooks")
)

// check refuses what cannot be a hook.
func (h *Hook) check(allow []netip.Prefix) error {
	name, scoped := strings.CutPrefix(h.Name, "@")
	switch {
	case h.Name == "" || len(h.Name) > mostName:
		return Invalid("a hook needs the name of a package, a scope or a user")
	case h.Type != Package && h.Type != Scope && h.Type != Owner:
		return Invalid("the type of a hook must be package, scope or owner")
	case h.Type == Scope && (!scoped || name == "" || strings.Contains(name, "/")):
		return Invalid("the name of a scope is @ and a word")
	case h.Secret == "" || len(h.Secret) > mostSecret:
		return Invalid("a hook needs a secret, of at most 1024 bytes")
	}
	return checkEndpoint(h.Endpoint, allow)
}

// checkEndpoint refuses addresses that nothing is ever sent to. A name's are looked at when it is connected to.
func checkEndpoint(endpoint string, allow []netip.Prefix) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || len(endpoint) > mostEndpoint || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return Invalid("the endpoint must be a URL, http:// or https://, of at most 2048 bytes")
	case u.User != nil:
		return Invalid("the endpoint must name no user and password: the signature says who sends")
	case u.Fragment != "":
		return Invalid("the endpoint must have no #")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || !dial.Inside(ip) {
		return nil
	}
	for _, network := range allow {
		if network.Contains(ip.WithZone("").Unmap()) {
			return nil
		}
	}
	return Invalid("the endpoint is an address inside the registry's own network")
}

// covers reports whether the hook is about a package, by what is known of it.
func (h *Hook) covers(name string, owners map[string]bool) bool {
	switch h.Type {
	case Package:
		return h.Name == name
	case Scope:
		return strings.HasPrefix(name, h.Name+"/")
	}
	return owners[h.Name]
}

const hookPrefix = "hook:"

// parseHook reads a hook's document.
func parseHook(id string, raw []byte) (*Hook, error) {
	h := &Hook{ID: strings.TrimPrefix(id, hookPrefix)}
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, err
	}
	if h.Username == "" || h.Endpoint == "" || h.Secret == "" {
		return nil, errors.New("it is no hook")
	}
	return h, nil
}
