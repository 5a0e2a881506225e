package httpd

import (
	"net/http"
	"net/url"
	"strings"

	"settee/auth"
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
	dst = append(dst, `},"info":{"authentication_handlers":["cookie","default"]`...)
	if c.user.Handler != "" {
		dst = append(dst, `,"authenticated":`...)
		dst = appendString(dst, c.user.Handler)
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

// credentials are the body of POST /_session.
type credentials struct {
	Name     string `json:"name"`
	Username string `json:"username"` // an older spelling
	Password string `json:"password"`
}

// logIn is POST /_session: a cookie for a name and a password.
func (c *call) logIn() error {
	given, err := c.credentials()
	if err != nil {
		return err
	}
	id, err := c.s.auth.Login(c.ctx(), given.Name, given.Password)
	if err != nil {
		c.set("Set-Cookie", c.s.auth.ClearCookie(c.r))
		if c.redirect("fail") {
			return nil
		}
		return err
	}
	c.set("Set-Cookie", c.s.auth.Cookie(c.r, id))
	if c.redirect("next") {
		return nil
	}
	dst := append(c.out[:0], `{"ok":true,"name":`...)
	dst = appendName(dst, id)
	dst = append(dst, `,"roles":`...)
	dst = appendStrings(dst, id.Roles)
	c.out = append(dst, "}\n"...)
	c.send(http.StatusOK, c.out)
	return nil
}

func (c *call) credentials() (credentials, error) {
	var given credentials
	raw, err := c.body()
	if err != nil {
		return given, err
	}
	switch mediaType(c.r.Header) {
	case "application/json":
		if err := decode(raw, &given); err != nil {
			return given, err
		}
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return given, errURLEncoding
		}
		given = credentials{form.Get("name"), form.Get("username"), form.Get("password")}
	default:
		return given, errSessionType
	}
	if given.Name == "" {
		given.Name = given.Username
	}
	if given.Name == "" {
		return given, badRequest("request body must contain a username")
	}
	return given, nil
}

// redirect answers 302 to the path in a parameter, on this server only.
func (c *call) redirect(param string) bool {
	to := c.query[param]
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return false
	}
	c.location(to)
	c.send(http.StatusFound, []byte("{\"ok\":true}\n"))
	return true
}

// logOut is DELETE /_session.
func (c *call) logOut() error {
	c.set("Set-Cookie", c.s.auth.ClearCookie(c.r))
	if c.redirect("next") {
		return nil
	}
	return c.ok(http.StatusOK)
}
