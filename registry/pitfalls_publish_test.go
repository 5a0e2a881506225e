package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/tarballs"
)

// gated is a store whose next Put waits until it is let through.
type gated struct {
	tarballs.Store
	came, pass chan struct{}
}

// Put stores a blob.
func (g *gated) Put(ctx context.Context, r io.Reader, want *tarballs.Digest) (tarballs.Info, error) {
	g.came <- struct{}{}
	<-g.pass
	return g.Store.Put(ctx, r, want)
}

func publishRaces(t *testing.T) {
	h := open(t)
	at1 := func(name, number string, size int) []byte {
		return publishDoc(t, name, number, sampleTarball(t, name, number, size))
	}
	t.Run("one publish sent again before the first was answered", func(t *testing.T) {
		body := at1("p", "1.0.0", 10)
		for _, status := range h.together(8, func(int) (string, []byte) { return "/p", body }) {
			require.Equal(t, 201, status)
		}
		require.Regexp(t, "^1-", h.json("/p?write=true")["_rev"], "written once")
		require.Equal(t, 1, h.stored())
	})
	t.Run("one number, many contents", func(t *testing.T) {
		won := 0
		for _, status := range h.together(8, func(i int) (string, []byte) { return "/p", at1("p", "2.0.0", 20+i) }) {
			if status == 201 {
				won++
			} else {
				require.Equal(t, 403, status)
			}
		}
		require.Equal(t, 1, won)
	})
	t.Run("many numbers, from two processes", func(t *testing.T) {
		there, _ := h.remote(Options{ReadOnly: true})
		var all sync.WaitGroup
		for i := range 10 {
			for side, one := range []*house{h, there} {
				all.Go(func() {
					number := fmt.Sprintf("3.%d.%d", i, side)
					if res := one.do("PUT", "/p", h.bob, at1("p", number, 30)); res.Status != 201 {
						t.Errorf("%s: %d %s", number, res.Status, res.Body)
					}
				})
			}
		}
		all.Wait()
		require.Len(t, h.json("/p?write=true")["versions"], 22)
	})
	for number, size := range map[string]int{"4.0.0": 40, "5.0.0": spoolMemory + 1} {
		t.Run(fmt.Sprintf("no version is seen before its tarball of %d bytes is durable", size), func(t *testing.T) {
			gate := &gated{h.blobs, make(chan struct{}), make(chan struct{})}
			pass := sync.OnceFunc(func() { close(gate.pass) })
			r, err := New(t.Context(), h.client, gate, h.auth, Options{ReadOnly: true})
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			u, err := readUpload(bytes.NewReader(at1("p", number, size)), "", 1<<20)
			require.NoError(t, err)
			defer u.Close()
			defer pass()
			ended := make(chan error, 1)
			go func() {
				_, err := r.publish(t.Context(), &request{Request: &http.Request{}, pkg: "p", who: bob}, u)
				ended <- err
			}()
			<-gate.came
			if size > spoolMemory { // which takes its time: others are not kept waiting
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, err := r.update(ctx, "p", func(*packument) (*packument, error) { return nil, nil })
				require.NoError(t, err)
			}
			for i := range 3 { // meanwhile
				h.publish(h.bob, fmt.Sprintf("other%d", i), number)
			}
			require.NotContains(t, h.json("/p?write=true")["versions"], number)
			pass()
			require.NoError(t, <-ended)
			require.Contains(t, h.json("/p?write=true")["versions"], number)
			require.Equal(t, 200, h.do("GET", "/p/-/p-"+number+".tgz", "", nil).Status)
		})
	}
}

// together sends PUTs at once.
func (h *house) together(n int, put func(i int) (path string, body []byte)) []int {
	statuses := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		path, body := put(i)
		all.Go(func() { statuses[i] = h.do("PUT", path, h.bob, body).Status })
	}
	all.Wait()
	return statuses
}

// spoilt is a store whose disk has gone wrong.
type spoilt struct{ tarballs.Store }

// Open reads a blob, of which a bit has turned.
func (s spoilt) Open(ctx context.Context, d tarballs.Digest, offset, length int64) (io.ReadCloser, tarballs.Info, error) {
	r, info, err := s.Store.Open(ctx, d, offset, length)
	if err != nil {
		return r, info, err
	}
	defer r.Close()
	raw, err := io.ReadAll(r)
	raw[len(raw)/2] ^= 1
	return io.NopCloser(bytes.NewReader(raw)), info, err
}

