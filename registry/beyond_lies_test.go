package registry

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/upstream"
)

// TestLiesOfBeyond is what clients are told where another registry gives what it should not, and that nothing of it is kept. Package
// upstream has the lies that take time, and their bounds.
func TestLiesOfBeyond(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o, func(o *upstream.Options) { o.MaxPackument, o.MaxTarball = 1<<20, 1<<20 })
	has := func(path string, answer http.HandlerFunc) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.has[path] = answer
	}
	away := func(location string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}
	}
	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write([]byte(body))
		}
	}
	status := func(n int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(n)
		}
	}
	told := func(path string, want int, words string) {
		res := h.do("GET", path, "", nil)
		require.Equal(t, want, res.Status, "%s: %s", path, res.Body)
		require.Contains(t, res.JSON()["error"], words, path)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"), path)
		if want >= 500 {
			seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, seconds)
			require.NotEmpty(t, res.Header.Get("Npm-Notice"))
		}
		for _, inside := range []string{"169.254", "passwd", "dial", "tcp", "Sign in"} {
			require.NotContains(t, string(res.Body), inside, "what it gave, and where it led, is for the log")
		}
	}
	const unavailable = "does not answer as it should"
	for i, lie := range []struct {
		answer http.HandlerFunc
		status int
		words  string
	}{
		{text("text/html", "<title>Sign in</title>"), 503, unavailable},
		{text("application/json", `{"name":"another","versions":{}}`), 503, unavailable},
		{text("application/json", `[]`), 503, unavailable},
		{text("application/json", `{"name":`), 503, unavailable},
		{text("application/json", ``), 503, unavailable},
		{text("application/json", strings.Repeat("[", 100_000)), 503, unavailable},
		{text("application/json", strings.Repeat(" ", 2<<20)), 503, unavailable},
		{away("http://169.254.169.254/latest"), 503, unavailable},
		{away("file:///etc/passwd"), 503, unavailable},
		{status(404, "text/html"), 503, unavailable},
		{status(404, "application/json"), 404, "Not found"},
		{status(401, "application/json"), 404, "Not found"},
		{status(451, "application/json"), 404, "Not found"},
	} {
		name := "lie" + strconv.Itoa(i)
		has("/"+name, lie.answer)
		for _, path := range []string{"/" + name, "/" + name + "/latest", "/" + name + "/-/" + name + "-1.0.0.tgz"} {
			told(path, lie.status, lie.words)
		}
		require.Equal(t, 404, kivik.HTTPStatus(h.client.DB(upstream.Database).Get(t.Context(), name).Err()), "nothing is kept")
		o.publish(name, h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte(name)})
		h.clock.Pass(2 * time.Minute)
		require.Equal(t, 200, h.do("GET", "/"+name, "", nil).Status, "and it is read once it is told rightly")
	}
	before := h.stored()
	for i, lie := range []struct {
		answer http.HandlerFunc
		status int
		words  string
	}{
		{text("text/html", "<title>Sign in</title>"), 503, "does not give this tarball now"},
		{text("application/octet-stream", "other bytes"), 502, "is not the one its packument tells of"},
		{text("application/octet-stream", strings.Repeat("x", 2<<20)), 503, "does not give this tarball now"},
		{away("http://169.254.169.254/latest"), 503, "does not give this tarball now"},
		{away("file:///etc/passwd"), 503, "does not give this tarball now"},
		{status(404, "application/json"), 404, "Not found"},
	} {
		name := "tarball" + strconv.Itoa(i)
		o.publish(name, h.clock.Now(), farVersion{"1.0.0", time.Hour, []byte(name)})
		require.Equal(t, 200, h.do("GET", "/"+name, "", nil).Status)
		at := "/" + name + "/-/" + name + "-1.0.0.tgz"
		has(at, lie.answer)
		told(at, lie.status, lie.words)
		require.Equal(t, before, h.stored())
		o.gives(at, "application/octet-stream", []byte(name))
		h.clock.Pass(2 * time.Minute)
		require.Equal(t, 200, h.do("GET", at, "", nil).Status)
		before++
		require.Eventually(t, func() bool { return h.stored() == before }, 10*time.Second, time.Millisecond)
	}
}
