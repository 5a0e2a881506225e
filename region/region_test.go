package region_test

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/region"
)

// What is written in one region is in the other: packages, their blobs, accounts, tokens.
func TestRegionsShare(t *testing.T) {
	eu, us, _, _ := pair(t, 0)
	ada := eu.signUp("ada")
	plain := fixtures.Named(t, "plain")
	status, answer := eu.publish(ada, plain)
	require.Equal(t, 201, status, answer)
	eventually(t, func() bool { return us.packument("left-hand") != "" })
	require.JSONEq(t, eu.packument("left-hand"), us.packument("left-hand"))
	status, _, tarball := us.tarballOf(plain)
	require.Equal(t, 200, status)
	require.Equal(t, string(plain.Tarball(t)), tarball)

	eventually(t, func() bool {
		status, _, who := ask(t, "GET", us.npm.URL+"/-/whoami", ada, "")
		return status == 200 && strings.Contains(who, "ada")
	}, "her token")
	status, _, _ = ask(t, "GET", us.npm.URL+"/-/whoami", basic("ada:password-of-ada"), "")
	require.Equal(t, 200, status, "her password")
	status, answer = us.publish(ada, plain.At("1.1.0"))
	require.Equal(t, 201, status, answer)
	eventually(t, func() bool { return strings.Contains(eu.packument("left-hand"), "1.1.0") })
	status, _, _ = eu.tarballOf(plain.At("1.1.0"))
	require.Equal(t, 200, status)
}

// Design documents, and databases that are not shared, stay where they are; a shared one that is
// missing is made for admins only.
func TestWhatStays(t *testing.T) {
	toUS := fixtures.NewLink(t, 0)
	us := newNode(t, "us", toUS, false)
	require.NoError(t, us.client.CreateDB(t.Context(), "hooks"))
	require.NoError(t, us.client.DB("hooks").SetSecurity(t.Context(), &kivik.Security{}))
	require.NoError(t, us.client.CreateDB(t.Context(), "upstream"))
	for _, name := range []string{"hooks", "upstream", "registry"} {
		for _, id := range []string{"_design/mine", "doc"} {
			_, err := us.client.DB(name).Put(t.Context(), id, map[string]any{"from": "us"})
			require.NoError(t, err)
		}
	}
	eu := newNode(t, "eu", nil, false, at("us", toUS))
	eventually(t, func() bool { return eu.client.DB("hooks").Get(t.Context(), "doc").Err() == nil })
	eventually(t, func() bool { return eu.client.DB("registry").Get(t.Context(), "doc").Err() == nil })
	for _, name := range []string{"hooks", "registry"} {
		require.Equal(t, 404, kivik.HTTPStatus(eu.client.DB(name).Get(t.Context(), "_design/mine").Err()), name)
	}
	exists, err := eu.client.DBExists(t.Context(), "upstream")
	require.NoError(t, err)
	require.False(t, exists)
	security, err := eu.client.DB("hooks").Security(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"_admin"}, security.Members.Roles)
	require.Equal(t, region.Absent, eu.region.Status().Peers["us"].Databases["advisories"].State)
	require.Zero(t, eu.region.Status().Peers["us"].Databases["advisories"].LagSeconds)
	require.Equal(t, 404, kivik.HTTPStatus(us.client.DB("hooks").Get(t.Context(), "_design/registry").Err()), "nothing was brought back")
}

