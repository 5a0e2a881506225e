package mango

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packument is a document of some 4 KB whose asked members come last.
var packument = fmt.Appendf(nil, `{"_id":"left-pad","_rev":"3-0","readme":"%s","versions":{%s"1.0.0":{"name":"left-pad"}},"age":42,"type":"user","name":"left-pad","tags":["a","b"],"price":1.50}`,
	strings.Repeat(`a \"quoted\" word. `, 100), strings.Repeat(`"0.0.0":{"name":"left-pad","deps":{"a":"^1"}},`, 50))

var benchmarks = map[string]string{
	"eq":       `{"type":"user"}`,
	"id":       `{"_id":{"$gt":"left"}}`,
	"number":   `{"age":{"$gt":20,"$lt":60}}`,
	"float":    `{"price":{"$gte":1.25}}`,
	"exists":   `{"name":{"$exists":true}}`,
	"in":       `{"type":{"$in":["admin","guest","user"]}}`,
	"order":    `{"name":{"$gt":"jquery"}}`,
	"nested":   `{"versions.1\\.0\\.0.name":"left-pad"}`,
	"elem":     `{"tags":{"$elemMatch":{"$eq":"b"}}}`,
	"regex":    `{"name":{"$regex":"^left-"}}`,
	"everyday": `{"type":"user","age":{"$gt":20},"$or":[{"name":"x"},{"tags":{"$in":["b"]}}]}`,
}

func BenchmarkMatch(b *testing.B) {
	for name, selector := range benchmarks {
		b.Run(name, func(b *testing.B) {
			s, err := Compile([]byte(selector))
			require.NoError(b, err)
			require.True(b, s.Match(packument))
			b.ReportAllocs()
			b.SetBytes(int64(len(packument)))
			for b.Loop() {
				s.Match(packument)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	p, err := Fields([]byte(`["_id","name","versions.1\\.0\\.0.name"]`))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		p.Apply(packument)
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = Compile([]byte(benchmarks["everyday"]))
	}
}

func TestSimpleComparisonsAllocateNothing(t *testing.T) {
	for _, name := range []string{"eq", "id", "number", "float", "exists", "in", "nested", "elem", "order"} {
		s, err := Compile([]byte(benchmarks[name]))
		require.NoError(t, err)
		least := 1.0
		for range 50 { // a pool may be empty at any time
			least = min(least, testing.AllocsPerRun(1, func() { s.Match(packument) }))
		}
		require.Zero(t, least, name)
	}
}
