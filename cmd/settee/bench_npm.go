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
	"math/rand/v2"
	"net/http"
	"strings"
)

// tarballSize is the payload of a package: the median of real ones.
const tarballSize = 20_000

// abbreviatedAccept is what npm sends when it installs.
const abbreviatedAccept = "Accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*\r\nAccept-Encoding: gzip\r\n"

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
	return json.Marshal(map[string]any{
		"_id": name, "name": name, "description": "a package for load", "access": nil,
		"dist-tags": map[string]string{"latest": version}, "versions": map[string]any{version: manifest},
		"_attachments": map[string]any{file: map[string]any{"content_type": "application/octet-stream",
			"data": base64.StdEncoding.EncodeToString(tgz), "length": len(tgz)}},
	})
}

// publishNew publishes n new packages of 20 kB.
func (b *bencher) publishNew(prefix string, n, clients int) (load, error) {
	names := make([]string, n)
	bodies := make([][]byte, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-%s-%d", b.stamp, prefix, i)
		var err error
		if bodies[i], err = publishBody(names[i], "1.0.0", tarballSize, i); err != nil {
			return load{}, err
		}
	}
	b.packages = append(b.packages, names...)
	b.small = names[0]
	return b.each(b.npm, clients, n, func(c *benchConn, i int) error {
		_, err := c.do("PUT", "/"+names[i], "", bodies[i], false)
		return err
	})
}

func (b *bencher) publish() ([]figure, error) {
	l, err := b.publishNew("new", b.flags.packages, 8)
	if err != nil {
		return nil, err
	}
	return []figure{{name: "Publish/new/20kB/c=8", load: l, unit: "packages"}}, nil
}

// grow publishes the package of many versions, once.
func (b *bencher) grow() (load, error) {
	if b.big != "" {
		return load{}, nil
	}
	name := "bench-" + b.stamp + "-versions"
	bodies := make([][]byte, b.flags.versions)
	for i := range bodies {
		var err error
		if bodies[i], err = publishBody(name, fmt.Sprintf("1.%d.0", i), 500, i); err != nil {
			return load{}, err
		}
	}
	b.big = name
	b.packages = append(b.packages, name)
	return b.each(b.npm, 1, len(bodies), func(c *benchConn, i int) error {
		_, err := c.do("PUT", "/"+name, "", bodies[i], false)
		return err
	})
}

func (b *bencher) version() ([]figure, error) {
	l, err := b.grow()
	if err != nil {
		return nil, err
	}
	return []figure{{name: fmt.Sprintf("Publish/version=%d", b.flags.versions), load: sum(l.took[len(l.took)-20:]), unit: "versions"}}, nil
}

func (b *bencher) packument() ([]figure, error) {
	if _, err := b.grow(); err != nil {
		return nil, err
	}
	l, err := b.during(b.npm, 32, func(c *benchConn, _, _ int) error {
		_, err := c.do("GET", "/"+b.big, abbreviatedAccept, nil, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []figure{{name: fmt.Sprintf("Packument/versions=%d/gzip/c=32", b.flags.versions), load: l, unit: "requests"}}, nil
}

func (b *bencher) tarball() ([]figure, error) {
	if b.small == "" {
		if _, err := b.publishNew("one", 1, 1); err != nil {
			return nil, err
		}
	}
	path := "/" + b.small + "/-/" + b.small + "-1.0.0.tgz"
	l, err := b.during(b.npm, 32, func(c *benchConn, _, _ int) error {
		_, err := c.do("GET", path, "", nil, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []figure{{name: "Tarball/20kB/c=32", load: l, unit: "requests"}}, nil
}

// unpublish removes a package, in npm's own way. One that a failed run never
// published is no error.
func (b *bencher) unpublish(c *benchConn, name string) error {
	answer, err := c.do("GET", "/"+name+"?write=true", "Accept: application/json\r\n", nil, true)
	if err != nil {
		return ignoreStatus(err, http.StatusNotFound)
	}
	var doc struct {
		Rev string `json:"_rev"`
	}
	if err := json.Unmarshal(answer, &doc); err != nil {
		return err
	}
	_, err = c.do("DELETE", "/"+name+"/-rev/"+doc.Rev, "", nil, false)
	return err
}
