package registry

import (
	"encoding/json"
	"net/http"

	"github.com/go-kivik/kivik/v4"

	"settee/auth"
	"settee/views/packuments"
)

// star takes over whether who asks likes the package, and nobody else's opinion.
func (r *Registry) star(q *request, u *upload) (*packument, error) {
	return r.starAs(q, string(parseObject(u.members.of("users")).of(q.who.Name)) == "true")
}

func (r *Registry) starAs(q *request, likes bool) (*packument, error) {
	return r.update(q.Context(), q.pkg, func(cur *packument) (*packument, error) {
		if !cur.published() {
			return nil, errNotFound
		}
		if err := r.may(q.Context(), q.who, auth.Star, q.pkg, cur); err != nil {
			return nil, err
		}
		users := parseObject(cur.top.of("users"))
		if likes == (string(users.of(q.who.Name)) == "true") {
			return nil, nil
		}
		if likes {
			users = users.with(q.who.Name, []byte("true"))
		} else {
			users = users.without(q.who.Name)
		}
		next := cur.clone()
		next.set("users", users.raw())
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
}

// serveStar answers PUT and DELETE of /-/user/v1/star, as pnpm sends it.
func (r *Registry) serveStar(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errWhoAreYou
	}
	var sent struct{ Package PackageName }
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	if q.pkg = sent.Package; !q.pkg.Storable() {
		return errNotFound
	}
	if _, err := r.starAs(q, q.Method == put); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"ok": true})
	return nil
}

// serveStarred answers GET /-/_view/starredByUser?key="user".
func (r *Registry) serveStarred(w http.ResponseWriter, q *request) error {
	var user string
	if err := json.Unmarshal([]byte(q.URL.Query().Get("key")), &user); err != nil {
		return invalid("invalid key: it must be a JSON string")
	}
	names, err := r.starred(q, user)
	if err != nil {
		return err
	}
	rows := []any{}
	for _, name := range names {
		rows = append(rows, map[string]any{"id": name, "key": user, "value": name})
	}
	writeJSON(w, http.StatusOK, map[string]any{"total_rows": len(rows), "offset": 0, "rows": rows})
	return nil
}

// serveStars answers GET /-/user/:user/stars and GET /-/user/v1/star, where it is who asks: a list of names, for pnpm.
func (r *Registry) serveStars(w http.ResponseWriter, q *request) error {
	user := q.param("user")
	if user == "" {
		user = q.who.Name
	}
	if user == "" {
		return errWhoAreYou
	}
	names, err := r.starred(q, user)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, names)
	return nil
}

// starred are the packages that a user starred, those that who asks may read.
func (r *Registry) starred(q *request, user string) ([]PackageName, error) {
	names, err := r.names(r.db.Query(q.Context(), packuments.Name, "starred", kivik.Params(map[string]any{"key": user, "reduce": false})))
	if err != nil {
		return nil, err
	}
	shown := []PackageName{}
	for _, name := range names {
		e, err := r.cache.entry(q.Context(), name)
		if err != nil {
			return nil, err
		}
		if e.doc.published() && r.may(q.Context(), q.who, auth.Read, name, e.doc) == nil {
			shown = append(shown, name)
		}
	}
	return shown, nil
}
