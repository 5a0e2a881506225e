package couch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packumentOf is a document as the registry keeps them, in one of many shapes of the same.
func packumentOf(r *rand.Rand, rev Rev, versions []string) string {
	gap := func() string { return strings.Repeat(" ", max(0, r.IntN(8)-6)) }
	special := func(name string) string {
		if r.IntN(3) > 0 {
			return ""
		}
		return fmt.Sprintf(`"%s":{"1.0.0":{"pad":"%s"}},`, name, strings.Repeat("x", longValue))
	}
	all := "{" + gap()
	if !rev.IsZero() {
		all += fmt.Sprintf(`"_rev":"%s",`, rev)
	}
	all += `"_id":"a",` + special("before") + fmt.Sprintf(`"time":%s%d,`, gap(), r.IntN(100))
	all += `"versions":{` + gap() + strings.Join(versions, ","+gap()) + "}"
	if r.IntN(3) == 0 {
		all += `,"_deleted":false`
	}
	return all + fmt.Sprintf(`,"z":%d}`, r.IntN(100))
}

// A document that is read with the help of what it was before is the document that it is without.
func TestParseWithMemory(t *testing.T) {
	for _, from := range []int{1 << 7, 1 << 10, 1 << 13} { // of the first the pieces grow with the body
		o := Options{piecedFrom: from, Compaction: Policy{Off: true}}
		r := random(t)
		db, plain := database(t, o), database(t, o)
		var rev Rev
		version := func(i int) string {
			if r.IntN(4) == 0 {
				return fmt.Sprintf(`"1.%d.0":%d`, i, r.IntN(100))
			}
			n := r.IntN(2 * longValue)
			return fmt.Sprintf(`"1.%d.0":{"dist": %d,"é":[1.0,1e3,%d],"pad":"%s"}`, i, n, n, text(r, n))
		}
		var versions []string
		for i := range 400 {
			switch r.IntN(6) {
			case 0, 1, 2:
				versions = append(versions, version(i))
			case 3:
				if len(versions) > 0 {
					at := r.IntN(len(versions))
					versions = append(versions[:at:at], versions[at+1:]...)
				}
			case 4:
				r.Shuffle(len(versions), func(i, j int) { versions[i], versions[j] = versions[j], versions[i] })
			case 5: // another version under a number that is known
				if len(versions) > 0 {
					at := r.IntN(len(versions))
					number, _, _ := strings.Cut(versions[at], ":")
					versions[at] = number + `:{"pad":"` + text(r, r.IntN(2*longValue)) + `"}`
				}
			}
			raw := packumentOf(r, rev, versions)
			if r.IntN(10) == 0 { // one that comes twice
				raw = strings.Replace(raw, `"versions":{`, `"versions":{"1.0.0":{},"1.0.0":{"n":1}`+map[bool]string{true: ",", false: ""}[len(versions) > 0], 1)
			}
			ours := r.IntN(2) == 0
			if ours { // as the registry puts one: what it is and follows is said beside it
				raw = strings.Replace(strings.Replace(raw, `"_id":"a",`, "", 1), fmt.Sprintf(`"_rev":"%s",`, rev), "", 1)
			}
			want, err := ParseDocument([]byte(raw))
			require.NoError(t, err)
			have, err := db.Parse("a", []byte(raw), ours)
			require.NoError(t, err)
			require.Equal(t, string(want.Body), string(have.Body))
			require.Equal(t, want.digest.terms, have.digest.terms)
			require.Equal(t, want.Rev, have.Rev)
			if ours {
				want.ID, want.Rev, have.ID, have.Rev = "a", rev, "a", rev
			}
			if r.IntN(5) == 0 {
				continue // it was not stored
			}
			next, err := db.Put(ctx, have, WriteOptions{})
			require.NoError(t, err)
			same, err := plain.Put(ctx, want, WriteOptions{})
			require.NoError(t, err)
			require.Equal(t, same, next)
			n, size := piecesOf(t, db)
			others, otherSize := piecesOf(t, plain)
			require.Equal(t, []int{others, otherSize}, []int{n, size}, "cut in the same places")
			rev = next
		}
		require.Equal(t, got(t, plain, "a", GetOptions{}), got(t, db, "a", GetOptions{}))
		_, err := db.Parse("a", []byte(`{"versions":{"1.0.0":{"pad":"`+strings.Repeat("x", 10_000)+`"}`), false)
		require.ErrorIs(t, err, &Error{Kind: BadRequest})
	}
}

func TestMemoriesAreBounded(t *testing.T) {
	var all memories
	for i := range 10 {
		all.keep(&memory{db: 1, id: DocID(fmt.Sprint(i % 7)), body: make([]byte, mostRemembered/4)})
	}
	require.Len(t, all.list, 4)
	require.Equal(t, DocID("2"), all.list[0].id)
	require.Nil(t, all.of(1, "5"))
	require.Nil(t, all.of(2, "2"))
	all.keep(&memory{db: 1, id: "2", body: make([]byte, 2*mostRemembered)})
	require.Empty(t, all.list)
}
