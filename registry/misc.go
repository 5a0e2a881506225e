package registry

import (
	"html/template"
	"net/http"
)

// servePing answers GET /-/ping.
func (r *Registry) servePing(w http.ResponseWriter, _ *request) error {
	writeText(w, http.StatusOK, []byte("{}"))
	return nil
}

// serveNothing answers 404, fast and as JSON: for what clients try and do without.
func (r *Registry) serveNothing(http.ResponseWriter, *request) error { return errNotFound }

// serveLeftover answers what only the registry's first server, a couchapp, had.
func (r *Registry) serveLeftover(_ http.ResponseWriter, q *request) error {
	return &Error{Status: http.StatusNotImplemented, Message: "Not Implemented", Reason: q.URL.Path + " was of the first registry; no client asks for it"}
}

// serveOldPublish answers the publish in three steps that npm did before 2013.
func (r *Registry) serveOldPublish(http.ResponseWriter, *request) error {
	return invalid("unsupported: publish with npm 1.4 or newer")
}

var welcome = template.Must(template.New("welcome").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>npm registry</title>
<style>body{max-width:40rem;margin:3rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}pre{padding:1rem;overflow:auto;border:1px solid}</style>
</head>
<body>
<main>
<h1>An npm registry</h1>
<p>Use it for every package, or for the packages of one scope:</p>
<pre tabindex="0"><code>npm config set registry {{.}}/
npm config set @your-scope:registry {{.}}/</code></pre>
<p>Make an account, or sign in to yours, and publish:</p>
<pre tabindex="0"><code>npm adduser --registry {{.}}/
npm publish --registry {{.}}/</code></pre>
<p>Look after <a href="{{.}}/-/web/account">your account</a>: second factor, tokens, organisations.</p>
</main>
</body>
</html>
`))

// serveWelcome answers GET /: how to point npm here.
func (r *Registry) serveWelcome(w http.ResponseWriter, q *request) error {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	return welcome.Execute(w, r.base(q))
}
