package registry

import (
	"bytes"
	"encoding/json"
	"math/rand"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/fixtures"
	"settee/manifest"
)

func TestPackageNames(t *testing.T) {
	for _, name := range []PackageName{"a", "left-pad", "@s/n", "x.y_z", "@types/node", "lodash.merge", "1", "@s/fs", PackageName(strings.Repeat("a", 214))} {
		require.NoError(t, name.Check(), name)
		require.True(t, name.Storable(), name)
	}
	for _, name := range []PackageName{"", "../x", "..", ".x", "_x", "-x", "node_modules", "favicon.ico", "Upper", "a b", " a", "a/b", "@s", "@/n", "@s/", "@s/n/x", "@s/.n", "@s/_n",
		"__proto__", "a%2fb", "é", "a\x00", "fs", "http", "a!", "a*", "(x)", "a?b", "a#b", "a:b", PackageName(strings.Repeat("a", 215)), "a\nb", `a\b`} {
		err := name.Check()
		require.Error(t, err, "%q", name)
		require.Equal(t, 400, asError(err).Status)
	}
	require.True(t, PackageName("JSONStream").Storable(), "legacy names can be read")
	require.Equal(t, "@s", PackageName("@s/n").Scope())
	require.Equal(t, "/@s/n/-/n-1.0.0+b.tgz", PackageName("@s/n").Tarball("1.0.0+b"))
}

func TestVersionsAndTags(t *testing.T) {
	for _, v := range []string{"1.0.0", "0.0.0", "1.0.0-beta.1", "1.0.0+build", "1.2.3-x.7.z.92+b"} {
		require.NoError(t, checkVersion(v), v)
	}
	for _, v := range []string{"", "1", "1.0", "v1.0.0", "=1.0.0", " 1.0.0", "1.0.0.0", "01.0.0", "latest", "1.0.0-", "^1.0.0", "1.0.0-01", strings.Repeat("1", 300) + ".0.0"} {
		require.Error(t, checkVersion(v), v)
	}
	for _, tag := range []string{"latest", "next", "beta-1", "release_candidate", "canary"} {
		require.NoError(t, checkTag(tag), tag)
	}
	for _, tag := range []string{"", "1", "1.0.0", "v1", "^1", "~2", "*", "x", ">=1", "1.x", "1 || 2", "a b", "a/b", "ü", "1.0.0 - 2.0.0", strings.Repeat("a", 300)} {
		require.Error(t, checkTag(tag), "%q", tag)
	}
}

func TestNegotiation(t *testing.T) {
	const abbreviated, plainJSON = "application/vnd.npm.install-v1+json", "application/json"
	full := []string{"", "*/*", plainJSON, "text/html", "application/json; q=1.0, */*", abbreviated + "; q=0", abbreviated + "; q=0.5, " + plainJSON, "application/vnd.npm.install-v2+json"}
	short := []string{abbreviated, abbreviated + "; q=1.0, application/json; q=0.8, */*", plainJSON + "," + abbreviated, strings.ToUpper(abbreviated), plainJSON + ";q=0.2, " + abbreviated + ";q=0.2",
		"*/*, " + abbreviated + ";q=0.1", abbreviated + "; charset=utf-8; Q=0.9"}
	for _, accept := range full {
		require.True(t, wantsFull(accept), accept)
	}
	for _, accept := range short {
		require.False(t, wantsFull(accept), accept)
	}
}

func TestUnchanged(t *testing.T) {
	modified := time.Date(2024, 5, 6, 7, 8, 9, 500e6, time.UTC)
	tests := []struct {
		name, value string
		want        bool
	}{
		{"If-None-Match", `"a"`, true}, {"If-None-Match", `W/"a"`, true}, {"If-None-Match", `"b", W/"a"`, true}, {"If-None-Match", `*`, true}, {"If-None-Match", `"b"`, false}, {"If-None-Match", ``, false},
		{"If-Modified-Since", "Mon, 06 May 2024 07:08:09 GMT", true}, {"If-Modified-Since", "Mon, 06 May 2024 07:08:08 GMT", false}, {"If-Modified-Since", "yesterday", false},
	}
	for _, test := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(test.name, test.value)
		require.Equal(t, test.want, unchanged(r, `"a"`, modified), "%s %s", test.name, test.value)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", `"b"`)
	r.Header.Set("If-Modified-Since", "Mon, 06 May 2024 07:08:09 GMT")
	require.False(t, unchanged(r, `"a"`, modified), "the ETag counts alone")
}

