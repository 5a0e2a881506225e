package views

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// posts writes n documents of some 550 bytes.
func (h *house) posts(n int) {
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"}
	r := rand.New(rand.NewSource(1))
	var batch []*couch.Document
	for k := range n {
		text := ""
		for range 60 {
			text += words[r.Intn(10)] + " "
		}
		doc, err := couch.ParseDocument(fmt.Appendf(nil, `{"_id":"doc%08d","type":"post","n":%d,"tags":["%s","%s"],"author":{"name":"%s","age":%d},"score":%v,"text":"%s"}`,
			k, k, words[r.Intn(10)], words[r.Intn(10)], words[r.Intn(10)], r.Intn(90), r.Float64(), text))
		require.NoError(h.t, err)
		if batch = append(batch, doc); len(batch) == 1000 || k == n-1 {
			_, err := h.db.Bulk(h.ctx, batch, couch.WriteOptions{})
			require.NoError(h.t, err)
			batch = nil
		}
	}
}

// find reads a search to its end.
func (h *house) find(body string) (docs []string, rest *Found) {
	h.t.Helper()
	found, err := h.engine.Find(h.ctx, h.db, []byte(body), "")
	require.NoError(h.t, err, body)
	for found.Next() {
		docs = append(docs, string(found.Doc()))
	}
	require.NoError(h.t, found.Err())
	require.NoError(h.t, found.Close())
	return docs, found
}

func (h *house) indexed(body string) {
	h.t.Helper()
	_, _, _, err := h.engine.CreateIndex(h.ctx, h.db, []byte(body), Designer{})
	require.NoError(h.t, err)
}

func BenchmarkFind(b *testing.B) {
	const docs = 20000
	h := open(b, Options{})
	h.posts(docs)
	b.Run("build", func(b *testing.B) {
		for n := 0; b.Loop(); n++ {
			h.indexed(fmt.Sprintf(`{"index":{"fields":["author.age"]},"ddoc":"d","name":"age%d"}`, n))
			h.find(`{"selector":{"author.age":{"$gt":1}},"limit":1}`)
			require.NoError(b, h.engine.DeleteIndexes(h.ctx, h.db, "d", Designer{}))
		}
		b.ReportMetric(docs*float64(b.N)/b.Elapsed().Seconds(), "docs/s")
	})
	h.indexed(`{"index":{"fields":["author.age"]},"name":"age"}`)
	for name, body := range map[string]string{
		"eq-20":      `{"selector":{"author.age":%d},"limit":20}`,
		"covered-20": `{"selector":{"author.age":%d},"limit":20,"fields":["_id","author.age"]}`,
		"residual":   `{"selector":{"author.age":%d,"author.name":"golf"},"limit":20}`,
		"sort-20":    `{"selector":{"author.age":{"$gt":%d}},"sort":[{"author.age":"desc"}],"limit":20}`,
		"scan":       `{"selector":{"score":{"$lt":%d}},"limit":1000000,"fields":["_id"]}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				h.find(fmt.Sprintf(body, n%90))
			}
		})
	}
}
