package httpd

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"settee/couch"
	"settee/views"
)

// function is the function that the path names.
func (c *call) function(kind views.FunctionKind) (*views.Function, error) {
	ddoc, err := c.segment("ddoc")
	if err != nil {
		return nil, err
	}
	name, err := c.segment("function")
	if err != nil {
		return nil, err
	}
	return c.s.views.Function(c.ctx(), c.db, ddoc, kind, name)
}

// namedDocument is the document that stands behind a function's name in the path;
// the id is nil where none is named, the document where there is none.
func (c *call) namedDocument() (*string, *couch.Document, error) {
	if _, named := c.vars["rest"]; !named {
		return nil, nil, nil
	}
	id, err := c.segment("rest")
	if err != nil {
		return nil, nil, err
	}
	doc, err := views.ShownDocument(c.ctx(), c.db, couch.DocID(id))
	return &id, doc, err
}

// appendAsked is the request of a function with the body that it has.
func (c *call) appendAsked(id *string) ([]byte, error) {
	a := asked{id: id}
	if c.r.ContentLength != 0 || c.verb == http.MethodPost || c.verb == http.MethodPut {
		raw, err := c.body()
		if err != nil {
			return nil, err
		}
		a.body = appendString(nil, string(raw))
		if a.form, err = c.formFields(raw); err != nil {
			return nil, err
		}
	}
	return c.appendRequest(nil, a)
}

// formFields are a body's fields where it is a form, as JSON; of a name that comes twice, the last.
func (c *call) formFields(raw []byte) ([]byte, error) {
	if c.verb != http.MethodPost && c.verb != http.MethodPut || !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, nil
	}
	fields, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, errURLEncoding
	}
	last := make(map[string]string, len(fields))
	for name, values := range fields {
		last[name] = values[len(values)-1]
	}
	return json.Marshal(last)
}

// show is every method on /{db}/_design/{ddoc}/_show/{function}[/{doc}].
func (c *call) show() error {
	f, err := c.function(views.Shows)
	if err != nil {
		return err
	}
	id, doc, err := c.namedDocument()
	if err != nil {
		return err
	}
	tag := c.showTag(f, doc)
	if c.etag(tag) {
		return nil
	}
	req, err := c.appendAsked(id)
	if err != nil {
		return err
	}
	raw, err := f.Show(doc, req)
	if err != nil {
		return err
	}
	r, err := parseResponse(raw)
	if err != nil {
		return err
	}
	r.headers.Set("Etag", tag)
	r.headers.Set("Vary", "Accept")
	return c.respond(r)
}

// showTag tells two answers of a show apart by what CouchDB does: the revisions of both
// documents, what the client accepts and its roles. The query is not of these.
func (c *call) showTag(f *views.Function, doc *couch.Document) string {
	parts := []string{f.Design.Rev.String(), "", c.r.Header.Get("Accept")}
	if doc != nil {
		parts[1] = doc.Rev.String()
	}
	sum := sha256.Sum256(appendStrings(appendStrings(nil, parts), c.user.Roles))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// update is every method on /{db}/_design/{ddoc}/_update/{function}[/{doc}].
func (c *call) update() error {
	f, err := c.function(views.Updates)
	if err != nil {
		return err
	}
	id, doc, err := c.namedDocument()
	if err != nil {
		return err
	}
	req, err := c.appendAsked(id)
	if err != nil {
		return err
	}
	stored, raw, err := f.Update(doc, req)
	if err != nil {
		return err
	}
	var written updated
	if stored != nil { // first, as in CouchDB: who refuses it is heard whatever the response is
		if written, err = c.storeUpdate(stored); err != nil {
			return err
		}
	}
	r, err := parseResponse(raw)
	if err != nil {
		return err
	}
	if stored != nil {
		r.status = cmp.Or(r.status, http.StatusCreated)
		r.headers.Set("X-Couch-Update-Newrev", written.rev.String())
		r.headers.Set("X-Couch-Id", escapedPath(string(written.id))[1:])
	}
	return c.respond(r)
}

// updated is a document that an update function had stored.
type updated struct {
	id  couch.DocID
	rev couch.Rev
}

// storeUpdate stores what an update function made, as a PUT of the one who asks would.
func (c *call) storeUpdate(raw []byte) (updated, error) {
	doc, err := c.parse(raw)
	if err != nil {
		return updated{}, err
	}
	if err := c.mayWrite(doc.ID); err != nil {
		return updated{}, err
	}
	rev, err := c.db.Put(c.ctx(), doc, couch.WriteOptions{User: c.writer()})
	return updated{doc.ID, rev}, err
}

// wrongPath is the answer where a function's name or a view's is missing.
func wrongPath(word string) func(*call) error {
	return func(c *call) error {
		ddoc, err := c.segment("ddoc")
		if err != nil {
			return err
		}
		if _, err := c.s.views.Design(c.ctx(), c.db, ddoc); err != nil {
			return err
		}
		return &statusError{http.StatusNotFound, word, "Invalid path."}
	}
}

// errBadResponse is CouchDB's refusal of a member of a response.
func errBadResponse(name string, value []byte) error {
	return &couch.Error{Kind: "external_response_error", Reason: "Invalid data from external server: {<<\"" + name + "\">>," + string(bytes.TrimSpace(value)) + "}"}
}
