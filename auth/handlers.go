package auth

import (
	"net/http"
	"regexp"
	"strings"
)

// A handler is one way to say who one is. None of its credentials give the zero
// Identity, and the next handler is asked.
type handler struct {
	name string // CouchDB's, as _session tells it
	ask  func(*Auth, *http.Request) (Identity, error)
}

var (
	cookieAuth = handler{handlerCookie, (*Auth).session}
	basicAuth  = handler{handlerBasic, (*Auth).basicHeader}

	// usualHandlers are CouchDB's default.
	usualHandlers = []handler{cookieAuth, basicAuth}

	// knownHandlers can stand in [chttpd] authentication_handlers.
	knownHandlers = map[string]handler{
		handlerCookie: cookieAuth, handlerBasic: basicAuth,
		handlerProxy: {handlerProxy, (*Auth).proxied}, handlerJWT: {handlerJWT, (*Auth).jwt},
	}
	// handlerPattern finds them in a list like "{chttpd_auth, jwt_authentication_handler}, …".
	handlerPattern = regexp.MustCompile(`\{\s*[a-z_]+\s*,\s*([a-z]+)_authenti(?:fi)?cation_handler\s*\}`)
)

// A chain is a setting and the handlers that it names.
type chain struct {
	spec     string
	handlers []handler
}

// handlers are those of the setting, in its order. One that names none that is
// known counts as not set: nobody could sign in to mend it.
func (a *Auth) handlers() []handler {
	spec := a.conf.text(sectionServer, "authentication_handlers", "")
	if spec == "" {
		return usualHandlers
	}
	if c := a.chain.Load(); c != nil && c.spec == spec {
		return c.handlers
	}
	c := &chain{spec: spec}
	for _, match := range handlerPattern.FindAllStringSubmatch(spec, -1) {
		if h, known := knownHandlers[match[1]]; known {
			c.handlers = append(c.handlers, h)
		}
	}
	if len(c.handlers) == 0 {
		a.o.Logger.Warn("auth: authentication_handlers names none that is known", "value", spec)
		c.handlers = usualHandlers
	}
	a.chain.Store(c)
	return c.handlers
}

// Handlers are the names of the handlers that Identify asks.
func (a *Auth) Handlers() []string {
	var names []string
	for _, h := range a.handlers() {
		names = append(names, h.name)
	}
	return names
}

// Identify reads a request's credentials as CouchDB does, by the handlers of
// [chttpd] authentication_handlers, after our own tokens. None gives the zero
// Identity and no error, as does a scheme that no handler knows.
func (a *Auth) Identify(r *http.Request) (Identity, error) {
	id, err := a.identify(r)
	if err != nil {
		return Identity{}, err
	}
	return id, a.admit(r, id)
}

func (a *Auth) identify(r *http.Request) (Identity, error) {
	if len(r.Header["Authorization"]) > 1 {
		return Identity{}, ErrHeader // which one would count?
	}
	if secret, ok := bearerOf(r); ok && strings.HasPrefix(secret, secretPrefix) {
		return a.couchToken(r, secret)
	}
	for _, h := range a.handlers() {
		id, err := h.ask(a, r)
		if err == nil && (h.name == handlerJWT || h.name == handlerProxy) {
			err = a.named(r, id)
		}
		if err != nil || !id.Anonymous() {
			return id, err
		}
	}
	return Identity{}, nil
}

// named asks about somebody whom others vouch for whether the account of that name, which there need
// not be, may be used.
func (a *Auth) named(r *http.Request, id Identity) error {
	if id.Anonymous() {
		return nil
	}
	who, err := a.account(r.Context(), id.Name)
	if err != nil {
		return err
	}
	return a.admits(who, r)
}

// couchToken is a token at CouchDB's API, which knows neither packages nor permissions: one
// for some packages is refused, one that reads only reads, and who needs a second
// factor to write a package needs one to write anything.
func (a *Auth) couchToken(r *http.Request, secret string) (Identity, error) {
	id, err := a.bearer(r, secret)
	if err != nil {
		return Identity{}, err
	}
	if id.Token.limited() {
		return Identity{}, forbidden("This token is for packages and organisations: it is good for the npm registry only.")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return id, nil
	}
	if id.ReadOnly() {
		return Identity{}, forbidden("This token may only read.")
	}
	if err := a.StepUp(r, id, Privilege{Level: LevelWrites}); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// basicHeader is the handler "default".
func (a *Auth) basicHeader(r *http.Request) (Identity, error) {
	scheme, encoded := credentialsOf(r)
	if !strings.EqualFold(scheme, "basic") {
		return Identity{}, nil
	}
	return a.basic(r, encoded)
}

// credentialsOf cuts the Authorization header.
func credentialsOf(r *http.Request) (scheme, rest string) {
	header := r.Header["Authorization"]
	if len(header) == 0 {
		return "", ""
	}
	scheme, rest, _ = strings.Cut(header[0], " ")
	return scheme, strings.TrimSpace(rest)
}

func bearerOf(r *http.Request) (secret string, ok bool) {
	scheme, secret := credentialsOf(r)
	return secret, strings.EqualFold(scheme, "bearer")
}
