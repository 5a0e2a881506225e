package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
	"settee/auth/audit"
	"settee/fixtures"
	"settee/fixtures/sigstore"
)

// stages stages a small version, which must succeed: its id and its tarball.
func (h *house) stages(token, name, version string) (id string, tgz []byte) {
	tgz = sampleTarball(h.t, name, version, 100)
	res := h.do("POST", "/-/stage/package/"+strings.Replace(name, "/", "%2f", 1), token, publishing(name, version, tgz))
	require.Equal(h.t, 201, res.Status, "%s", res.Body)
	require.NotEmpty(h.t, res.JSON()["message"])
	id = res.JSON()["stageId"].(string)
	require.Regexp(h.t, `^[0-9a-f-]{36}$`, id)
	return id, tgz
}

func TestStage(t *testing.T) {
	h := open(t)
	for _, name := range []string{"p", "@bob/q"} {
		h.publish(h.bob, name, "1.0.0")
		id, tgz := h.stages(h.bob, name, "1.1.0")
		require.Equal(t, "1.0.0", at(t, h.do("GET", "/"+name, "", nil).JSON(), "dist-tags", "latest"), "nobody installs it yet")
		require.Equal(t, 404, h.do("GET", "/"+name+"/-/"+PackageName(name).Base()+"-1.1.0.tgz", "", nil).Status)
		require.Equal(t, 404, h.do("GET", "/"+name+"/1.1.0", h.bob, nil).Status)

		item := h.do("GET", "/-/stage/"+id, h.bob, nil).JSON()
		require.Equal(t, dict{"id": id, "packageName": name, "version": "1.1.0", "tag": "latest", "actor": "bob", "actorType": "user", "access": "public"},
			dict{"access": item["access"], "id": item["id"], "packageName": item["packageName"], "version": item["version"], "tag": item["tag"], "actor": item["actor"], "actorType": item["actorType"]})
		require.Regexp(t, `^[0-9a-f]{40}$`, item["shasum"])
		list := h.do("GET", "/-/stage?page=0&perPage=100&package="+strings.Replace(name, "/", "%2F", 1), h.bob, nil).JSON()
		require.EqualValues(t, 1, list["total"])
		require.Equal(t, id, at(t, list["items"].([]any)[0], "id"))
		got := h.do("GET", "/-/stage/"+id+"/tarball", h.bob, nil)
		require.Equal(t, tgz, got.Body)
		require.Contains(t, got.Header.Get("Cache-Control"), "private")

		again := h.do("POST", "/-/stage/package/"+strings.Replace(name, "/", "%2f", 1), h.bob, publishing(name, "1.1.0", tgz))
		require.Equal(t, id, again.JSON()["stageId"], "sent again")
		other := h.do("POST", "/-/stage/package/"+name, h.bob, publishing(name, "1.1.0", sampleTarball(t, name, "1.1.0", 101)))
		require.Equal(t, 409, other.Status)
		require.Equal(t, 403, h.do("POST", "/-/stage/package/"+name, h.bob, publishing(name, "1.0.0", sampleTarball(t, name, "1.0.0", 100))).Status, "published already")

		res := h.do("POST", "/-/stage/"+id+"/approve", h.bob, nil)
		require.Equal(t, 201, res.Status, "%s", res.Body)
		require.NotEmpty(t, res.JSON()["message"])
		doc := h.do("GET", "/"+name, "", nil).JSON()
		require.Equal(t, "1.1.0", at(t, doc, "dist-tags", "latest"))
		require.Equal(t, "bob", at(t, doc, "versions", "1.1.0", "_npmUser", "approver", "name"))
		require.Empty(t, h.audited(name, h.shownKeys()))
		require.Equal(t, tgz, h.do("GET", "/"+name+"/-/"+PackageName(name).Base()+"-1.1.0.tgz", "", nil).Body)
		for _, path := range []string{"/-/stage/" + id, "/-/stage/" + id + "/tarball"} {
			require.Equal(t, 404, h.do("GET", path, h.bob, nil).Status)
		}
		require.Equal(t, 404, h.do("POST", "/-/stage/"+id+"/approve", h.bob, nil).Status)
	}
	acts := map[audit.Act]int{}
	for _, e := range h.audits(audit.Filter{Package: "p"}) {
		acts[e.Act]++
	}
	require.Positive(t, acts[audit.PackageStage])
	require.Equal(t, 1, acts[audit.PackageApprove])
}

