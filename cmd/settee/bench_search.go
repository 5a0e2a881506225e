package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// A corpus is made of syllables, by a seed: few words are in many packages, most in few.
type corpus struct {
	r     *rand.Rand
	words []string
	zipf  *rand.Zipf
}

func newCorpus() *corpus {
	r := rand.New(rand.NewPCG(1, 1))
	c := &corpus{r: r}
	seen := map[string]bool{}
	for len(c.words) < 30_000 {
		var w strings.Builder
		for range 2 + r.IntN(3) {
			w.WriteByte("bcdfghjklmnprstvwz"[r.IntN(18)])
			w.WriteByte("aeiou"[r.IntN(5)])
		}
		if !seen[w.String()] {
			seen[w.String()] = true
			c.words = append(c.words, w.String())
		}
	}
	c.zipf = rand.NewZipf(r, 1.1, 20, uint64(len(c.words)-1))
	return c
}

func (c *corpus) some(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = c.words[c.zipf.Uint64()]
	}
	return list
}

// packument is the i-th package's document.
func (c *corpus) packument(i int) map[string]any {
	name := fmt.Sprintf("%s-%s-%d", c.words[c.zipf.Uint64()], c.words[i%len(c.words)], i)
	user := c.words[i%9000]
	people := []any{map[string]string{"name": user, "email": user + "@example.com"}}
	at := time.Now().AddDate(0, 0, -c.r.IntN(2500)).UTC().Format("2006-01-02T15:04:05.000Z")
	needs := map[string]string{}
	for _, word := range c.some(c.r.IntN(9)) {
		needs[word] = "^1.0.0"
	}
	about := strings.Join(c.some(5+c.r.IntN(10)), " ")
	return map[string]any{
		"_id": name, "name": name, "access": "public", "description": about, "keywords": c.some(c.r.IntN(6)), "license": "MIT", "maintainers": people,
		"dist-tags": map[string]string{"latest": "1.0.0"}, "time": map[string]string{"created": at, "modified": at, "1.0.0": at},
		"repository": map[string]string{"type": "git", "url": "git+https://git.example.com/" + name + ".git"},
		"versions":   map[string]any{"1.0.0": map[string]any{"name": name, "version": "1.0.0", "description": about, "dependencies": needs, "_npmUser": people[0]}},
	}
}

// searches puts --corpus packages into the own server's registry, and searches them.
func searches(b *bencher) ([]figure, error) {
	c, n := newCorpus(), b.flags.corpus/1000*1000
	began := time.Now()
	for at := 0; at < n; at += 1000 {
		docs := make([]any, 1000)
		for i := range docs {
			docs[i] = c.packument(at + i)
		}
		body, err := json.Marshal(map[string]any{"docs": docs})
		if err == nil {
			_, err = b.couch.once("POST", "/registry/_bulk_docs", body)
		}
		if err != nil {
			return nil, err
		}
	}
	written := time.Since(began)
	if err := b.awaitFound(n); err != nil {
		return nil, err
	}
	built := time.Since(began)
	bytes, err := folderSize(filepath.Join(b.local.dir, "data", "search"))
	if err != nil {
		return nil, err
	}
	figures := []figure{{name: fmt.Sprintf("Search/build/packages=%d", n), n: n, values: []value{
		{float64(n) / built.Seconds(), "packages/s", 0}, {written.Seconds(), "s-written", 1}, {float64(bytes) / (1 << 20), "MB-on-disk", 1}, {b.local.held() / (1 << 20), "MB-held", 0},
	}}}
	for _, kind := range []struct {
		name string
		text func(r *rand.Rand) string
	}{
		{"word", func(r *rand.Rand) string { return c.words[r.IntN(2000)] }},
		{"words", func(r *rand.Rand) string { return c.words[r.IntN(300)] + " " + c.words[r.IntN(2000)] }},
		{"beginning", func(r *rand.Rand) string { return c.words[r.IntN(2000)][:3] }},
		{"typo", func(r *rand.Rand) string { w := c.words[r.IntN(20_000)]; return w[:len(w)-1] + "x" }},
		{"keyword", func(r *rand.Rand) string { return "keywords:" + c.words[r.IntN(2000)] }},
	} {
		l, err := b.during(b.npm.server, 1, func(conn *benchConn, _, i int) error {
			text := kind.text(rand.New(rand.NewPCG(7, uint64(i))))
			_, err := conn.do("GET", "/-/v1/search?text="+url.QueryEscape(text)+"&size=20&from=0&quality=0.65&popularity=0.98&maintenance=0.5", "", nil, false)
			return err
		})
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{name: "Search/" + kind.name, load: l, unit: "requests"})
	}
	return figures, nil
}

// awaitFound waits until so many packages are found.
func (b *bencher) awaitFound(n int) error {
	for {
		var info struct {
			Total int `json:"total_rows"`
		}
		conn, err := newBenchServer(b.local.npm, "", "").dial(b.ctx)
		if err != nil {
			return err
		}
		raw, err := conn.do("GET", "/_all_docs?limit=0", "", nil, true) // to strangers the index tells the number
		conn.close()
		if err == nil {
			err = json.Unmarshal(raw, &info)
		}
		if err != nil || info.Total >= n {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
}

// folderSize are the bytes of a folder whose files come and go.
func folderSize(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes, err
}
