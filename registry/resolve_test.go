package registry

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// two are two regions, the second a little later by its clock.
func two(t *testing.T) (w *world, eu, us *house) {
	w = newWorld(t, thrown(t), 2)
	return w, w.regions[0], w.regions[1]
}

func (w *world) must(r reply) {
	w.t.Helper()
	require.Equal(w.t, 201, r.Status, "%s", r.Body)
}

// TestOneNumberInTwoRegions publishes one number with different bytes in two regions.
func TestOneNumberInTwoRegions(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.exchange()
	w.must(w.publish(eu, "bob", "1.0.1", "latest", 11))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 12))
	w.must(w.publish(us, "bob", "1.0.2", "latest", 13))
	early, late := w.acks[1].integrity, w.acks[2].integrity
	require.Equal(t, 200, us.do("GET", "/p/-/p-1.0.1.tgz", "", nil).Status, "and is in its cache")

	w.pull(eu, us) // in conflict, and nobody resolves yet
	require.Eventually(t, func() bool {
		return at(t, us.do("GET", "/p", "", nil).JSON(), "versions", "1.0.1", "dist", "integrity") == early
	}, 10*time.Second, time.Millisecond, "the loser is not served any more")
	doc := us.do("GET", "/p", "", nil).JSON()
	require.Len(t, doc["versions"], 3, "what was acknowledged is there")
	require.Equal(t, dict{"latest": "1.0.2"}, doc["dist-tags"])
	require.NotContains(t, doc, marksName)
	short := us.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).JSON()
	require.Equal(t, early, at(t, short, "versions", "1.0.1", "dist", "integrity"))
	require.Equal(t, 404, us.do("GET", "/p/-/p-1.0.1.tgz", "", nil).Status, "the winner's bytes are not here yet, the loser's are not served")

	w.heal()
	require.Equal(t, []Loss{{"p", "1.0.1", late, "2026-01-01T00:00:00.001Z", "bob", false}}, w.records(eu))
	require.Equal(t, w.records(eu), w.records(us))
	for _, h := range w.regions {
		res := w.publish(h, "bob", "1.0.1", "latest", 12)
		require.Equal(t, 403, res.Status)
		require.Equal(t, "You cannot publish over the previously published versions: 1.0.1. p@1.0.1, which you published at 2026-01-01T00:00:00.001Z, "+
			"is not served: the number was published earlier in another region, with other content. Publish yours under a new number.", res.JSON()["error"])
		require.Contains(t, res.Header.Get("npm-notice"), "p@1.0.1, which you published at")
		require.Equal(t, 201, w.publish(h, "bob", "1.0.1", "latest", 11).Status, "the winner's publish sent again")
		require.Contains(t, h.do("GET", "/p?write=true", h.bob, nil).Header.Get("npm-notice"), "p@1.0.1")
		require.Contains(t, h.do("PUT", "/-/package/p/dist-tags/old", h.bob, "1.0.0").Header.Get("npm-notice"), "p@1.0.1")
		require.Empty(t, h.do("GET", "/p?write=true", h.ann, nil).Header.Get("npm-notice"), "only who lost is told")
		require.Empty(t, h.do("GET", "/p", h.bob, nil).Header.Get("npm-notice"), "what caches may keep tells nobody")
		h.clock.Pass(noticeTime + time.Second)
		require.Empty(t, h.do("GET", "/p?write=true", h.bob, nil).Header.Get("npm-notice"), "nor for ever")
	}
}

// TestOneNameInTwoRegions makes a package of one name in two regions at once.
func TestOneNameInTwoRegions(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "ann", "6.6.6", "latest", 11))
	w.heal()
	for _, h := range w.regions {
		doc := h.do("GET", "/p", h.ann, nil).JSON()
		require.Equal(t, []any{dict{"name": "bob", "email": "bob@example.com"}}, doc["maintainers"])
		require.Len(t, doc["versions"], 1)
		require.Contains(t, doc["versions"], "1.0.0")
		require.NotContains(t, doc["time"], "6.6.6")
		require.Equal(t, dict{"latest": "1.0.0"}, doc["dist-tags"])
		require.Equal(t, 404, h.do("GET", "/p/-/p-6.6.6.tgz", "", nil).Status)
		res := w.publish(h, "ann", "6.6.7", "latest", 11)
		require.Equal(t, 403, res.Status)
		require.Contains(t, res.JSON()["error"], "the package was made earlier in another region by somebody else. Choose another name.")
		require.Contains(t, res.Header.Get("npm-notice"), "p@6.6.6")
	}
	require.Len(t, w.records(us), 1)
	require.True(t, w.records(us)[0].Name)
	w.must(w.publish(us, "bob", "1.0.1", "latest", 12))
	w.heal()
	require.Equal(t, "1.0.1", at(t, eu.do("GET", "/p", "", nil).JSON(), "dist-tags", "latest"))
}

