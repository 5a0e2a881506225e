package httpd

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed favicon.ico
var favicon []byte

var (
	iconType = []string{"image/x-icon"}
	htmlType = []string{"text/html; charset=utf-8"}
)

// favicon is GET /favicon.ico; a browser keeps it for a year, as CouchDB's.
func (c *call) favicon() error {
	h := c.w.Header()
	h.Set("Cache-Control", "public, max-age=31536000")
	h.Set("Expires", c.s.o.Now().Add(365*24*time.Hour).UTC().Format(http.TimeFormat))
	c.sendAs(iconType, favicon)
	return nil
}

// pages are what is under /_utils: there is no Fauxton. They run no script.
var pages = template.Must(template.New("").Parse(`
{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}} – settee</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}a{color:#0b5394}
label{display:block;margin-top:1rem}input{font:inherit;padding:.3rem;width:100%;box-sizing:border-box}button{font:inherit;margin-top:1rem;padding:.4rem 1.2rem}
.problem{border-left:.3rem solid #b00020;padding-left:.7rem}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8ab4f8}}</style>
</head><body><main><h1>{{.Title}}</h1>{{end}}
{{define "foot"}}</main></body></html>
{{end}}
{{define "index"}}{{template "head" .}}
<p>This is settee {{.Version}}. It speaks the HTTP API of CouchDB {{.CouchDB}}; it has no Fauxton.</p>
<ul>
<li><a href="/">What answers here</a></li>
<li><a href="/_session">Who you are to it</a>; <a href="/_utils/session.html">sign in</a></li>
<li><a href="/_all_dbs">The databases</a>, <a href="/_active_tasks">what it is doing</a> and
<a href="/_node/_local/_config">how it is configured</a>, for server admins</li>
<li><a href="https://docs.couchdb.org/en/stable/api/index.html">What can be asked for</a>, in CouchDB's documentation</li>
</ul>
{{template "foot"}}{{end}}
{{define "session"}}{{template "head" .}}
{{with .Reason}}<p class="problem" role="alert">{{.}}</p>{{end}}
<form method="post" action="/_session?next={{.Return}}&amp;fail={{.Fail}}">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>
{{template "foot"}}{{end}}`))

// page is what a page is filled with.
type page struct {
	Title, Version, CouchDB, Reason, Return, Fail string
}

// utils is GET /_utils: a page that says where to go, and one to sign in.
func (c *call) utils() error {
	path, _, _ := strings.Cut(c.r.RequestURI, "?")
	p := page{Title: "settee", Version: c.s.o.Version, CouchDB: CouchVersion}
	switch {
	case path == "/_utils":
		c.location("/_utils/")
		c.w.WriteHeader(http.StatusMovedPermanently)
		return nil
	case c.vars["rest"] == "", c.vars["rest"] == "index.html":
		return c.sendPage("index", p)
	case c.vars["rest"] == "session.html":
		p.Title, p.Reason, p.Return = "Sign in", c.query["reason"], c.query["return"]
		if !strings.HasPrefix(p.Return, "/") {
			p.Return = "/_utils/"
		}
		p.Fail = "/_utils/session.html?reason=Name+or+password+is+incorrect."
		return c.sendPage("session", p)
	}
	return c.missing()
}

func (c *call) sendPage(name string, p page) error {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, p); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "private, must-revalidate")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	c.sendAs(htmlType, bytes.TrimLeft(b.Bytes(), "\n"))
	return nil
}
