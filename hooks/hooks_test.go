package hooks

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDelivery(t *testing.T) {
	h := begin(t)
	h.publish("left", "1.0.0")
	r := receive(t, nil)
	hook := h.hook(Package, "left", r.URL)
	h.publish("left", "1.1.0")
	h.publish("other", "1.0.0")
	require.Equal(t, []string{"publish left@1.1.0"}, r.told(1))
	got := r.all()[0]
	require.Equal(t, "sha256="+sign("s3cret", got.body), got.signature)
	require.Equal(t, `{"dist-tag":"latest","version":"1.1.0"}`, marshal(t, got.Change))
	require.Equal(t, "ada", got.HookOwner.Username)
	require.Equal(t, "package", got.Type)
	require.InDelta(t, time.Now().UnixMilli(), got.Time, 60_000)
	var payload struct{ Versions map[string]any }
	require.NoError(t, json.Unmarshal(got.Payload, &payload))
	require.Len(t, payload.Versions, 2)
	h.empty()
	j, err := h.Journal(context.Background(), hook.ID)
	require.NoError(t, err)
	require.Equal(t, "true 200 1 true", strings.Join([]string{marshal(t, j.Delivered), marshal(t, j.Code), marshal(t, len(j.Attempts)), marshal(t, j.Failing.IsZero())}, " "))
	require.Equal(t, got.id, j.Attempts[0].Delivery)

	_, err = h.Remove(context.Background(), "ada", account, hook.ID)
	require.NoError(t, err)
	_, err = h.Get(context.Background(), "ada", account, hook.ID)
	require.ErrorIs(t, err, ErrAbsent)
	h.publish("left", "1.2.0")
	again := receive(t, nil)
	h.hook(Package, "left", again.URL)
	h.publish("left", "1.3.0")
	require.Equal(t, []string{"publish left@1.3.0"}, again.told(1))
	require.Len(t, r.all(), 1)
}

