package upstream

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/dial"
	"settee/tarballs"
)

// raw answers with a body of a kind.
func raw(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}
}

// endless answers without end.
func endless(chunk []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// TestHostilePackuments tells what is no packument: readers get an error, nothing is kept, and nothing of it lasts.
func TestHostilePackuments(t *testing.T) {
	good, err := json.Marshal(pack("n", dict{"1.0.0": dist("http://x/n/-/n-1.0.0.tgz", nil)}))
	require.NoError(t, err)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err = z.Write(bytes.Repeat([]byte(" "), 8<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	var twice bytes.Buffer
	z = gzip.NewWriter(&twice)
	_, err = z.Write(bomb.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, answer := range map[string]http.HandlerFunc{
		"a web page":                   raw("text/html", []byte("<!doctype html><title>Sign in to this network</title>")),
		"nothing":                      raw("application/json", nil),
		"half":                         raw("application/json", good[:len(good)/2]),
		"more behind it":               raw("application/json", append(append([]byte{}, good...), '{')),
		"of another name":              says(pack("m", dict{"1.0.0": dist("http://x/", nil)})),
		"of no name":                   says(dict{"versions": dict{}}),
		"an array":                     raw("application/json", []byte("[]")),
		"a text":                       raw("application/json", []byte(`"n"`)),
		"bad UTF-8":                    raw("application/json", []byte("{\"name\":\"n\",\"readme\":\"\xff\xfe\",\"versions\":{}}")),
		"deep":                         raw("application/json", []byte(`{"name":"n","versions":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}`)),
		"deeper than a database takes": raw("application/json", []byte(`{"name":"n","versions":{},"odd":`+strings.Repeat(`{"a":[`, 4_500)+strings.Repeat(`]}`, 4_500)+`}`)),
		"endless":                      endless(bytes.Repeat([]byte(" "), 32<<10)),
		"an endless bomb": func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Encoding", "gzip") // one of many parts
			endless(bomb.Bytes())(w, q)
		},
		"a bomb in a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip, gzip")
			_, _ = w.Write(twice.Bytes())
		},
		"300 MB, as it says": func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(300<<20))
			endless(bytes.Repeat([]byte(" "), 32<<10))(w, q)
		},
		"a length that is too short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)-7))
			_, _ = w.Write(good[:len(good)-7])
		},
		"a body cut in the middle": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			_, _ = w.Write(good[:len(good)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
		"drops": func(w http.ResponseWriter, q *http.Request) {
			for i := 0; q.Context().Err() == nil; i++ {
				_, _ = w.Write([]byte{good[i%len(good)]})
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		},
		"errors": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"a redirect inside": func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "http://169.254.169.254/n", http.StatusFound)
		},
		"a redirect to a file": func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		},
		"a redirect to nowhere": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(302) },
		"a circle of redirects": func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/m", http.StatusTemporaryRedirect) },
		"versions as a text":    raw("application/json", []byte(`"versions"`)),
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		},
		"no gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(good)
		},
		"cut gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes()[:bomb.Len()/2])
		},
		"a strange coding": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write(good)
		},
		"a length that lies": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)+1))
			_, _ = w.Write(good)
		},
		"silence": func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() },
		"a stall": func(w http.ResponseWriter, q *http.Request) {
			_, _ = w.Write(good[:10])
			_ = http.NewResponseController(w).Flush()
			<-q.Context().Done()
		},
		"a broken line":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a partial answer":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); _, _ = w.Write(good) },
		"unchanged, untold": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) },
		"no content":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"a teapot":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) },
		"endless redirects": func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/n", http.StatusFound) },
		"a large header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 100<<10))
			_, _ = w.Write(good)
		},
		"a 404 as web page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(404)
		},
	} {
		slow := slices.Contains([]string{"drops", "silence", "a stall"}, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOther(t)
			o.on("/n", answer)
			o.on("/m", func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, "/n", http.StatusTemporaryRedirect) })
			settings := []func(*Options){func(o *Options) { o.MaxPackument = 4 << 20 }}
			if slow {
				settings = append(settings, impatient)
			}
			h := open(t, o, settings...)
			doc, _, err := h.look("n")
			require.ErrorIs(t, err, ErrUnavailable)
			require.NotErrorIs(t, err, ErrNotFound)
			require.Nil(t, doc)

			o.publish("n", "1.0.0", nil)
			if slow {
				doc = h.insist("n")
			} else {
				h.Pass(2 * time.Minute)
				doc, _, err = h.look("n")
				require.NoError(t, err)
			}
			require.NotNil(t, doc)

			before, _ := h.held("n")
			o.on("/n", answer)
			h.Pass(2 * time.Hour)
			doc, _, err = h.look("n")
			require.NoError(t, err)
			require.NotNil(t, doc, "what was kept is served")
			h.settled()
			after, _ := h.held("n")
			require.Equal(t, before.Rev, after.Rev)
		})
	}
}

