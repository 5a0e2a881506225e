package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
)

// tarballSize is the payload of a package: the median of real ones.
const tarballSize = 20_000

// abbreviatedAccept is what npm sends when it installs.
const abbreviatedAccept = "Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*\r\nAccept-Encoding: gzip\r\n"

// fullAccept is what npm sends since 10.4, and npm view.
const fullAccept = "Accept: application/json\r\nAccept-Encoding: gzip\r\n"

// packTarball packs a package whose payload cannot be compressed.
func packTarball(name, version string, size, seed int) ([]byte, error) {
	manifest, err := json.Marshal(map[string]any{"name": name, "version": version, "main": "index.js"})
	if err != nil {
		return nil, err
	}
	payload := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(payload); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, f := range []struct {
		name string
		data []byte
	}{{"package.json", manifest}, {"index.js", []byte("module.exports = 1\n")}, {"blob.bin", payload}} {
		if err := t.WriteHeader(&tar.Header{Name: "package/" + f.name, Mode: 0o644, Size: int64(len(f.data))}); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// publishBody is what npm publish sends.
func publishBody(name, version string, size, seed int) ([]byte, error) {
	return publishMore(name, version, size, seed, nil)
}

// publishMore has more members in the version's manifest. The tarball stands last and is encoded into
// its place: it may have hundreds of megabytes.
func publishMore(name, version string, size, seed int, more map[string]any) ([]byte, error) {
	tgz, err := packTarball(name, version, size, seed)
	if err != nil {
		return nil, err
	}
	s1, s5 := sha1.Sum(tgz), sha512.Sum512(tgz)
	file := name + "-" + version + ".tgz"
	manifest := map[string]any{
		"_id": name + "@" + version, "name": name, "version": version, "description": "a package for load",
		"main": "index.js", "license": "MIT", "readme": strings.Repeat("# hello\nsome text about it\n", 40),
		"dependencies":    map[string]string{"a": "^1.0.0", "b": "^2.0.0", "c": "~3.1.0"},
		"devDependencies": map[string]string{"mocha": "^10.0.0", "eslint": "^8.0.0"},
		"scripts":         map[string]string{"test": "mocha"}, "keywords": []string{"load", "test"},
		"engines": map[string]string{"node": ">=18"},
		"dist": map[string]any{"integrity": "sha512-" + base64.StdEncoding.EncodeToString(s5[:]),
			"shasum": hex.EncodeToString(s1[:]), "tarball": "http://localhost/" + name + "/-/" + file},
	}
	maps.Copy(manifest, more)
	head, err := json.Marshal(map[string]any{
		"_id": name, "name": name, "description": "a package for load", "access": nil,
		"dist-tags": map[string]string{"latest": version}, "versions": map[string]any{version: manifest},
	})
	if err != nil {
		return nil, err
	}
	head = fmt.Appendf(head[:len(head)-1], `,"_attachments":{%q:{"content_type":"application/octet-stream","length":%d,"data":"`, file, len(tgz))
	const tail = `"}}}`
	body := make([]byte, 0, len(head)+base64.StdEncoding.EncodedLen(len(tgz))+len(tail))
	return append(base64.StdEncoding.AppendEncode(append(body, head...), tgz), tail...), nil
}
