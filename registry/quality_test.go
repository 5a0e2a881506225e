package registry

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/manifest"
)

// send publishes a package of files, with members added to what is sent of it.
func (h *house) send(token, name, version string, members dict, files ...string) reply {
	doc := publishing(name, version, packed(h.t, append([]string{"package/package.json", manifestJSON(name, version)}, files...)...))
	sent := doc["versions"].(dict)[version].(dict)
	for _, member := range []string{"exports", "bin", "dependencies"} {
		delete(sent, member)
	}
	for member, value := range members {
		sent[member] = value
	}
	return h.do("PUT", "/"+name, token, doc)
}

func (h *house) quality(token, path string) manifest.Report {
	res := h.do("GET", "/-/settee/package/"+path, token, nil)
	require.Equal(h.t, 200, res.Status, "%s", res.Body)
	var report manifest.Report
	require.NoError(h.t, json.Unmarshal(res.Body, &report))
	return report
}

func codes(report manifest.Report) (list []string) {
	for _, f := range report.Findings {
		list = append(list, f.Code)
	}
	return list
}

func TestQualityIsToldAndKept(t *testing.T) {
	h := open(t)
	good := dict{"repository": "a/b", "author": "Ada <a@example.com>"}
	res := h.send(h.bob, "good", "1.0.0", good, "package/README.md", "# good", "package/LICENSE", "MIT", "package/index.js", "1", "package/index.d.ts", "export {}")
	require.Equal(t, 201, res.Status, "%s", res.Body)
	require.Empty(t, res.Header.Values("npm-notice"), "who did all that is easily done is told nothing")
	report := h.quality("", "good/quality")
	require.GreaterOrEqual(t, report.Score, 90, "%+v", report.Checks)
	require.Equal(t, "index.d.ts", report.Types)
	require.EqualValues(t, 5, report.Size.Files)
	require.Positive(t, report.Size.Packed)

	res = h.send(h.bob, "bad", "1.0.0", dict{"main": "lib/index.js", "license": "BSD", "dependencies": dict{"a": "=>1", "b": "file:../b"}, "readme": json.RawMessage(noReadme)})
	require.Equal(t, 201, res.Status, "nothing of that is refused")
	told := strings.Join(res.Header.Values("npm-notice"), "\n")
	for _, words := range []string{`main is "lib/index.js", which is not in the package`, `a asks for "=>1"`, "nobody has who installs the package", "dependencies in the tarball's package.json is not what was published", "not met: readme, license"} {
		require.Contains(t, told, words)
	}
	require.Contains(t, codes(h.quality("", "bad/quality?version=1.x")), "file-missing")

	full := at(t, h.do("GET", "/bad", "", nil).JSON(), "versions", "1.0.0").(dict)
	require.Equal(t, "lib/index.js", at(t, full, factsMember, "missing", "main"))
	require.NotContains(t, at(t, h.do("GET", "/bad", "", nil, "Accept", abbreviatedAccept).JSON(), "versions", "1.0.0"), factsMember)

	require.Equal(t, 404, h.do("GET", "/-/settee/package/none/quality", "", nil).Status)
	require.Equal(t, 404, h.do("GET", "/-/settee/package/bad/quality?version=9", "", nil).Status)
	require.Equal(t, 201, h.send(h.bob, "@bob/scoped", "1.0.0", dict{factsMember: dict{"readme": 9}}).Status)
	require.Nil(t, at(t, h.do("GET", "/@bob%2fscoped", "", nil).JSON(), "versions", "1.0.0", factsMember).(dict)["readme"], "what clients say of it counts for nothing")
	require.Equal(t, "@bob/scoped", h.quality("", "@bob%2fscoped/quality").Name)
}

