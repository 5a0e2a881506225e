package couch

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
)

// text is JSON text of so many bytes.
func text(r *rand.Rand, n int) string {
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}

// wide is a document of n members of so many bytes.
func wide(r *rand.Rand, n, size int) (members []string) {
	for i := range n {
		members = append(members, fmt.Sprintf(`"m%03d":"%s"`, i, text(r, size)))
	}
	return members
}

func piecesOf(t testing.TB, db *DB) (n, size int) {
	snap, err := db.snapshot(ctx)
	require.NoError(t, err)
	defer snap.release()
	require.NoError(t, snap.each(ctx, kindAtt, func(_, value []byte) error {
		n, size = n+1, size+len(value)
		return nil
	}))
	return n, size
}

// A small edit of a large document stores little, wherever it is, and changes no revision's id.
func TestLargeBodiesShareTheirPieces(t *testing.T) {
	r := random(t)
	db, whole := database(t, Options{}), database(t, Options{piecedFrom: 1 << 30})
	members := wide(r, 100, 20_000)
	var revs []Rev
	var texts []string
	edit := func() {
		body := `{"_id":"a",` + strings.Join(members, ",") + "}"
		if len(revs) > 0 {
			body = `{"_rev":"` + revs[len(revs)-1].String() + `",` + body[1:]
		}
		rev := put(t, db, body)
		require.Equal(t, put(t, whole, body), rev)
		revs, texts = append(revs, rev), append(texts, "{"+strings.Join(members, ",")+"}")
	}
	edit()
	n, first := piecesOf(t, db)
	require.Greater(t, n, 10)
	require.Equal(t, len(texts[0]), first)
	for i, do := range []func(){
		func() { members = append(members, `"more":"`+text(r, 20_000)+`"`) },
		func() { members[50] = `"other":[1,2,3]` },
		func() { members[0] = `"time":1` },
		func() { members = append(members[:10], members[11:]...) },
	} {
		_, before := piecesOf(t, db)
		do()
		edit()
		_, after := piecesOf(t, db)
		require.Less(t, after-before, first/4, i)
	}
	for i, rev := range revs {
		doc, err := db.Get(ctx, "a", GetOptions{Rev: rev})
		require.NoError(t, err)
		require.Equal(t, texts[i], string(doc.Body))
	}
	require.Less(t, db.counts.Load().stale, int64(2*first), "four edits of which each replaced it whole are more")
	require.NoError(t, db.Compact(ctx))
	_, size := piecesOf(t, db)
	require.Equal(t, len(texts[len(texts)-1]), size)
	require.Equal(t, texts[len(texts)-1], strings.Replace(got(t, db, "a", GetOptions{}), `"_id":"a","_rev":"`+revs[len(revs)-1].String()+`",`, "", 1))
	put(t, db, `{"_id":"a","_rev":"`+revs[len(revs)-1].String()+`","_deleted":true}`)
	require.NoError(t, db.Compact(ctx))
	n, _ = piecesOf(t, db)
	require.Zero(t, n)
}

// Pieces stay while anything needs them: another document, another leaf, what is written while a compaction runs.
func TestPiecesOutliveOneOfTheirDocuments(t *testing.T) {
	db := database(t, Options{})
	body := strings.Join(wide(random(t), 30, 20_000), ",")
	a := put(t, db, `{"_id":"a",`+body+`}`)
	put(t, db, `{"_id":"b",`+body+`}`)
	graft(t, db, "c", `{"_id":"c",`+body+`}`, false, "1-x")
	graft(t, db, "c", `{"_id":"c","n":1}`, false, "1-y")
	n, _ := piecesOf(t, db)
	put(t, db, `{"_id":"a","_rev":"`+a.String()+`","_deleted":true}`)
	purged(t, db, "b", Rev{Pos: 1, ID: a.ID})
	require.NoError(t, db.Compact(ctx))
	left, _ := piecesOf(t, db)
	require.Equal(t, n, left)
	doc, err := db.Get(ctx, "c", GetOptions{Rev: Rev{Pos: 1, ID: "x"}})
	require.NoError(t, err)
	require.Equal(t, "{"+body+"}", string(doc.Body))
}

