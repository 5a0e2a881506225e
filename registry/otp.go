package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"settee/auth"
)

// asks is what a route asks a second factor for.
type asks int

const (
	nothingAsked asks = iota // or what its body decides
	writing                  // of packages, organisations and teams
	tagging                  // the same, but only of latest
)

// privilege is what a request to such a route is about to do. What a package asks for counts where
// its being there is no secret.
func (r *Registry) privilege(a asks, q *request) auth.Privilege {
	var doc *packument
	if q.pkg.Storable() {
		if e, err := r.cache.entry(q.Context(), q.pkg); err == nil && r.may(q.Context(), q.who, auth.Read, q.pkg, e.doc) == nil {
			doc = e.doc
		}
	}
	why := privilegeOf(doc)
	if tag := q.param("tag"); a == tagging && tag != "" && tag != "latest" {
		why.Level = auth.LevelFree
	}
	return why
}

// privilegeOf is that of a write to a package; doc is nil where there is none.
func privilegeOf(doc *packument) auth.Privilege {
	tfa := doc.tfa()
	return auth.Privilege{RequiresTFA: tfa.requires, AutomationOverrides: tfa.overrides}
}

// stepUp asks for the second factor. Where the client can wait for the web it gets the URLs.
func (r *Registry) stepUp(q *request, why auth.Privilege) error {
	return r.challenged(q, q.who, r.auth.StepUp(q.Request, q.who, why))
}

// challenged adds the URLs to an error that asks for a second factor.
func (r *Registry) challenged(q *request, who auth.Identity, err error) error {
	if !errors.Is(err, auth.ErrOTP) || q.Header.Get("npm-auth-type") != "web" {
		return err
	}
	page, poll, err := r.challengeURLs(q, who, q.Method+" "+q.URL.Path)
	if err != nil {
		return err
	}
	answer := *asError(auth.ErrOTP)
	answer.more = map[string]json.RawMessage{"authUrl": quote(page), "doneUrl": quote(poll)}
	return &answer
}

// reminderTime is how long before a token expires its owner is told.
const reminderTime = 7 * 24 * time.Hour

// remind tells who works with a token that it will expire soon; not a build, whose next token is made like this one. What caches may
// keep for others tells nothing.
func (r *Registry) remind(w http.ResponseWriter, q *request) {
	t := q.who.Token
	if t == nil || t.Expires.IsZero() || t.Publisher != nil || q.Method == http.MethodGet && q.pkg != "" {
		return
	}
	left := t.Expires.Sub(r.o.Now())
	if left > reminderTime {
		return
	}
	name := t.Name
	if name == "" {
		name = shownToken(t)
	}
	q.tell(w, fmt.Sprintf("Your token %q expires in %s, at %s. Make another one: npm token create", name, roughly(left), t.Expires.UTC().Format(time.RFC3339)))
}

// roughly is a time that is left, for people.
func roughly(left time.Duration) string {
	if days := left.Round(24*time.Hour) / (24 * time.Hour); days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	if hours := left / time.Hour; hours >= 2 {
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d minutes", left/time.Minute)
}
