package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// trusted is a trusted publisher as npm trust sends and shows it.
type trusted struct {
	ID          string      `json:"id,omitempty"`
	Type        string      `json:"type"`
	Claims      auth.Claims `json:"claims"`
	Permissions []string    `json:"permissions"`
	CreatedBy   string      `json:"createdBy,omitempty"`
	Created     string      `json:"created,omitempty"`

	Pinned map[string]string `json:"pinned,omitempty"` // npm does not read it
}

func shownPublisher(p auth.Publisher) trusted {
	return trusted{p.ID, p.Kind, p.Claims, p.Permissions, p.By, p.Created.UTC().Format(isoTime), p.Pinned}
}

// mayTrust asks whether somebody says whom a package trusts: its owners do, but not by a token that is made
// for less than they may, as a trust outlives it.
func (r *Registry) mayTrust(q *request) error {
	if !q.pkg.Storable() {
		return errNotFound
	}
	e, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return err
	}
	if err := r.may(q.Context(), q.who, auth.Own, q.pkg, e.doc); err != nil {
		return err
	}
	if q.who.Token.Limited() {
		return errLimited
	}
	return nil
}

// serveTrust answers GET /-/package/:p/trust.
func (r *Registry) serveTrust(w http.ResponseWriter, q *request) error {
	if err := r.mayTrust(q); err != nil {
		return err
	}
	list, err := r.auth.Publishers(q.Context(), string(q.pkg))
	if err != nil {
		return err
	}
	shown := make([]trusted, len(list))
	for i, p := range list {
		shown[i] = shownPublisher(p)
	}
	w.Header().Set("Cache-Control", "private, no-store")
	writeJSON(w, http.StatusOK, shown)
	return nil
}

// serveTrustAdd answers POST /-/package/:p/trust, whose body is a list of one.
func (r *Registry) serveTrustAdd(w http.ResponseWriter, q *request) error {
	if err := r.mayTrust(q); err != nil {
		return r.refused(q, audit.PackageTrust, err)
	}
	var raw json.RawMessage
	if err := readSmall(w, q, &raw); err != nil {
		return err
	}
	var sent []trusted
	if raw = bytes.TrimSpace(raw); isObject(raw) {
		raw = append(append([]byte{'['}, raw...), ']')
	}
	if json.Unmarshal(raw, &sent) != nil || len(sent) != 1 {
		return invalid("invalid body: it must be a list of one trusted publisher")
	}
	if err := r.stepUp(q, auth.Privilege{Level: auth.LevelAccount}); err != nil {
		return err
	}
	p, err := r.auth.AddPublisher(q.Context(), q.who, auth.Publisher{Package: string(q.pkg), Kind: sent[0].Type, Claims: sent[0].Claims, Permissions: sent[0].Permissions})
	q.entry.Details = map[string]string{"type": p.Kind, "publisher": p.ID, "permissions": strings.Join(p.Permissions, " ")}
	r.audit(q, audit.PackageTrust, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, []trusted{shownPublisher(p)})
	return nil
}

// serveTrustRemove answers DELETE /-/package/:p/trust/:id.
func (r *Registry) serveTrustRemove(w http.ResponseWriter, q *request) error {
	if err := r.mayTrust(q); err != nil {
		return r.refused(q, audit.PackageDistrust, err)
	}
	if err := r.stepUp(q, auth.Privilege{Level: auth.LevelAccount}); err != nil {
		return err
	}
	err := r.auth.RemovePublisher(q.Context(), string(q.pkg), q.param("id"))
	q.entry.Details = map[string]string{"publisher": q.param("id")}
	r.audit(q, audit.PackageDistrust, err)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// serveExchange answers POST /-/npm/v1/oidc/token/exchange/package/:p: an id-token for one that publishes.
func (r *Registry) serveExchange(w http.ResponseWriter, q *request) error {
	kind, encoded, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "bearer") || encoded == "" || len(q.Header["Authorization"]) != 1 {
		return fail(http.StatusUnauthorized, "An id-token is needed: Authorization: Bearer.")
	}
	if !q.pkg.Storable() {
		return errNotFound
	}
	e, err := r.cache.entry(q.Context(), q.pkg)
	if err != nil {
		return err
	}
	secret, t, err := r.auth.Exchange(q.Context(), strings.TrimSpace(encoded), string(q.pkg), func(who auth.Identity) error {
		return r.may(q.Context(), who, auth.Publish, q.pkg, e.doc)
	})
	if err != nil {
		return err
	}
	q.entry.By, q.entry.On = t.User, t.User
	q.entry.Details = map[string]string{"kind": "oidc", "type": t.Publisher.Kind, "publisher": t.Publisher.ID, "source": t.Publisher.Source}
	r.audit(q, audit.TokenCreate, nil)
	q.tell(w, fmt.Sprintf("%s trusts this build of %s to publish %s.", t.User, t.Publisher.Source, q.pkg))
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusCreated, map[string]any{"token_type": "oidc", "token": secret,
		"created": t.Created.UTC().Format(isoTime), "expires": t.Expires.UTC().Format(isoTime)})
	return nil
}

// npmUser is who published, as a version tells it: with the build that did so in their name.
func npmUser(who auth.Identity) []byte {
	if who.Token == nil || who.Token.Publisher == nil {
		return person(who.Name, who.Email)
	}
	by := who.Token.Publisher
	return parseObject(person(who.Name, who.Email)).with("trustedPublisher", object{{"id", quote(by.Kind)}, {"oidcConfigId", quote("oidc:" + by.ID)}}.raw()).raw()
}
