package httpd

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"settee/couch"
)

// A rewriteRule is one rule of a design document's rewrites: an object with from, to,
// method, query and formats. In from and to a segment :name stands for one
// segment, * at the end for all that are left.
type rewriteRule struct {
	method  string // "*": any
	from    []string
	to      []string
	query   []binding         // in the order of the rule
	formats map[string]string // by name: int or bool
}

// A binding is a name of a rule or of a query, and what it stands for.
type binding struct {
	name string
	word string
	json json.RawMessage // nil: word
}

var errRewriteTarget = &statusError{http.StatusInternalServerError, "error", "invalid_rewrite_target"}

func badRule(reason string) error {
	return &statusError{http.StatusInternalServerError, "rewrite_error", reason}
}

// parseRewriteRules reads the list of rewrites; what is no object in it is no rule.
func parseRewriteRules(raw []byte, secure bool) ([]rewriteRule, error) {
	var list []json.RawMessage
	if err := decode(raw, &list); err != nil {
		return nil, err
	}
	var rules []rewriteRule
	for _, one := range list {
		if !isObject(one) {
			continue
		}
		rule, err := parseRewriteRule(one, secure)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseRewriteRule(raw []byte, secure bool) (r rewriteRule, err error) {
	r = rewriteRule{method: "*", from: []string{"*"}}
	to := false
	err = members(raw, func(name string, value []byte) (err error) {
		switch name {
		case "method":
			if r.method, err = text(value); err != nil {
				r.method, err = "", nil // it is never asked for
			}
		case "from":
			r.from, err = rulePath(value, secure)
		case "to":
			to = true
			r.to, err = rulePath(value, secure)
		case "query":
			err = members(value, func(name string, value []byte) error {
				r.query = append(r.query, bind(name, value))
				return nil
			})
		case "formats":
			if json.Unmarshal(value, &r.formats) != nil {
				err = badRule("formats must be an object of texts")
			}
		}
		return err
	})
	switch {
	case err == errJSON:
		err = badRule("query must be an object")
	case err == nil && !to:
		err = errRewriteTarget
	}
	return r, err
}

// bind binds a name to a JSON value: a text to what it says.
func bind(name string, value json.RawMessage) binding {
	if s, err := text(value); err == nil {
		return binding{name: name, word: s}
	}
	return binding{name: name, json: value}
}

// rulePath are the segments of a rule's path. More than two steps up would leave the
// database, which no rule may unless the settings let it.
func rulePath(value []byte, secure bool) (parts []string, err error) {
	path, err := text(value)
	if err != nil {
		return nil, badRule("from and to must be texts")
	}
	up := 0
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			if up++; up > 2 && secure {
				return nil, &statusError{http.StatusInternalServerError, "insecure_rewrite_rule", "too many ../.. segments"}
			}
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// match binds a path's segments; ok is false where the rule is not for it.
func (r *rewriteRule) match(method string, path []string) (bound []binding, rest []string, ok bool) {
	if r.method != "*" && r.method != method {
		return nil, nil, false
	}
	for i, part := range r.from {
		name, isName := strings.CutPrefix(part, ":")
		switch {
		case part == "*" && i == len(r.from)-1:
			return bound, path[i:], true
		case i >= len(path):
			return nil, nil, false
		case isName || part == "*":
			bound = slices.Insert(bound, 0, binding{name: name, word: path[i]})
		case part != path[i]:
			return nil, nil, false
		}
	}
	return bound, nil, len(r.from) == len(path)
}

// target is where a request goes: a path and its query, relative to the design document.
func (r *rewriteRule) target(bound []binding, rest []string, query []binding) string {
	bound = append(bound, query...)
	var own []binding
	for _, q := range r.query {
		own = slices.Insert(own, 0, r.fill(q, bound))
	}
	bound = slices.DeleteFunc(bound, func(b binding) bool {
		return slices.ContainsFunc(own, func(o binding) bool { return o.name == b.name })
	})
	bound = append(bound, own...)
	var parts []string
	for _, part := range r.to {
		if part == "*" {
			parts = append(parts, rest...)
			break
		}
		if name, ok := strings.CutPrefix(part, ":"); ok {
			part = "undefined"
			if b, ok := lookUp(bound, name); ok {
				part = b.text()
			}
		}
		parts = append(parts, part)
	}
	for i := range parts {
		parts[i] = url.QueryEscape(parts[i])
	}
	path := strings.Join(parts, "/")
	sep := "?"
	for _, b := range slices.Backward(bound) {
		if b.name == "*" {
			continue
		}
		value := b.text()
		if jsonParams[newerName(b.name)] && b.json == nil {
			value = string(appendString(nil, value))
		}
		path += sep + url.QueryEscape(b.name) + "=" + url.QueryEscape(value)
		sep = "&"
	}
	return path
}

// fill replaces the names in a rule's query by what they are bound to. One that is
// not bound stays.
func (r *rewriteRule) fill(q binding, bound []binding) binding {
	if q.json == nil {
		filled := r.variable(q.word, bound)
		filled.name = q.name
		return filled
	}
	var list []json.RawMessage
	if !isArray(q.json) || json.Unmarshal(q.json, &list) != nil {
		return q
	}
	for i, one := range list {
		if word, err := text(one); err == nil && strings.HasPrefix(word, ":") {
			list[i] = r.variable(word, bound).asJSON()
		}
	}
	joined, _ := json.Marshal(list) // they were JSON
	return binding{name: q.name, json: joined}
}

// variable is what a word of a rule's query stands for.
func (r *rewriteRule) variable(word string, bound []binding) binding {
	name, isName := strings.CutPrefix(word, ":")
	if !isName && word != "*" {
		return binding{word: word}
	}
	b, ok := lookUp(bound, name)
	if !ok {
		b = binding{word: word}
	}
	if b.json != nil {
		return b
	}
	switch r.formats[name] {
	case "int":
		if n, err := strconv.Atoi(b.word); err == nil {
			return binding{json: strconv.AppendInt(nil, int64(n), 10)}
		}
	case "bool":
		if low := strings.ToLower(b.word); low == "true" || low == "false" {
			return binding{json: json.RawMessage(low)}
		}
	}
	return b
}

func lookUp(bound []binding, name string) (binding, bool) {
	i := slices.IndexFunc(bound, func(b binding) bool { return b.name == name })
	if i < 0 {
		return binding{}, false
	}
	return bound[i], true
}

func (b binding) text() string {
	if b.json != nil {
		return string(b.json)
	}
	return b.word
}

func (b binding) asJSON() json.RawMessage {
	if b.json != nil {
		return b.json
	}
	return appendString(nil, b.word)
}

// queryBindings are the parameters of the request's own query. Those that are JSON must be.
func (c *call) queryBindings() (list []binding, err error) {
	err = eachParam(c.r.URL.RawQuery, func(name, value string) error {
		if !jsonParams[newerName(name)] {
			list = append(list, binding{name: name, word: value})
			return nil
		}
		if _, err := couch.ParseDocument([]byte(`{"value":` + value + `}`)); err != nil {
			return errJSON
		}
		list = append(list, binding{name: name, json: json.RawMessage(value)})
		return nil
	})
	return list, err
}
