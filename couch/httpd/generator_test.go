package httpd_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// A generator makes random requests about a few documents. It knows the
// revisions that answers told, so that most of what it asks for is there.
type generator struct {
	*rand.Rand
	known map[string][]string // of each document, in the order that they were told
	paths map[string][]string // what history made of each document
	fresh int
	stems bool // the limit of revisions is low
}

var differIDs = []string{"a", "b", "c", "d", "e f", "é", "f/g", "A", "_design/x", "~", "a\u0000"}

func (g *generator) id() string                 { return differIDs[g.IntN(len(differIDs))] }
func (g *generator) odds(n int) bool            { return g.IntN(n) == 0 }
func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// rev is a revision of a document: mostly the last that was told.
func (g *generator) rev(id string) string {
	revs := g.known[id]
	switch {
	case len(revs) == 0:
		return ""
	case g.odds(3):
		return revs[g.IntN(len(revs))]
	}
	return revs[len(revs)-1]
}

// revs are some revisions, known and unknown, each once: of one that comes twice
// CouchDB finds but the first.
func (g *generator) revs(id string) []string {
	list := []string{}
	for range g.IntN(4) {
		if r := g.rev(id); r != "" && !g.odds(4) {
			list = append(list, r)
		} else {
			list = append(list, fmt.Sprintf("%d-%s", 1+g.IntN(4), g.pick("a", "b", "c")))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func docPath(id string) string {
	if name, ok := strings.CutPrefix(id, "_design/"); ok {
		return "/_design/" + url.PathEscape(name)
	}
	return "/" + strings.ReplaceAll(url.PathEscape(id), "+", "%2B")
}

// request is one of all that can be asked of documents. Purges are not: after
// one CouchDB counts a document that is deleted.
func (g *generator) request() request {
	kinds := []func() request{
		g.put, g.put, g.put, g.remove, g.bulk, g.bulk, g.graft, g.graft, g.putGraft, g.copy, g.local,
		g.get, g.get, g.get, g.open, g.open, g.list, g.list, g.keys, g.changes, g.diff, g.bulkGet, g.conditional,
	}
	return kinds[g.IntN(len(kinds))]()
}

// body is the members of a random document, without braces.
func (g *generator) members(depth int) string {
	var list []string
	for i := range g.IntN(4) {
		list = append(list, text(g.pick("a", "b", "long name", "é", "", "k"+fmt.Sprint(i)))+":"+g.value(depth))
	}
	return strings.Join(list, g.pick(",", " , ", ",\n"))
}

func (g *generator) value(depth int) string {
	if depth > 0 && g.odds(3) {
		if g.odds(2) {
			return "{" + g.members(depth-1) + "}"
		}
		var list []string
		for range g.IntN(4) {
			list = append(list, g.value(depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	switch g.IntN(6) {
	case 0:
		return g.pick("null", "true", "false")
	case 1:
		return fmt.Sprint(g.Int64N(1<<40) - 1<<39)
	case 2:
		return g.pick("0", "-0", "1.0", "1e2", "-0.0", "255", "256", "123456789012345678901234567890", "1.5E-7", "-1", "2147483648", "-2147483649")
	case 3:
		return fmt.Sprint(g.NormFloat64() * 1e6)
	case 4:
		return g.pick(`"\u0000\u001f"`, `"\/é😀"`, `"\ud83d\ude00"`, `""`, `"\"\\\b\f\n\r\t"`, `"\u007f "`)
	}
	return text(strings.Repeat("x", g.IntN(30)))
}

// doc is a document to write; its special members stand anywhere.
func (g *generator) doc(special ...string) string {
	list := slices.Clone(special)
	if m := g.members(2); m != "" {
		list = append(list, m)
	}
	g.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
	return "{" + strings.Join(list, ",") + "}"
}

// attachments are a few, whose types CouchDB does not compress.
func (g *generator) attachments(revpos string) string {
	if !g.odds(3) {
		return ""
	}
	var list []string
	for _, name := range []string{"f", "g.bin", "h/i"} {
		if g.odds(2) {
			list = append(list, text(name)+fmt.Sprintf(`:{"content_type":"x/y",%s"data":"%s"}`, revpos, g.pick("aGVsbG8=", "", "AAECAw==")))
		}
	}
	return `"_attachments":{` + strings.Join(list, ",") + "}"
}

// special are the underscore members of a document that names a revision
// elsewhere (rev is "graft") or perhaps in itself. One that may be made anew out
// of a tombstone has no attachments: CouchDB names its revision without them.
func (g *generator) special(id, rev string) (list []string) {
	revpos := ""
	switch rev {
	case "":
	case "graft":
		revpos = `"revpos":1,` // without, it would be 0 in CouchDB
	default:
		list = append(list, `"_rev":`+text(rev))
	}
	if g.odds(6) {
		list = append(list, `"_deleted":true`)
	} else if a := g.attachments(revpos); a != "" && (rev != "" || len(g.known[id]) == 0) {
		list = append(list, a)
	}
	return list
}

// perhaps is a revision to edit, mostly.
func (g *generator) perhaps(id string) string {
	if g.odds(4) {
		return ""
	}
	return g.rev(id)
}

func (g *generator) put() request {
	id := g.id()
	r := request{method: "PUT", path: docPath(id)}
	if rev := g.rev(id); rev != "" && g.odds(3) {
		if g.odds(2) {
			r.path += "?rev=" + url.QueryEscape(rev)
		} else {
			r.header = `If-Match: "` + rev + `"`
		}
		r.body = g.doc()
		return r
	}
	r.body = g.doc(g.special(id, g.perhaps(id))...)
	return r
}

func (g *generator) remove() request {
	id := g.id()
	r := request{method: "DELETE", path: docPath(id)}
	if rev := g.rev(id); rev != "" {
		r.path += "?rev=" + url.QueryEscape(rev)
	}
	return r
}

// some are a few ids, each once.
func (g *generator) some() []string {
	ids := map[string]bool{}
	for range 1 + g.IntN(4) {
		ids[g.id()] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

func (g *generator) bulk() request {
	var docs []string
	for _, id := range g.some() {
		docs = append(docs, g.doc(append(g.special(id, g.perhaps(id)), `"_id":`+text(id))...))
	}
	return request{method: "POST", path: "/_bulk_docs", body: `{"docs":[` + strings.Join(docs, ",") + `]}`}
}

// history is a path to a new revision that may grow out of known ones, or one
// that was made before. Of an ancestor that comes late CouchDB takes the body or
// not, by what else is in the request, so there is none.
func (g *generator) history(id string) string {
	if paths := g.paths[id]; len(paths) > 0 && g.odds(4) {
		return paths[g.IntN(len(paths))]
	}
	g.fresh++
	pos := 1 + g.IntN(4)
	ids := []string{fmt.Sprintf("%c%d", 'a'+g.IntN(8), g.fresh)}
	line := g.pick("a", "b", "c", "d") // a revision has one parent, wherever it is told of
	tail := g.IntN(pos)
	if g.stems {
		tail = min(tail, 1) // CouchDB may join what is longer to another branch, or not
	}
	for i := range tail {
		ids = append(ids, line+fmt.Sprint(pos-1-i))
	}
	// One that is stemmed and told of again would find its body, until a compaction; not in CouchDB.
	if rev := g.rev(id); rev != "" && !g.stems && g.odds(2) {
		n, hash, _ := strings.Cut(rev, "-")
		_, _ = fmt.Sscan(n, &pos)
		pos++
		ids = []string{ids[0], hash}
	}
	path := fmt.Sprintf(`"_revisions":{"start":%d,"ids":%s}`, pos, text(ids))
	g.paths[id] = append(g.paths[id], path)
	return path
}

// told keeps what a grafted document is called: the answer does not say.
func (g *generator) told(id, history string) {
	start, ids, _ := strings.Cut(strings.TrimPrefix(history, `"_revisions":{"start":`), `,"ids":["`)
	hash, _, _ := strings.Cut(ids, `"`)
	g.know(id, start+"-"+hash)
}

func (g *generator) graft() request {
	var docs []string
	for _, id := range g.some() {
		h := g.history(id)
		g.told(id, h)
		docs = append(docs, g.doc(append(g.special(id, "graft"), `"_id":`+text(id), h)...))
	}
	return request{method: "POST", path: "/_bulk_docs", body: `{"new_edits":false,"docs":[` + strings.Join(docs, ",") + `]}`}
}

func (g *generator) putGraft() request {
	id := g.id()
	h := g.history(id)
	g.told(id, h)
	return request{method: "PUT", path: docPath(id) + "?new_edits=false", body: g.doc(append(g.special(id, "graft"), h)...)}
}

func (g *generator) copy() request {
	from, to := g.id(), g.id()
	target := url.QueryEscape(to)
	if rev := g.rev(to); rev != "" {
		target += "?rev=" + rev
	}
	r := request{method: "COPY", path: docPath(from), header: "Destination: " + target}
	if rev := g.rev(from); rev != "" && g.odds(3) {
		r.path += "?rev=" + url.QueryEscape(rev)
	}
	return r
}

func (g *generator) local() request {
	path := "/_local/" + g.pick("x", "y", "z%2Fz")
	switch g.IntN(4) {
	case 0:
		return request{method: "GET", path: path}
	case 1:
		return request{method: "DELETE", path: path}
	case 2:
		return request{method: "GET", path: "/_local_docs?include_docs=true&descending=" + g.pick("true", "false")}
	}
	return request{method: "PUT", path: path, body: g.doc(fmt.Sprintf(`"_rev":"0-%d"`, g.IntN(5)))}
}

// some of the parameters that a read can have.
func (g *generator) options(names ...string) string {
	var list []string
	for _, n := range names {
		if g.odds(3) {
			list = append(list, n+"="+g.pick("true", "true", "false"))
		}
	}
	return strings.Join(list, "&")
}
