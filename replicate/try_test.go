package replicate_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// cutting is a link on which a feed is cut after so many rows, before the next.
func cutting(rows int, asked *atomic.Int64) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil || !strings.HasSuffix(req.URL.Path, "/_changes") {
			return resp, err
		}
		defer resp.Body.Close()
		asked.Add(1)
		var text strings.Builder
		in, n := bufio.NewReader(resp.Body), 0
		for {
			line, err := in.ReadString('\n')
			if strings.Contains(line, `"changes":`) {
				n++
			}
			if n > rows {
				resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(text.String()), broken{}))
				return resp, nil
			}
			text.WriteString(line)
			if err != nil {
				resp.Body = io.NopCloser(strings.NewReader(text.String()))
				return resp, nil
			}
		}
	}
}

// A feed that is cut again and again is read to its end, if it gets further each time.
func TestCutsThatGetFurther(t *testing.T) {
	const docs = 6
	h := newHouse(t)
	source, target := h.embedded("source"), h.embedded("target")
	require.NoError(t, source.Create(t.Context()))
	for i := range docs {
		put(t, source.DB, fmt.Sprint("doc", i), `{}`)
	}
	var asked atomic.Int64
	link := cutting(1, &asked)
	run(t, linked(t, h.address+"/source", link), target, replicate.Options{CreateTarget: true, Retries: 1})
	same(t, source.DB, target.DB, false)
	require.EqualValues(t, docs, asked.Load(), "five times it was cut")

	var still atomic.Int64
	_, err := replicate.Run(t.Context(), linked(t, h.address+"/source", cutting(0, &still)), h.embedded("other"), replicate.Options{CreateTarget: true, Retries: 1})
	require.ErrorContains(t, err, "read the changes")
	require.EqualValues(t, 2, still.Load(), "it got nowhere")
}

// A feed that begins anew each time gets nowhere, whatever it tells.
func TestCutsThatGoInCircles(t *testing.T) {
	h := newHouse(t)
	source := h.embedded("source")
	require.NoError(t, source.Create(t.Context()))
	for i := range 3 {
		put(t, source.DB, fmt.Sprint("doc", i), `{}`)
	}
	var asked atomic.Int64
	cut := cutting(1, &asked)
	link := roundTrip(func(req *http.Request) (*http.Response, error) {
		if q := req.URL.Query(); q.Has("since") && strings.HasSuffix(req.URL.Path, "/_changes") {
			q.Set("since", "0")
			req = req.Clone(req.Context())
			req.URL.RawQuery = q.Encode()
		}
		return cut(req)
	})
	_, err := replicate.Run(t.Context(), linked(t, h.address+"/source", link), h.embedded("target"), replicate.Options{CreateTarget: true, Retries: 2})
	require.ErrorContains(t, err, "read the changes")
	require.EqualValues(t, 3, asked.Load(), "one that got further, and two more")
}