// TestHostileVersions leaves out the versions that could not be installed or proven, and no others.
func TestHostileVersions(t *testing.T) {
	o := newOther(t)
	at := o.URL + "/n/-/n-1.0.0.tgz"
	good := dist(at, []byte("x"))
	doc := pack("n", dict{"1.0.0": good, "2.0.0-beta.1": good, "3.0.0beta2": good, "4.0.0+build.1": good})
	versions := doc["versions"].(dict)
	for number, v := range map[string]any{
		"latest": dict{"name": "n", "version": "latest", "dist": good}, "": dict{"name": "n", "version": "", "dist": good}, "1": dict{"name": "n", "version": "1", "dist": good},
		"__proto__": dict{"name": "n", "version": "__proto__", "dist": good}, "constructor": dict{"dist": good}, "toString": dict{"dist": good}, "../../x": dict{"dist": good},
		"1.0.0 || 2": dict{"dist": good}, "9.9.9\n": dict{"dist": good}, strings.Repeat("1", 300) + ".0.0": dict{"dist": good},
		"5.0.0": "a text", "5.0.1": nil, "5.0.2": []any{}, "5.0.3": dict{}, "5.0.4": dict{"dist": "x"},
		"5.0.5": dict{"name": "m", "version": "5.0.5", "dist": good}, "5.0.6": dict{"name": "n", "version": "1.0.0", "dist": good},
		"5.0.7": dict{"name": "n", "version": "5.0.7", "dist": dict{"tarball": at}}, "5.0.8": dict{"dist": dict{"tarball": at, "shasum": "abc"}},
		"5.0.9":  dict{"dist": dict{"tarball": "file:///etc/passwd", "integrity": good["integrity"]}},
		"5.0.10": dict{"dist": dict{"tarball": 7, "integrity": good["integrity"]}}, "5.0.11": dict{"dist": dict{"tarball": "http://user:pass@x/", "integrity": good["integrity"]}},
		"5.0.12": dict{"dist": dict{"tarball": "gopher://x/", "integrity": good["integrity"]}}, "5.0.13": dict{"dist": dict{"tarball": at, "integrity": "sha512-short"}},
		"5.0.14": dict{"dist": dict{"tarball": at, "integrity": "md5-1B2M2Y8AsgTpgAmY7PhCfg=="}},
	} {
		versions[number] = v
	}
	doc["dist-tags"] = dict{"latest": "1.0.0", "evil": "5.0.5", "proto": "__proto__", "number": 7, "gone": "8.0.0"}
	o.on("/n", says(doc))
	kept, _, err := open(t, o).look("n")
	require.NoError(t, err)
	require.Len(t, kept["versions"], 4, kept["versions"])
	require.Equal(t, dict{"latest": "1.0.0"}, kept["dist-tags"])
}

// TestWrongTypes has members of types that nobody expects: what can be installed is kept, and the rest harms nobody.
func TestWrongTypes(t *testing.T) {
	for name, change := range map[string]func(d dict){
		"versions as a text":    func(d dict) { d["versions"] = "1.0.0" },
		"versions as a list":    func(d dict) { d["versions"] = []any{d["versions"]} },
		"no versions":           func(d dict) { delete(d, "versions") },
		"dist-tags as a list":   func(d dict) { d["dist-tags"] = []any{"latest"} },
		"dist-tags as a text":   func(d dict) { d["dist-tags"] = "1.0.0" },
		"time as a number":      func(d dict) { d["time"] = 7 },
		"time as a list":        func(d dict) { d["time"] = []any{"x"} },
		"times of other types":  func(d dict) { d["time"] = dict{"1.0.0": 7, "modified": []any{}, "created": nil} },
		"maintainers as a text": func(d dict) { d["maintainers"] = "ada" },
		"readme as an object":   func(d dict) { d["readme"] = dict{} },
		"a dist of other types": func(d dict) {
			dist := d["versions"].(dict)["1.0.0"].(dict)["dist"].(dict)
			dist["signatures"], dist["attestations"], dist["fileCount"], dist["shasum"] = "x", []any{1}, "many", 3
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOther(t)
			doc := pack("n", dict{"1.0.0": dist(o.URL+"/n/-/n-1.0.0.tgz", []byte("x"))})
			change(doc)
			_, installs := doc["versions"].(dict)
			o.on("/n", says(doc))
			o.on("/n/-/n-1.0.0.tgz", blob([]byte("x")))
			h := open(t, o)
			kept, _, err := h.look("n")
			require.NoError(t, err)
			if !installs {
				require.Empty(t, kept["versions"])
				return
			}
			require.Contains(t, kept["versions"], "1.0.0")
			require.IsType(t, "", kept["time"].(dict)["1.0.0"])
			got, err := h.fetch("n", "1.0.0")
			require.NoError(t, err)
			require.Equal(t, []byte("x"), got)
		})
	}
}

