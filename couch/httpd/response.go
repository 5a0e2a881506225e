package httpd

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A response is what a show, a list or an update function answers: an object with code,
// headers, and one of body, json and base64.
type response struct {
	status      int // 0: not said
	headers     http.Header
	contentType string // where the headers do not say
	body        []byte
	json        []byte // nil: body is the answer
	bare        bool   // of a rewrite: with no headers of its own
}

// parseResponse reads a response object. What it may not hold is CouchDB's
// external_response_error; so are here codes that HTTP does not know and headers that would
// break out of their line, which CouchDB sends.
func parseResponse(raw []byte) (*response, error) {
	r := &response{headers: http.Header{}, contentType: "application/json"}
	err := members(raw, func(name string, value []byte) error {
		take := responseMembers[name]
		if take == nil || !take(r, value) {
			return errBadResponse(name, value)
		}
		return nil
	})
	return r, err
}

// responseMembers read the members of a response object, and report whether they are good.
var responseMembers = map[string]func(r *response, value []byte) bool{
	"": func(*response, []byte) bool { return true },
	"code": func(r *response, value []byte) bool {
		digits, err := text(value)
		if err != nil {
			digits = string(value)
		}
		r.status, err = strconv.Atoi(digits)
		return err == nil && r.status >= 200 && r.status <= 599
	},
	"stop": func(_ *response, value []byte) bool { return string(value) == "true" },
	"json": func(r *response, value []byte) bool {
		r.json, r.contentType = value, "application/json"
		return true
	},
	"body": func(r *response, value []byte) (ok bool) {
		r.contentType = "text/html; charset=utf-8"
		r.body, ok = joined(value)
		return ok
	},
	"base64": func(r *response, value []byte) bool {
		encoded, err := text(value)
		if err != nil {
			return false
		}
		r.contentType = "application/binary"
		r.body, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
		return err == nil
	},
	"headers": func(r *response, value []byte) bool {
		r.headers = http.Header{}
		return members(value, func(name string, value []byte) error {
			line, ok := joined(value)
			if !ok {
				line = value // a number, or what people take for a header's value
			}
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(string(line)) {
				return errBadResponse(name, value)
			}
			if !ofConnection[http.CanonicalHeaderKey(name)] {
				r.headers.Add(name, string(line))
			}
			return nil
		}) == nil
	},
}

// ofConnection are the headers that the server alone sets: they tell where an answer ends.
var ofConnection = map[string]bool{
	"Connection": true, "Content-Length": true, "Keep-Alive": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// joined is a text, or those of a list in one.
func joined(value []byte) ([]byte, bool) {
	if !isArray(value) {
		s, err := text(value)
		return []byte(s), err == nil
	}
	var list []string
	if json.Unmarshal(value, &list) != nil {
		return nil, false
	}
	return []byte(strings.Join(list, "")), true
}

// setHeaders sets what a function says, and what it is not asked about: browsers are to
// run nothing of what it makes as the server's own.
func (c *call) setHeaders(r *response, content bool) {
	h := c.w.Header()
	if content {
		if on, _ := c.s.setting("csp", "showlist_enable"); on != "false" {
			policy, ok := c.s.setting("csp", "showlist_header_value")
			if !ok {
				policy = "sandbox"
			}
			h.Add("Content-Security-Policy", policy)
		}
	}
	if r.contentType != "" {
		h.Set("Content-Type", r.contentType)
	}
	for name, values := range r.headers {
		if name == "Content-Security-Policy" {
			h[name] = append(h[name], values...)
		} else {
			h[name] = values
		}
	}
}

// respond answers with a whole response.
func (c *call) respond(r *response) error {
	c.setHeaders(r, r.json == nil && !r.bare)
	body := r.body
	if r.json != nil {
		body = append(r.json, '\n')
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		c.set("Content-Length", strconv.Itoa(len(body)))
	} else {
		body = nil
	}
	out := c.stream()
	defer out.release()
	out.started, out.status = true, r.status
	out.head()
	return out.send(func() error { return out.pass(body) })
}
