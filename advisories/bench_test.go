package advisories

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// BenchmarkBulk is what npm asks on an install of 550 packages, of which 30 have 8 advisories each: two lie in the version.
func BenchmarkBulk(b *testing.B) {
	a := new(Advisories)
	a.known.Store(newIndex())
	posted := map[string][]string{}
	for i := range 550 {
		name := fmt.Sprintf("package-%d", i)
		posted[name] = []string{"1.6.0"}
		for n := range 8 {
			if i < 30 {
				id := fmt.Sprintf("GHSA-%d-%d", i, n)
				a.known.Load().set(id, parsed(b, osv(id, day, name, fmt.Sprintf("1.%d.0", n), dict{"aliases": []any{fmt.Sprintf("CVE-%d-%d", i, n)}})))
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(a.Bulk(posted)); n != 30 {
			b.Fatal(n)
		}
	}
}

// BenchmarkKnown is one lookup, of a package that nothing is known of and of one with 8 advisories.
func BenchmarkKnown(b *testing.B) {
	a := new(Advisories)
	a.known.Store(newIndex())
	for n := range 8 {
		id := fmt.Sprintf("GHSA-%d", n)
		a.known.Load().set(id, parsed(b, osv(id, day, "left", fmt.Sprintf("1.%d.0", n))))
	}
	for _, name := range []string{"right", "left"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a.Known(name, "1.6.0")
			}
		})
	}
}

// BenchmarkIndexSize is the memory of 20,000 records of 12,000 packages.
func BenchmarkIndexSize(b *testing.B) {
	const records = 20_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := newIndex()
		for i := range records {
			id := fmt.Sprintf("GHSA-%04d-%04d-abcd", i/10000, i%10000)
			x.set(id, parsed(b, osv(id, day, fmt.Sprintf("package-of-some-name-%d", i%12_000), fmt.Sprintf("%d.2.3", i%9+1), dict{
				"aliases": []any{fmt.Sprintf("CVE-2024-%d", i)}, "summary": "Regular expression denial of service in the parser of headers of package-of-some-name",
			})))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/records, "B/record")
		runtime.KeepAlive(x)
	}
}

// BenchmarkRecord is what reading the database costs for each record at start: one with a page of details.
func BenchmarkRecord(b *testing.B) {
	raw, err := json.Marshal(osv("GHSA-a", day, "left", "1.2.3", dict{"details": strings.Repeat("It \"pads\" the wrong side, <very> wrong.\n", 200)}))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := parseRecord(raw)
		if err != nil {
			b.Fatal(err)
		}
		entryOf(r, "left")
	}
}
