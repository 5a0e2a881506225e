package httpd

import (
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"settee/couch"
)

// formMemory is how much of a form's files is held in memory; the rest waits in
// the system's temporary folder.
const formMemory = 1 << 20

// uploadForm is POST /{db}/{doc}, which an HTML form can send: the document in
// _doc, or the revision to change in _rev, and the files in _attachments.
func (c *call) uploadForm() error {
	id, err := c.docID()
	if err != nil {
		return err
	}
	if err := c.checkReferer(); err != nil {
		return err
	}
	if err := id.Check(); err != nil {
		return err
	}
	if id.IsLocal() {
		return errLocalAtts
	}
	if err := c.mayWrite(id); err != nil {
		return err
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	defer form.RemoveAll() //nolint:errcheck // what is left is the system's to tidy
	d, err := c.formDocument(id, form)
	if err != nil {
		return err
	}
	closeFiles, err := replaceFiles(d, form.File["_attachments"])
	defer closeFiles()
	if err != nil {
		return err
	}
	rev, err := c.db.Put(c.ctx(), d, couch.WriteOptions{User: c.writer()})
	if err != nil {
		return err
	}
	return c.stored(http.StatusCreated, id, rev)
}

// checkReferer keeps the forms of other sites out: a form's POST carries the
// user's cookie wherever it comes from.
func (c *call) checkReferer() error {
	from := c.r.Header.Get("Referer")
	if from == "" {
		return badRequest("Referer header required.")
	}
	if u, err := url.Parse(from); err != nil || u.Host != c.r.Host {
		return badRequest("Referer header must match host.")
	}
	return nil
}

// form reads the body, the files to disk where they are large.
func (c *call) form() (*multipart.Form, error) {
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if mediaType(c.r.Header) != "multipart/form-data" || err != nil {
		return nil, &couch.Error{Kind: couch.BadContentType, Reason: "Content-Type must be multipart/form-data"}
	}
	body := &limitReader{in: &bodyReader{c: c}, left: c.policy.maxAttachment, name: "_attachments"}
	form, err := multipart.NewReader(body, params["boundary"]).ReadForm(formMemory)
	if err != nil {
		return nil, multipartError(err)
	}
	return form, nil
}

// formDocument is the document to store: the form's own, or the stored revision.
func (c *call) formDocument(id couch.DocID, form *multipart.Form) (*couch.Document, error) {
	if sent := form.Value["_doc"]; len(sent) > 0 {
		d, err := c.parse([]byte(sent[0]))
		if err != nil {
			return nil, err
		}
		d.ID = id
		return d, c.parent(d, false)
	}
	rev, err := parseRev(strings.Join(form.Value["_rev"], ""))
	if err != nil {
		return nil, err
	}
	d, err := c.db.Get(c.ctx(), id, couch.GetOptions{Rev: rev})
	if err != nil {
		return nil, err
	}
	for i := range d.Attachments {
		d.Attachments[i].Stub = true
	}
	return d, nil
}

// replaceFiles puts the files before the attachments that the document has,
// where they take the place of those of their names.
func replaceFiles(d *couch.Document, files []*multipart.FileHeader) (closeFiles func(), err error) {
	var open []multipart.File
	closeFiles = func() {
		for _, f := range open {
			_ = f.Close()
		}
	}
	var atts []couch.Attachment
	for _, f := range files {
		body, err := f.Open()
		if err != nil {
			return closeFiles, err
		}
		open = append(open, body)
		d.Attachments = without(d.Attachments, f.Filename)
		atts = append(atts, couch.Attachment{
			Name: f.Filename, ContentType: f.Header.Get("Content-Type"), Follows: true, Length: f.Size, Body: body,
		})
	}
	d.Attachments = append(atts, d.Attachments...)
	return closeFiles, nil
}