func TestReject(t *testing.T) {
	h := open(t)
	id, _ := h.stages(h.bob, "p", "1.0.0") // of a package that is not there
	require.Equal(t, 404, h.do("GET", "/p", h.bob, nil).Status)
	require.Equal(t, 204, h.do("DELETE", "/-/stage/"+id, h.bob, nil).Status)
	require.Equal(t, 404, h.do("DELETE", "/-/stage/"+id, h.bob, nil).Status)
	require.Empty(t, h.do("GET", "/-/stage", h.bob, nil).JSON()["items"])
	id, _ = h.stages(h.bob, "p", "1.0.0")
	require.Equal(t, 201, h.do("POST", "/-/stage/"+id+"/approve", h.bob, nil).Status)
	require.Equal(t, 200, h.do("GET", "/p", "", nil).Status)
}

func TestWhoStages(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	id, _ := h.stages(h.bob, "p", "1.1.0")
	require.Equal(t, 401, h.do("POST", "/-/stage/package/p", "", publishing("p", "1.2.0", sampleTarball(t, "p", "1.2.0", 10))).Status)
	require.Equal(t, 403, h.do("POST", "/-/stage/package/p", h.ann, publishing("p", "1.2.0", sampleTarball(t, "p", "1.2.0", 10))).Status)
	for token, status := range map[string]int{"": 401, h.ann: 403} {
		for method, path := range map[string]string{"GET": "", "POST": "/approve", "DELETE": ""} {
			require.Equal(t, status, h.do(method, "/-/stage/"+id+path, token, nil).Status, method)
		}
		require.Equal(t, status, h.do("GET", "/-/stage/"+id+"/tarball", token, nil).Status)
	}
	require.Empty(t, h.do("GET", "/-/stage", h.ann, nil).JSON()["items"])
	for _, path := range []string{"none", "item:" + id, "00000000-0000-0000-0000-000000000000", "..", "%2e%2e"} {
		require.Equal(t, 404, h.do("GET", "/-/stage/"+path, h.bob, nil).Status, path)
	}
	for _, query := range []string{"page=-1", "perPage=0", "perPage=501", "page=x"} {
		require.Equal(t, 400, h.do("GET", "/-/stage?"+query, h.bob, nil).Status, query)
	}

	// A token that stages only does just that.
	ci := h.token(h.bob, dict{"name": "ci", "packages": []string{"p"}, "packages_and_scopes_permission": "read-write-stage-only", "password": "secret-bob"})
	second, _ := h.stages(ci, "p", "1.2.0")
	require.Equal(t, 403, h.do("PUT", "/p", ci, publishing("p", "1.2.0", sampleTarball(t, "p", "1.2.0", 100))).Status)
	require.Equal(t, 403, h.do("POST", "/-/stage/"+second+"/approve", ci, nil).Status)
	require.Equal(t, 403, h.do("DELETE", "/-/stage/"+second, ci, nil).Status)
	require.Equal(t, 200, h.do("GET", "/-/stage/"+second, ci, nil).Status)
	require.Equal(t, 201, h.do("POST", "/-/stage/"+second+"/approve", h.bob, nil).Status)
	require.Equal(t, "1.2.0", at(t, h.do("GET", "/p", "", nil).JSON(), "dist-tags", "latest"))
}

func TestStagedOfRestrictedPackages(t *testing.T) {
	h := open(t)
	doc := publishing("@bob/q", "1.0.0", sampleTarball(t, "@bob/q", "1.0.0", 100))
	doc["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fq", h.bob, doc).Status)
	id, _ := h.stages(h.bob, "@bob/q", "1.1.0")
	for _, path := range []string{"/-/stage/" + id, "/-/stage/" + id + "/tarball"} {
		require.Equal(t, 404, h.do("GET", path, h.ann, nil).Status, path)
	}
	require.Equal(t, 404, h.do("POST", "/-/stage/"+id+"/approve", h.ann, nil).Status)
}

