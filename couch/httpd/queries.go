package httpd

import "encoding/json"

// queries reads {"queries":[…]}, each the options of one list.
func (c *call) queries() ([]*options, error) {
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	var body struct {
		Queries json.RawMessage `json:"queries"`
	}
	switch err := decode(raw, &body); {
	case err != nil:
		return nil, err
	case body.Queries == nil:
		return nil, badRequest("POST body must include `queries` parameter.")
	case !isArray(body.Queries):
		return nil, badRequest("`queries` member must be an array.")
	}
	var list []*options
	err = elements(body.Queries, func(value []byte) error {
		if !isObject(value) {
			return errBodyObject
		}
		o, err := listOptions(c.r.URL.RawQuery, nil) // the query's are for all of them
		if err != nil {
			return err
		}
		delete(o.params, "group") // but for these
		delete(o.params, "group_level")
		list = append(list, o)
		if err := o.addBody(value); err != nil {
			return err
		}
		if keys := o.json("keys"); keys != nil && !isArray(keys) {
			return queryParse("`keys` must be an array of strings.")
		}
		return c.inPartition(o)
	})
	return list, err
}

func (c *call) listings(of kind) error {
	all, err := c.queries()
	if err != nil {
		return err
	}
	params := make([]listParams, len(all))
	for i, o := range all {
		if params[i], err = o.list(); err != nil {
			return err
		}
	}
	out := c.stream()
	defer out.release()
	out.start("application/json")
	return out.results(len(params), func(i int) error { return c.writeList(out, of, params[i]) })
}

// results writes {"results":[…]} around n answers.
func (s *stream) results(n int, write func(i int) error) error {
	s.buf = append(s.buf, `{"results":[`...)
	for i := range n {
		if i > 0 {
			s.buf = append(s.buf, ',')
		}
		s.buf = append(s.buf, "\r\n"...)
		if err := write(i); err != nil {
			return s.fail(err)
		}
	}
	s.buf = append(s.buf, "\r\n]}\n"...)
	return s.finish()
}