func tarballIntegrity(t *testing.T) {
	h := open(t)
	for i, dist := range []dict{{}, {"shasum": ""}, {"integrity": "sha1-AAAA"}} {
		name := fmt.Sprintf("p%d", i)
		tgz := sampleTarball(t, name, "1.0.0", 500)
		doc := publishing(name, "1.0.0", tgz)
		at(t, doc, "versions", "1.0.0").(dict)["dist"] = dist
		res := h.do("PUT", "/"+name, h.bob, doc)
		if i == 1 {
			require.Equal(t, 400, res.Status, "a sum that is sent must be right")
			continue
		}
		require.Equal(t, 201, res.Status, "%s", res.Body)
		kept := at(t, h.json("/"+name), "versions", "1.0.0", "dist").(dict)
		require.Regexp(t, "^sha512-", kept["integrity"])
		require.Len(t, kept["shasum"], 40)
	}
	small, large := sampleTarball(t, "p", "1.0.0", 500), sampleTarball(t, "large", "1.0.0", 3<<20)
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, publishDoc(t, "p", "1.0.0", small)).Status)
	require.Equal(t, 201, h.do("PUT", "/large", h.bob, publishDoc(t, "large", "1.0.0", large)).Status)
	for path, tgz := range map[string][]byte{"/p/-/p-1.0.0.tgz": small, "/large/-/large-1.0.0.tgz": large} {
		for _, coding := range []string{"gzip,deflate", "gzip", "br", "identity", ""} { // a coded tarball has another length
			for _, method := range []string{"GET", "HEAD"} {
				res := h.do(method, path, "", nil, "Accept-Encoding", coding)
				require.Equal(t, fmt.Sprint(len(tgz)), res.Header.Get("Content-Length"), "%s %s", method, coding)
				require.Empty(t, res.Header.Get("Content-Encoding"))
				require.Equal(t, "application/octet-stream", res.Header.Get("Content-Type"))
				require.Equal(t, forEver, res.Header.Get("Cache-Control"))
				if method == "GET" {
					require.True(t, bytes.Equal(tgz, res.Body))
				}
			}
		}
	}
	other := sampleTarball(t, "p", "1.0.0", 501)
	require.Equal(t, 403, h.do("PUT", "/p", h.bob, publishDoc(t, "p", "1.0.0", other)).Status)
	require.Equal(t, small, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Body, "other bytes never take a number's place")

	r, err := New(t.Context(), h.client, spoilt{h.blobs}, h.auth, Options{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	damaged := h.through(r).do("GET", "/p/-/p-1.0.0.tgz", "", nil)
	require.Equal(t, 500, damaged.Status, "what has gone wrong on the disk is not given out")
	require.NotContains(t, damaged.Header.Get("Cache-Control"), "immutable")

	o := newOther(t)
	h.reopen(o)
	small, large = sampleTarball(t, "far", "1.0.0", 600), sampleTarball(t, "far", "0.1.0", 2<<20)
	o.publish("far", h.clock.Now(), farVersion{"1.0.0", time.Hour, small}, farVersion{"0.1.0", time.Hour, large})
	o.edit("far", func(doc dict) { delete(at(t, doc, "versions", "0.1.0", "dist").(dict), "integrity") })
	o.gives("/far/-/far-1.0.0.tgz", "application/octet-stream", other)
	res := h.do("GET", "/far/-/far-1.0.0.tgz", "", nil)
	require.Equal(t, 502, res.Status, "%s", res.Body)
	require.Contains(t, res.JSON()["error"], "not the one its packument tells of")
	o.gives("/far/-/far-1.0.0.tgz", "application/octet-stream", small)
	require.Equal(t, 200, h.do("GET", "/far/-/far-1.0.0.tgz", "", nil).Status)
	require.Equal(t, large, h.do("GET", "/far/-/far-0.1.0.tgz", "", nil).Body, "old versions have a shasum alone")
	require.Len(t, at(t, h.json("/far"), "versions", "0.1.0", "dist", "shasum"), 40)
}

func bodyLimits(t *testing.T) {
	h := open(t, func(_ *couch.Options, o *Options) { o.MaxBody = 30 << 20 })
	big := publishDoc(t, "big", "1.0.0", sampleTarball(t, "big", "1.0.0", 12<<20))
	require.Greater(t, len(big), 15<<20)
	require.Equal(t, 201, h.do("PUT", "/big", h.bob, big).Status, "ten megabytes are no limit")

	for _, length := range []int64{-1, 64 << 20} {
		req, err := http.NewRequest("PUT", h.url+"/endless", io.LimitReader(endless{}, 64<<20))
		require.NoError(t, err)
		req.ContentLength = length
		req.Header.Set("Authorization", "Bearer "+h.bob)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err, "%d: who writes before it reads sees the refusal, not a reset connection", length)
		require.Equal(t, 413, res.StatusCode)
		require.True(t, res.Close, "Connection: close")
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Contains(t, string(raw), fmt.Sprint(30<<20), "and what the limit is")
	}
	_, answer := h.raw(fmt.Sprintf("PUT /p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 99999999999\r\n\r\n", h.bob))
	refused, _ := answer()
	require.Equal(t, 413, refused.StatusCode)
	require.True(t, refused.Close)
	require.Equal(t, 1, h.stored())
}