// A tarball that is not here is read through; while the peer is away its version is still told of, and
// the request for it says what is wrong.
func TestReadThrough(t *testing.T) {
	eu, us, _, toUS := pair(t, 0)
	ada := us.signUp("ada")
	plain := fixtures.Named(t, "plain")
	status, answer := us.publish(ada, plain)
	require.Equal(t, 201, status, answer)
	eventually(t, func() bool { return eu.packument("left-hand") != "" })
	eventually(t, func() bool { return holds(t, eu) == 1 }, "the blob came without a reader")

	toUS.Cut()
	status, _, _ = eu.tarballOf(plain)
	require.Equal(t, 200, status, "the peer is away, the blob is here")
	eventually(t, func() bool { return eu.region.Status().Peers["us"].Databases["registry"].State == region.Broken })
	require.NotEmpty(t, eu.region.Status().Peers["us"].Databases["registry"].LastError)

	// A document whose blob did not come.
	next := plain.At("1.1.0")
	status, answer = us.publish(ada, next)
	require.Equal(t, 201, status, answer)
	carry(t, us, eu, "left-hand")
	eventually(t, func() bool { return strings.Contains(eu.packument("left-hand"), "1.1.0") })
	status, header, body := eu.tarballOf(next)
	require.Equal(t, 503, status, body)
	require.Contains(t, header.Get("npm-notice"), "not in this region yet")
	require.Contains(t, body, "not in this region yet")
	require.NotEmpty(t, header.Get("Retry-After"))

	toUS.Heal()
	eventually(t, func() bool {
		status, _, got := eu.tarballOf(next)
		return status == 200 && got == string(next.Tarball(t))
	})
	following(t, eu, "us")
	eventually(t, func() bool { return eu.region.Status().Peers["us"].Databases["registry"].LagSeconds == 0 }) // what signs writes, too
}

// Regions in a chain, each naming the next alone: whoever is told of a version by the packument gets its tarball
// or is asked to come again, never told that there is none; and the blob passes through without a reader.
func TestChain(t *testing.T) {
	const away = 10 * time.Millisecond
	toUS, toAP := fixtures.NewLink(t, away), fixtures.NewLink(t, away)
	ap := newNode(t, "ap", toAP, false)
	us := newNode(t, "us", toUS, false, at("ap", toAP))
	eu := newNode(t, "eu", nil, false, at("us", toUS))
	following(t, us, "ap")
	following(t, eu, "us")
	ada := ap.signUp("ada")
	plain := fixtures.Named(t, "plain")
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		status, answer := ap.publish(ada, plain.At(v))
		require.Equal(t, 201, status, answer)
		eventually(t, func() bool { return strings.Contains(eu.packument("left-hand"), `"`+v+`"`) })
		eventually(t, func() bool {
			status, _, body := eu.tarballOf(plain.At(v))
			require.True(t, status == 200 || status == 503 && strings.Contains(body, "not in this region yet"), "%d %s", status, body)
			return status == 200
		})
	}
	toUS.Cut()
	toAP.Cut()
	for _, n := range []*node{us, eu} {
		eventually(t, func() bool { return holds(t, n) == 3 })
	}
}

// A blob that no region has any more is told as such, also to who asks again.
func TestLostBlob(t *testing.T) {
	eu, us, _, _ := pair(t, 0)
	ada := us.signUp("ada")
	plain := fixtures.Named(t, "plain")
	status, answer := us.publish(ada, plain)
	require.Equal(t, 201, status, answer)
	eventually(t, func() bool { return holds(t, eu) == 1 })
	both := []*node{eu, us}
	eventually(t, func() bool { // while one hears that the other has it
		for _, n := range both {
			for info, err := range n.blobs.List(t.Context()) {
				require.NoError(t, err)
				require.NoError(t, n.blobs.Delete(t.Context(), info.Digest))
			}
		}
		running := func(n *node) bool { return n.region.Status().Blobs.Running > 0 || holds(t, n) > 0 }
		return !slices.ContainsFunc(both, running)
	})
	for range 2 {
		status, header, body := eu.tarballOf(plain)
		require.Equal(t, 503, status, "%q", body)
		require.Contains(t, body, "not in this region yet, nor in one that it is fetched from")
		require.Equal(t, "This tarball is not in this region yet, nor in one that it is fetched from. Please try again.", header.Get("npm-notice"))
	}
}

// holds counts the blobs that a node has.
func holds(t testing.TB, n *node) int {
	count := 0
	for _, err := range n.blobs.List(context.Background()) {
		require.NoError(t, err)
		count++
	}
	return count
}

