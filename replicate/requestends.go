package replicate

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

var (
	errNoEnd      = refused("Missing replicator database")
	errLocalEnd   = refused("local_endpoints_not_supported")
	errInvalidEnd = &RequestError{Kind: "invalid_replication", Reason: "endpoint has an invalid url"}
)

// parseEndpoint reads source or target: a URL, or an object that has one. The URL is
// freed of its credentials: they are told apart from it from here on.
func parseEndpoint(raw json.RawMessage, set Settings) (Endpoint, error) {
	if len(raw) == 0 {
		return Endpoint{}, errNoEnd
	}
	if text, ok := stringOf(raw); ok {
		if !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") {
			return Endpoint{}, errLocalEnd
		}
		return endpointOf(text, nil, credentials{}, set)
	}
	var object struct {
		URL     json.RawMessage            `json:"url"`
		Headers map[string]string          `json:"headers"`
		Auth    map[string]json.RawMessage `json:"auth"`
	}
	if raw[0] != '{' || json.Unmarshal(raw, &object) != nil {
		return Endpoint{}, errInvalidEnd
	}
	text, ok := stringOf(object.URL)
	if !ok {
		return Endpoint{}, errInvalidEnd
	}
	var basic credentials
	if json.Unmarshal(object.Auth["basic"], &basic) != nil || basic.User == nil || basic.Password == nil {
		basic = credentials{}
	}
	return endpointOf(text, object.Headers, basic, set)
}

// credentials are a name and a password; both are there or neither.
type credentials struct {
	User     *string `json:"username"`
	Password *string `json:"password"`
}

// endpointOf joins what was said in three places. The credentials of auth count before those of
// the URL, and those before a header's.
func endpointOf(text string, headers map[string]string, auth credentials, set Settings) (Endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || !slices.Contains(set.words("valid_endpoint_protocols", "http,https"), u.Scheme) {
		return Endpoint{}, errInvalidEnd
	}
	e := Endpoint{}
	for name, value := range headers {
		if strings.EqualFold(name, "Authorization") {
			if header, basic := basicCredentials(value); basic {
				auth = auth.or(credentialsOf(u.User)).or(header)
				continue
			}
		}
		if e.Headers == nil {
			e.Headers = map[string]string{}
		}
		e.Headers[name] = value
	}
	if auth = auth.or(credentialsOf(u.User)); auth.User != nil {
		e.User, e.Password = *auth.User, *auth.Password
	}
	u.User = nil
	e.URL = u.String()
	if !strings.Contains(e.URL, "?") && !strings.HasSuffix(e.URL, "/") {
		e.URL += "/"
	}
	return e, nil
}

func (c credentials) or(other credentials) credentials {
	if c.User == nil {
		return other
	}
	return c
}

// credentialsOf are a URL's; a name alone is none.
func credentialsOf(info *url.Userinfo) credentials {
	user := info.Username()
	password, has := info.Password()
	if !has {
		return credentials{}
	}
	return credentials{&user, &password}
}

// basicCredentials are a header's; basic says that it is one of that scheme, whatever is in it.
func basicCredentials(header string) (c credentials, basic bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "basic") {
		return credentials{}, false
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, password, both := strings.Cut(string(text), ":")
	if err != nil || !both {
		return credentials{}, true
	}
	return credentials{&user, &password}, true
}

// ShownEndpoint is a source or target as people may see it: its URL without credentials, and null
// where it is none, as any part of that may be a password.
func ShownEndpoint(raw json.RawMessage) json.RawMessage {
	e, err := parseEndpoint(raw, Settings{})
	if err == errLocalEnd {
		return raw
	}
	if err != nil {
		return json.RawMessage("null")
	}
	return quoted(e.URL)
}

// shownURL is any URL without its credentials; what is none is not shown.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
