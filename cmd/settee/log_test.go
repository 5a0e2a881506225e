package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The log of requests shows paths without what lets somebody in.
func TestRequestLogKeepsSecrets(t *testing.T) {
	var out bytes.Buffer
	log, _ := newLogger("text", "debug", &out)
	h := logged(log, "npm", http.NotFoundHandler())
	page, poll := strings.Repeat("A2", 13), strings.Repeat("B7", 13)
	token := "npm_" + strings.Repeat("aZ09", 9)
	for _, path := range []string{"/-/user/token/" + token, "/-/web/login/" + page, "/-/v1/login/" + page + "." + poll, "/left-hand/-/left-hand-1.0.0.tgz"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	log.Error("request failed", "path", "/-/user/token/"+token, "error", errors.New("read /-/v1/login/"+poll))
	for _, secret := range []string{page, poll, token} {
		require.NotContains(t, out.String(), secret)
	}
	require.Contains(t, out.String(), "path=/-/web/login/…")
	require.Contains(t, out.String(), "path=/left-hand/-/left-hand-1.0.0.tgz")
}