func marshal(t *testing.T, v any) string {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// TestEvents has each kind of event told by a scope's hook, in order.
func TestEvents(t *testing.T) {
	h := begin(t)
	r := receive(t, nil)
	h.publish("@acme/old", "1.0.0")
	h.hook(Scope, "@acme", r.URL)
	h.publish("@acme/a", "1.0.0")
	tags := func(doc dict) dict { return doc["dist-tags"].(dict) }
	version := func(doc dict) dict { return doc["versions"].(dict)["1.0.0"].(dict) }
	n := 1
	step := func(change func(dict), want string) {
		t.Helper()
		r.told(n)
		h.edit("@acme/a", change)
		n++
		lines := r.told(n)
		require.Equal(t, want, lines[n-1]+" "+marshal(t, r.all()[n-1].Change))
	}
	require.Equal(t, []string{"publish @acme/a@1.0.0"}, r.told(1))
	step(func(doc dict) { tags(doc)["next"] = "1.0.0" }, `dist-tag @acme/a@1.0.0 {"dist-tag":"next","version":"1.0.0"}`)
	step(func(doc dict) { delete(tags(doc), "next") }, `dist-tag-rm @acme/a@1.0.0 {"dist-tag":"next","version":"1.0.0"}`)
	step(func(doc dict) { version(doc)["deprecated"] = "no" }, `deprecated @acme/a@1.0.0 {"deprecated":"no","version":"1.0.0"}`)
	step(func(doc dict) { delete(version(doc), "deprecated") }, `undeprecated @acme/a@1.0.0 {"version":"1.0.0"}`)
	step(func(doc dict) { doc["maintainers"] = []any{dict{"name": "ada"}, dict{"name": "bob"}} }, `owner @acme/a@1.0.0 {"maintainer":"bob"}`)
	step(func(doc dict) { doc["maintainers"] = []any{dict{"name": "bob"}} }, `owner-rm @acme/a@1.0.0 {"maintainer":"ada"}`)
	step(func(doc dict) { doc["users"] = dict{"eve": true} }, `star @acme/a@1.0.0 {"user":"eve"}`)
	step(func(doc dict) { doc["users"] = dict{} }, `unstar @acme/a@1.0.0 {"user":"eve"}`)
	step(func(doc dict) { doc["readme"] = "more" }, `change @acme/a@1.0.0 {}`)
	h.publish("@acme/a", "2.0.0")
	n++
	step(func(doc dict) { delete(doc["versions"].(dict), "2.0.0"); tags(doc)["latest"] = "1.0.0" }, `unpublish @acme/a@2.0.0 {"version":"2.0.0"}`)
	n++
	require.Equal(t, `dist-tag @acme/a@1.0.0`, r.told(n)[n-1])
	step(func(doc dict) { delete(doc, "versions"); delete(doc, "dist-tags") }, `unpublish @acme/a@ {}`)
	require.Len(t, r.all(), n, "nothing was told twice, and nothing of what had been there")
}

// TestOwnerHooks has packages come to a user, and go.
func TestOwnerHooks(t *testing.T) {
	h := begin(t)
	r := receive(t, nil)
	h.publish("old", "1.0.0")
	h.edit("foreign", func(doc dict) {
		doc["versions"], doc["maintainers"] = dict{"1.0.0": dict{}}, []any{dict{"name": "bob"}}
		doc["time"].(dict)["1.0.0"] = "2020-01-01T00:00:00.000Z"
	})
	h.hook(Owner, "ada", r.URL)
	h.publish("old", "1.1.0")
	require.Equal(t, []string{"publish old@1.1.0"}, r.told(1))
	h.edit("foreign", func(doc dict) { doc["maintainers"] = []any{dict{"name": "bob"}, dict{"name": "ada"}} })
	require.Equal(t, "owner foreign@", r.told(2)[1], "the versions that it had are no news")
	h.edit("foreign", func(doc dict) { doc["maintainers"] = []any{dict{"name": "bob"}} })
	require.Equal(t, "owner-rm foreign@", r.told(3)[2])
	h.edit("foreign", func(doc dict) { doc["dist-tags"] = dict{"x": "1.0.0"} })
	h.publish("new", "1.0.0")
	require.Equal(t, "publish new@1.0.0", r.told(4)[3])
	require.Len(t, r.all(), 4)
}

// TestRetries has an endpoint fail for a while: the events of a package stay in their order, others go by.
func TestRetries(t *testing.T) {
	h := begin(t)
	fails := func(n int, w http.ResponseWriter, q *http.Request) {
		if n < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	r := receive(t, fails)
	hook := h.hook(Package, "left", r.URL)
	h.publish("left", "1.0.0")
	h.publish("left", "1.1.0")
	lines := r.told(5)
	require.Equal(t, []string{"publish left@1.0.0", "publish left@1.0.0", "publish left@1.0.0", "publish left@1.0.0", "publish left@1.1.0"}, lines)
	h.empty()
	j, err := h.Journal(context.Background(), hook.ID)
	require.NoError(t, err)
	require.True(t, j.Failing.IsZero())
	require.Equal(t, []int{1, 4, 3, 2, 1}, []int{j.Attempts[0].Number, j.Attempts[1].Number, j.Attempts[2].Number, j.Attempts[3].Number, j.Attempts[4].Number})
	require.Equal(t, 500, j.Attempts[4].Code)
	require.False(t, j.Attempts[4].Next.IsZero())
}

// TestDisabled has an endpoint fail for good, or say that it is gone.
func TestDisabled(t *testing.T) {
	for name, c := range map[string]struct{ code, attempts int }{"failing": {500, 5}, "gone": {410, 1}, "redirecting": {302, 5}} {
		t.Run(name, func(t *testing.T) {
			h := begin(t)
			r := receive(t, func(n int, w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.code)
			})
			hook := h.hook(Package, "left", r.URL)
			h.publish("left", "1.0.0")
			require.Eventually(t, func() bool { return h.known.of(hook.ID).Status == Disabled }, 20*time.Second, 2*time.Millisecond)
			h.empty()
			require.Len(t, r.all(), c.attempts)
			h.publish("left", "1.1.0")
			well := receive(t, nil)
			_, err := h.Update(context.Background(), "ada", account, hook.ID, well.URL, "another")
			require.NoError(t, err)
			h.publish("left", "1.2.0")
			require.Equal(t, []string{"publish left@1.2.0"}, well.told(1))
			require.Equal(t, "sha256="+sign("another", well.all()[0].body), well.all()[0].signature)
			require.Len(t, r.all(), c.attempts)
		})
	}
}

// TestCrashes ends the process between an event and its delivery, and between its checkpoints: nothing is missing.
func TestCrashes(t *testing.T) {
	h := begin(t)
	open := make(chan struct{})
	r := receive(t, func(n int, w http.ResponseWriter, q *http.Request) {
		select {
		case <-open:
		case <-q.Context().Done():
		}
	})
	h.hook(Package, "left", r.URL)
	h.publish("left", "1.0.0")
	r.told(1) // under way, not answered
	h.crash()
	h.publish("left", "1.1.0")
	r.told(2)
	h.crash()
	close(open)
	h.empty()
	last := ""
	seen := map[string]bool{}
	for _, line := range r.told(4) {
		require.GreaterOrEqual(t, line, last, "in order")
		last, seen[line] = line, true
	}
	require.Equal(t, map[string]bool{"publish left@1.0.0": true, "publish left@1.1.0": true}, seen)
	n := len(r.all())
	h.crash() // the feed is read from its beginning once more
	h.publish("left", "1.2.0")
	require.Equal(t, "publish left@1.2.0", r.told(n + 1)[n])
}

// TestRights has a package become one that the hook's owner may not read.
func TestRights(t *testing.T) {
	h := begin(t)
	r := receive(t, func(n int, w http.ResponseWriter, q *http.Request) {
		if n == 1 {
			h.hide("@acme/a", true) // while the next attempt is waited for
			w.WriteHeader(500)
		}
	})
	h.hook(Scope, "@acme", r.URL)
	h.publish("@acme/a", "1.0.0")
	r.told(1)
	h.publish("@acme/a", "1.1.0")
	r.told(2)
	h.empty()
	h.publish("@acme/a", "1.2.0")
	h.publish("@acme/b", "1.0.0")
	require.Equal(t, []string{"publish @acme/a@1.0.0", "publish @acme/a@1.1.0", "publish @acme/b@1.0.0"}, r.told(3))
	h.hide("@acme/a", false)
	h.publish("@acme/a", "1.3.0")
	require.Equal(t, "publish @acme/a@1.3.0", r.told(4)[3])
}

// TestRegions has a hook of another region, which is delivered there until it is updated here.
func TestRegions(t *testing.T) {
	h := begin(t, func(o *Options) { o.Region = "eu" })
	r := receive(t, nil)
	there := Hook{ID: "abc", Type: Package, Name: "left", Username: "ada", Account: account, Endpoint: r.URL, Secret: "x", Region: "us", Status: Active, Created: account, Updated: account}
	_, err := h.Hooks.db.Put(context.Background(), hookPrefix+there.ID, there)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.known.of("abc") != nil }, 10*time.Second, time.Millisecond)
	h.publish("left", "1.0.0")
	here := receive(t, nil)
	h.hook(Package, "left", here.URL)
	h.publish("left", "1.1.0")
	require.Equal(t, []string{"publish left@1.1.0"}, here.told(1))
	require.Empty(t, r.all())
	_, err = h.Update(context.Background(), "ada", account, "abc", r.URL, "y")
	require.NoError(t, err)
	h.publish("left", "1.2.0")
	require.Equal(t, []string{"publish left@1.2.0"}, r.told(1))
}