func TestPiecesWhileCompacting(t *testing.T) {
	r := random(t)
	db := database(t, Options{piecedFrom: 1 << 10})
	members := wide(r, 40, 500)
	rev := put(t, db, `{"_id":"a",`+strings.Join(members, ",")+`}`)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				require.NoError(t, db.Compact(ctx))
			}
		}
	})
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				doc, err := db.Get(ctx, "a", GetOptions{})
				require.NoError(t, err)
				require.Greater(t, len(doc.Body), 10_000)
			}
		}
	})
	for range 300 {
		members[r.IntN(len(members))] = fmt.Sprintf(`"m%s":"%s"`, text(r, 8), text(r, 500))
		rev = put(t, db, `{"_id":"a","_rev":"`+rev.String()+`",`+strings.Join(members, ",")+`}`)
	}
	close(done)
	group.Wait()
}

func TestDamagedPieces(t *testing.T) {
	for name, harm := range map[string]func(b *pebble.Batch, key, value []byte){
		"gone":  func(b *pebble.Batch, key, _ []byte) { _ = b.Delete(key, nil) },
		"short": func(b *pebble.Batch, key, value []byte) { set(b, key, value[1:]) },
		"another's": func(b *pebble.Batch, key, value []byte) { // as long; any letter of it, for a piece may be a short end
			value[0] ^= 1
			set(b, key, value)
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, Options{})
			put(t, db, `{"_id":"a",`+strings.Join(wide(random(t), 30, 20_000), ",")+`}`)
			put(t, db, `{"_id":"b","n":1}`)
			b := db.store.pebble.NewBatch()
			snap, err := db.snapshot(ctx)
			require.NoError(t, err)
			require.NoError(t, snap.each(ctx, kindAtt, func(key, value []byte) error {
				if b.Empty() {
					harm(b, bytes.Clone(key), bytes.Clone(value))
				}
				return nil
			}))
			snap.release()
			require.NoError(t, db.store.commit(b))
			if _, err := db.Get(ctx, "a", GetOptions{}); name != "another's" {
				require.ErrorIs(t, err, &Error{Kind: Internal})
			}
			report, err := db.store.Check(ctx, nil)
			require.NoError(t, err)
			require.Contains(t, fmt.Sprint(report.Problems), `"a": leaf 1-`)
			repaired, err := db.store.Repair(ctx, func(SetAside) error { return nil }, nil)
			require.NoError(t, err)
			require.Empty(t, repaired.Problems)
			_, err = db.Get(ctx, "a", GetOptions{})
			require.ErrorIs(t, err, ErrMissing)
		})
	}
}

// What a body record says of pieces is read or refused, whatever it is.
func FuzzBodyRecord(f *testing.F) {
	key := strings.Repeat("k", 32)
	f.Add(append(appendBodyHead(nil, false, true, nil), appendPieces(nil, []bodyPiece{{locator: key, length: 7}})...))
	f.Add(append(appendBodyHead(nil, true, false, nil), "{}"...))
	f.Fuzz(func(t *testing.T, record []byte) {
		body, err := readBody(record)
		if err == nil && body.pieces != nil {
			require.Positive(t, len(body.pieces))
			require.Nil(t, body.json)
		}
	})
}

// BenchmarkLargeEdit adds a member to a document of 20 MB and replaces a short one.
func BenchmarkLargeEdit(b *testing.B) {
	db := benchDB(b)
	db.store.maxDocument.Store(1 << 30)
	r := rand.New(rand.NewPCG(1, 1))
	var members []string
	for i := range 100 {
		var exports []string
		for range 2500 {
			path := text(r, 12)
			exports = append(exports, `"./lib/`+path+`":{"import":"./lib/`+path+`.mjs","require":"./lib/`+path+`.cjs"}`)
		}
		members = append(members, fmt.Sprintf(`"1.%d.0":{"exports":{%s}}`, i, strings.Join(exports, ",")))
	}
	all := strings.Join(members, ",")
	rev := put(b, db, `{"_id":"a","time":0,"versions":{`+all+`}}`)
	for i := 0; b.Loop(); i++ {
		doc, err := db.Parse("a", fmt.Appendf(nil, `{"_id":"a","_rev":"%s","time":%d,"versions":{%s,"2.%d.0":{}}}`, rev, i, all, i), false)
		require.NoError(b, err)
		rev, err = db.Put(ctx, doc, WriteOptions{})
		require.NoError(b, err)
	}
	b.SetBytes(int64(len(all)))
}
