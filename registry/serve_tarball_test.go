package registry

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// publishOf publishes a version whose tarball has some size.
func (h *house) publishOf(name, version string, size int) []byte {
	tgz := sampleTarball(h.t, name, version, size)
	require.Equal(h.t, 201, h.do("PUT", "/"+name, h.bob, publishing(name, version, tgz)).Status)
	return tgz
}

// TestTarballs asks for a tarball that is kept in memory, and for one that is not, in every way that there is.
func TestTarballs(t *testing.T) {
	h := open(t)
	for name, size := range map[string]int{"small": 5_000, "large": mostSmall + 100_000} {
		tgz, path := h.publishOf(name, "1.0.0", size), "/"+name+"/-/"+name+"-1.0.0.tgz"
		whole := h.do("GET", path, "", nil, "Accept-Encoding", "gzip, br, zstd")
		require.Equal(t, 200, whole.Status)
		require.True(t, bytes.Equal(tgz, whole.Body))
		for header, want := range map[string]string{
			"Content-Type": "application/octet-stream", "Content-Length": strconv.Itoa(len(tgz)), "Content-Encoding": "", "Accept-Ranges": "bytes",
			"Cache-Control": "public, immutable, max-age=31536000", "X-Content-Type-Options": "nosniff", "Location": "",
		} {
			require.Equal(t, want, whole.Header.Get(header), "%s %s", name, header)
		}
		head := h.do("HEAD", path, "", nil)
		require.Equal(t, 200, head.Status)
		require.Empty(t, head.Body)
		for _, header := range []string{"Content-Length", "Content-Type", "Etag", "Accept-Ranges", "Cache-Control"} {
			require.Equal(t, whole.Header.Get(header), head.Header.Get(header), header)
		}
		etag := whole.Header.Get("Etag")
		require.Regexp(t, `^"[0-9a-f]{32}"$`, etag)
		for _, test := range []struct {
			ask    []string
			status int
			body   []byte
		}{
			{[]string{"Range", "bytes=0-9"}, 206, tgz[:10]}, {[]string{"Range", "bytes=-5"}, 206, tgz[len(tgz)-5:]}, {[]string{"Range", "bytes=10-"}, 206, tgz[10:]},
			{[]string{"Range", "bytes=0-"}, 206, tgz}, {[]string{"Range", "bytes=4000-99999999"}, 206, tgz[4000:]},
			{[]string{"Range", "bytes=10-", "If-Range", etag}, 206, tgz[10:]}, {[]string{"Range", "bytes=10-", "If-Range", `"other"`}, 200, tgz},
			{[]string{"Range", "bytes=10-", "If-Range", "W/" + etag}, 200, tgz}, // a weak one promises no bytes
			{[]string{"Range", "lines=1-2"}, 416, nil}, {[]string{"Range", "bytes=99999999-"}, 416, nil},
			{[]string{"If-None-Match", etag}, 304, []byte{}}, {[]string{"If-None-Match", "W/" + etag}, 304, []byte{}}, {[]string{"If-None-Match", "*"}, 304, []byte{}},
			{[]string{"If-None-Match", `"other"`}, 200, tgz}, {[]string{"If-Match", `"other"`}, 412, []byte{}}, {[]string{"If-Match", etag}, 200, tgz},
		} {
			res := h.do("GET", path, "", nil, test.ask...)
			require.Equal(t, test.status, res.Status, "%s %v", name, test.ask)
			if test.body != nil {
				require.True(t, bytes.Equal(test.body, res.Body), "%s %v: %d bytes", name, test.ask, len(res.Body))
				require.Equal(t, etag, res.Header.Get("Etag"))
			}
			if test.status == 206 {
				require.Equal(t, strconv.Itoa(len(test.body)), res.Header.Get("Content-Length"))
				require.Equal(t, 200, h.do("HEAD", path, "", nil).Status)
			}
		}
		several := h.do("GET", path, "", nil, "Range", "bytes=0-9,100-199")
		require.Equal(t, 206, several.Status)
		kind, params, err := mime.ParseMediaType(several.Header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "multipart/byteranges", kind)
		parts := multipart.NewReader(bytes.NewReader(several.Body), params["boundary"])
		for _, want := range [][]byte{tgz[:10], tgz[100:200]} {
			part, err := parts.NextPart()
			require.NoError(t, err)
			got, err := io.ReadAll(part)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	require.Equal(t, 404, h.do("GET", "/small/-/small-9.0.0.tgz", "", nil).Status)
	require.Equal(t, 404, h.do("GET", "/nothing/-/nothing-1.0.0.tgz", "", nil).Status)
}

// TestTarballResumed loses the connection in the middle of a tarball, and asks for the rest as curl and proxies do.
func TestTarballResumed(t *testing.T) {
	h := open(t)
	tgz := h.publishOf("large", "1.0.0", mostSmall+2_000_000)
	const path = "/large/-/large-1.0.0.tgz"
	req, err := http.NewRequest("GET", h.url+path, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	begun := make([]byte, 300_000)
	_, err = io.ReadFull(res.Body, begun)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close()) // which ends the connection, as there is more
	rest := h.do("GET", path, "", nil, "Range", fmt.Sprintf("bytes=%d-", len(begun)), "If-Range", res.Header.Get("Etag"))
	require.Equal(t, 206, rest.Status)
	require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", len(begun), len(tgz)-1, len(tgz)), rest.Header.Get("Content-Range"))
	require.True(t, bytes.Equal(tgz, append(begun, rest.Body...)))
}

// TestTarballPaths asks by every path that a client or a lockfile may have.
func TestTarballPaths(t *testing.T) {
	h := open(t)
	plain, scoped := h.publish(h.bob, "p", "1.0.0"), h.publish(h.bob, "@bob/n", "1.0.0-a.1")
	for path, want := range map[string][]byte{
		"/p/-/p-1.0.0.tgz": plain, "//p//-//p-1.0.0.tgz": plain, "/p/-/p-1.0.0.tgz/": plain, "/p/-/p-1.0.0.tgz?a=b": plain,
		"/@bob/n/-/n-1.0.0-a.1.tgz": scoped, "/@bob%2fn/-/n-1.0.0-a.1.tgz": scoped, "/@bob%2Fn/-/n-1.0.0-a.1.tgz": scoped, "/%40bob%2fn/-/n-1.0.0-a.1.tgz": scoped,
		"/@bob/n/-/@bob/n-1.0.0-a.1.tgz": scoped, "/@bob%2fn/-/@bob%2fn-1.0.0-a.1.tgz": scoped, "/%40bob/n/-/n-1%2E0.0-a.1.tgz": scoped,
		"/npm/public/registry/p/_attachments/p-1.0.0.tgz": plain, "/npm/public/registry/p/p/_attachments/p-1.0.0.tgz": plain,
		"/npm/public/registry/@bob/n/_attachments/n-1.0.0-a.1.tgz": scoped,
	} {
		res := h.do("GET", path, "", nil)
		require.Equal(t, 200, res.Status, path)
		require.Equal(t, want, res.Body, path)
	}
	for _, path := range []string{"/p/-/", "/p/-/p", "/p/-/.tgz", "/p/-/..%2f..%2fp-1.0.0.tgz/x", "/p/-/n-1.0.0.tgz", "/@bob/-/n-1.0.0-a.1.tgz", "/@ann/n/-/n-1.0.0-a.1.tgz"} {
		require.Equal(t, 404, h.do("GET", path, "", nil).Status, path)
	}
}
