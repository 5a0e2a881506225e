package registry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/downloads"
)

// counting is a registry that counts downloads.
func counting(t *testing.T, settings ...setting) *house {
	h := open(t, settings...)
	counted, err := downloads.Open(t.Context(), h.client, downloads.Options{Interval: time.Hour, Now: h.clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counted.Close()) })
	h.Registry.o.Downloads = counted
	return h
}

func (h *house) rev(name string) string {
	return h.do("GET", "/"+name+"?write=true", h.root, nil).JSON()["_rev"].(string)
}

func (h *house) unpublish(token, name string) reply {
	return h.do("DELETE", "/"+name+"/-rev/"+h.rev(name), token, nil)
}

func (h *house) unpublishVersion(token, name, version string) reply {
	doc := h.do("GET", "/"+name+"?write=true", h.root, nil).JSON()
	delete(doc["versions"].(dict), version)
	return h.do("PUT", "/"+name+"/-rev/"+doc["_rev"].(string), token, doc)
}

// TestUnpublishPolicy asks for what was published 71 and 73 hours ago.
func TestUnpublishPolicy(t *testing.T) {
	const no = "You can no longer unpublish this package.\nFailed criteria: \n"
	tests := []struct {
		name    string
		set     setting
		age     time.Duration
		prepare func(h *house)
		failed  string // "": it may be
	}{
		{"young", nil, 71 * time.Hour, func(h *house) { h.send(h.ann, "user", "1.0.0", dict{"dependencies": dict{"p": "*"}}) }, ""},
		{"old, and nobody needs it", nil, 73 * time.Hour, func(*house) {}, ""},
		{"old, and only itself needs it", nil, 73 * time.Hour, func(h *house) { h.send(h.bob, "p", "1.0.1", dict{"dependencies": dict{"p": "*"}}) }, ""},
		{"old, and somebody needs it", nil, 73 * time.Hour, func(h *house) { h.send(h.ann, "user", "1.0.0", dict{"dependencies": dict{"p": "*"}}) }, "has dependent packages in the registry"},
		{"old, and needed as a peer", nil, 73 * time.Hour, func(h *house) { h.send(h.ann, "user", "1.0.0", dict{"peerDependencies": dict{"p": "*"}}) }, "has dependent packages in the registry"},
		{"old, and of two", nil, 73 * time.Hour, func(h *house) {
			owners := []any{dict{"name": "bob"}, dict{"name": "ann"}}
			require.Equal(h.t, 201, h.do("PUT", "/p/-rev/"+h.rev("p"), h.bob, dict{"_id": "p", "maintainers": owners}).Status)
		}, "has more than one owner"},
		{"old, and fetched often", func(_ *couch.Options, o *Options) { o.UnpublishDownloads = 3 }, 73 * time.Hour, func(h *house) {
			h.clock.Pass(73 * time.Hour)
			for range 3 {
				require.Equal(h.t, 200, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Status)
			}
		}, "has 3 or more downloads in the last week"},
		{"old, and that is too late", func(_ *couch.Options, o *Options) { o.UnpublishDownloads = -1 }, 73 * time.Hour, func(*house) {}, "was published more than 72 hours ago"},
		{"never", func(_ *couch.Options, o *Options) { o.UnpublishWithin, o.UnpublishDownloads = -1, -1 }, 0, func(*house) {}, "is in a registry whose administrators alone unpublish"},
		{"a shorter time", func(_ *couch.Options, o *Options) { o.UnpublishWithin, o.UnpublishDownloads = time.Hour, -1 }, 2 * time.Hour, func(*house) {}, "was published more than 1 hours ago"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var settings []setting
			if test.set != nil {
				settings = append(settings, test.set)
			}
			h := counting(t, settings...)
			h.publish(h.bob, "p", "0.9.0")
			h.publish(h.bob, "p", "1.0.0")
			start := h.clock.Now()
			test.prepare(h)
			h.clock.Set(start.Add(test.age))
			one, all := h.unpublishVersion(h.bob, "p", "0.9.0"), h.unpublish(h.bob, "p")
			if test.failed == "" {
				require.Equal(t, 201, one.Status, "%s", one.Body)
				require.Equal(t, 200, all.Status, "%s", all.Body)
				return
			}
			for of, res := range map[string]reply{"p@0.9.0": one, "p": all} {
				require.Equal(t, 405, res.Status)
				require.True(t, strings.HasPrefix(res.JSON()["error"].(string), no+test.failed), "%s", res.Body)
				require.Contains(t, res.JSON()["error"], "npm deprecate -f '"+of+"'")
			}
			require.Equal(t, 403, h.unpublish(h.adduser("cy"), "p").Status, "others hear nothing of the policy")
			require.Equal(t, 200, h.unpublish(h.root, "p").Status, "admins may")
		})
	}
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.clock.Pass(73 * time.Hour)
	require.Contains(t, h.unpublish(h.bob, "p").JSON()["error"], "downloads that nobody counted")
}
