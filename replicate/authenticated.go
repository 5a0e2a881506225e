package replicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// authenticated is a transport that adds an endpoint's headers and credentials to each request.
type authenticated struct {
	next           http.RoundTripper
	base           *url.URL // the server
	headers        map[string]string
	user, password string // no user: none

	mu      sync.Mutex // guards what follows; held while a session begins, so that only one does
	cookie  string
	renew   time.Time // when to ask for another session; zero: when this one is refused
	began   time.Time // the session
	session sessions
}

// sessions is what is known of a server's sessions.
type sessions int

const (
	unknown sessions = iota
	kept
	none // it has no sessions
)

func (a *authenticated) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	for name, value := range a.headers {
		req.Header.Set(name, value)
	}
	if a.user == "" {
		return a.next.RoundTrip(req)
	}
	for again := false; ; again = true {
		cookie, err := a.current(req)
		if err != nil {
			return nil, err
		}
		if cookie == "" {
			req.SetBasicAuth(a.user, a.password)
			return a.next.RoundTrip(req)
		}
		req.Header.Set("Cookie", cookie)
		resp, err := a.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		if !a.learn(resp, cookie) || again {
			return resp, nil
		}
		// The session may have ended: once more, with another one.
		_ = resp.Body.Close()
		if req.Body != nil && req.Body != http.NoBody {
			if req.GetBody == nil {
				return nil, errSession // the body is spent; whoever has it sends it again
			}
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

var errSession = errors.New("the session ended")

// current is the session's cookie; "" where there are no sessions.
func (a *authenticated) current(req *http.Request) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.session == none || a.session == kept && a.cookie != "" && (a.renew.IsZero() || time.Now().Before(a.renew)) {
		return a.cookie, nil
	}
	login, _ := json.Marshal(map[string]string{"name": a.user, "password": a.password})
	r, err := http.NewRequestWithContext(req.Context(), http.MethodPost, a.base.JoinPath("_session").String(), bytes.NewReader(login))
	if err != nil {
		return "", err
	}
	for name, value := range a.headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return "", Unauthenticated(r.URL.String(), a.user)
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		return "", &wireError{Status: resp.StatusCode, Header: resp.Header}
	}
	a.cookie, a.session, a.began = "", none, time.Now()
	a.take(resp)
	return a.cookie, nil
}

// learn takes a fresher cookie. It reports that another session may help: this one was refused and is not of just now.
func (a *authenticated) learn(resp *http.Response, used string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if resp.StatusCode != http.StatusUnauthorized {
		a.take(resp)
		return false
	}
	if a.cookie != used {
		return true // somebody began another one meanwhile
	}
	if time.Since(a.began) < freshSession {
		return false
	}
	a.cookie = ""
	return true
}

// freshSession is how long a session cannot have ended yet: if its user is refused, the user is.
const freshSession = 10 * time.Second

// take keeps a session's cookie out of an answer, which a server renews before it expires. a.mu is held.
func (a *authenticated) take(resp *http.Response) {
	for _, c := range resp.Cookies() {
		if c.Name == "AuthSession" && c.Value != "" {
			a.cookie, a.session, a.renew = c.Name+"="+c.Value, kept, time.Time{}
			if c.MaxAge > 0 {
				a.renew = time.Now().Add(time.Duration(c.MaxAge) * time.Second * 9 / 10)
			}
		}
	}
}
