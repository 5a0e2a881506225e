package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/manifest"
)

func (h *house) tryPublish(token, name string) reply {
	return h.do("PUT", "/"+name, token, publishDoc(h.t, name, "1.0.0", sampleTarball(h.t, name, "1.0.0", 10)))
}

func TestSimilarNamesAreRefused(t *testing.T) {
	h := open(t)
	legacy := parsePackument("LegacyName", []byte(`{"name":"LegacyName","versions":{},"time":{}}`))
	_, err := h.db.Put(t.Context(), "LegacyName", json.RawMessage(legacy.encode()))
	require.NoError(t, err)
	h.publish(h.bob, "blue-green", "1.0.0")
	h.publish(h.bob, "yellowbrown", "1.0.0")
	h.publish(h.bob, "@bob/red-pink", "1.0.0")
	documents, blobs := h.documents(), h.stored()
	for name, existing := range map[string]string{
		"bluegreen": "blue-green", "blue.green": "blue-green", "blue_green": "blue-green", "yellow-brown": "yellowbrown", "legacyname": "LegacyName", "legacy-name": "LegacyName",
		"re-act": "react", "lo_dash": "lodash",
	} {
		res := h.tryPublish(h.ann, name)
		require.Equal(t, 403, res.Status, name)
		require.Equal(t, "Package name too similar to existing package "+existing+"; try renaming your package to '@ann/"+name+"' and publishing with 'npm publish --access=public' instead", res.JSON()["error"])
	}
	require.Equal(t, documents, h.documents())
	require.Equal(t, blobs, h.stored())
	for _, name := range []string{"red-pink", "@ann/blue_green", "bluegreener"} {
		require.Equal(t, 201, h.tryPublish(h.ann, name).Status, name)
	}
	require.Equal(t, 201, h.tryPublish(h.root, "bluegreen").Status, "an admin knows")
	h.publish(h.bob, "blue-green", "1.1.0") // what is there stays

	require.Contains(t, strings.Join(h.tryPublish(h.bob, "expresss").Header.Values("npm-notice"), " "), "nearly that of the popular package express")
	require.Contains(t, strings.Join(h.tryPublish(h.bob, "express").Header.Values("npm-notice"), " "), "express is a popular package elsewhere too")
}

func TestSimilarNamesComeAndGo(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "first", "1.0.0") // reads the names
	elsewhere := parsePackument("far-away", []byte(`{"name":"far-away","versions":{},"time":{}}`))
	rev, err := h.client.DB(Database).Put(t.Context(), "far-away", json.RawMessage(elsewhere.encode()))
	require.NoError(t, err)
	require.Eventually(t, func() bool { // asked of the names: a publish that came too early would succeed, and stay
		h.unscoped.mu.Lock()
		defer h.unscoped.mu.Unlock()
		return h.unscoped.by["faraway"] == "far-away"
	}, 10*time.Second, 5*time.Millisecond, "by the feed")
	require.Equal(t, 403, h.tryPublish(h.bob, "faraway").Status)
	h.unscoped.forget()
	require.Equal(t, 403, h.tryPublish(h.bob, "faraway").Status, "and read again")
	_, err = h.client.DB(Database).Delete(t.Context(), "far-away", rev)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.tryPublish(h.bob, "faraway").Status == 201 }, 10*time.Second, 5*time.Millisecond)
}

// TestSimilarNamesAtOnce has many publish names at one moment of which one may be.
func TestSimilarNamesAtOnce(t *testing.T) {
	h := open(t)
	spelt := []string{"purplewhite", "purple-white", "purple_white", "purple.white", "pur-ple-white"}
	var won atomic.Int32
	var all sync.WaitGroup
	for _, name := range spelt {
		for _, who := range []string{h.bob, h.ann} {
			all.Go(func() {
				switch res := h.tryPublish(who, name); res.Status {
				case 201:
					won.Add(1)
				case 403:
				default:
					t.Errorf("status %d: %s", res.Status, res.Body)
				}
			})
		}
	}
	all.Wait()
	require.EqualValues(t, 1, won.Load())
	require.Equal(t, 2, h.documents(), "it and the design document")
}

// TestOtherPopularNames compares new names with the list that the operator gives, and no other.
func TestOtherPopularNames(t *testing.T) {
	names, err := manifest.ParsePopular([]byte("our-famous-one\n"))
	require.NoError(t, err)
	h := open(t, func(_ *couch.Options, o *Options) { o.Popular = names })
	res := h.do("PUT", "/ourfamousone", h.bob, publishDoc(t, "ourfamousone", "1.0.0", sampleTarball(t, "ourfamousone", "1.0.0", 5)))
	require.Equal(t, 403, res.Status)
	require.Contains(t, res.JSON()["error"], "our-famous-one")
	h.publish(h.bob, "lo-dash", "1.0.0")
}

func TestNamesAreBounded(t *testing.T) {
	n := newUnscoped(func(_ context.Context, each func(PackageName)) error {
		for i := range mostNames + 1000 {
			each(PackageName(fmt.Sprintf("a-%d", i)))
		}
		return nil
	})
	other, _, err := n.take(t.Context(), "a7")
	require.NoError(t, err)
	require.EqualValues(t, "a-7", other)
	require.Len(t, n.by, mostNames)
}

func BenchmarkNames(b *testing.B) {
	n := newUnscoped(func(_ context.Context, each func(PackageName)) error {
		for i := range 200_000 {
			each(PackageName(fmt.Sprintf("some-package-%d", i)))
		}
		return nil
	})
	b.ReportAllocs()
	for b.Loop() {
		_, release, err := n.take(b.Context(), "one-new-name")
		require.NoError(b, err)
		release()
	}
}
