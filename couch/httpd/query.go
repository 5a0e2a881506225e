package httpd

import (
	"encoding/json"
	"strconv"
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
	for one := range strings.SplitSeq(raw, "&") {
		if one == "" {
			continue
		}
		k, v, _ := strings.Cut(one, "=")
		key, err := unescape(k)
		if err != nil {
			return nil, err
		}
		value, err := unescape(v)
		if err != nil {
			return nil, err
		}
		if _, dup := q[key]; !dup {
			q[key] = value
		}
	}
	return q, nil
}

// first is the value of the first of several names for one parameter.
func (q query) first(names ...string) (string, bool) {
	for _, n := range names {
		if v, ok := q[n]; ok {
			return v, true
		}
	}
	return "", false
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

func queryParse(reason string) *couch.Error {
	return &couch.Error{Kind: couch.QueryParse, Reason: reason}
}

// options are the parameters of a list or a view, from the query and from a
// JSON body, as raw JSON. The first error stays.
type options struct {
	raw map[string]json.RawMessage
	err error
}

// jsonParams are those whose value in a query is JSON; the others are bare words.
var jsonParams = map[string]bool{
	"key": true, "keys": true, "startkey": true, "start_key": true, "endkey": true, "end_key": true,
}

// listOptions joins a query with a JSON body; where both give a parameter the query counts.
func listOptions(q query, body []byte) (*options, error) {
	o := &options{raw: map[string]json.RawMessage{}}
	if first(body) != 0 {
		if !isObject(body) {
			return nil, errBodyObject
		}
		if err := decode(body, &o.raw); err != nil {
			return nil, err
		}
	}
	for k, v := range q {
		if !jsonParams[k] {
			o.raw[k] = appendString(nil, v)
			continue
		}
		var value json.RawMessage
		if err := decode([]byte(v), &value); err != nil {
			return nil, err
		}
		o.raw[k] = value
	}
	return o, nil
}

func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// word is a parameter as bare text, quoted in JSON or not.
func (o *options) word(names ...string) (string, bool) {
	for _, n := range names {
		raw, ok := o.raw[n]
		if !ok {
			continue
		}
		if s, err := text(raw); err == nil {
			return s, true
		}
		return string(raw), true
	}
	return "", false
}

// json is a parameter as raw JSON, nil where absent.
func (o *options) json(names ...string) json.RawMessage {
	for _, n := range names {
		if raw, ok := o.raw[n]; ok {
			return raw
		}
	}
	return nil
}

func (o *options) bool(name string, absent bool) bool {
	switch v, ok := o.word(name); {
	case !ok:
		return absent
	case strings.EqualFold(v, "true"):
		return true
	case strings.EqualFold(v, "false"):
		return false
	default:
		o.fail(queryParse(`Invalid boolean parameter: "` + v + `"`))
		return absent
	}
}

func (o *options) number(name string, absent int) int {
	v, ok := o.word(name)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		o.fail(queryParse(`Invalid value for integer: "` + v + `"`))
	case n < 0:
		o.fail(queryParse(`Invalid value for positive integer: "` + v + `"`))
	default:
		return n
	}
	return absent
}

// keys is the keys parameter; nil where absent.
func (o *options) keys(reason string) []json.RawMessage {
	raw, ok := o.raw["keys"]
	if !ok {
		return nil
	}
	keys := []json.RawMessage{}
	if !isArray(raw) || json.Unmarshal(raw, &keys) != nil {
		o.fail(badRequest(reason))
	}
	return keys
}