// carry writes a document's winner into another node as a replication would.
func carry(t testing.TB, from, to *node, id string) {
	t.Helper()
	var doc json.RawMessage
	require.NoError(t, from.client.DB("registry").Get(t.Context(), id, kivik.Param("revs", true)).ScanDoc(&doc))
	_, err := to.client.DB("registry").BulkDocs(t.Context(), []any{doc}, kivik.Param("new_edits", false))
	require.NoError(t, err)
}

// A package that is published in both regions while they are apart is one in both when they have met.
func TestPublishApart(t *testing.T) {
	eu, us, toEU, toUS := pair(t, 0)
	ada := eu.signUp("ada")
	plain := fixtures.Named(t, "plain")
	status, answer := eu.publish(ada, plain)
	require.Equal(t, 201, status, answer)
	eventually(t, func() bool { return us.packument("left-hand") != "" })
	eventually(t, func() bool { status, _, _ := ask(t, "GET", us.npm.URL+"/-/whoami", ada, ""); return status == 200 })

	toEU.Cut()
	toUS.Cut()
	for i, n := range []*node{eu, us} {
		status, answer := n.publish(ada, plain.At([]string{"1.1.0", "1.2.0"}[i]))
		require.Equal(t, 201, status, answer)
	}
	toEU.Heal()
	toUS.Heal()
	for _, n := range []*node{eu, us} {
		eventually(t, func() bool {
			p := n.packument("left-hand")
			return strings.Contains(p, `"1.1.0"`) && strings.Contains(p, `"1.2.0"`)
		})
		for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
			eventually(t, func() bool { status, _, _ := n.tarballOf(plain.At(v)); return status == 200 })
		}
	}
	eventually(t, func() bool {
		return leaves(t, eu, "registry", "left-hand") == 1 && leaves(t, us, "registry", "left-hand") == 1
	})
	eventually(t, func() bool { return rev(t, eu, "left-hand") == rev(t, us, "left-hand") })
	require.JSONEq(t, eu.packument("left-hand"), us.packument("left-hand"))
}

func leaves(t testing.TB, n *node, db, id string) int {
	t.Helper()
	var doc struct {
		Conflicts []string `json:"_conflicts"`
	}
	require.NoError(t, n.client.DB(db).Get(t.Context(), id, kivik.Param("conflicts", true)).ScanDoc(&doc))
	return 1 + len(doc.Conflicts)
}

func rev(t testing.TB, n *node, id string) string {
	t.Helper()
	rev, err := n.client.DB("registry").GetRev(t.Context(), id)
	require.NoError(t, err)
	return rev
}

// A name that was signed up in two regions at once belongs to whoever was first.
func TestAccountsApart(t *testing.T) {
	eu, us, toEU, toUS := pair(t, 0)
	toEU.Cut()
	toUS.Cut()
	first := eu.signUp("ada")
	time.Sleep(2 * time.Millisecond) // created has milliseconds
	second := us.signUp("ada")
	toEU.Heal()
	toUS.Heal()
	const id = "org.couchdb.user:ada"
	token := func(n *node, authorization string) int {
		status, _, _ := ask(t, "GET", n.npm.URL+"/-/whoami", authorization, "")
		return status
	}
	for _, n := range []*node{eu, us} {
		eventually(t, func() bool { return token(n, first) == 200 && leaves(t, n, "_users", id) == 1 }, "%s", n.name)
		eventually(t, func() bool { return token(n, second) == 401 }, "%s: who came second has an account no more", n.name)
	}
}

// The status is for server admins, and tells no password.
func TestStatus(t *testing.T) {
	eu, _, _, _ := pair(t, 0)
	status, _, body := ask(t, "GET", eu.couch.URL+"/_settee/regions", "", "")
	require.Equal(t, 401, status, body)
	status, _, body = ask(t, "GET", eu.couch.URL+"/_settee/regions", basic(admin), "")
	require.Equal(t, 200, status)
	require.NotContains(t, body, secret)
	var s region.Status
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Equal(t, "eu", s.Region)
	require.NotZero(t, s.NPM.Port)
	require.Equal(t, region.Following, s.Peers["us"].Databases["registry"].State)
	require.False(t, s.Peers["us"].Heard.IsZero())
	require.NotEmpty(t, s.Followers)
	status, _, _ = ask(t, "PUT", eu.couch.URL+"/_settee/regions", basic(admin), "{}")
	require.Equal(t, 405, status)
	names := map[string]bool{}
	for _, f := range eu.region.Figures() {
		names[f.Name] = true
	}
	require.True(t, names["settee_region_lag_seconds"] && names["settee_blobs_fetched_total"] && names["settee_follower_lag_seconds"])
}