// endless is a publish whose metadata has no end.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) {
	copy(p, bytes.Repeat([]byte(" "), len(p)))
	return len(p), nil
}

func apartNames(t *testing.T) {
	h := open(t)
	for _, name := range []string{"constructor", "hasownproperty", "tostring", "valueof", "prototype", "@bob/constructor", "then"} {
		tgz := h.publish(h.bob, name, "1.0.0")
		require.Equal(t, name, h.json("/" + name)["name"])
		require.Equal(t, name, h.json("/"+name, "Accept", abbreviatedAccept)["name"])
		require.Equal(t, dict{"latest": "1.0.0"}, h.json("/-/package/"+strings.ReplaceAll(name, "/", "%2f")+"/dist-tags"))
		require.Equal(t, tgz, h.do("GET", "/"+name+"/-/"+PackageName(name).Base()+"-1.0.0.tgz", "", nil).Body)
	}
	for _, path := range []string{"/_design", "/_design%2fregistry", "/_all_docs", "/_local%2fx", "/__proto__", "/hasOwnProperty", "/caf%c3%a9", "/cafe%cc%81", "/%ef%bd%90", "/p%00", "/p%2f..%2fq", "/.git", "/node_modules"} {
		before := h.documents()
		res := h.tryPublish(h.bob, path[1:])
		require.GreaterOrEqual(t, res.Status, 400, "%s", path)
		require.NotEqual(t, 500, res.Status, "%s", path)
		require.Equal(t, before, h.documents())
	}
	h.legacy("JSONStream", "1.0.0")
	h.publish(h.bob, "JSONStream", "2.0.0") // a legacy name goes on
	require.Equal(t, 404, h.do("GET", "/jsonstream", "", nil).Status, "capitals make another name")
	require.Equal(t, 403, h.tryPublish(h.ann, "jsonstream").Status, "which is too similar")
	require.Equal(t, 400, h.tryPublish(h.bob, "NewCapitals").Status)
	h.legacy("Case", "1.0.0") // names that differ by capitals alone, which a registry of old had
	h.legacy("case", "1.0.0")
	upper, lower := h.publish(h.bob, "Case", "2.0.0"), h.publish(h.bob, "case", "2.0.0", "next")
	require.Equal(t, upper, h.do("GET", "/Case/-/Case-2.0.0.tgz", "", nil).Body)
	require.Equal(t, lower, h.do("GET", "/case/-/case-2.0.0.tgz", "", nil).Body)
	require.Equal(t, "2.0.0", at(t, h.json("/Case"), "dist-tags", "latest"))
	require.Equal(t, "1.0.0", at(t, h.json("/case"), "dist-tags", "latest"))

	for _, long := range []string{"1.0.0-" + strings.Repeat("a", 100) + "+" + strings.Repeat("b", 100), "2.0.0-" + strings.Repeat("x", 250)} {
		h.publish(h.bob, "long", long)
		link := at(t, h.json("/long"), "versions", unbuilt(long), "dist", "tarball").(string)
		require.Equal(t, 200, h.do("GET", strings.TrimPrefix(link, h.url), "", nil).Status)
	}
	require.Equal(t, 400, h.tryVersion("long", "3.0.0-"+strings.Repeat("x", 251)).Status)
}

// legacy puts in a package of a name that is not given out any more.
func (h *house) legacy(name, version string) {
	raw := fmt.Sprintf(`{"name":%q,"dist-tags":{"latest":%q},"maintainers":[{"name":"bob"}],"time":{%[2]q:"2011-01-01T00:00:00.000Z"},"versions":{%[2]q:{"name":%[1]q,"version":%[2]q,"dist":{}}}}`, name, version)
	h.overwrite(name, json.RawMessage(raw))
	require.Eventually(h.t, func() bool { return h.do("GET", "/"+name, "", nil).Status == 200 }, 10*time.Second, 5*time.Millisecond)
}