func TestInvalidHooks(t *testing.T) {
	h := begin(t)
	fine := Hook{Type: Package, Name: "left", Username: "ada", Account: account, Endpoint: "https://example.com/hook?x=1", Secret: "s"}
	for name, change := range map[string]func(*Hook){
		"no name": func(h *Hook) { h.Name = "" }, "long name": func(h *Hook) { h.Name = strings.Repeat("x", 300) }, "type": func(h *Hook) { h.Type = "all" },
		"scope": func(h *Hook) { h.Type = Scope }, "scope of a package": func(h *Hook) { h.Type, h.Name = Scope, "@a/b" }, "no secret": func(h *Hook) { h.Secret = "" },
		"loopback": func(h *Hook) { h.Endpoint = "http://127.0.0.2/" }, "v6": func(h *Hook) { h.Endpoint = "http://[::1]:80/" }, "mapped": func(h *Hook) { h.Endpoint = "http://[::ffff:10.0.0.1]/" },
		"metadata": func(h *Hook) { h.Endpoint = "http://169.254.169.254/latest" }, "ftp": func(h *Hook) { h.Endpoint = "ftp://example.com/" }, "no host": func(h *Hook) { h.Endpoint = "http:///x" },
		"password": func(h *Hook) { h.Endpoint = "https://a:b@example.com/" }, "nonsense": func(h *Hook) { h.Endpoint = "::" }, "long": func(h *Hook) { h.Endpoint += strings.Repeat("x", 3000) }, "fragment": func(h *Hook) { h.Endpoint += "#x" },
	} {
		hook := fine
		change(&hook)
		_, err := h.Create(context.Background(), hook)
		require.ErrorAs(t, err, new(Invalid), name)
	}
	for range MostHooks {
		_, err := h.Create(context.Background(), fine)
		require.NoError(t, err)
	}
	_, err := h.Create(context.Background(), fine)
	require.ErrorIs(t, err, ErrTooMany)
	other := fine
	other.Username = "bob"
	_, err = h.Create(context.Background(), other)
	require.NoError(t, err)
	list, err := h.Of(context.Background(), "bob", account, "")
	require.NoError(t, err)
	require.Len(t, list, 1)
	_, err = h.Get(context.Background(), "bob", account.Add(time.Hour), list[0].ID)
	require.ErrorIs(t, err, ErrAbsent, "another account of that name")
}
