package httpd

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"settee/couch"
)

// options are the parameters of a list or a view. Of a parameter that comes
// twice, under whichever of its names, the last counts. The first error stays.
type options struct {
	params map[string]param
	err    error
}

// A param is a value: a bare word of a query, or JSON.
type param struct {
	word  string
	json  json.RawMessage // nil: a word
	asked bool            // JSON of a query, not of a body
}

// olderNames are the second names of parameters.
var olderNames = map[string]string{
	"startkey": "start_key", "startkey_docid": "start_key_doc_id", "endkey": "end_key", "endkey_docid": "end_key_doc_id",
}

// jsonParams are those whose value in a query is JSON; the others are bare words.
var jsonParams = map[string]bool{"key": true, "keys": true, "start_key": true, "end_key": true}

func queryParse(reason string) *couch.Error {
	return &couch.Error{Kind: couch.QueryParse, Reason: reason}
}

// listOptions joins a JSON body, where there is one, with a query, which counts more.
func listOptions(query string, body []byte) (*options, error) {
	o := &options{params: map[string]param{}}
	if body != nil {
		if err := o.addBody(body); err != nil {
			return nil, err
		}
	}
	return o, o.addQuery(query)
}

// addBody adds the members of a JSON object.
func (o *options) addBody(body []byte) error {
	if !json.Valid(body) {
		return errJSON
	}
	return members(body, func(key string, value []byte) error {
		o.set(key, param{json: value})
		return nil
	})
}

// addQuery adds the parameters of a query.
func (o *options) addQuery(query string) error {
	return eachParam(query, func(key, value string) error {
		if !jsonParams[newerName(key)] {
			o.set(key, param{word: value})
			return nil
		}
		// The engine's reader of documents is the strict one.
		if _, err := couch.ParseDocument([]byte(`{"value":` + value + `}`)); err != nil {
			return errJSON
		}
		o.set(key, param{json: json.RawMessage(value), asked: true})
		return nil
	})
}

func newerName(name string) string {
	if newer, ok := olderNames[name]; ok {
		return newer
	}
	return name
}

// set keeps a parameter. A key is a range of its own, and so are keys of one.
func (o *options) set(name string, p param) {
	name = newerName(name)
	if name == "keys" {
		var keys []json.RawMessage
		if json.Unmarshal(p.json, &keys) == nil && len(keys) == 1 {
			o.set("key", param{json: keys[0]})
		}
	}
	if name == "key" {
		o.params["start_key"], o.params["end_key"] = p, p
		return
	}
	o.params[name] = p
}

func (o *options) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// shown is a value as errors have it: CouchDB prints a word as an Erlang
// string, which is a list where it is empty, and a JSON string as a binary.
func (p param) shown() string {
	quoted := func(s string) string { return `"` + erlangQuotes.Replace(s) + `"` }
	s, err := text(p.json)
	switch {
	case p.json == nil && p.word == "":
		return "[]"
	case p.json == nil:
		return quoted(p.word)
	case err == nil:
		return "<<" + quoted(s) + ">>"
	}
	return string(p.json)
}

var erlangQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// word is a parameter as bare text.
func (o *options) word(name string) (string, bool) {
	p, ok := o.params[name]
	if p.json == nil {
		return p.word, ok
	}
	if s, err := text(p.json); err == nil {
		return s, true
	}
	return string(p.json), true
}

// json is a parameter as raw JSON, nil where absent.
func (o *options) json(name string) json.RawMessage { return o.params[name].json }

func (o *options) bool(name string, absent bool) bool {
	switch v, ok := o.word(name); {
	case !ok:
		return absent
	case strings.EqualFold(v, "true"):
		return true
	case strings.EqualFold(v, "false"):
		return false
	}
	o.fail(queryParse("Invalid boolean parameter: " + o.params[name].shown()))
	return absent
}

// number is a whole number from nought; one beyond all bounds is as the greatest.
func (o *options) number(name string, absent int) int {
	p, ok := o.params[name]
	if !ok {
		return absent
	}
	digits := p.word
	if p.json != nil {
		digits = string(p.json)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		o.fail(queryParse("Invalid value for integer: " + p.shown()))
	case n < 0:
		o.fail(queryParse("Invalid value for positive integer: " + p.shown()))
	default:
		return int(min(n, math.MaxInt32*math.MaxInt32))
	}
	return absent
}

// maxLimit is CouchDB's greatest small integer.
const maxLimit = 1<<59 - 1

// limit is how many rows are wanted at most, -1: all.
func (o *options) limit() int {
	n := o.number("limit", -1)
	if n > maxLimit {
		o.fail(queryParse("Limit is too large, must not exceed " + strconv.Itoa(maxLimit)))
	}
	return n
}

// oneOf checks a parameter that takes but a few words.
func (o *options) oneOf(name string, words ...string) string {
	v, ok := o.word(name)
	if !ok {
		return ""
	}
	for _, w := range words {
		if v == w {
			return v
		}
	}
	o.fail(queryParse("Invalid value for `" + name + "`."))
	return ""
}

// keys is the keys parameter, nil where absent. Beside it no other range may
// be, but for the one that a single key is. The errors are those of one that is no
// array, in a query and in a body.
func (o *options) keys(asked, sent *couch.Error) []json.RawMessage {
	p, ok := o.params["keys"]
	if !ok {
		return nil
	}
	keys := []json.RawMessage{}
	if !isArray(p.json) || json.Unmarshal(p.json, &keys) != nil {
		if p.asked {
			sent = asked
		}
		o.fail(sent)
		return nil
	}
	start, end := o.json("start_key"), o.json("end_key")
	switch {
	case len(keys) == 0, start == nil && end == nil:
	case len(keys) == 1 && string(start) == string(keys[0]) && string(end) == string(keys[0]):
	default:
		o.fail(queryParse("`keys` is incompatible with `key`, `start_key` and `end_key`"))
	}
	return keys
}

// grouping is group and group_level: the whole key, or so many of its parts.
func (o *options) grouping() (whole bool, level int) {
	_, said := o.params["group"]
	whole, level = o.bool("group", false), o.number("group_level", 0)
	_, leveled := o.params["group_level"]
	if said && !whole && level > 0 {
		o.fail(queryParse("Can't specify group=false and group_level>0 at the same time"))
	}
	return whole && !leveled, level
}