// TestOneOwnerInTwoRegions makes one's new package in two regions: it is one package.
func TestOneOwnerInTwoRegions(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 11))
	w.heal()
	require.Len(t, eu.do("GET", "/p", "", nil).JSON()["versions"], 2)
	require.Empty(t, w.records(eu))
}

// TestOneAccountNameInTwoRegions makes an account of one name in two regions, and a package in
// each: one account will go, and its versions are not in the other's package.
func TestOneAccountNameInTwoRegions(t *testing.T) {
	w, eu, us := two(t)
	us.adduser("eve")
	time.Sleep(2 * time.Millisecond) // accounts are made by the system's clock
	eu.adduser("eve")
	w.begin("p")
	tgz := sampleTarball(t, "p", "1.0.0", 10)
	token := eu.login("eve", "secret-eve")
	require.Equal(t, 201, eu.do("PUT", "/p", token, publishing("p", "1.0.0", tgz)).Status)
	require.Equal(t, 201, us.do("PUT", "/p", us.login("eve", "secret-eve"), publishing("p", "1.0.1", sampleTarball(t, "p", "1.0.1", 10))).Status)
	w.exchange()
	w.resolve(us)
	require.Contains(t, us.do("GET", "/p", "", nil).JSON()["versions"], "1.0.0")
	require.NotContains(t, us.do("GET", "/p", "", nil).JSON()["versions"], "1.0.1")
}

// TestPublishIntoConflict publishes to a package whose leaves nobody has resolved.
func TestPublishIntoConflict(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 11))
	w.exchange()
	w.must(w.publish(eu, "bob", "1.0.2", "latest", 12))
	p := parsePackument("p", w.read(eu))
	require.Empty(t, p.conflicts, "merged first")
	require.Len(t, p.versions, 3)
	require.Len(t, p.closed, 1)
	require.Equal(t, 403, w.publish(us, "bob", "1.0.0", "latest", 13).Status, "taken by the other leaf")
	w.heal()
}

// TestSweepSparesConflicts sweeps while a leaf that does not win names a blob.
func TestSweepSparesConflicts(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 11))
	w.exchange()
	for _, h := range w.regions {
		h.clock.Set(time.Now().Add(48 * time.Hour))
		swept, err := h.Sweep(t.Context(), SweepOptions{})
		require.NoError(t, err)
		require.Equal(t, Swept{Looked: 1}, swept)
	}
	w.heal()
	swept, err := us.Sweep(t.Context(), SweepOptions{})
	require.NoError(t, err)
	require.Equal(t, Swept{Looked: 1}, swept)
}

// TestResolverFollows runs the resolver as regions do.
func TestResolverFollows(t *testing.T) {
	w, eu, us := two(t)
	for _, h := range w.regions {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = replicate.NewFollower(h.client.DB(Database), replicate.FollowerOptions{Name: "resolve", Conflicts: true, Handle: h.Resolve}).Run(ctx)
		}()
		t.Cleanup(func() { stop(); <-done })
	}
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 11))
	w.exchange()
	require.Eventually(t, func() bool {
		a, b := parsePackument("p", w.read(eu)), parsePackument("p", w.read(us))
		return len(a.conflicts) == 0 && len(b.conflicts) == 0 && a.rev == b.rev && len(a.versions) == 2
	}, 10*time.Second, 5*time.Millisecond)
	w.heal()
}

