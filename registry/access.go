package registry

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// access is the word for who may read the package.
func (p *packument) access() string {
	if p.restricted() {
		return "restricted"
	}
	return "public"
}

// serveVisibility answers GET /-/package/:p/visibility, serveAccess …/access.
func (r *Registry) serveVisibility(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"public": !e.doc.restricted()})
	return nil
}

func (r *Registry) serveAccess(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	answer := map[string]any{"access": e.doc.access()}
	if r.may(q.Context(), q.who, auth.Publish, q.pkg, e.doc) == nil {
		tfa := e.doc.tfa()
		answer["publish_requires_tfa"], answer["automation_token_overrides_tfa"] = tfa.requires, tfa.overrides
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// accessSent is what clients send of a package's access.
type accessSent struct {
	Access    json.RawMessage `json:"access"`
	Requires  *bool           `json:"publish_requires_tfa"`
	Overrides *bool           `json:"automation_token_overrides_tfa"`
}

// serveAccessSet answers POST /-/package/:p/access: who may read it, and whether a publish
// asks for a second factor. What was not sent stays.
func (r *Registry) serveAccessSet(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	if !q.pkg.Storable() {
		return errNotFound
	}
	var sent accessSent
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	_, err := r.amend(q.Context(), q.who, auth.Access, q.pkg, "", func(cur *packument) (*packument, error) {
		to, err := accessOf(q.pkg, sent.Access)
		if err != nil {
			return nil, err
		}
		was := cur.tfa()
		is := was
		if sent.Requires != nil {
			is.requires = *sent.Requires
		}
		if sent.Overrides != nil {
			is.overrides = *sent.Overrides
		}
		next := cur.clone()
		if to != "" {
			next.set("access", quote(to))
		}
		if is != was {
			next.setTFA(is)
		} else if next.access() == cur.access() {
			return nil, nil
		}
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
	q.entry.Details = sent.details()
	r.audit(q, audit.PackageAccess, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{})
	return nil
}

// details are what was sent, for the audit log.
func (s accessSent) details() map[string]string {
	d := map[string]string{}
	if access := plain(s.Access); access != "" {
		d["access"] = access
	}
	if s.Requires != nil {
		d["publish_requires_tfa"] = strconv.FormatBool(*s.Requires)
	}
	if s.Overrides != nil {
		d["automation_token_overrides_tfa"] = strconv.FormatBool(*s.Overrides)
	}
	return d
}

// words are the permissions as npm's lists have them.
var words = map[auth.Permission]string{auth.ReadOnly: "read", auth.ReadWrite: "write"}

// serveCollaborators answers GET /-/package/:p/collaborators: npm reads an object, pnpm a list.
func (r *Registry) serveCollaborators(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	all, err := r.auth.Collaborators(q.Context(), q.who, facts(q.pkg, e.doc))
	if err != nil {
		return err
	}
	shown := map[string]string{}
	for name, is := range all {
		if only := q.URL.Query().Get("user"); only == "" || only == name {
			shown[name] = words[is]
		}
	}
	if !strings.HasPrefix(q.Header.Get("User-Agent"), "pnpm/") {
		writeJSON(w, http.StatusOK, shown)
		return nil
	}
	list := []any{}
	for _, who := range sorted(shown) {
		each := map[string]any{"user": who, "username": who, "permissions": shown[who]}
		if account, err := r.auth.Account(q.Context(), who); err == nil && !q.who.Anonymous() {
			each["email"] = account.Email
		}
		list = append(list, each)
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
