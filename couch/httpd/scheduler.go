package httpd

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"settee/couch"
	"settee/replicate"
)

var errSchedulerPath = badRequest("Invalid path")

// noSchedulerPath is what CouchDB answers where it has nothing: an error without a reason.
func (c *call) noSchedulerPath() error {
	c.send(http.StatusNotFound, []byte("{\"error\":\"not found\"}\n"))
	return nil
}

// schedulerJobs is GET /_scheduler/jobs.
func (c *call) schedulerJobs() error {
	limit, err := c.whole("limit", 100)
	if err != nil {
		return err
	}
	skip, err := c.whole("skip", 0)
	if err != nil {
		return err
	}
	jobs := c.s.scheduler.Jobs()
	offset := min(skip, len(jobs))
	c.out = fmt.Appendf(c.out[:0], `{"total_rows":%d,"offset":%d,"jobs":[`, len(jobs), offset)
	for i, j := range jobs[offset:][:min(limit, len(jobs)-offset)] {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, j...)
	}
	c.out = append(c.out, "]}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

// whole is a number from nought in the query, in the words of this endpoint.
func (c *call) whole(name string, absent int) (int, error) {
	text, given := c.query[name]
	if !given {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, queryParse(name + " must be an integer")
	case n < 0:
		return 0, queryParse(name + " not in range of [0,infinity]")
	}
	return int(min(n, math.MaxInt32)), nil
}

// schedulerJob is GET /_scheduler/jobs/{id}. A plus in the path was read as a space.
func (c *call) schedulerJob() error {
	id, err := c.segment("job")
	if err != nil {
		return err
	}
	job, there := c.s.scheduler.Job(strings.ReplaceAll(id, " ", "+"))
	if !there {
		return couch.ErrMissing
	}
	c.send(http.StatusOK, append(slices.Clone(job), '\n'))
	return nil
}

// schedulerDocs is GET /_scheduler/docs[/{db}[/{doc}]]. The slashes in a database's name need no escape
// here: it ends with _replicator.
func (c *call) schedulerDocs() error {
	segments := []string{string(replicators)}
	if rest := c.vars["rest"]; rest != "" {
		segments = strings.Split(rest, "/")
	}
	for i := range segments {
		var err error
		if segments[i], err = unescape(segments[i]); err != nil {
			return err
		}
	}
	last := 0
	for natureOf(segments[last]) != replicators {
		if last++; last == len(segments) {
			return errSchedulerPath
		}
	}
	name, rest := strings.Join(segments[:last+1], "/"), segments[last+1:]
	if len(rest) > 1 || last > 0 && strings.Contains(segments[last], "/") {
		return errSchedulerPath
	}
	var err error
	if c.db, err = c.s.store.DB(name); err != nil {
		return err
	}
	if len(rest) == 1 {
		return c.schedulerDoc(couch.DocID(rest[0]))
	}
	return c.schedulerList()
}

// schedulerDoc tells of one document, also of one of which nothing is known yet.
func (c *call) schedulerDoc(id couch.DocID) error {
	doc, err := c.db.Get(c.ctx(), id, couch.GetOptions{})
	if err != nil {
		return couch.ErrMissing
	}
	status := c.s.scheduler.Doc(c.db.Name(), string(id), doc.Body)
	c.send(http.StatusOK, append(slices.Clone(status.Shown), '\n'))
	return nil
}

// schedulerList tells of all documents, or those in the states that are asked for.
func (c *call) schedulerList() error {
	states, err := statesAsked(c.query["states"])
	if err != nil {
		return err
	}
	o, err := c.listOptions(nil)
	if err != nil {
		return err
	}
	delete(o.params, "reduce") // it is map-only, whatever is asked
	p, err := o.list()
	if err != nil {
		return err
	}
	limit := p.Rows.Limit
	p.Rows.Limit, p.Rows.IncludeDocs, p.Keys, p.UpdateSeq = -1, true, nil, false // the limit is of rows that are shown
	rows, err := c.rows(everyDoc, p)
	if err != nil {
		return err
	}
	defer rows.Close()
	more := rows.Next()
	total, offset, err := c.figures(everyDoc, rows, p)
	if err != nil {
		return err
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	out.buf = append(out.buf, `{"total_rows":`+total+`,"offset":`+offset+`,"docs":[`+"\r\n"...)
	for sep := ""; more && limit != 0; more = rows.Next() {
		row := rows.Row()
		if row.ID.IsDesign() || row.Doc == nil {
			continue
		}
		status := c.s.scheduler.Doc(c.db.Name(), string(row.ID), row.Doc.Body)
		if status.State == "" || len(states) > 0 && !slices.Contains(states, status.State) {
			continue
		}
		out.buf = append(append(out.buf, sep...), status.Shown...)
		if out.spill() != nil {
			return nil
		}
		sep = rowNext
		limit--
	}
	if err := rows.Err(); err != nil {
		return out.fail(err)
	}
	out.buf = append(out.buf, "\r\n]}\n"...)
	return out.finish()
}

// statesAsked are the states that a list is narrowed to.
func statesAsked(list string) ([]replicate.State, error) {
	var states []replicate.State
	for one := range strings.SplitSeq(list, ",") {
		if one == "" {
			continue
		}
		state := replicate.State(strings.ToLower(one))
		if !slices.Contains(replicate.States, state) {
			var all []string
			for _, s := range replicate.States {
				all = append(all, string(s))
			}
			return nil, queryParse("States must be one or more of [" + strings.Join(all, ",") + "]")
		}
		states = append(states, state)
	}
	return states, nil
}
