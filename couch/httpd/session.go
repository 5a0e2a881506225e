package httpd

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"settee/auth"
	"settee/auth/audit"
)

// session is GET /_session: who the server thinks is asking.
func (c *call) session() error {
	if c.query.flag("basic") && c.user.Name == "" {
		return &auth.Error{Kind: auth.Unauthorized, Reason: "Please login."}
	}
	dst := append(c.out[:0], `{"ok":true,"userCtx":{"name":`...)
	dst = appendName(dst, c.user)
	dst = append(dst, `,"roles":`...)
	dst = appendStrings(dst, c.user.Roles)
	dst = append(dst, `},"info":{"authentication_handlers":`...)
	dst = appendStrings(dst, c.s.auth.Handlers())
	if c.user.Handler != "" {
		dst = append(dst, `,"authenticated":`...)
		dst = appendString(dst, c.user.Handler)
	}
	if db, set := c.s.store.Setting("chttpd_auth", "authentication_db"); set {
		dst = append(dst, `,"authentication_db":`...)
		dst = appendString(dst, db)
	}
	c.out = append(dst, "}}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

func appendName(dst []byte, id auth.Identity) []byte {
	if id.Name == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, id.Name)
}

// logIn is POST /_session: a cookie for a name and a password.
func (c *call) logIn() error {
	given, err := c.credentials()
	if err != nil {
		return err
	}
	id, err := c.s.auth.SignIn(c.r, given.name, given.password, given.token)
	if errors.Is(err, auth.ErrCredentials) {
		c.set("Set-Cookie", c.s.auth.ClearCookie(c.r))
		c.out = appendProblem(c.out[:0], explain(err))
		return c.answerOr(http.StatusUnauthorized, "fail")
	}
	if err != nil {
		return err
	}
	c.recordSession(audit.Login, id)
	c.set("Set-Cookie", c.s.auth.Cookie(c.r, id))
	dst := append(c.out[:0], `{"ok":true,"name":`...)
	dst = appendName(dst, id)
	dst = append(dst, `,"roles":`...)
	dst = appendStrings(dst, id.Roles)
	c.out = append(dst, "}\n"...)
	return c.answerOr(http.StatusOK, "next")
}

// logOut is DELETE /_session.
func (c *call) logOut() error {
	if who, err := c.s.auth.Identify(c.r); err == nil {
		c.recordSession(audit.Logout, who)
	}
	c.set("Set-Cookie", c.s.auth.ClearCookie(c.r))
	c.out = append(c.out[:0], "{\"ok\":true}\n"...)
	return c.answerOr(http.StatusOK, "next")
}

// answerOr sends what was made, with 302 where a parameter says to which path of
// this server the browser goes on.
func (c *call) answerOr(status int, param string) error {
	if to, ok := c.query[param]; ok {
		if !strings.HasPrefix(to, "/") || strings.ContainsAny(to, "\r\n") {
			return badRequest("path must begin with a /.")
		}
		c.location(to)
		status = http.StatusFound
	}
	c.send(status, c.out)
	return nil
}

// credentials are the body of POST /_session.
type credentials struct{ name, password, token string }

// credentials reads them, from JSON or an HTML form. The name may be called
// username, as older programs do.
func (c *call) credentials() (as credentials, err error) {
	raw, err := c.body()
	if err != nil {
		return as, err
	}
	given := map[string]string{}
	switch mediaType(c.r.Header) {
	case "application/json":
		if err := readStrings(raw, given); err != nil {
			return as, err
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return as, errURLEncoding
		}
		for key := range form {
			given[key] = form.Get(key)
		}
	default:
		return as, errSessionType
	}
	name, named := given["name"]
	username, alias := given["username"]
	switch {
	case !named && !alias:
		return as, badRequest("request body must contain a username")
	case named && alias && name != username:
		return as, badRequest("request body contains different usernames")
	case !named:
		name = username
	}
	return credentials{name, given["password"], given["token"]}, nil
}

// readStrings reads the members of a JSON object that are strings.
func readStrings(raw []byte, into map[string]string) error {
	if first(raw) == 0 {
		return errJSON
	}
	if !isObject(raw) {
		return errBodyObject
	}
	if err := decode(raw, new(any)); err != nil {
		return err
	}
	return members(raw, func(key string, value []byte) error {
		s, err := text(value)
		if err == nil {
			into[key] = s
		}
		return nil
	})
}
