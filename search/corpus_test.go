package search

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/couch/driver"
	"settee/replicate"
	"settee/views"
)

// drawn are n packages that are like those of a large registry: few words are in many names and descriptions, most in few; some
// packages are needed by thousands, most by none.
type drawn struct {
	r     *rand.Rand
	words []string
	zipf  *rand.Zipf
	needs *rand.Zipf
}

func draw(seed uint64, n int) *drawn {
	r := rand.New(rand.NewPCG(seed, seed))
	d := &drawn{r: r}
	const vowels, consonants = "aeiou", "bcdfghjklmnprstvwz"
	seen := map[string]bool{"react": true, "table": true, "parser": true, "server": true}
	d.words = []string{"react", "table", "parser", "server"}
	for len(d.words) < 30_000 {
		var w strings.Builder
		for range 2 + r.IntN(3) {
			w.WriteByte(consonants[r.IntN(len(consonants))])
			w.WriteByte(vowels[r.IntN(len(vowels))])
		}
		if !seen[w.String()] {
			seen[w.String()] = true
			d.words = append(d.words, w.String())
		}
	}
	d.zipf = rand.NewZipf(r, 1.1, 20, uint64(len(d.words)-1))
	d.needs = rand.NewZipf(r, 1.2, 5, uint64(n-1))
	return d
}

func (d *drawn) word() string { return d.words[d.zipf.Uint64()] }

func (d *drawn) some(n int, between string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = d.word()
	}
	return strings.Join(list, between)
}

// name is that of the i-th package: the same whoever needs it.
func (d *drawn) name(i int) string {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	z := rand.NewZipf(r, 1.1, 20, uint64(len(d.words)-1))
	list := make([]string, 1+r.IntN(3))
	for k := range list {
		list[k] = d.words[z.Uint64()]
	}
	name := fmt.Sprintf("%s-%s", strings.Join(list, "-"), d.words[i%len(d.words)])
	if i%3 == 0 {
		name = "@" + d.words[i%500] + "/" + name
	}
	return name + fmt.Sprint(i)[:1]
}

func (d *drawn) pkg(i int, now time.Time) Package {
	user := Person{Username: d.words[i%9000], Email: d.words[i%9000] + "@example.com"}
	name := d.name(i)
	p := Package{
		Name: name, Version: fmt.Sprintf("%d.%d.%d", i%4, i%11, i%7), Description: d.some(4+d.r.IntN(14), " "), License: "MIT",
		Date: now.AddDate(0, 0, -d.r.IntN(2500)), Updated: now.AddDate(0, 0, -d.r.IntN(100)), Publisher: user, Maintainers: []Person{user},
		Links: map[string]string{"repository": "https://git.example.com/" + name, "homepage": "https://git.example.com/" + name + "#readme", "bugs": "https://git.example.com/" + name + "/issues"},
		Tags:  map[string]string{"latest": "1.0.0"}, Rev: "3-0123456789abcdef0123456789abcdef", Quality: d.r.Float64(), Deprecated: i%40 == 0, Unstable: i%4 == 0,
		Restricted: i%50 == 0, Author: &Person{Name: strings.ToUpper(user.Username[:1]) + user.Username[1:], Email: user.Email},
	}
	for range d.r.IntN(7) {
		p.Keywords = append(p.Keywords, d.word())
	}
	for range d.r.IntN(12) {
		p.Dependencies = append(p.Dependencies, d.name(int(d.needs.Uint64())))
	}
	return p
}

// queries are what people search for, and what it costs most.
func (d *drawn) queries() map[string]func() string {
	part := func() string { return d.words[d.r.IntN(2000)] }
	return map[string]func() string{
		"word":        part,
		"words":       func() string { return part() + " " + d.word() },
		"beginning":   func() string { w := part(); return w[:min(3+d.r.IntN(3), len(w))] },
		"typo":        func() string { w := []byte(d.words[2000+d.r.IntN(20_000)]); w[len(w)/2] = 'x'; return string(w) },
		"keyword":     func() string { return "keywords:" + part() },
		"maintainer":  func() string { return "maintainer:" + d.words[d.r.IntN(9000)] },
		"common":      func() string { return d.words[d.r.IntN(4)] },
		"description": func() string { return d.word() + " " + d.word() + " " + d.word() },
		"everything":  func() string { return "not:deprecated" },
	}
}

// BenchmarkCorpus indexes 200,000 packages (20,000 with -short) from the embedded engine, and searches them.
func BenchmarkCorpus(b *testing.B) {
	n := 200_000
	if testing.Short() {
		n = 20_000
	}
	store, err := couch.Open(b.TempDir(), couch.Options{FS: vfs.NewMem()})
	require.NoError(b, err)
	engine := views.New(store, views.Options{})
	client, err := driver.NewClient(store, engine)
	require.NoError(b, err)
	defer func() {
		require.NoError(b, engine.Close())
		require.NoError(b, store.Close())
	}()
	require.NoError(b, client.CreateDB(b.Context(), "registry"))
	d, now, at := draw(1, n), time.Now(), 0
	for ids := range slices.Chunk(make([]int, n), 1000) {
		docs := make([]any, len(ids))
		for i := range ids {
			p := d.pkg(at, now)
			raw, err := json.Marshal(doc{p, p.Quality, p.Stars, p.Dependencies})
			require.NoError(b, err)
			docs[i] = json.RawMessage(fmt.Appendf(nil, `{"_id":%q,%s`, p.Name, raw[1:]))
			at++
		}
		_, err := client.DB("registry").BulkDocs(b.Context(), docs)
		require.NoError(b, err)
	}
	dir := b.TempDir()
	began := time.Now()
	index, err := Open([]Source{{DB: client.DB("registry"), Read: func(ctx context.Context, c replicate.Change) (Package, bool, error) { return readJSON(ctx, c) }}}, Options{Dir: dir})
	require.NoError(b, err)
	defer func() { require.NoError(b, index.Close()) }()
	require.NoError(b, index.Ready(b.Context()))
	took := time.Since(began)
	is, err := index.Status(b.Context())
	require.NoError(b, err)
	g, err := index.acquire(b.Context())
	require.NoError(b, err)
	require.NoError(b, index.fame.renew(b.Context(), g, nil))
	index.release(g)
	_, _ = fmt.Fprintf(os.Stderr, "%d packages, %.0f/s, %d MB on disk\n", is.Packages, float64(is.Packages)/took.Seconds(), is.Bytes>>20)

	for name, text := range d.queries() {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			found := 0
			for b.Loop() {
				q := Parse(text())
				q.Size = 20
				start := time.Now()
				res, err := index.Search(b.Context(), q, nil)
				times = append(times, time.Since(start))
				require.NoError(b, err)
				found += res.Total
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(times[len(times)*99/100].Seconds()*1e3, "p99-ms")
			b.ReportMetric(float64(found)/float64(len(times)), "found")
		})
	}
	b.Run("lookup=20", func(b *testing.B) { // what a page of answers is read from
		for i := 0; b.Loop(); i++ {
			var names []string
			for k := range 20 {
				names = append(names, d.name((i*20+k)%n))
			}
			_, err := index.Lookup(b.Context(), names)
			require.NoError(b, err)
		}
	})
}