func TestTarballContents(t *testing.T) {
	good := manifestJSON("p", "1.0.0")
	c, err := examine(bytes.NewReader(packed(t, "package/package.json", good, "package/npm-shrinkwrap.json", "{}", "package/binding.gyp", "{}", "package/lib/package.json", `{"name":"inner"}`)), 400)
	require.NoError(t, err)
	require.Equal(t, contents{Files: 4, Unpacked: int64(len(good) + 2 + 2 + 16), Shrinkwrap: true, Gyp: true, Name: "p", Version: "1.0.0", entries: 4, most: unpackedLeast, found: true, manifest: []byte(good),
		list: []manifest.File{{Path: "package.json", Size: int64(len(good))}, {Path: "npm-shrinkwrap.json", Size: 2}, {Path: "binding.gyp", Size: 2}, {Path: "lib/package.json", Size: 16}}}, c)
	require.NoError(t, c.agree("p", "1.0.0"))
	require.Error(t, c.agree("q", "1.0.0"))
	require.Error(t, c.agree("p", "1.0.1"))
	c.Version = " v1.0.0+b"
	require.NoError(t, c.agree("p", "1.0.0"))

	other, err := examine(bytes.NewReader(packed(t, "left-pad/package.json", "\ufeff"+good)), 400)
	require.NoError(t, err, "any first folder, and a byte order mark")
	require.Equal(t, "p", other.Name)

	whole := packed(t, "package/package.json", good, "package/x", strings.Repeat("x", 5000))
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-6] ^= 1
	for name, tgz := range map[string][]byte{
		"no gzip": []byte("hello"), "empty": {}, "truncated": whole[:len(whole)-20], "checksum": damaged, "no manifest": packed(t, "package/x", "y"),
		"manifest elsewhere": packed(t, "package/lib/package.json", good), "not JSON": packed(t, "package/package.json", "{"), "no name": packed(t, "package/package.json", "{}"),
		"leaves": packed(t, "package/package.json", good, "package/../../x", "y"), "absolute": packed(t, "/package/package.json", good),
		"huge manifest": packed(t, "package/package.json", good+strings.Repeat(" ", mostManifestSize)),
	} {
		_, err := examine(bytes.NewReader(tgz), int64(len(tgz)))
		require.Error(t, err, name)
		require.Equal(t, 400, asError(err).Status, name)
		require.Contains(t, err.Error(), "invalid tarball", name)
	}
}

func TestBombsAreRefused(t *testing.T) {
	bomb := packed(t, "package/package.json", manifestJSON("p", "1.0.0"), "package/zeros", string(make([]byte, unpackedLeast+1<<20)))
	_, err := examine(bytes.NewReader(bomb), int64(len(bomb)))
	require.ErrorIs(t, err, errBomb)
}

// TestSplicesMeanWhatEditsMean makes random edits of packuments both as raw
// splices and on decoded maps, and compares what comes out.
func TestSplicesMeanWhatEditsMean(t *testing.T) {
	r := rand.New(rand.NewSource(int64(fixtures.Seed(t))))
	texts := []string{"a", "é😀", `quo"te`, `back\slash`, "new\nline", "__proto__", "constructor", "<&>", "\u2028", "", "1.0.0", "dist-tags"}
	text := func() string { return texts[r.Intn(len(texts))] + strconv.Itoa(r.Intn(5)) }
	p := parsePackument("@s/n", []byte(`{ "_id":"@s/n","_rev":"1-a","name" : "@s/n", "dist-tags":{},"versions":{ } ,"time":{}, "big":12345678901234567890,"one":1.0 }`))
	model := dict{"_id": "@s/n", "name": "@s/n", "dist-tags": dict{}, "versions": dict{}, "time": dict{}, "big": json.Number("12345678901234567890"), "one": json.Number("1.0")}
	for range 400 {
		p = p.clone()
		key, value := text(), text()
		switch r.Intn(5) {
		case 0:
			if key[0] == '_' {
				continue // CouchDB's own, dropped on reading
			}
			p.set(key, quote(value))
			model[key] = value
		case 1:
			p.drop(key)
			delete(model, key)
		case 2:
			manifest := object{{"name", quote(value)}, {"dist", object{{"tarball", quote("/x/" + value)}}.raw()}}
			if p.versions.at(key) < 0 {
				p.versions = append(p.versions, member{key, manifest.raw()})
				model["versions"].(dict)[key] = dict{"name": value, "dist": dict{"tarball": "/x/" + value}}
			}
		case 3:
			p.versions = p.versions.without(key)
			delete(model["versions"].(dict), key)
		case 4:
			p.set("time", p.times().with(key, quote(value)).raw())
			model["time"].(dict)[key] = value
		}
		raw := p.encode()
		requireMeans(t, model, raw)
		again := parsePackument("@s/n", raw)
		requireMeans(t, model, again.encode())
	}
	full := map[string]any{}
	require.NoError(t, json.Unmarshal(p.full("https://r.example"), &full))
	for number, manifest := range full["versions"].(dict) {
		want := at(t, model, "versions", number, "dist", "tarball").(string)
		require.Equal(t, "https://r.example"+want, at(t, manifest, "dist", "tarball"))
	}
}

