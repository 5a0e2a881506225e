package httpd

import (
	"strings"

	"settee/couch"
	"settee/couch/revtree"
)

// query is a request's parameters; of one that is repeated the first counts, as in CouchDB.
type query map[string]string

func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	q := query{}
	err := eachParam(raw, func(key, value string) error {
		if _, dup := q[key]; !dup {
			q[key] = value
		}
		return nil
	})
	return q, err
}

// eachParam calls f for each parameter of a query, in order.
func eachParam(raw string, f func(key, value string) error) error {
	for one := range strings.SplitSeq(raw, "&") {
		if one == "" {
			continue
		}
		k, v, _ := strings.Cut(one, "=")
		key, err := unescape(k)
		if err != nil {
			return err
		}
		value, err := unescape(v)
		if err != nil {
			return err
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

// flag is a parameter of document reads: true or not there, and nothing is refused.
func (q query) flag(name string) bool { return q[name] == "true" }

// rev is a revision parameter, zero where absent.
func (q query) rev(name string) (couch.Rev, error) {
	v, ok := q[name]
	if !ok {
		return couch.Rev{}, nil
	}
	return parseRev(v)
}

func parseRev(s string) (couch.Rev, error) {
	r, err := revtree.Parse(s)
	if err != nil {
		return r, errRev
	}
	return r, nil
}

// parseRevs reads a JSON array of revisions.
func parseRevs(raw []byte) ([]couch.Rev, error) {
	revs := []couch.Rev{}
	err := elements(raw, func(value []byte) error {
		s, err := text(value)
		if err != nil {
			return errRev
		}
		r, err := parseRev(s)
		revs = append(revs, r)
		return err
	})
	return revs, err
}
