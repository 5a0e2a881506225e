package httpd_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// findGenerator makes random documents, indexes and searches.
type findGenerator struct{ *rand.Rand }

func (g findGenerator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g findGenerator) field() string {
	return g.pick("a", "a", "b", "c", "d.e", "d.f", "d", `x\\.y`, "l.0")
}

func (g findGenerator) value() string {
	return g.pick("null", "true", "false", "1", "1", "2", "2.5", "3", "-1", `"a"`, `"A"`, `"ab"`, `"b"`, `"é"`, `""`, "[]", "[1]", "[1,2]", `{"e":1}`)
}

func (g findGenerator) doc() string {
	members := []string{fmt.Sprintf(`"_id":"%s%d"`, g.pick("d", "e"), g.IntN(60))}
	for _, name := range []string{"a", "b", "c", "x.y", "l"} {
		if g.IntN(4) > 0 {
			members = append(members, fmt.Sprintf(`"%s":%s`, name, g.value()))
		}
	}
	if g.IntN(2) == 0 {
		members = append(members, fmt.Sprintf(`"d":{"e":%s,"f":%s}`, g.value(), g.value()))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (g findGenerator) condition() string {
	switch g.IntN(18) {
	case 0:
		// Of null, and of lists in lists, CouchDB trips where there is an index.
		return fmt.Sprintf(`{"$in":[%s,%s]}`, g.pick("1", "2", `"a"`, "true"), g.pick("-1", `"b"`, `{"e":1}`))
	case 1:
		return fmt.Sprintf(`{"$exists":%s}`, g.pick("true", "true", "false", "1"))
	case 2:
		return fmt.Sprintf(`{"$beginsWith":%s}`, g.pick(`"a"`, `"A"`, `""`, "1"))
	case 3, 4:
		return fmt.Sprintf(`{%q:%s,%q:%s}`, g.pick("$gt", "$gte"), g.value(), g.pick("$lt", "$lte"), g.value())
	case 5:
		return fmt.Sprintf(`{"$not":{%q:%s}}`, g.pick("$gt", "$eq", "$lte"), g.value())
	case 6:
		return fmt.Sprintf(`{"$ne":%s}`, g.value())
	case 7:
		return g.pick(`{"$regex":"^a"}`, `{"$regex":"("}`, `{"$type":"string"}`, `{"$size":1}`, `{"$mod":[2,1]}`, `{"$all":[1]}`, `{"$elemMatch":{"$gt":1}}`, `{"$nin":[1]}`, `{"$zork":1}`, `{"$size":"x"}`, `{"$in":1}`)
	case 8, 9, 10:
		return g.value()
	}
	return fmt.Sprintf(`{%q:%s}`, g.pick("$eq", "$gt", "$gte", "$lt", "$lte"), g.value())
}

func (g findGenerator) selector(deep int) string {
	switch n := g.IntN(9); {
	case deep > 0 && n == 0:
		return fmt.Sprintf(`{%q:[%s,%s]}`, g.pick("$or", "$and", "$nor"), g.selector(deep-1), g.selector(deep-1))
	case deep > 0 && n == 1:
		return fmt.Sprintf(`{"%s":%s,%q:[%s]}`, g.field(), g.condition(), g.pick("$or", "$and"), g.selector(deep-1))
	case n == 2:
		return fmt.Sprintf(`{"$not":%s}`, g.selector(0))
	case n == 3:
		return fmt.Sprintf(`{"_id":{%q:%s}}`, g.pick("$gt", "$lt", "$gte", "$eq"), g.pick(`"d5"`, `"d2"`, "null", `"e"`))
	case n < 6:
		return fmt.Sprintf(`{"%s":%s,"%s":%s}`, g.pick("a", "d.e"), g.condition(), g.pick("b", "c"), g.condition())
	}
	return fmt.Sprintf(`{"%s":%s}`, g.field(), g.condition())
}

func (g findGenerator) fields() string {
	list := []string{g.field(), g.field(), g.pick("_id", "b", "_rev")}[:1+g.IntN(3)]
	return `["` + strings.Join(list, `","`) + `"]`
}

func (g findGenerator) index() string {
	filter := ""
	if g.IntN(4) == 0 {
		filter = `,"partial_filter_selector":` + g.selector(1)
	}
	fields := g.fields()
	if g.IntN(3) == 0 {
		direction := g.pick("asc", "desc")
		fields = fmt.Sprintf(`[{"%s":"%s"},{"%s":"%s"}]`, g.field(), direction, g.field(), direction)
	}
	named := ""
	if g.IntN(2) == 0 {
		named = fmt.Sprintf(`,"ddoc":"i%d","name":"%s"`, g.IntN(5), g.pick("m", "n"))
	}
	return fmt.Sprintf(`{"index":{"fields":%s%s}%s}`, fields, filter, named)
}

func (g findGenerator) search() string {
	body := `{"selector":` + g.selector(2)
	if g.IntN(3) == 0 {
		body += fmt.Sprintf(`,"sort":[{"%s":"%s"}]`, g.field(), g.pick("asc", "desc"))
	}
	if g.IntN(3) == 0 {
		body += `,"fields":` + g.fields()
	}
	if g.IntN(2) == 0 {
		body += fmt.Sprintf(`,"use_index":"%s"`, g.pick("i0", "i1", "_design/i2", "i3/n", "i4/m", "nothing"))
	}
	if g.IntN(6) == 0 {
		body += `,"allow_fallback":` + g.pick("true", "false")
	}
	if g.IntN(4) == 0 {
		body += g.pick(`,"conflicts":true`, `,"r":2`) // of both CouchDB forgets the conflicts
	}
	return body + fmt.Sprintf(`,"limit":1000,"execution_stats":true,"skip":%d}`, max(0, g.IntN(8)-5))
}

func (g findGenerator) request() request {
	switch n := g.IntN(20); {
	case n < 3:
		return request{method: "POST", path: "/_bulk_docs", body: `{"new_edits":false,"docs":[` + g.revision() + "," + g.revision() + "]}"}
	case n < 5:
		return request{method: "POST", path: "/_index", body: g.index()}
	case n == 5:
		return request{method: "DELETE", path: fmt.Sprintf("/_index/i%d/json/%s", g.IntN(5), g.pick("m", "n"))}
	case n == 6:
		return request{method: "GET", path: "/_index"}
	case n < 12:
		return request{method: "POST", path: "/_explain", body: g.search()}
	}
	return request{method: "POST", path: "/_find", body: g.search()}
}

// revision is a document with a revision that has its name already.
func (g findGenerator) revision() string {
	return fmt.Sprintf(`%s,"_rev":"%d-%032x"}`, strings.TrimSuffix(g.doc(), "}"), 1+g.IntN(3), g.IntN(5))
}

// What two servers need not agree on: times, and the bytes of a compressed bookmark.
var findMasks = regexp.MustCompile(`"(execution_time_ms|bookmark|ref)": ?("[^"]*"|[\d.]+)`)

// scanFigures: CouchDB does not count a design document that matches, nor what it looked at since the
// last match; so it may not find that too much was looked at.
var scanFigures = regexp.MustCompile(`"(total_keys|total_docs)_examined":\d+,|\\nThe number of documents examined [^"]*`)

// crashed: CouchDB trips over some ranges that nothing is in.
var crashed = regexp.MustCompile("function_clause|badmatch")

// TestDifferFind sends random searches to two servers, as TestDiffer does other requests.
func TestDifferFind(t *testing.T) {
	seed, ours, theirs := rivals(t)
	g := findGenerator{rand.New(rand.NewPCG(seed, 2))}
	db := fmt.Sprintf("/differfind_%d", seed)
	for _, base := range []*url.URL{ours, theirs} {
		status, _, body := do(t, base, "", "PUT", db+"?q=1", "", "")
		require.Equal(t, 201, status, body)
		defer do(t, base, "", "DELETE", db, "", "")
	}
	for i := range *differSteps {
		r := g.request()
		if i < 20 {
			r = request{method: "POST", path: "/_bulk_docs", body: `{"new_edits":false,"docs":[` + g.revision() + "," + g.revision() + "," + g.revision() + "]}"}
		}
		status, _, body := do(t, ours, "", r.method, db+r.path, "", r.body)
		status2, _, body2 := do(t, theirs, "", r.method, db+r.path, "", r.body)
		said := fmt.Sprintf("seed=%d, request %d: %s %s\n%s\n ours %s\nother %s", seed, i, r.method, r.path, r.body, body, body2)
		if status2 == 500 && crashed.MatchString(body2) {
			require.Less(t, status, 500, said)
			continue
		}
		require.Equal(t, status2, status, said)
		r.unordered = strings.Count(body, `"analysis":`) >= 32 // CouchDB tells more than 32 indexes in no order
		mask := func(body string) string {
			if strings.Contains(body, "No matching index found") {
				body = scanFigures.ReplaceAllString(body, "")
			}
			return r.plain(findMasks.ReplaceAllString(body, `"$1":0`))
		}
		require.Equal(t, mask(body2), mask(body), said)
	}
}