func requireMeans(t *testing.T, want dict, raw []byte) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var have dict
	require.NoError(t, d.Decode(&have), string(raw))
	require.Equal(t, want, have)
}

func FuzzPackument(f *testing.F) {
	f.Add([]byte(`{"_id":"p","versions":{"1.0.0":{"dist":{"tarball":"/p/-/p-1.0.0.tgz"}}},"time":{"a":"b"}}`))
	f.Add([]byte(`{"versions":[],"dist-tags":"x","time":3,"maintainers":{"a":1}}`))
	f.Add([]byte(`{"versions":{"1.0.0":{"dist":{"tarball":"http://x/y/z.tgz","tarball":"/a"}}},"maintainers":[{"name":"b"},2,]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := parsePackument("p", raw)
		p.maintainers()
		p.modified()
		p.resolve("^1")
		p.file("p-1.0.0.tgz")
		out := rebased(raw, "p", "http://h")
		if json.Valid(raw) {
			require.True(t, json.Valid(p.full("http://h")), string(raw))
			require.True(t, json.Valid(out), string(raw))
			require.True(t, json.Valid(p.clone().encode()))
		}
	})
}

func TestLinksOfOtherHostsBecomeOurs(t *testing.T) {
	raw := []byte(`{"versions":{"1.0.0":{"dist":{"tarball":"https://other.example/prefix/n/-/n-1.0.0.tgz"}},"2.0.0":{"dist":{}},"3.0.0":{"dist":{"tarball":"/@s/n/-/n-3.0.0.tgz"}}}}`)
	var have dict
	require.NoError(t, json.Unmarshal(rebased(raw, "@s/n", "http://r:1"), &have))
	require.Equal(t, "http://r:1/@s/n/-/n-1.0.0.tgz", at(t, have, "versions", "1.0.0", "dist", "tarball"))
	require.Equal(t, "http://r:1/@s/n/-/n-3.0.0.tgz", at(t, have, "versions", "3.0.0", "dist", "tarball"))
}

func TestResolve(t *testing.T) {
	p := &packument{name: "p", top: object{{"dist-tags", []byte(`{"latest":"1.5.0","next":"2.0.0-rc.1"}`)}}}
	for _, v := range []string{"1.0.0", "1.5.0", "1.9.0", "2.0.0-rc.1", "0.1.0+b"} {
		p.versions = append(p.versions, member{v, quote(v)})
	}
	for spec, want := range map[string]string{"1.0.0": "1.0.0", "latest": "1.5.0", "next": "2.0.0-rc.1", "^1.0.0": "1.5.0", ">1.5.0": "1.9.0", "~1.0.0": "1.0.0", "*": "1.5.0", "0.1.0": "0.1.0+b", "^9": "", "nothing": "", "": ""} {
		require.Equal(t, want, plain(p.resolve(spec)), spec)
	}
	require.Equal(t, "1.9.0", p.highest(whichever))
}

func TestReadmesAreShortenedAtARune(t *testing.T) {
	long := strings.Repeat("é", mostReadme)
	short := plain(shorten(quote(long)))
	require.LessOrEqual(t, len(short), mostReadme)
	require.True(t, strings.HasPrefix(long, short))
	require.Greater(t, len(short), mostReadme-4)
	require.Equal(t, "x", plain(shorten(quote("x"))))
}

func BenchmarkAppendVersion(b *testing.B) {
	for _, n := range []int{300, 3000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			manifest := []byte(`{"name":"p","readme":"` + strings.Repeat("x", 1500) + `"}`)
			p := &packument{name: "p", top: object{{"name", quote("p")}}, versions: object{}}
			times := object{}
			for i := range n {
				v := "1." + strconv.Itoa(i) + ".0"
				p.versions = append(p.versions, member{v, manifest})
				times = append(times, member{v, quote("2024-01-01T00:00:00.000Z")})
			}
			p.set("time", times.raw())
			b.ReportAllocs()
			for b.Loop() {
				next := p.clone()
				next.touch(time.Now(), next.times().with("2.0.0", quote("2024-01-01T00:00:00.000Z")))
				next.versions = append(next.versions, member{"2.0.0", manifest})
				b.SetBytes(int64(len(next.encode())))
			}
		})
	}
}
