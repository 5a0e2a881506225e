package httpd

import (
	"net/http"
	"strings"

	"settee/couch"
)

// revsBody reads {id: [revs]}.
func revsBody(raw []byte) ([]couch.RevsQuery, error) {
	var qs []couch.RevsQuery
	err := members(raw, func(key string, value []byte) error {
		if !isArray(value) {
			return badRequest("The revisions of `" + strings.ToValidUTF8(key, "\ufffd") + "` must be an array.")
		}
		revs, err := parseRevs(value)
		qs = append(qs, couch.RevsQuery{ID: couch.DocID(key), Revs: revs})
		return err
	})
	return qs, err
}

// revsDiff is POST /{db}/_revs_diff.
func (c *call) revsDiff() error {
	answers, err := c.diff()
	if err != nil {
		return err
	}
	dst := append(c.out[:0], '{')
	for i, a := range answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, a.ID)
		dst = append(dst, `:{"missing":`...)
		dst = appendRevs(dst, a.Missing)
		if len(a.Ancestors) > 0 {
			dst = append(dst, `,"possible_ancestors":`...)
			dst = appendRevs(dst, a.Ancestors)
		}
		dst = append(dst, '}')
	}
	c.out = append(dst, "}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// missingRevs is POST /{db}/_missing_revs, the older form.
func (c *call) missingRevs() error {
	answers, err := c.diff()
	if err != nil {
		return err
	}
	dst := append(c.out[:0], `{"missing_revs":{`...)
	for i, a := range answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, a.ID)
		dst = appendRevs(append(dst, ':'), a.Missing)
	}
	c.out = append(dst, "}}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

func (c *call) diff() ([]couch.RevsAnswer, error) {
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	qs, err := revsBody(raw)
	if err != nil {
		return nil, err
	}
	return c.db.RevsDiff(c.ctx(), qs)
}
