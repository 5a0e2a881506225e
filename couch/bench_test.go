package couch

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// packument is JSON of the shape of a package of n versions.
func packument(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"_id":"pkg","name":"pkg","versions":{`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"1.0.%d":{"name":"pkg","version":"1.0.%d","description":"a package that does what it says","main":"index.js",`+
			`"scripts":{"test":"node --test","build":"tsc -p ."},"dependencies":{"lodash":"^4.17.21","semver":"~7.5.0"},"license":"MIT",`+
			`"dist":{"shasum":"da39a3ee5e6b4b0d3255bfef95601890afd80709","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==","tarball":"/pkg/-/pkg-1.0.%d.tgz","fileCount":12,"unpackedSize":34567}}`, i, i, i)
	}
	b.WriteString(`}}`)
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{0, 10, 300} {
		raw := packument(n)
		b.Run(fmt.Sprint(len(raw)), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				doc, err := ParseDocument(raw)
				require.NoError(b, err)
				revID(false, Rev{}, doc.digest.terms, nil)
			}
		})
	}
}

func benchDB(b *testing.B) *DB {
	s, err := Open(b.TempDir(), Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	db, err := s.Create(ctx, "db")
	require.NoError(b, err)
	return db
}

func small(id string) []byte {
	return fmt.Appendf(nil, `{"_id":"%s","name":"document %s","n":42,"tags":["a","b"],"text":"some forty characters of ordinary text"}`, id, id)
}

func putOne(b *testing.B, db *DB, id string) {
	doc, err := ParseDocument(small(id))
	if err == nil {
		_, err = db.Put(ctx, doc, WriteOptions{})
	}
	if err != nil {
		b.Error(err)
	}
}

func BenchmarkPut(b *testing.B) {
	db := benchDB(b)
	for b.Loop() {
		putOne(b, db, db.store.NewUUID())
	}
}

func BenchmarkPutParallel64(b *testing.B) {
	db := benchDB(b)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			putOne(b, db, db.store.NewUUID())
		}
	})
}

func bulk(b *testing.B, db *DB, n int) {
	raws := make([][]byte, n)
	for i := range raws {
		raws[i] = small(db.store.NewUUID())
	}
	docs := make([]*Document, n)
	inParallel(n, func(i int) { docs[i], _ = ParseDocument(raws[i]) })
	_, err := db.Bulk(ctx, docs, WriteOptions{})
	require.NoError(b, err)
}

func BenchmarkBulk1000(b *testing.B) {
	db := benchDB(b)
	for b.Loop() {
		bulk(b, db, 1000)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "docs/s")
}

func BenchmarkGet(b *testing.B) {
	db := benchDB(b)
	for range 20 {
		bulk(b, db, 1000)
	}
	rows, err := db.AllDocs(ctx, AllDocsOptions{Limit: -1})
	require.NoError(b, err)
	var ids []DocID
	for rows.Next() {
		ids = append(ids, rows.Row().ID)
	}
	require.NoError(b, rows.Close())
	i := 0
	for b.Loop() {
		if _, err := db.Get(ctx, ids[i*7919%len(ids)], GetOptions{}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkChanges(b *testing.B) {
	db := benchDB(b)
	for range 50 {
		bulk(b, db, 1000)
	}
	n := 0
	for b.Loop() {
		c, err := db.Changes(ctx, ChangesOptions{Limit: -1})
		require.NoError(b, err)
		for c.Next() {
			n++
		}
		require.NoError(b, c.Close())
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkUpdate updates one document that has a history of so many revisions.
func BenchmarkUpdate(b *testing.B) {
	for _, history := range []int{1, 5000} {
		b.Run(fmt.Sprint(history), func(b *testing.B) {
			db := benchDB(b)
			var rev Rev
			update := func() {
				doc, err := ParseDocument(small("one"))
				require.NoError(b, err)
				doc.Rev = rev
				rev, err = db.Put(ctx, doc, WriteOptions{})
				require.NoError(b, err)
			}
			for range history {
				update()
			}
			for b.Loop() {
				update()
			}
		})
	}
}
