package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/hooks"
)

// hooking is a registry with hooks, which may lead to this machine.
func hooking(t *testing.T) *house {
	h := open(t)
	k, err := hooks.Open(context.Background(), h.client, hooks.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Pauses: []time.Duration{20 * time.Millisecond}})
	require.NoError(t, err)
	h.Registry.o.Hooks = k
	k.Start(h.Hooked())
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	return h
}

// endpoint receives hooks: "event name@version" of each.
func endpoint(t *testing.T) (string, <-chan string) {
	got := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, err := io.ReadAll(q.Body)
		var n struct {
			Event, Name, Version string
			HookOwner            struct{ Username string }
			Payload              map[string]any
		}
		if err == nil && json.Unmarshal(raw, &n) == nil {
			got <- fmt.Sprintf("%s %s@%s to %s: %v", n.Event, n.Name, n.Version, n.HookOwner.Username, n.Payload["name"])
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestHooks(t *testing.T) {
	h := hooking(t)
	url, got := endpoint(t)
	next := func(want string) {
		t.Helper()
		select {
		case line := <-got:
			require.Equal(t, want, line)
		case <-time.After(20 * time.Second):
			require.Fail(t, "nothing came", want)
		}
	}
	h.publish(h.bob, "left", "1.0.0")
	const path = "/-/npm/v1/hooks/hook"
	sent := dict{"type": "package", "name": "left", "endpoint": url, "secret": "s3cret-of-hooks"}
	require.Equal(t, 401, h.do("POST", path, "", sent).Status)
	made := h.do("POST", path, h.ann, sent)
	require.Equal(t, 200, made.Status, "%s", made.Body)
	require.NotContains(t, string(made.Body), "s3cret")
	hook := made.JSON()
	id := hook["id"].(string)
	require.Equal(t, []any{"ann", "left", "package", "active", false, nil}, []any{hook["username"], hook["name"], hook["type"], hook["status"], hook["delivered"], hook["last_delivery"]})

	h.publish(h.bob, "left", "1.1.0")
	next("package:publish left@1.1.0 to ann: left")
	require.Equal(t, 201, h.do("PUT", "/-/package/left/dist-tags/next", h.bob, "1.0.0").Status)
	next("package:dist-tag left@1.0.0 to ann: left")
	require.Eventually(t, func() bool { return h.do("GET", path+"/"+id, h.ann, nil).JSON()["response_code"] == 200.0 }, 10*time.Second, 5*time.Millisecond)
	list := h.do("GET", "/-/npm/v1/hooks?package=left", h.ann, nil).JSON()
	require.EqualValues(t, 1, list["total"])
	require.Equal(t, true, list["objects"].([]any)[0].(dict)["delivered"])
	log := h.do("GET", path+"/"+id+"/deliveries", h.ann, nil).JSON()["objects"].([]any)
	require.Equal(t, "package:publish", log[len(log)-1].(dict)["event"])
	for _, who := range []string{h.bob, h.root} {
		require.Equal(t, 404, h.do("GET", path+"/"+id, who, nil).Status, "it is ann's")
		require.Equal(t, 404, h.do("GET", path+"/"+id+"/deliveries", who, nil).Status)
		require.Equal(t, 404, h.do("DELETE", path+"/"+id, who, nil).Status)
		require.Equal(t, 404, h.do("PUT", path+"/"+id, who, dict{"endpoint": url, "secret": "x"}).Status)
		require.EqualValues(t, 0, h.do("GET", "/-/npm/v1/hooks", who, nil).JSON()["total"])
	}
	for _, wrong := range []dict{{"endpoint": "http://10.0.0.1/"}, {"endpoint": "nowhere"}, {"secret": ""}, {"type": "all"}} {
		for name, value := range sent {
			if _, has := wrong[name]; !has {
				wrong[name] = value
			}
		}
		require.Equal(t, 400, h.do("POST", path, h.ann, wrong).Status, "%v", wrong)
	}
	require.Equal(t, 404, h.do("POST", path, h.ann, dict{"type": "package", "name": "none", "endpoint": url, "secret": "x"}).Status)
	require.Equal(t, 404, h.do("POST", path, h.ann, dict{"type": "owner", "name": "nobody-here", "endpoint": url, "secret": "x"}).Status)
	require.Equal(t, 403, h.do("GET", "/-/npm/v1/hooks", h.granular(h.ann), nil).Status)

	require.Equal(t, 200, h.do("POST", path, h.ann, dict{"type": "owner", "name": "bob", "endpoint": url, "secret": "x"}).Status)
	h.publish(h.bob, "@acme/right", "1.0.0")
	next("package:publish @acme/right@1.0.0 to ann: @acme/right")
	removed := h.do("DELETE", path+"/"+id, h.ann, nil)
	require.Equal(t, 200, removed.Status)
	require.Equal(t, true, removed.JSON()["deleted"])
	require.Equal(t, 404, h.do("GET", path+"/"+id, h.ann, nil).Status)

	// What ann may not read she is not told of.
	require.Equal(t, 200, h.do("POST", "/-/package/@acme%2fright/access", h.bob, dict{"access": "restricted"}).Status)
	h.publish(h.bob, "@acme/right", "1.1.0")
	require.Equal(t, 404, h.do("POST", path, h.ann, dict{"type": "package", "name": "@acme/right", "endpoint": url, "secret": "x"}).Status)
	require.Equal(t, 200, h.do("DELETE", "/@acme%2fright/-rev/"+h.revision(h.bob, "@acme/right"), h.bob, nil).Status)
	h.publish(h.bob, "third", "1.0.0")
	next("package:publish third@1.0.0 to ann: third")
}

// granular is a token of a user for one package.
func (h *house) granular(token string) string {
	res := h.do("POST", "/-/npm/v1/tokens", token, dict{"password": "secret-ann", "name": "ci", "packages": []any{"left"}, "packages_and_scopes_permission": "read-write"})
	require.Equal(h.t, 201, res.Status, "%s", res.Body)
	return res.JSON()["token"].(string)
}

func (h *house) revision(token, name string) string {
	return h.do("GET", "/"+name+"?write=true", token, nil).JSON()["_rev"].(string)
}