// TestOtherRevisionsEndToo lets two regions whose databases count revisions differently come
// to the same body: the second merge closes a leaf and writes no other.
func TestOtherRevisionsEndToo(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.must(w.publish(us, "bob", "1.0.1", "latest", 11))
	w.exchange()
	w.resolve(eu)
	merged := parsePackument("p", w.read(eu))
	// As a CouchDB would have written it: other revision, other spelling of the same JSON.
	var body dict
	require.NoError(t, json.Unmarshal(w.read(eu), &body))
	for _, own := range []string{"_conflicts", "_deleted_conflicts"} {
		delete(body, own)
	}
	parent := parsePackument("p", w.read(us))
	body["_rev"] = "2-ffffffffffffffffffffffffffffffff"
	body["_revisions"] = dict{"start": 2, "ids": []string{"ffffffffffffffffffffffffffffffff", parent.rev[2:]}}
	_, err := us.client.DB(Database).Put(t.Context(), "p", body, kivik.Param("new_edits", false))
	require.NoError(t, err)
	w.resolve(us)
	w.exchange()
	w.heal()
	p := parsePackument("p", w.read(us))
	require.Equal(t, "2-ffffffffffffffffffffffffffffffff", p.rev, "nobody wrote another")
	require.NotEqual(t, merged.rev, p.rev)
	require.True(t, merged.same(p))
}

// TestClocksApart lets a region's clock be an hour behind, or ahead: what was done in knowledge of another edit wins
// all the same; only what was done apart goes by the clocks, and all agree about it.
func TestClocksApart(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"behind": -time.Hour, "ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w, eu, us := two(t)
			us.clock.Pass(wrong)
			w.begin("p")
			w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
			w.exchange()
			// One after the other, each knowing what was before.
			for i, h := range []*house{us, eu, us} {
				version := []string{"1.0.1", "1.0.2", "1.0.3"}[i]
				w.must(w.publish(h, "bob", version, "latest", 11+i))
				w.exchange()
				require.Equal(t, version, at(t, h.do("GET", "/p", "", nil).JSON(), "dist-tags", "latest"))
			}
			require.Equal(t, 403, w.publish(us, "bob", "1.0.2", "latest", 20).Status, "a number that is known stays, whatever the clock says")
			for i, h := range []*house{eu, us, eu} {
				sent := w.fetch(h, "bob")
				at(t, sent, "versions", "1.0.0").(dict)["deprecated"] = []string{"one", "two", "three"}[i]
				w.must(h.do("PUT", "/p", h.bob, sent))
				w.must(h.do("PUT", "/-/package/p/dist-tags/next", h.bob, []string{"1.0.0", "1.0.1", "1.0.2"}[i]))
				w.exchange()
			}
			w.heal()
			for _, h := range w.regions {
				doc := h.do("GET", "/p", "", nil).JSON()
				require.Equal(t, dict{"latest": "1.0.3", "next": "1.0.2"}, doc["dist-tags"], "who knew the other was last")
				require.Equal(t, "three", at(t, doc, "versions", "1.0.0", "deprecated"))
				require.Len(t, doc["versions"], 4)
				require.Empty(t, w.records(h))
			}

			// Apart: the clock that is behind wins the number.
			w.must(w.publish(eu, "bob", "2.0.0", "latest", 30))
			w.must(w.publish(us, "bob", "2.0.0", "latest", 31))
			eus, uss := w.acks[4].integrity, w.acks[5].integrity
			won, lost := eus, uss
			if wrong < 0 {
				won, lost = uss, eus
			}
			w.heal()
			for _, h := range w.regions {
				require.Equal(t, won, at(t, h.do("GET", "/p", "", nil).JSON(), "versions", "2.0.0", "dist", "integrity"))
				require.Len(t, w.records(h), 1)
				require.Equal(t, lost, w.records(h)[0].Integrity)
			}
		})
	}
}

// TestClockJumps sets a region's clock back between its own edits: none is undone by the other's merge.
func TestClockJumps(t *testing.T) {
	w, eu, us := two(t)
	w.begin("p")
	w.must(w.publish(eu, "bob", "1.0.0", "latest", 10))
	w.exchange()
	w.must(eu.do("PUT", "/-/package/p/dist-tags/next", eu.bob, "1.0.0"))
	eu.clock.Pass(-24 * time.Hour)
	w.must(w.publish(eu, "bob", "1.0.1", "latest", 11))
	require.Equal(t, 201, eu.do("DELETE", "/-/package/p/dist-tags/next", eu.bob, nil).Status)
	w.must(w.publish(us, "bob", "1.0.2", "other", 12))
	w.heal()
	doc := us.do("GET", "/p", "", nil).JSON()
	require.Equal(t, dict{"latest": "1.0.1", "other": "1.0.2"}, doc["dist-tags"])
	require.Len(t, doc["versions"], 3)
}
