package views

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"settee/couch"
	"settee/views/js"
)

// vdus are the design documents of a database that have a validate_doc_update, in
// the order of their ids, as CouchDB asks them.
type vdus []*couch.Document

func hasVDU(doc *couch.Document) bool {
	raw, err := member(doc.Body, "validate_doc_update")
	return err == nil && string(raw) != "null"
}

// vdus of a database; where it has none this costs two loads.
func (e *Engine) vdus(ctx context.Context, db *couch.DB) (vdus, error) {
	d, err := e.derived(ctx, db)
	return d.vdus, err
}

// shownRevisions is how many of a stored document's revisions functions see, CouchDB's
// query_server_config/revs_limit.
const shownRevisions = 20

// askVDUs calls the validation functions, until one refuses.
func (e *Engine) askVDUs(ctx context.Context, db *couch.DB, all vdus, doc, old *couch.Document, user *couch.User) error {
	doc = asDraft(doc)
	newDoc := doc.AppendJSON(make([]byte, 0, len(doc.Body)+512))
	var oldDoc []byte
	if old != nil {
		shown := *old
		shown.Revisions = shown.Revisions[:min(len(shown.Revisions), shownRevisions)]
		oldDoc = shown.AppendJSON(make([]byte, 0, len(old.Body)+512))
	}
	userCtx := UserContext(db, user)
	for _, design := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := e.program(db, design)
		if err == nil {
			err = refusal(design, p.Validate(newDoc, oldDoc, userCtx, db.Security()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asDraft is a document as a function sees it that is not stored yet: one that
// follows nothing has no revision.
func asDraft(doc *couch.Document) *couch.Document {
	if len(doc.Revisions) > 0 {
		return doc
	}
	shown := *doc
	shown.Rev = couch.Rev{}
	return &shown
}

// UserContext is what functions see as userCtx. The server itself is an admin.
func UserContext(db *couch.DB, user *couch.User) []byte {
	ctx := struct {
		DB    string   `json:"db"`
		Name  *string  `json:"name"`
		Roles []string `json:"roles"`
	}{DB: db.Name(), Roles: []string{"_admin"}}
	if user != nil {
		if ctx.Roles = user.Roles; ctx.Roles == nil {
			ctx.Roles = []string{}
		}
		if user.Name != "" {
			ctx.Name = &user.Name
		}
	}
	return mustJSON(ctx)
}

// refusal is what a validation function threw in CouchDB's words.
func refusal(design *couch.Document, err error) error {
	var thrown *js.Exception
	switch {
	case err == nil:
		return nil
	case errors.Is(err, js.ErrNoFunction):
		return &couch.Error{Kind: couch.NotFound, Reason: "missing validate_doc_update function validate_doc_update on design doc " + string(design.ID)}
	case !errors.As(err, &thrown), thrown.Thrown == nil:
		return asSaid(err)
	}
	refused := &couch.Error{Kind: couch.Internal, Reason: words(thrown.Thrown), Status: kindless}
	var members map[string]json.RawMessage
	if json.Unmarshal(thrown.Thrown, &members) != nil {
		return refused
	}
	for name, message := range members {
		if refused.Reason = words(message); len(members) > 1 {
			refused.Reason = strconv.Itoa(len(members)) + " members were thrown: " + string(thrown.Thrown)
			return refused
		}
		switch kind := couch.Kind(name); kind {
		case couch.Forbidden, couch.Unauthorized:
			return &couch.Error{Kind: kind, Reason: refused.Reason}
		}
	}
	return refused
}

// words is what a function said for people to read: a text, or the JSON of what is none.
func words(raw json.RawMessage) string {
	if raw[0] == '"' {
		return text(raw)
	}
	return string(raw)
}
