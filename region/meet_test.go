package region

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// answering is a server that answers each path with a status and a body.
func answering(t *testing.T, answers map[string]string) *url.URL {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		answer, ok := answers[q.URL.Path]
		if !ok {
			answer = `404 {"error":"not_found","reason":"Database does not exist."}`
		}
		var status int
		_, err := fmt.Sscan(answer, &status)
		require.NoError(t, err)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer[4:])
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("ann", "her-password")
	return u
}

// Who answers at a peer's address is told in words, and followed only where it is the peer.
func TestMeet(t *testing.T) {
	const status = "/_settee/regions"
	for name, c := range map[string]struct {
		answers map[string]string
		state   State // "": it is followed
		want    string
	}{
		"the peer":             {map[string]string{status: `200 {"region":"us","peers":{}}`}, "", ""},
		"without a name":       {map[string]string{status: `200 {"region":""}`}, "", ""},
		"another region":       {map[string]string{status: `200 {"region":"ap"}`}, Refused, "it is region ap, and is called us here: name it ap=URL"},
		"this region":          {map[string]string{status: `200 {"region":"eu"}`}, Refused, "it is region eu, which is this one: its URL leads back here, or two regions have one name"},
		"a wrong password":     {map[string]string{status: `401 {"error":"unauthorized","reason":"Name or password is incorrect."}`}, Refused, "it does not let the user ann in: Name or password is incorrect."},
		"no admin":             {map[string]string{status: `403 {"error":"forbidden","reason":"You are not a server admin."}`}, Refused, "it does not let the user ann in: You are not a server admin."},
		"a CouchDB":            {map[string]string{"/": `200 {"couchdb":"Welcome","version":"3.5.0"}`}, "", ""},
		"an npm API":           {map[string]string{status: `404 {"error":"not found"}`, "/": "200 {}"}, Refused, "what answers there is no CouchDB API: its URL wants the address of the peer's --couch, not of its --npm"},
		"a web server":         {map[string]string{status: "200 <html>", "/": "200 <html>"}, Refused, "what answers there is no CouchDB API: its URL wants the address of the peer's --couch, not of its --npm"},
		"a proxy in between":   {map[string]string{status: "502 <html>"}, Broken, "it answers with status 502"},
		"nothing that is read": {map[string]string{status: "401 <html>"}, Refused, "it does not let the user ann in: "},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLink(New(Options{Name: "eu"}), Peer{"us", answering(t, c.answers)})
			p := l.meet(t.Context())
			if c.state == "" {
				require.Nil(t, p)
				return
			}
			require.Equal(t, &problem{c.state, c.want}, p)
		})
	}
}

// Why nobody answers is told in words.
func TestSilence(t *testing.T) {
	l := newLink(New(Options{Name: "eu"}), Peer{"us", &url.URL{Scheme: "http", Host: "us:5984"}})
	for want, err := range map[string]error{
		"the host name us is not known": &url.Error{Op: "Get", Err: &net.DNSError{Err: "no such host", Name: "us", IsNotFound: true}},
		"nothing listens at us:5984: it is not running, or its CouchDB API is elsewhere": &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"us:5984 does not answer in time":                                                &url.Error{Op: "Get", Err: context.DeadlineExceeded},
		"us:5984 breaks off":                                                             &url.Error{Op: "Get", Err: io.ErrUnexpectedEOF},
		"us:5984 cannot be asked: a certificate":                                         fmt.Errorf("a certificate"),
	} {
		require.Equal(t, &problem{Broken, want}, l.silent(err))
	}
}

// One who waits for a peer asks for all who do, and a closed region waits no more.
func TestMetByOne(t *testing.T) {
	l := newLink(New(Options{Name: "eu"}), Peer{"us", answering(t, map[string]string{"/_settee/regions": `200 {"region":"ap"}`})})
	ctx, stop := context.WithCancel(t.Context())
	const all = 8
	met := make(chan bool, all)
	for range all {
		go func() { met <- l.met(ctx) }()
	}
	require.Eventually(t, func() bool { return l.meeting.problems() > 0 }, 10*time.Second, time.Millisecond)
	stop()
	for range all {
		require.False(t, <-met)
	}
	require.Equal(t, 1, l.meeting.problems(), "a peer that refuses is asked seldom")
}