// TestBuildsStage has a trusted publisher that may only stage, with provenance: a person approves it.
func TestBuildsStage(t *testing.T) {
	issuer, s := fixtures.NewIssuer(t, ""), sigstore.New(t)
	h := openTrusting(t, auth.OIDC{Audience: "npm:npm.example.com", Issuers: map[string]string{"github": issuer.URL}}, believing(t, s))
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.do("POST", "/-/package/p/trust", h.bob, githubTrust("bob/p", auth.MayStage)).Status)
	build := h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", issuer.Token(fixtures.GitHubJob("bob/p", "publish.yml", ""), forNPM), nil).JSON()["token"].(string)
	tgz := sampleTarball(t, "p", "1.1.0", 100)
	require.Equal(t, 403, h.do("PUT", "/p", build, publishing("p", "1.1.0", tgz)).Status, "it may only stage")
	res := h.do("POST", "/-/stage/package/p", build, attested(t, s, "p", "1.1.0", "bob/p", tgz))
	require.Equal(t, 201, res.Status, "%s", res.Body)
	id := res.JSON()["stageId"].(string)
	require.Equal(t, "github", h.do("GET", "/-/stage/"+id, h.bob, nil).JSON()["actorType"])
	require.Equal(t, 404, h.do("GET", "/-/npm/v1/attestations/p@1.1.0", h.bob, nil).Status)
	require.Equal(t, 403, h.do("POST", "/-/stage/"+id+"/approve", build, nil).Status)
	require.Equal(t, 403, h.do("DELETE", "/-/stage/"+id, build, nil).Status)
	require.Equal(t, 201, h.do("POST", "/-/stage/"+id+"/approve", h.bob, nil).Status)
	v := at(t, h.do("GET", "/p", "", nil).JSON(), "versions", "1.1.0")
	require.Equal(t, "github", at(t, v, "_npmUser", "trustedPublisher", "id"))
	require.Equal(t, "bob", at(t, v, "_npmUser", "approver", "name"))
	require.NotEmpty(t, at(t, v, "dist", "attestations", "url"))
	require.Equal(t, 200, h.do("GET", "/-/npm/v1/attestations/p@1.1.0", "", nil).Status)
	require.Empty(t, h.audited("p", h.shownKeys()))
}

// TestBuildsDoNotApprove: also one that may publish does not decide what another staged.
func TestBuildsDoNotApprove(t *testing.T) {
	h, issuer := building(t)
	h.publish(h.bob, "p", "1.0.0")
	require.Equal(t, 200, h.do("POST", "/-/package/p/trust", h.bob, githubTrust("bob/p", auth.MayPublish, auth.MayStage)).Status)
	build := h.do("POST", "/-/npm/v1/oidc/token/exchange/package/p", issuer.Token(fixtures.GitHubJob("bob/p", "publish.yml", ""), forNPM), nil).JSON()["token"].(string)
	id, _ := h.stages(build, "p", "1.1.0")
	res := h.do("POST", "/-/stage/"+id+"/approve", build, nil)
	require.Equal(t, 403, res.Status)
	require.Contains(t, res.JSON()["error"], "people approve")
}

// TestSweepLeavesWhatIsStaged keeps the tarballs of staged versions, and takes those that were rejected or waited too long.
func TestSweepLeavesWhatIsStaged(t *testing.T) {
	h := open(t)
	sweep := func() int {
		swept, err := h.Sweep(t.Context(), SweepOptions{Grace: time.Nanosecond})
		require.NoError(t, err)
		return swept.Deleted
	}
	one, _ := h.stages(h.bob, "p", "1.0.0")
	h.stages(h.bob, "p", "1.1.0")
	h.clock.Set(time.Now().Add(time.Hour))
	require.Zero(t, sweep())
	h.waiting.Clear() // as another process
	require.Zero(t, sweep())
	require.Equal(t, 204, h.do("DELETE", "/-/stage/"+one, h.bob, nil).Status)
	require.Equal(t, 1, sweep())
	h.clock.Set(time.Now().Add(stagedTime + time.Minute))
	require.Empty(t, h.do("GET", "/-/stage", h.bob, nil).JSON()["items"])
	require.Equal(t, 1, sweep())
	require.Zero(t, h.stored())
	rows := h.staged.AllDocs(t.Context())
	defer rows.Close()
	require.False(t, rows.Next(), "nothing of it is left")
}

func TestStagedVersionsAreBounded(t *testing.T) {
	h := open(t)
	for i := range mostStaged {
		h.stages(h.bob, "p", fmt.Sprintf("1.0.%d", i))
	}
	res := h.do("POST", "/-/stage/package/p", h.bob, publishing("p", "2.0.0", sampleTarball(t, "p", "2.0.0", 10)))
	require.Equal(t, 429, res.Status)
	list := h.do("GET", "/-/stage?page=1&perPage=15", h.bob, nil).JSON()
	require.Len(t, list["items"], 5)
	require.EqualValues(t, mostStaged, list["total"])
}

// TestApprovalsMeetThePackageAsItIs publishes the number in the meantime.
func TestApprovalsMeetThePackageAsItIs(t *testing.T) {
	h := open(t)
	id, _ := h.stages(h.bob, "p", "1.0.0")
	tgz := sampleTarball(t, "p", "1.0.0", 300)
	require.Equal(t, 201, h.do("PUT", "/p", h.bob, publishing("p", "1.0.0", tgz)).Status)
	res := h.do("POST", "/-/stage/"+id+"/approve", h.bob, nil)
	require.Equal(t, 403, res.Status)
	require.Contains(t, res.JSON()["error"], "previously published")
	require.Equal(t, tgz, h.do("GET", "/p/-/p-1.0.0.tgz", "", nil).Body)
}
