package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// couchAnswers is a CouchDB of three nodes, one of which is away, in the answers that count.
var couchAnswers = map[string]string{
	"GET /":            `{"couchdb":"Welcome","version":"3.5.0","vendor":{"name":"The Apache Software Foundation"}}`,
	"GET /_session":    `{"ok":true,"userCtx":{"name":"me","roles":["_admin"]}}`,
	"GET /_membership": `{"all_nodes":["a@one","b@two"],"cluster_nodes":["a@one","b@two","c@three"]}`,
	"GET /_node/a@one/_config/couchdb/max_document_size": `404 {"error":"not_found","reason":"unknown_config_value"}`,
	"GET /_node/b@two/_config/couchdb/max_document_size": `"67108864"`,
}

// looked opens a CouchDB that gives those answers where it does not give others.
func looked(t *testing.T, others map[string]string) (logged string, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question := r.Method + " " + r.URL.Path
		answer, ok := others[question]
		if !ok {
			answer = couchAnswers[question]
		}
		status := http.StatusOK
		if number, rest, found := strings.Cut(answer, " "); found && len(number) == 3 {
			require.NoError(t, json.Unmarshal([]byte(number), &status))
			answer = rest
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	return opened(t, strings.Replace(server.URL, "http://", "http://me:hidden@", 1))
}

func opened(t *testing.T, url string) (logged string, err error) {
	t.Helper()
	var log bytes.Buffer
	client, err := openCluster(t.Context(), url, 300*time.Millisecond, slog.New(slog.NewTextHandler(&log, nil)))
	if err == nil {
		require.NoError(t, client.Close())
	} else {
		require.NotContains(t, err.Error(), "hidden")
	}
	require.NotContains(t, log.String(), "hidden")
	return log.String(), err
}

func TestClusterIsLookedOver(t *testing.T) {
	log, err := looked(t, nil)
	require.NoError(t, err)
	require.Contains(t, log, "node=c@three", "it is away")
	require.Contains(t, log, `node=a@one bytes=8000000 do="curl -u me -X PUT http://127.0.0.1:`)
	require.Contains(t, log, `/_node/a@one/_config/couchdb/max_document_size -d '\"67108864\"'"`)
	require.NotContains(t, log, "node=b@two", "it takes all")

	log, err = looked(t, map[string]string{"GET /_membership": `404 {}`, "GET /_session": `{"userCtx":{"name":null,"roles":["_admin"]}}`})
	require.NoError(t, err, "a server of other make, open to all")
	require.Contains(t, log, "does not tell its nodes")
}

func TestClusterThatCannotHoldARegistry(t *testing.T) {
	for name, c := range map[string]struct {
		others map[string]string
		says   string
	}{
		"too old":         {map[string]string{"GET /": `{"couchdb":"Welcome","version":"2.3.1","vendor":{"name":"The Apache Software Foundation"}}`}, "needs CouchDB 3 or later"},
		"something else":  {map[string]string{"GET /": `<html>`}, "is no CouchDB"},
		"another JSON":    {map[string]string{"GET /": `{"hello":"world"}`}, "is no CouchDB"},
		"nothing there":   {map[string]string{"GET /": `404 {}`}, "is no CouchDB"},
		"wrong password":  {map[string]string{"GET /": `401 {"error":"unauthorized","reason":"Name or password is incorrect."}`}, "refuses the name or the password"},
		"locked out":      {map[string]string{"GET /_session": `403 {"error":"forbidden","reason":"Account is temporarily locked."}`}, "locked the user of --db out"},
		"no server admin": {map[string]string{"GET /_session": `{"userCtx":{"name":"me","roles":["staff"]}}`}, "curl -u ADMIN -X PUT http://127.0.0.1:"},
		"nobody":          {map[string]string{"GET /_session": `{"userCtx":{"name":null,"roles":[]}}`}, "names no user"},
		"starting":        {map[string]string{"GET /": `503 {"error":"starting"}`}, "start it, or correct --db"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := looked(t, c.others)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestClusterThatIsAway(t *testing.T) {
	log, err := opened(t, "http://me:hidden@127.0.0.1:1")
	require.ErrorContains(t, err, "no CouchDB answered at http://127.0.0.1:1 within 300ms")
	require.ErrorContains(t, err, "connection refused")
	require.Contains(t, log, "waiting for the CouchDB of --db")
	require.Equal(t, 1, strings.Count(log, "waiting"), "told once")
	_, err = opened(t, "http://me:hid%zzden@127.0.0.1:1")
	require.Error(t, err)
}

// A server that is started with us may take its time.
func TestClusterThatStarts(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if asked.Add(1) < 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, couchAnswers[r.Method+" "+r.URL.Path])
	}))
	defer server.Close()
	client, err := openCluster(t.Context(), server.URL, patience, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, client.Close())
}

// What is written over a connection that the server hung up on meanwhile arrives.
func TestClusterHangsUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	bodies := make(chan string, 10)
	server := &httptest.Server{Listener: l, Config: &http.Server{
		IdleTimeout: time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Method == http.MethodPut {
				bodies <- string(body)
			}
			require.NotContains(t, r.Header, "X-Idempotency-Key")
			user, password, _ := r.BasicAuth()
			require.Equal(t, "me:a:b", user+":"+password)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"ok":true,"id":"a","rev":"1-a"}`)
		}),
	}}
	server.Start()
	defer server.Close()
	client, err := dialCluster(strings.Replace(server.URL, "http://", "http://me:a%3ab@", 1))
	require.NoError(t, err)
	for range 10 {
		_, err := client.DB("db").Put(context.Background(), "a", json.RawMessage(`{"n":1}`))
		require.NoError(t, err)
		require.Equal(t, `{"n":1}`, <-bodies)
		time.Sleep(2 * time.Millisecond) // let it hang up, sometimes just as we write
	}
}
