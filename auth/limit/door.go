package limit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// Door lets requests in. The zero Door lets all in, and believes no proxy. It is safe for concurrent use
// and must not be copied once it is used.
type Door struct {
	Trusted    Networks // proxies that are believed
	Allow      Networks // who may come; empty: everybody
	AllowWrite Networks // who may write; empty: who may come
	Limiter    *Limiter
	Logger     *slog.Logger // may be nil

	stranger sync.Once // a proxy that is not trusted was told of
}

// API says in whose words a request is refused.
type API int

// The APIs.
const (
	NPM API = iota
	CouchDB
)

// Wrap puts the door before a handler.
func (d *Door) Wrap(api API, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, refusal := d.admit(r)
		if refusal == nil {
			if wait := d.Limiter.Address(ClassOf(r), client); wait > 0 {
				refusal = TooMany("your address", wait)
			}
		}
		if refusal != nil {
			refusal.write(w, api)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admit finds out from where a request comes, writes it into the request, and says whether it may come.
func (d *Door) admit(r *http.Request) (netip.Addr, *Refusal) {
	o, believed, ok := d.Trusted.origin(r)
	if !ok {
		return o.addr, &Refusal{Status: http.StatusBadRequest, kind: "bad_request", Text: "The headers Forwarded and X-Forwarded-For name different clients."}
	}
	r.URL.Scheme = "" // of a request to a proxy, which this is none
	if r.TLS != nil || o.scheme == "https" {
		r.URL.Scheme = "https"
	}
	if believed {
		r.RemoteAddr = ""
		if o.addr.IsValid() {
			r.RemoteAddr = netip.AddrPortFrom(o.addr, 0).String()
		}
		if o.host != "" {
			r.Host = o.host
		}
	}
	d.strip(r, believed)
	health := r.Method == http.MethodGet && (r.URL.Path == "/-/ping" || r.URL.Path == "/_up")
	switch {
	case len(d.Allow) > 0 && !d.Allow.Contain(o.addr) && !health:
		return o.addr, &Refusal{Status: http.StatusForbidden, kind: "forbidden", Text: "This registry is not open to your address."}
	case len(d.AllowWrite) > 0 && !d.AllowWrite.Contain(o.addr) && ClassOf(r) == Write:
		return o.addr, &Refusal{Status: http.StatusForbidden, kind: "forbidden", Text: "From your address this registry can only be read."}
	}
	return o.addr, nil
}

// forwarding are the headers that proxies write, and clients who pretend to be one.
var forwarding = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Ssl", "X-Real-Ip"}

// strip removes the headers: whoever reads them behind the door reads what anybody wrote. The scheme stays
// in one, for CouchDB's API.
func (d *Door) strip(r *http.Request, believed bool) {
	stranger := ""
	for _, name := range forwarding {
		if _, there := r.Header[name]; there {
			stranger = name
			delete(r.Header, name)
		}
	}
	if believed && r.URL.Scheme == "https" {
		r.Header.Set("X-Forwarded-Proto", "https")
	}
	if stranger != "" && !believed && d.Logger != nil {
		d.stranger.Do(func() {
			d.Logger.Warn("a proxy that is not trusted sent a forwarding header: its clients count as one; name it with --trusted-proxy if it is yours", "address", r.RemoteAddr, "header", stranger)
		})
	}
}

// Refusal is an answer of the door.
type Refusal struct {
	Status int
	Text   string
	Wait   time.Duration // of 429

	kind string // CouchDB's word
}

// TooMany is the refusal of what comes too often from somebody.
func TooMany(whose string, wait time.Duration) *Refusal {
	r := &Refusal{Status: http.StatusTooManyRequests, Wait: wait, kind: "too_many_requests"}
	r.Text = fmt.Sprintf("Too many requests from %s. Try again in %d s.", whose, r.seconds())
	return r
}

func (r *Refusal) seconds() int { return max(1, int(math.Ceil(r.Wait.Seconds()))) }

// RetryAfter is the value of the header.
func (r *Refusal) RetryAfter() string { return strconv.Itoa(r.seconds()) }

func (r *Refusal) write(w http.ResponseWriter, api API) {
	body := map[string]string{"error": r.Text, "message": r.Text, "code": "E" + strconv.Itoa(r.Status)}
	if api == CouchDB {
		body = map[string]string{"error": r.kind, "reason": r.Text}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if r.Wait > 0 {
		h.Set("Retry-After", r.RetryAfter())
	}
	w.WriteHeader(r.Status)
	_, _ = w.Write(append(raw, '\n')) // the client is gone: nobody to tell
}

// Base is the scheme and host that a client used, of a request that came through the door.
func Base(r *http.Request) string {
	if r.TLS != nil || r.URL.Scheme == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
