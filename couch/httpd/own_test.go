package httpd_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
)

// What nobody serves under /_settee answers as in CouchDB.
var ownScenarios = map[string][]step{
	"own": {
		{do: "GET /_settee/blobs/ab", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "GET /_settee/nothing", status: 404, want: problem("not_found", "Database does not exist.")},
		{do: "HEAD /_settee/blobs/ab", status: 404},
		{do: "PUT /_settee/blobs/ab", status: 404},
		{do: "GET /_settee/blobs/ab", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
		{do: "PUT /_settee/blobs/ab", as: "-", status: 401, want: problem("unauthorized", "You are not a server admin.")},
	},
}

func TestOwnConformance(t *testing.T) { conform(t, ownScenarios) }

func TestOwnEndpoints(t *testing.T) {
	long := strings.Repeat("0123456789", 30_000)
	h := start(t, httpd.Options{Own: map[string]http.Handler{
		"echo": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(r.Method + " " + r.URL.Path))
		}),
		"long": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(long))
		}),
		"torn": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("torn"))
			panic(http.ErrAbortHandler)
		}),
	}})
	for _, c := range []struct {
		method, path, as string
		status           int
		body             string
	}{
		{"GET", "/_settee/echo", "", 200, "GET /_settee/echo"},
		{"GET", "/_settee/echo/a/b", "", 200, "GET /_settee/echo/a/b"},
		{"HEAD", "/_settee/echo", "", 200, ""},
		{"GET", "/_settee/long", "", 202, long},
		{"GET", "/_settee/echo", "-", 401, problem("unauthorized", "You are not a server admin.") + "\n"},
		{"GET", "/_settee/none", "", 404, problem("not_found", "Database does not exist.") + "\n"},
		{"POST", "/_settee/echo", "", 200, "POST /_settee/echo"},
	} {
		status, _, body := do(t, h.base, c.as, c.method, c.path, "", "")
		require.Equal(t, c.status, status, "%v", c)
		require.Equal(t, c.body, body, "%v", c)
	}
	res, err := http.Get(h.address + "/_settee/torn")
	if err == nil {
		defer res.Body.Close()
		_, err = res.Body.Read(make([]byte, 100))
		for err == nil {
			_, err = res.Body.Read(make([]byte, 100))
		}
		require.ErrorContains(t, err, "unexpected EOF")
	}
	require.Error(t, err, "an answer that was cut is not whole")
}

// Figures of other parts stand in the exposition under their own names.
func TestOwnMetrics(t *testing.T) {
	h := start(t, httpd.Options{Metrics: func() []httpd.Metric {
		return []httpd.Metric{
			{Name: "settee_a", Help: "first", Value: 1.5, Labels: []string{"peer", "us"}},
			{Name: "settee_a", Help: "first", Value: 2, Labels: []string{"peer", "ap"}},
			{Name: "settee_b_total", Help: "second", Counter: true, Value: 3},
		}
	}})
	_, _, body := do(t, h.base, "", "GET", "/_node/_local/_prometheus", "", "")
	require.Contains(t, body, "# HELP settee_a first\n# TYPE settee_a gauge\nsettee_a{peer=\"us\"} 1.5\nsettee_a{peer=\"ap\"} 2\n"+
		"# HELP settee_b_total second\n# TYPE settee_b_total counter\nsettee_b_total 3\n")
}
