package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"settee/advisories"
)

// advised is a registry that knows advisories: of each package here, all versions before one are flawed.
func advised(t *testing.T, flawed map[string]string, settings ...setting) *house {
	h := open(t, settings...)
	known, err := advisories.Open(context.Background(), h.client, advisories.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, known.Close()) })
	h.Registry.o.Advisories = known
	for name, fixed := range flawed {
		h.advise("GHSA-"+name, name, fixed)
		require.Eventually(t, func() bool { return len(known.Known(name, "0.0.0")) == 1 }, 10*time.Second, 5*time.Millisecond)
	}
	return h
}

func (h *house) advise(id, name, fixed string) {
	doc := dict{"id": id, "modified": "2024-05-01T00:00:00Z", "summary": "Trouble in " + name,
		"severity":          []any{dict{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
		"database_specific": dict{"severity": "HIGH", "cwe_ids": []any{"CWE-79"}},
		"affected": []any{dict{"package": dict{"ecosystem": "npm", "name": name},
			"ranges": []any{dict{"type": "SEMVER", "events": []any{dict{"introduced": "0"}, dict{"fixed": fixed}}}}}}}
	_, err := h.client.DB(advisories.Database).Put(context.Background(), id, doc)
	require.NoError(h.t, err)
}

func zippedBody(t testing.TB, raw []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(raw)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

const bulkPath = "/-/npm/v1/security/advisories/bulk"

func TestBulkAudit(t *testing.T) {
	h := advised(t, map[string]string{"left": "1.2.3", "right": "2.0.0"})
	const question = `{"left":["1.2.2","1.3.0"],"right":["2.0.0"],"unknown":["1.0.0"],"constructor":["1.0.0"]}`
	const answer = `{"left":[{"id":4902488464824283,"url":"https://github.com/advisories/GHSA-left","title":"Trouble in left","severity":"high",
		"vulnerable_versions":"<1.2.3","cwe":["CWE-79"],"cvss":{"score":9.8,"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}`
	plain := h.do("POST", bulkPath, "", []byte(question))
	require.Equal(t, 200, plain.Status, "%s", plain.Body)
	require.JSONEq(t, answer, string(plain.Body))
	coded := h.do("POST", bulkPath, "", zippedBody(t, []byte(question)), "Content-Encoding", "gzip")
	require.Equal(t, string(plain.Body), string(coded.Body))
	require.Equal(t, `{}`, string(h.do("POST", bulkPath, "", []byte(`{}`)).Body))

	for _, wrong := range []string{``, `[]`, `{"left":"1.0.0"}`, `{"left":[1]}`, `{`, `"x"`, `{"left":{}}`} {
		res := h.do("POST", bulkPath, "", []byte(wrong))
		require.Equal(t, 400, res.Status, wrong)
		require.EqualValues(t, 400, res.JSON()["statusCode"])
		require.Equal(t, res.JSON()["error"], res.JSON()["message"])
	}
	require.Equal(t, 400, h.do("POST", bulkPath, "", []byte(question), "Content-Encoding", "gzip").Status)
	require.Equal(t, 415, h.do("POST", bulkPath, "", []byte(question), "Content-Encoding", "br").Status)
	bomb := zippedBody(t, bytes.Repeat([]byte(" "), mostAudited+1))
	require.Less(t, len(bomb), 1<<20)
	require.Equal(t, 413, h.do("POST", bulkPath, "", bomb, "Content-Encoding", "gzip").Status)
	require.Equal(t, 413, h.do("POST", bulkPath, "", bytes.Repeat([]byte(" "), mostAudited+1)).Status)
}

// TestBulkAuditWithoutAdvisories is a registry that nothing was given to: it knows of no flaw.
func TestBulkAuditWithoutAdvisories(t *testing.T) {
	h := open(t)
	require.Equal(t, `{}`, string(h.do("POST", bulkPath, "", []byte(`{"left":["1.0.0"]}`)).Body))
}

// TestTreeAudit asks as npm 6 does; what to install instead is told of what who asks may read.
func TestTreeAudit(t *testing.T) {
	h := advised(t, map[string]string{"left": "1.0.1"})
	h.publish(h.bob, "left", "1.0.0")
	h.publish(h.bob, "left", "1.0.1")
	const tree = `{"requires":{"left":"^1.0.0"},"dependencies":{"left":{"version":"1.0.0"}},"install":[],"remove":[],"metadata":{}}`
	actions := func(token string) string {
		res := h.do("POST", "/-/npm/v1/security/audits", token, zippedBody(t, []byte(tree)), "Content-Encoding", "gzip")
		require.Equal(t, 200, res.Status, "%s", res.Body)
		require.Len(t, res.JSON()["advisories"], 1)
		first := res.JSON()["actions"].([]any)[0].(dict)
		target, _ := first["target"].(string)
		return first["action"].(string) + " " + target
	}
	require.Equal(t, "install 1.0.1", actions(""))
	quick := h.do("POST", "/-/npm/v1/security/audits/quick", "", []byte(tree))
	require.Equal(t, 200, quick.Status)
	require.Len(t, quick.JSON()["advisories"], 1)
	require.EqualValues(t, 1, quick.JSON()["metadata"].(dict)["vulnerabilities"].(dict)["high"])
	for _, wrong := range []string{``, `[]`, `{`, `{"dependencies":[]}`} {
		for _, path := range []string{"/-/npm/v1/security/audits/quick", "/-/npm/v1/security/audits"} {
			require.Equal(t, 400, h.do("POST", path, "", []byte(wrong)).Status, wrong)
		}
	}
	_, err := h.update(context.Background(), "left", func(cur *packument) (*packument, error) {
		next := cur.clone()
		next.set("access", quote("restricted"))
		return next, nil
	})
	require.NoError(t, err)
	require.Equal(t, "review ", actions(""))
	require.Equal(t, "review ", actions(h.ann))
	require.Equal(t, "install 1.0.1", actions(h.bob))
}

// TestSearchTellsOfFlaws has a search say that the version it shows is flawed, as soon as that is known.
func TestSearchTellsOfFlaws(t *testing.T) {
	h := advised(t, map[string]string{"left": "1.0.1"}, searching(t))
	flags := func(want any) {
		t.Helper()
		require.Eventually(t, func() bool {
			objects, _ := h.do("GET", "/-/v1/search?text=left", "", nil).JSON()["objects"].([]any)
			return len(objects) == 1 && assert.ObjectsAreEqual(want, objects[0].(dict)["flags"])
		}, 20*time.Second, 10*time.Millisecond)
	}
	h.publish(h.bob, "left", "1.0.0")
	flags(dict{"insecure": true})
	h.publish(h.bob, "left", "1.0.1")
	flags(nil)
}

// TestSearchForFlaws finds what is flawed, and what is not, by the advisories of the moment, whenever a package was indexed.
func TestSearchForFlaws(t *testing.T) {
	h := advised(t, nil)
	h.o.SearchDir = t.TempDir()
	require.NoError(t, h.openSearch())
	for _, name := range []string{"left", "right", "@bob/left"} {
		h.publish(h.bob, name, "1.0.0")
	}
	h.found()
	both := func(flawed, sound []string) {
		t.Helper()
		require.Eventually(t, func() bool {
			return assert.ObjectsAreEqual(flawed, h.finding("", "text=is:insecure")) && assert.ObjectsAreEqual(sound, h.finding("", "text=not:insecure"))
		}, 10*time.Second, 5*time.Millisecond, "%v", h.finding("", "text=is:insecure"))
		require.Empty(t, h.finding("", "text=is:insecure+not:insecure"))
		require.Len(t, h.finding("", "text=maintainer:bob"), 3)
	}
	both([]string{}, []string{"@bob/left", "left", "right"})
	h.advise("GHSA-1", "left", "1.0.1")
	h.advise("GHSA-2", "right", "0.9.0")
	both([]string{"left"}, []string{"@bob/left", "right"})
	require.Equal(t, []string{"left"}, h.finding("", "text=left+is:insecure"))
	require.EqualValues(t, 2, h.do("GET", "/-/v1/search?text=not:insecure&size=1", "", nil).JSON()["total"])
	db := h.client.DB(advisories.Database)
	rev, err := db.GetRev(t.Context(), "GHSA-1")
	require.NoError(t, err)
	_, err = db.Delete(t.Context(), "GHSA-1", rev)
	require.NoError(t, err)
	both([]string{}, []string{"@bob/left", "left", "right"})
}
