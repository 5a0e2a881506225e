package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"settee/auth"
)

// page is what every template gets.
type page struct {
	Title   string
	Root    string
	Host    string
	User    string
	Style   string // addresses of the assets
	Script  string
	Here    target // for the menu
	Notice  string // what was done
	Problem string // what was wrong
	Wrong   bool   // that, or a field is
	Fields  fields
	Data    any
}

// A field is an input with all that belongs to it.
type field struct {
	Name, Label, Hint, Value, Error string
	Type                            string // default text
	Auto                            string // autocomplete
	Mode                            string // inputmode
	Optional, Focus, Fixed          bool
	Most                            int // characters
}

// Described are the ids of what describes the field, for aria-describedby.
func (f field) Described() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

type fields []field

// Of is the field of a name.
func (f fields) Of(name string) (field, error) {
	for _, one := range f {
		if one.Name == name {
			return one, nil
		}
	}
	return field{}, fmt.Errorf("no field %q", name)
}

// wrong marks a field; the page begins at it.
func (f fields) wrong(name, reason string) fields {
	out := append(fields(nil), f...)
	for i := range out {
		out[i].Focus = out[i].Name == name
		if out[i].Focus {
			out[i].Error = reason
		}
	}
	return out
}

// filled has what was sent, but for secrets, which are typed again.
func (f fields) filled(v *visit) fields {
	out := append(fields(nil), f...)
	for i := range out {
		if out[i].Type != "password" && v.form != nil && !out[i].Fixed {
			out[i].Value = v.value(out[i].Name)
		}
	}
	return out
}

var helpers = template.FuncMap{
	"dict": func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i+1 < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	},
	"when": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"join": strings.Join,
	"iso":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}

// parsePages reads each page together with the frame around them all.
func parsePages() (map[string]*template.Template, error) {
	frame, err := template.New("frame.html").Funcs(helpers).ParseFS(files, "pages/frame.html")
	if err != nil {
		return nil, err
	}
	list, err := files.ReadDir("pages")
	if err != nil {
		return nil, err
	}
	all := map[string]*template.Template{}
	for _, f := range list {
		t, err := frame.Clone()
		if err == nil {
			t, err = t.ParseFS(files, "pages/"+f.Name())
		}
		if err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(f.Name(), ".html")] = t
	}
	return all, nil
}

// show answers with a page. It is made whole before anything is sent.
func (s *Site) show(w http.ResponseWriter, v *visit, status int, name string, p page) error {
	p.Root, p.Host, p.User = v.root, v.host, v.who.Name
	p.Style, p.Script = v.root+"assets/style.css?"+s.assets["style.css"].hash, v.root+"assets/key.js?"+s.assets["key.js"].hash
	p.Wrong = p.Problem != "" || slices.ContainsFunc(p.Fields, func(f field) bool { return f.Error != "" })
	var b bytes.Buffer
	if err := s.pages[name].Execute(&b, p); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser is gone: nobody to tell
	return nil
}

// refuse answers with what was wrong.
func (s *Site) refuse(w http.ResponseWriter, v *visit, err error) {
	if errors.Is(err, errSignIn) {
		redirect(w, v, s.before(v))
		return
	}
	own := &refusal{http.StatusInternalServerError, "Something went wrong", "The server could not answer. Please try again."}
	var known *refusal
	var refused *auth.Error
	switch {
	case errors.As(err, &known):
		own = known
	case errors.As(err, &refused):
		own = &refusal{refused.HTTPStatus(), http.StatusText(refused.HTTPStatus()), refused.Reason}
		if refused.RetryAfter != "" {
			w.Header().Set("Retry-After", refused.RetryAfter)
		}
	default:
		s.log.Error("page failed", "method", v.Method, "page", v.Pattern, "error", err) // addresses hold tickets
	}
	if err := s.show(w, v, own.status, "refusal", page{Title: own.title, Problem: own.about}); err != nil {
		s.log.Error("page failed", "page", "refusal", "error", err)
		http.Error(w, own.about, own.status)
	}
}

// before is the page that comes before one that needs a sign-in: npm adduser's newcomers make
// an account.
func (s *Site) before(v *visit) target {
	to := v.here()
	if asks, err := s.waiting(v, to); err == nil && asks != nil && asks.Create && v.who.Anonymous() && s.auth.SignupOpen() {
		return "signup?for=" + to
	}
	return "signin?for=" + to
}

// reason is what a refusal of auth says, and its status; other errors are not for people.
func reason(err error) (text string, status int, ok bool) {
	var refused *auth.Error
	if !errors.As(err, &refused) {
		return "", 0, false
	}
	return refused.Reason, refused.HTTPStatus(), true
}

func (s *Site) serveNothing(http.ResponseWriter, *visit) error { return errNotFound }

// serveHome leads to the account, or to the sign-in before it.
func (s *Site) serveHome(w http.ResponseWriter, v *visit) error {
	redirect(w, v, home)
	return nil
}

// serveAsset answers with the style sheet or the script. Their address changes when they do.
func (s *Site) serveAsset(w http.ResponseWriter, r *http.Request) {
	a := s.assets[strings.TrimPrefix(r.URL.Path, Root+"assets/")]
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