func TestQualityOfDependencies(t *testing.T) {
	h := advised(t, map[string]string{"weak": "1.2.1"})
	publish := func(name, version string, members dict) reply {
		res := h.send(h.bob, name, version, members)
		require.Equal(t, 201, res.Status, "%s", res.Body)
		return res
	}
	publish("weak", "1.2.0", dict{"license": "GPL-3.0-only"})
	publish("old", "1.0.0", nil)
	doc := h.do("GET", "/old?write=true", h.bob, nil).JSON()
	at(t, doc, "versions", "1.0.0").(dict)["deprecated"] = "use new"
	require.Equal(t, 201, h.do("PUT", "/old", h.bob, doc).Status)
	restricted := publishing("@bob/secret", "1.0.0", sampleTarball(t, "@bob/secret", "1.0.0", 5))
	restricted["access"] = "restricted"
	require.Equal(t, 201, h.do("PUT", "/@bob%2fsecret", h.bob, restricted).Status)
	publish("ring-b", "1.0.0", dict{"dependencies": dict{"ring-c": "*"}})
	publish("ring-c", "1.0.0", dict{"optionalDependencies": dict{"ring-a": "^1"}})
	res := publish("ring-a", "1.0.0", dict{"dependencies": dict{
		"weak": "^1", "old": "~1.0.0", "other": "npm:old@1", "old2": "npm:old@^9", "@bob/secret": "*", "@bob/none": "1", "elsewhere": "^1", "ring-b": "1.x", "git": "github:a/b"}})
	told := strings.Join(res.Header.Values("npm-notice"), "\n")
	require.Contains(t, told, "weak@1.2.0 has a known vulnerability: GHSA-weak, high: Trouble in weak")

	report := h.quality("", "ring-a/quality")
	require.Equal(t, []string{"ring-a", "ring-b", "ring-c", "ring-a"}, report.Circle)
	by := map[string]manifest.Dependency{}
	for _, d := range report.Dependencies {
		by[d.Name] = d
	}
	require.Equal(t, manifest.Dependency{Name: "weak", Spec: "^1", Version: "1.2.0", License: "GPL-3.0-only", Vulnerabilities: []string{"GHSA-weak, high: Trouble in weak"}}, by["weak"])
	require.Equal(t, manifest.Dependency{Name: "old", Spec: "~1.0.0", Version: "1.0.0", License: "MIT", Deprecated: "use new"}, by["old"])
	require.Equal(t, "use new", by["other"].Deprecated)
	require.Equal(t, "has no version here that is ^9", by["old2"].Missing)
	require.Equal(t, by["@bob/none"].Missing, by["@bob/secret"].Missing, "who may not read it is told what is told of what is not there")
	require.NotEmpty(t, by["@bob/none"].Missing)
	require.Equal(t, manifest.Dependency{Name: "elsewhere", Spec: "^1"}, by["elsewhere"], "it may come from another registry")
	require.Equal(t, manifest.Dependency{Name: "git", Spec: "github:a/b"}, by["git"])

	for _, d := range h.quality(h.bob, "ring-a/quality").Dependencies {
		if d.Name == "@bob/secret" {
			require.Equal(t, "1.0.0", d.Version)
		}
	}
	require.Equal(t, 404, h.do("GET", "/-/settee/package/@bob%2fsecret/quality", "", nil).Status)
}

func TestQualityOfDependenciesFromElsewhere(t *testing.T) {
	o := newOther(t)
	h := openBeyond(t, o)
	o.publish("far", h.clock.Now(), farVersion{number: "1.4.0"})
	require.Equal(t, 201, h.send(h.bob, "p", "1.0.0", dict{"dependencies": dict{"far": "^1"}}).Status)
	require.Equal(t, manifest.Dependency{Name: "far", Spec: "^1"}, h.quality("", "p/quality").Dependencies[0])
	require.Empty(t, o.seen(), "for a report nobody else is asked")

	require.Equal(t, 200, h.do("GET", "/far", "", nil).Status)
	require.Equal(t, "1.4.0", h.quality("", "p/quality").Dependencies[0].Version, "as it was read through")
	require.Equal(t, "far", h.quality("", "far/quality").Name)
	require.Equal(t, 201, h.send(h.bob, "second", "1.0.0", dict{"dependencies": dict{"far": "^9"}}).Status)
	require.Empty(t, h.quality("", "second/quality").Dependencies[0].Missing, "there may be newer ones by now")
}
