package httpd

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"settee/couch"
)

// openNamed opens the database that the path names, for the rows of server admins.
func (c *call) openNamed() error {
	name, err := c.segment("db")
	if err != nil {
		return err
	}
	c.db, err = c.s.store.DB(name)
	return err
}

// purge is POST /{db}/_purge. CouchDB's nodes agree on no purge sequence, so it is null.
func (c *call) purge() error {
	if err := c.openNamed(); err != nil {
		return err
	}
	raw, err := c.object()
	if err != nil {
		return err
	}
	asked, err := purgeBody(raw)
	if err != nil {
		return err
	}
	revs := 0
	for _, q := range asked {
		revs += len(q.Revs)
	}
	switch {
	case len(asked) > c.policy.maxPurgeDocs:
		return badRequest("Exceeded maximum number of documents.")
	case revs > c.policy.maxPurgeRevs:
		return badRequest("Exceeded maximum number of revisions.")
	}
	answers, err := c.db.Purge(c.ctx(), asked)
	if err != nil {
		return err
	}
	dst := append(c.out[:0], `{"purge_seq":null,"purged":{`...)
	for i, a := range answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, a.ID), ':')
		dst = appendRevs(dst, a.Revs)
	}
	c.out = append(dst, "}}\n"...)
	c.send(http.StatusCreated, c.out)
	return nil
}

// purgeBody reads {id: [revs]}.
func purgeBody(raw []byte) ([]couch.RevsQuery, error) {
	var asked []couch.RevsQuery
	err := members(raw, func(key string, value []byte) error {
		if !isArray(value) {
			return badRequest("Invalid list of revisions")
		}
		revs, err := parseRevs(value)
		asked = append(asked, couch.RevsQuery{ID: couch.DocID(key), Revs: revs})
		return err
	})
	return asked, err
}

// purgedInfos is GET /{db}/_purged_infos. It lists what was removed, not what
// was asked for: a request that removes nothing leaves no entry.
func (c *call) purgedInfos() error {
	out := c.stream()
	defer out.release()
	out.start("application/json")
	out.buf = append(out.buf, `{"purged_infos":[`...)
	sep := ""
	err := c.db.PurgedInfos(c.ctx(), func(p couch.Purged) error {
		out.buf = append(append(out.buf, sep...), `{"id":`...)
		out.buf = append(appendString(out.buf, p.ID), `,"revs":`...)
		out.buf = append(appendRevs(out.buf, p.Revs), '}')
		sep = ","
		return out.spill()
	})
	if out.err != nil {
		return nil // the client is gone
	}
	if err != nil {
		return out.fail(err)
	}
	out.buf = append(out.buf, "]}\n"...)
	return out.finish()
}

func (c *call) purgedInfosLimit() error {
	if err := c.openNamed(); err != nil {
		return err
	}
	c.out = append(strconv.AppendInt(c.out[:0], int64(c.db.PurgedInfosLimit()), 10), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

func (c *call) setPurgedInfosLimit() error {
	if err := c.openNamed(); err != nil {
		return err
	}
	raw, err := c.body()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || n < 1 || n > math.MaxInt32 {
		return badRequest("`purged_infos_limit` must be positive integer")
	}
	if err := c.db.SetPurgedInfosLimit(c.ctx(), n); err != nil {
		return err
	}
	return c.ok(http.StatusOK)
}
