package tarballs

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// starting answers as MinIO does: with 503 until it has read its accounts.
type starting struct{ refusals, asked int }

func (s *starting) RoundTrip(q *http.Request) (*http.Response, error) {
	s.asked++
	a := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: q}
	body := `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`
	if s.asked <= s.refusals {
		a.StatusCode = http.StatusServiceUnavailable
		body = `<Error><Code>XMinioServerNotInitialized</Code><Message>Server not initialized yet, please try again.</Message></Error>`
	}
	a.Body = io.NopCloser(strings.NewReader(body))
	return a, nil
}

func TestS3OutlastsAServersStart(t *testing.T) {
	server := &starting{refusals: 3}
	_, err := S3(t.Context(), "s3://localhost:9000/blobs?tls=false", S3Options{
		Transport: server, Getenv: env("AWS_ACCESS_KEY_ID", "key", "AWS_SECRET_ACCESS_KEY", "secret"),
	})
	require.NoError(t, err)
	require.Greater(t, server.asked, server.refusals)
}
