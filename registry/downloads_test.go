package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/downloads"
)

func TestDownloads(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }
	h := open(t, func(_ *couch.Options, o *Options) { o.Now = now })
	d, err := downloads.Open(t.Context(), h.client, downloads.Options{Region: "eu", Interval: time.Hour, Now: now})
	require.NoError(t, err)
	h.o.Downloads = d
	t.Cleanup(func() { require.NoError(t, d.Close()) })

	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "p", "1.1.0-rc.1")
	h.publish(h.bob, "@bob/p", "1.0.0")
	secret := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	secret["access"] = "restricted"
	h.sends(h.bob, "PUT", "/@bob%2fsecret", secret, 201)
	h.publish(h.bob, "gone", "1.0.0")
	h.sends(h.bob, "DELETE", "/gone/-rev/"+h.sends(h.bob, "GET", "/gone?write=true", nil, 200).JSON()["_rev"].(string), nil, 200)

	tag := h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Header.Get("Etag")
	for _, one := range []struct {
		path    string
		status  int
		headers []string
	}{
		{"/p/-/p-1.0.0.tgz", 200, nil},
		{"/p/-/p-1.0.0.tgz", 206, []string{"Range", "bytes=0-9"}},
		{"/p/-/p-1.0.0.tgz", 200, []string{"If-None-Match", `"other"`}},
		{"/p/-/p-1.1.0-rc.1.tgz", 200, nil},
		{"/@bob/p/-/p-1.0.0.tgz", 200, nil},
		{"/@bob%2fp/-/@bob/p-1.0.0.tgz", 200, nil},
		// these do not count
		{"/p/-/p-1.0.0.tgz", 206, []string{"Range", "bytes=10-19"}},
		{"/p/-/p-1.0.0.tgz", 304, []string{"If-None-Match", tag}},
		{"/p/-/p-1.0.0.tgz", 304, []string{"If-None-Match", "*"}},
		{"/p/-/p-1.0.0.tgz", 412, []string{"If-Match", `"other"`}},
		{"/p/-/p-9.0.0.tgz", 404, nil},
		{"/@bob/secret/-/secret-1.0.0.tgz", 404, nil},
	} {
		require.Equal(t, one.status, h.do("GET", one.path, "", nil, one.headers...).Status, "%s %v", one.path, one.headers)
	}
	require.Equal(t, 200, h.do("HEAD", "/p/-/p-1.0.0.tgz", "", nil).Status)
	h.sends(h.bob, "GET", "/@bob/secret/-/secret-1.0.0.tgz", nil, 200)

	for _, flushed := range []bool{false, true} {
		if flushed {
			require.NoError(t, d.Flush(t.Context()))
		}
		for path, want := range map[string]string{
			"point/last-day/p":                       `{"downloads":5,"start":"2026-03-02","end":"2026-03-02","package":"p"}`,
			"point/last-week/@bob%2fp":               `{"downloads":2,"start":"2026-02-24","end":"2026-03-02","package":"@bob/p"}`,
			"point/last-week/@bob/p":                 `{"downloads":2,"start":"2026-02-24","end":"2026-03-02","package":"@bob/p"}`,
			"range/2026-03-01:2026-03-02/p":          `{"downloads":[{"day":"2026-03-01","downloads":0},{"day":"2026-03-02","downloads":5}],"start":"2026-03-01","end":"2026-03-02","package":"p"}`,
			"point/2026-03-01/p":                     `{"downloads":0,"start":"2026-03-01","end":"2026-03-01","package":"p"}`,
			"point/last-day":                         `{"downloads":7,"start":"2026-03-02","end":"2026-03-02"}`,
			"range/last-day":                         `{"downloads":[{"day":"2026-03-02","downloads":7}],"start":"2026-03-02","end":"2026-03-02"}`,
			"point/last-day/p,absent,p,gone":         `{"p":{"downloads":5,"start":"2026-03-02","end":"2026-03-02","package":"p"},"absent":null,"gone":null}`,
			"range/last-day/absent,p":                `{"p":{"downloads":[{"day":"2026-03-02","downloads":5}],"start":"2026-03-02","end":"2026-03-02","package":"p"},"absent":null}`,
			"point/last-day/constructor,hasOwnProp,": `{"constructor":null,"hasOwnProp":null}`,
		} {
			require.JSONEq(t, want, string(h.sends("", "GET", "/downloads/"+path, nil, 200).Body), path)
		}
		require.JSONEq(t, `{"package":"p","downloads":{"1.0.0":4,"1.1.0-rc.1":1}}`, string(h.sends("", "GET", "/versions/p/last-week", nil, 200).Body))
		require.JSONEq(t, `{"package":"@bob/secret","downloads":{"1.0.0":1}}`, string(h.sends(h.bob, "GET", "/versions/@bob%2fsecret/last-week", nil, 200).Body))
	}
	for _, who := range []string{"", h.ann} {
		for path, text := range map[string]string{
			"/downloads/point/last-day/absent":          "package absent not found",
			"/downloads/point/last-day/@bob%2fsecret":   "package @bob/secret not found", // as of one that is not there
			"/downloads/point/last-day/@bob%2fabsent":   "package @bob/absent not found",
			"/downloads/range/last-month/gone":          "package gone not found",
			"/versions/@bob%2fsecret/last-week":         "package @bob/secret not found",
			"/downloads/point/last-day/.hidden":         "package .hidden not found",
			"/downloads/point/last-day/%2e%2e%2fsecret": "package ../secret not found",
		} {
			require.Equal(t, text, h.sends(who, "GET", path, nil, 404).JSON()["error"], path)
		}
	}
	many := strings.TrimSuffix(strings.Repeat("p,", mostAsked+1), ",")
	for _, path := range []string{"point/tomorrow/p", "point/2026-02-30/p", "range/2026-03-02:2026-03-01/p", "range/2020-01-01:2026-01-01/p", "point/last-day/" + many, "point/last-day/p,@bob%2fp"} {
		require.NotEmpty(t, h.sends("", "GET", "/downloads/"+path, nil, 400).JSON()["error"], path)
	}
	require.Equal(t, 404, open(t).do("GET", "/downloads/point/last-day", "", nil).Status, "where nothing is counted")
}

// BenchmarkCounted is a tarball with its counting; BenchmarkPackumentHit has it without.
func BenchmarkCounted(b *testing.B) {
	h := open(b)
	d, err := downloads.Open(b.Context(), h.client, downloads.Options{Region: "eu"})
	require.NoError(b, err)
	defer func() { require.NoError(b, d.Close()) }()
	h.publish(h.bob, "small", "1.0.0")
	for _, counts := range []bool{false, true} {
		if counts {
			h.o.Downloads = d
		}
		b.Run(fmt.Sprint("counting=", counts), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.Equal(b, 200, h.serve("GET", "/small/-/small-1.0.0.tgz", nil))
			}
		})
	}
}