// TestRefusedIsNoAbsence has the registry refuse what it gave before, as after a token has expired: what is kept is served.
func TestRefusedIsNoAbsence(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	o.publish("n", "1.0.0", nil)
	_, _, err := h.look("n")
	require.NoError(t, err)
	for _, status := range []int{401, 403} {
		refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		o.on("/n", refuse)
		o.on("/m", refuse)
		h.Pass(2 * time.Hour)
		asked := o.asked("/n")
		for range 3 {
			doc, _, err := h.look("n")
			require.NoError(t, err)
			require.Contains(t, doc["versions"], "1.0.0")
			h.settled()
		}
		require.Equal(t, asked+1, o.asked("/n"), "it is not asked by each reader")
		_, _, err := h.look("m")
		require.ErrorIs(t, err, ErrNotFound)
		h.Pass(2 * time.Minute)
	}
	o.on("/n", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(451) })
	h.Pass(2 * time.Hour)
	_, _, err = h.look("n")
	require.NoError(t, err)
	h.settled()
	doc, _ := h.held("n")
	require.Empty(t, doc.Rev, "the law is obeyed")
}

// TestNamesOfPrototypes keeps packages whose names objects of JavaScript have.
func TestNamesOfPrototypes(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	for _, name := range []string{"constructor", "hasOwnProperty", "toString", "proto__"} {
		o.publish(name, "1.0.0", nil)
		doc, _, err := h.look(name)
		require.NoError(t, err, name)
		require.Equal(t, name, doc["name"])
	}
}

// TestElsewhere fetches a tarball from another host only where that is outside, and shows nobody else the credentials.
func TestElsewhere(t *testing.T) {
	content := []byte("elsewhere")
	for name, c := range map[string]struct {
		redirect bool
		host     string
		inside   []netip.Prefix
		reached  bool
	}{
		"a link inside":                   {false, "localhost", nil, false},
		"a redirect inside":               {true, "localhost", nil, false},
		"a link inside that is allowed":   {false, "localhost", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, true},
		"a redirect that is allowed":      {true, "localhost", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, true},
		"a redirect on the same host":     {true, "127.0.0.1", nil, true},
		"a redirect to a mapped address":  {true, "[::ffff:127.0.0.1]", nil, false},
		"a redirect to a metadata server": {true, "169.254.169.254", nil, false},
		"a link to a metadata server":     {false, "169.254.169.254", nil, false},
		"a link to a private address":     {false, "10.0.0.1", nil, false},
		"a link to this host":             {false, "0.0.0.0", nil, false},
		"a link to a mapped address":      {false, "[::ffff:7f00:1]", nil, false},
		"a link to a translated address":  {false, "[64:ff9b::7f00:1]", nil, false},
		"a link to a neighbour":           {false, "[fe80::1%25lo]", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, far := newOther(t), newOther(t)
			_, port, err := net.SplitHostPort(strings.TrimPrefix(far.URL, "http://"))
			require.NoError(t, err)
			there := "http://" + c.host + ":" + port + "/blob"
			far.on("/blob", blob(content))
			link := there
			if c.redirect {
				link = o.URL + "/n/-/n-1.0.0.tgz"
				o.on("/n/-/n-1.0.0.tgz", func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, there, http.StatusFound) })
			}
			o.on("/n", says(pack("n", dict{"1.0.0": dist(link, content)})))
			h := open(t, nil, func(opt *Options) {
				target, err := ParseTarget(strings.Replace(o.URL, "http://", "http://ann:s3cret@", 1))
				require.NoError(t, err)
				opt.Targets, opt.Inside = []Target{target}, c.inside
			})
			_, _, err = h.look("n")
			require.NoError(t, err)
			require.NotEmpty(t, o.last().Header.Get("Authorization"))
			got, err := h.fetch("n", "1.0.0")
			if !c.reached {
				require.ErrorIs(t, err, tarballs.ErrUnavailable)
				require.ErrorIs(t, err, dial.ErrInside)
				require.Zero(t, far.asked(""))
				return
			}
			require.NoError(t, err)
			require.Equal(t, content, got)
			require.Empty(t, far.last().Header.Get("Authorization"))
		})
	}
}

// TestErrorSweep fails the i-th request, for each i, until all is well: what is kept is right whenever something is, and
// asking again always ends well.
func TestErrorSweep(t *testing.T) {
	content := bytes.Repeat([]byte("sweep"), 1000)
	for i := 0; ; i++ {
		o := newOther(t)
		o.publish("n", "1.0.0", content)
		failed := false
		for _, at := range []string{"/n", "/n/-/n-1.0.0.tgz"} {
			answer := o.answers[at]
			o.on(at, func(w http.ResponseWriter, q *http.Request) {
				if o.asked("") > i && o.asked("") <= i+tries {
					failed = true
					panic(http.ErrAbortHandler)
				}
				answer(w, q)
			})
		}
		h := open(t, o)
		for try := 0; ; try++ {
			require.Less(t, try, 10)
			_, _, err := h.look("n")
			if err != nil {
				require.ErrorIs(t, err, ErrUnavailable)
				h.Pass(time.Minute)
				continue
			}
			got, err := h.fetch("n", "1.0.0")
			if err != nil {
				require.True(t, errors.Is(err, tarballs.ErrUnavailable) && !errors.Is(err, fs.ErrNotExist), err)
				h.Pass(time.Minute)
				continue
			}
			require.Equal(t, content, got)
			break
		}
		if !failed {
			require.Greater(t, i, 1)
			return
		}
	}
}
