package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

var bob = auth.Identity{Name: "bob", Email: "bob@example.com"}

// packed makes a tarball of files, in the order given.
func packed(t testing.TB, files ...string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(files[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func manifestJSON(name, version string) string {
	return fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)
}

// sampleTarball is one of a package with size bytes that do not compress.
func sampleTarball(t testing.TB, name, version string, size int) []byte {
	noise := make([]byte, size)
	rand.New(rand.NewSource(int64(len(name) + len(version)))).Read(noise)
	return packed(t, "package/package.json", manifestJSON(name, version), "package/index.js", "module.exports = 1\n", "package/"+name+"@"+version, string(noise))
}

type dict = map[string]any

// publishing is a publish document as npm sends it.
func publishing(name, version string, tgz []byte) dict {
	s1, s5 := sha1.Sum(tgz), sha512.Sum512(tgz)
	return dict{
		"_id": name, "name": name, "description": "a sample", "dist-tags": dict{"latest": version}, "access": nil,
		"versions": dict{version: dict{
			"name": name, "version": version, "description": "a sample", "_id": name + "@" + version, "readme": "# " + name, "readmeFilename": "README.md",
			"main": "index.js", "license": "MIT", "keywords": []string{"sample"}, "dependencies": dict{"dep": "^1.0.0"}, "scripts": dict{"test": "true"},
			"exports": dict{".": "./index.js"}, "bin": dict{"x": "./x.js"}, "_nodeVersion": "22.0.0", "_npmVersion": "11.0.0",
			"dist": dict{"integrity": "sha512-" + base64.StdEncoding.EncodeToString(s5[:]), "shasum": hex.EncodeToString(s1[:]),
				"tarball": "http://localhost:4873/" + name + "/-/" + name + "-" + version + ".tgz"},
		}},
		"_attachments": dict{name + "-" + version + ".tgz": dict{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tgz), "length": len(tgz)}},
	}
}

func publishDoc(t testing.TB, name, version string, tgz []byte) []byte {
	raw, err := json.Marshal(publishing(name, version, tgz))
	require.NoError(t, err)
	return raw
}

// at finds a value inside nested objects.
func at(t testing.TB, v any, path ...string) any {
	for _, name := range path {
		m, ok := v.(dict)
		require.True(t, ok, "%v: %s is in no object", path, name)
		v = m[name]
	}
	return v
}
