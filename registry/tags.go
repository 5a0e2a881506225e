package registry

import (
	"encoding/json"
	"io"
	"net/http"

	"settee/auth"
	"settee/auth/audit"
)

// mostSmallBody bounds the bodies of everything but packuments.
const mostSmallBody = 1 << 20

// readSmall reads a small JSON body.
func readSmall(w http.ResponseWriter, q *request, into any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, q.Body, mostSmallBody))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return invalid("invalid JSON: %s", err)
	}
	return nil
}

// serveTags answers GET /-/package/:p/dist-tags.
func (r *Registry) serveTags(w http.ResponseWriter, q *request) error {
	e, err := r.visible(q)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", packumentCaching(e.doc))
	writeJSON(w, http.StatusOK, json.RawMessage(e.doc.tags().raw()))
	return nil
}

// serveTagSet answers PUT and POST of one dist-tag; the body is the version, a JSON string.
func (r *Registry) serveTagSet(w http.ResponseWriter, q *request) error {
	if q.who.Anonymous() {
		return errSignIn
	}
	var version string
	if err := readSmall(w, q, &version); err != nil {
		return err
	}
	q.entry.Version = version
	return r.editTags(w, q, func(cur *packument, tags object) (object, error) {
		return setTag(cur, tags, q.param("tag"), version)
	})
}

func setTag(cur *packument, tags object, tag, version string) (object, error) {
	if err := checkTag(tag); err != nil {
		return nil, err
	}
	_, exact := cur.version(version)
	if exact == "" {
		return nil, fail(http.StatusNotFound, "version not found: %s", version)
	}
	return tags.with(tag, quote(exact)), nil
}

// serveTagDelete answers DELETE of one dist-tag.
func (r *Registry) serveTagDelete(w http.ResponseWriter, q *request) error {
	tag := q.param("tag")
	if tag == "latest" && !q.who.Anonymous() {
		return fail(http.StatusForbidden, "The tag latest cannot be removed: set it to another version.")
	}
	return r.editTags(w, q, func(_ *packument, tags object) (object, error) {
		if tags.at(tag) < 0 {
			return nil, fail(http.StatusNotFound, "%s is not a dist-tag on %s", tag, q.pkg)
		}
		return tags.without(tag), nil
	})
}

// serveTagsReplace answers PUT, serveTagsMerge POST of all dist-tags.
func (r *Registry) serveTagsReplace(w http.ResponseWriter, q *request) error {
	return r.manyTags(w, q, func(object) object { return object{} })
}

func (r *Registry) serveTagsMerge(w http.ResponseWriter, q *request) error {
	return r.manyTags(w, q, func(tags object) object { return tags })
}

func (r *Registry) manyTags(w http.ResponseWriter, q *request, from func(object) object) error {
	if q.who.Anonymous() {
		return errSignIn
	}
	var sent map[string]string
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	return r.editTags(w, q, func(cur *packument, tags object) (_ object, err error) {
		tags = from(tags)
		for tag, version := range sent {
			if tags, err = setTag(cur, tags, tag, version); err != nil {
				return nil, err
			}
		}
		if tags.at("latest") < 0 {
			return nil, invalid("invalid tags: there must be a latest")
		}
		return tags, nil
	})
}

// editTags changes the dist-tags; with latest the package's own members follow.
func (r *Registry) editTags(w http.ResponseWriter, q *request, change func(*packument, object) (object, error)) error {
	if q.who.Anonymous() {
		return errSignIn
	}
	if !q.pkg.Storable() {
		return errNotFound
	}
	doc, err := r.amend(q.Context(), q.who, auth.Tag, q.pkg, "", func(cur *packument) (*packument, error) {
		was := cur.tags()
		tags, err := change(cur, was)
		if err != nil {
			return nil, err
		}
		next := cur.clone()
		next.set("dist-tags", tags.raw())
		if latest := tags.text("latest"); latest != was.text("latest") {
			hoist(next, parseObject(cur.versions.of(latest)))
		}
		next.touch(r.o.Now(), next.times())
		return next, nil
	})
	if tag := q.param("tag"); tag != "" {
		q.entry.Details = map[string]string{"tag": tag, "method": q.Method}
	}
	r.audit(q, audit.PackageTag, err)
	if err != nil {
		return err
	}
	r.notify(w, q, doc)
	writeJSON(w, http.StatusCreated, done(doc))
	return nil
}