// A wrong password is told as such, once; and nothing is asked with it again and again.
func TestRefused(t *testing.T) {
	toUS := fixtures.NewLink(t, 0)
	newNode(t, "us", toUS, false)
	wrong := at("us", toUS)
	stranger := *wrong.URL
	stranger.User = nil
	wrong.URL = stranger.JoinPath()
	wrong.URL.User = url.UserPassword("nobody", "at-all")
	eu := newNode(t, "eu", nil, false, wrong)
	eventually(t, func() bool { return eu.region.Status().Peers["us"].Databases["registry"].State == region.Refused })
	const words = "it does not let the user nobody in: Name or password is incorrect."
	s := eu.region.Status().Peers["us"]
	require.Equal(t, region.Refused, s.State)
	require.Equal(t, words, s.LastError)
	require.Equal(t, words, s.Databases["registry"].LastError)
	require.Equal(t, 1, strings.Count(eu.log.String(), words), "once for all databases")
	require.NotContains(t, eu.log.String(), "at-all")
}

// A copy passes on what is written, and whoever wrote it reads it there.
func TestReadOnly(t *testing.T) {
	toUS := fixtures.NewLink(t, 0)
	us := newNode(t, "us", toUS, false)
	eu := newNode(t, "eu", nil, true, at("us", toUS))
	following(t, eu, "us")
	ada := eu.signUp("ada")
	plain := fixtures.Named(t, "plain")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		status, answer := eu.publish(ada, plain.At(v))
		require.Equal(t, 201, status, answer)
		require.Contains(t, eu.packument("left-hand"), `"`+v+`"`, "at once")
	}
	require.Contains(t, us.packument("left-hand"), `"1.1.0"`)
	status, _, body := ask(t, "GET", eu.npm.URL+"/left-hand?write=true", ada, "")
	require.Equal(t, 200, status, body)
	status, answer := eu.publish("", plain.At("1.2.0"))
	require.Equal(t, 401, status, answer)
	status, _, body = ask(t, "POST", eu.npm.URL+"/-/npm/v1/security/advisories/bulk", "", "{}")
	require.Equal(t, 200, status, body)

	toUS.Cut()
	us.npm.CloseClientConnections()
	us.npm.Listener.Close()
	status, header, body := ask(t, "PUT", eu.npm.URL+"/left-hand", ada, publishBody(t, plain.At("1.3.0")))
	require.Equal(t, 503, status, body)
	require.Contains(t, header.Get("npm-notice"), "region us")
	require.Contains(t, body, `"code":"E503"`)
	require.Contains(t, eu.packument("left-hand"), `"1.1.0"`, "it still reads")
}

// A region that ends leaves its checkpoints, and goes on there.
func TestStopAndGo(t *testing.T) {
	toUS := fixtures.NewLink(t, 0)
	us := newNode(t, "us", toUS, false)
	_, err := us.client.DB("registry").Put(t.Context(), "a", map[string]any{})
	require.NoError(t, err)
	eu := newNode(t, "eu", nil, false, at("us", toUS))
	eventually(t, func() bool { return eu.client.DB("registry").Get(t.Context(), "a").Err() == nil })
	eventually(t, func() bool { return eu.region.Status().Peers["us"].Databases["registry"].Written == 1 })
	require.NoError(t, eu.region.Close())
	var checkpoint map[string]any
	require.NoError(t, us.client.DB("registry").Get(t.Context(), "_local/region-eu-from-us").ScanDoc(&checkpoint))
	require.NotEmpty(t, checkpoint["source_last_seq"])
}
