package httpd

import (
	"net/http"
	"strconv"
	"strings"

	"settee/views"
	"settee/views/mango"
)

// indexes is GET /{db}/_index.
func (c *call) indexes() error {
	skip, limit, err := c.indexPage()
	if err != nil {
		return err
	}
	all, err := c.s.views.Indexes(c.ctx(), c.db)
	if err != nil {
		return err
	}
	c.out = strconv.AppendInt(append(c.out[:0], `{"total_rows":`...), int64(len(all)), 10)
	c.out = append(c.out, `,"indexes":[`...)
	all = all[min(skip, len(all)):]
	for i, x := range all[:min(limit, len(all))] {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = x.AppendJSON(c.out)
	}
	c.out = append(c.out, "]}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

var errIndexPage = &statusError{http.StatusBadRequest, "invalid_list_index_params", "Index parameter ranges: limit > 1, skip > 0"}

func (c *call) indexPage() (skip, limit int, err error) {
	limit = int(^uint(0) >> 1)
	for _, p := range []struct {
		name  string
		into  *int
		least int
	}{{"limit", &limit, 1}, {"skip", &skip, 0}} {
		word, has := c.query[p.name]
		if !has {
			continue
		}
		if *p.into, err = strconv.Atoi(word); err != nil || *p.into < p.least {
			return 0, 0, errIndexPage
		}
	}
	return skip, limit, nil
}

// designer is the caller as one who changes design documents.
func (c *call) designer() views.Designer {
	return views.Designer{User: c.writer(), Refusal: c.mayWrite("_design/index")}
}

// createIndex is POST /{db}/_index.
func (c *call) createIndex() error {
	body, err := c.object()
	if err != nil {
		return err
	}
	id, name, created, err := c.s.views.CreateIndex(c.ctx(), c.db, body, c.designer())
	if err != nil {
		return err
	}
	result := "exists"
	if created {
		result = "created"
	}
	c.out = appendString(append(c.out[:0], `{"result":`...), result)
	c.out = appendString(append(c.out, `,"id":`...), id)
	c.out = append(appendString(append(c.out, `,"name":`...), name), "}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// deleteIndex is DELETE /{db}/_index/{ddoc}/json/{name}.
func (c *call) deleteIndex() error {
	ddoc, err := c.segment("ddoc")
	if err != nil {
		return err
	}
	name, err := c.segment("name")
	if err != nil {
		return err
	}
	if c.vars["type"] != "json" {
		return c.missing()
	}
	if err := c.s.views.DeleteIndex(c.ctx(), c.db, ddoc, name, c.designer()); err != nil {
		return err
	}
	c.send(http.StatusOK, []byte(`{"ok":true}`+"\n"))
	return nil
}

// deleteIndexes is POST /{db}/_index/_bulk_delete.
func (c *call) deleteIndexes() error {
	body, err := c.object()
	if err != nil {
		return err
	}
	ids, err := mango.ParseDeletion(body)
	if err != nil {
		return err
	}
	var done, failed []string // the last first, as CouchDB tells them
	for _, id := range ids {
		err := c.s.views.DeleteIndexes(c.ctx(), c.db, id, c.designer())
		row := appendString([]byte(`{"id":`), id)
		if err == nil {
			done = append([]string{string(row) + `,"ok":true}`}, done...)
			continue
		}
		row = appendString(append(row, `,"error":`...), explain(err).word)
		failed = append([]string{string(row) + "}"}, failed...)
	}
	c.out = append(c.out[:0], `{"success":[`+strings.Join(done, ",")+`],"fail":[`+strings.Join(failed, ",")+"]}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}
