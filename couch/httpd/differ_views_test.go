package httpd_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDifferViews edits two servers alike and asks their views the same.
func TestDifferViews(t *testing.T) {
	seed, ours, theirs := rivals(t)
	v := &viewer{Rand: rand.New(rand.NewPCG(seed, 2)), t: t, servers: []*url.URL{ours, theirs}, db: fmt.Sprintf("/differ_views_%d", seed)}
	v.partitioned = v.IntN(4) == 0
	how := "?q=1"
	if v.partitioned {
		how += "&partitioned=true"
	}
	for _, base := range v.servers {
		do(t, base, "", "DELETE", v.db, "", "")
		status, _, body := do(t, base, "", "PUT", v.db+how, "", "")
		require.Equal(t, 201, status, body)
		defer do(t, base, "", "DELETE", v.db, "", "")
	}
	for len(v.keys) < 60 {
		if key := v.value(0); !slices.Contains(v.keys, key) {
			v.keys = append(v.keys, key)
		}
	}
	v.design()
	for range max(*differSteps/40, 1) {
		for range v.IntN(30) {
			v.edit()
		}
		for range 40 {
			v.read()
		}
	}
}

// viewer makes random edits and reads of views.
type viewer struct {
	*rand.Rand
	t           *testing.T
	servers     []*url.URL
	db          string
	partitioned bool
	keys        []string
}

// ask sends a request to both servers, whose answers must be alike.
func (v *viewer) ask(method, path, body string) {
	v.t.Helper()
	path = strings.ReplaceAll(v.db+path, `"`, "%22")
	status, _, answer := do(v.t, v.servers[0], "", method, path, "", body)
	status2, _, answer2 := do(v.t, v.servers[1], "", method, path, "", body)
	said := fmt.Sprintf("%s %s\n%s\n ours %s\nother %s", method, path, body, answer, answer2)
	require.Equal(v.t, status2, status, said)
	r := request{}
	require.Equal(v.t, r.plain(refs.ReplaceAllString(answer2, "")), r.plain(answer), said)
}

// differReduces are the reducers that are compared. Of _approx_count_distinct each server has its own hash.
var differReduces = map[string]string{
	"plain": "", "count": "_count", "sum": "_sum", "stats": "_stats", "top": "_top_3", "bottom": "_bottom_5", "first": "_first", "last": "_last",
	"js": "function(k,v,r){ return sum(v) }", "throws": "function(k,v,r){ throw 'no' }",
}

func (v *viewer) design() {
	const each = "function(doc){ for (var i = 0; i < doc.rows.length; i++) emit(doc.rows[i][0], doc.rows[i][1]) }"
	rows := strings.TrimSuffix(each, "}") + "; if (doc._conflicts) emit(['conflicts'], doc._conflicts.length) }"
	views := map[string]map[string]any{}
	for name, reduce := range differReduces {
		if v.partitioned && strings.HasPrefix(reduce, "function") {
			continue // CouchDB fails: it cannot write such keys as JSON
		}
		view := map[string]any{"map": rows}
		rawView := map[string]any{"map": rows, "options": map[string]string{"collation": "raw"}}
		if reduce != "" {
			view["reduce"], rawView["reduce"] = reduce, reduce
		}
		views[name], views["raw-"+name] = view, rawView
	}
	views["lists"] = map[string]any{"reduce": "_sum", "map": strings.Replace(each, "doc.rows[i][1])", "[doc.rows[i][1], 0.5])", 1)}
	views["objects"] = map[string]any{"reduce": "_sum", "map": strings.Replace(each, "doc.rows[i][1])", "{n: doc.rows[i][1], o: {x: [1]}})", 1)}
	views["links"] = map[string]any{"map": strings.Replace(each, "doc.rows[i][1])", "{_id: doc.link})", 1)}
	views["any"] = map[string]any{"map": strings.Replace(each, "doc.rows[i][1])", "doc.rows[i][0])", 1)}
	body, err := json.Marshal(map[string]any{"views": views})
	require.NoError(v.t, err)
	v.ask("PUT", "/_design/d", string(body))
}

func (v *viewer) id() string { return fmt.Sprint("p", v.IntN(3), ":", v.IntN(40)) }

func (v *viewer) edit() {
	id := v.id()
	rows := make([]string, v.IntN(4))
	for i, k := range v.Perm(len(v.keys))[:len(rows)] { // rows of one key and document CouchDB orders by value
		rows[i] = fmt.Sprintf("[%s,%d]", v.keys[k], v.IntN(200)-100)
	}
	members := fmt.Sprintf(`"rows":[%s],"link":"%s"}`, strings.Join(rows, ","), v.id())
	_, _, current := do(v.t, v.servers[0], "", "GET", v.db+"/"+id, "", "")
	var doc struct {
		Rev string `json:"_rev"`
	}
	require.NoError(v.t, json.Unmarshal([]byte(current), &doc))
	switch n := v.IntN(10); {
	case n == 0:
		v.ask("POST", "/_bulk_docs", fmt.Sprintf(`{"new_edits":false,"docs":[{"_id":"%s","_rev":"%d-%032x",%s]}`, id, 1+v.IntN(3), v.Uint32(), members))
	case doc.Rev == "":
		v.ask("PUT", "/"+id, "{"+members)
	case n == 1:
		v.ask("DELETE", "/"+id+"?rev="+doc.Rev, "")
	case n == 2:
		v.ask("POST", "/_purge", fmt.Sprintf(`{"%s":["%s"]}`, id, doc.Rev))
	default:
		v.ask("PUT", "/"+id+"?rev="+doc.Rev, "{"+members)
	}
}

// letters are what CouchDB's ICU and our tables agree on, each different from the others.
var letters = []rune("abAB zZ019_-.\"\\/\u00e9\u00e4\u00df\u0101\u03b1\u03b2\u0436\u05d0\u65e5\u672c\uac00\ufff0")

func (v *viewer) text() string {
	var s strings.Builder
	for range v.IntN(4) {
		s.WriteRune(letters[v.IntN(len(letters))])
	}
	text, _ := json.Marshal(s.String())
	return string(text)
}

func (v *viewer) value(depth int) string {
	switch v.IntN(9 - depth) {
	case 0:
		return []string{"null", "true", "false"}[v.IntN(3)]
	case 1:
		return []string{"0.5", "-0.5", "1.25", "1e+30", "-1e+30", "1e-9", "9007199254740991"}[v.IntN(7)]
	case 2, 3:
		return fmt.Sprint(v.IntN(7) - 3)
	case 4, 5:
		return v.text()
	case 6, 7:
		items := make([]string, v.IntN(4))
		for i := range items {
			items[i] = v.value(min(depth+1, 3))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		members := make([]string, v.IntN(3))
		for i := range members {
			members[i] = fmt.Sprintf(`"m%d":%s`, 2*i+v.IntN(2), v.value(min(depth+1, 3)))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
}

func (v *viewer) read() {
	names := []string{"lists", "objects", "links", "any"}
	for name, reduce := range differReduces {
		if v.partitioned && strings.HasPrefix(reduce, "function") {
			continue
		}
		if names = append(names, name); !v.partitioned { // of raw ones in a partition CouchDB loses what is below null or above objects
			names = append(names, "raw-"+name)
		}
	}
	slices.Sort(names)
	name := names[v.IntN(len(names))]
	key := func() string { return url.QueryEscape(v.keys[v.IntN(len(v.keys))]) }
	var q []string
	maybe := func(of int, option func() string) {
		if v.IntN(of) == 0 {
			q = append(q, option())
		}
	}
	flag := func(name string) func() string {
		return func() string { return name + "=" + []string{"true", "false"}[v.IntN(2)] }
	}
	maybe(3, func() string { return "startkey=" + key() })
	maybe(3, func() string { return "endkey=" + key() })
	bounded := len(q) == 2 || !v.partitioned // the ends that CouchDB gives a partition are keys, which these hide
	if bounded {
		maybe(8, func() string { return "startkey_docid=" + v.id() })
		maybe(8, func() string { return "endkey_docid=" + v.id() })
		maybe(3, flag("inclusive_end"))
	}
	if !v.partitioned || len(q) == 0 { // in a partition CouchDB sorts the parameters, and another one counts
		maybe(8, func() string { return "key=" + key() })
	}
	maybe(8, func() string {
		if v.partitioned && len(q) > 0 {
			return "stable=true"
		}
		most := 4
		if v.partitioned {
			most = 1 // of several in a partition CouchDB finds nothing where one has no row
		}
		keys := make([]string, v.IntN(most+1))
		for i := range keys {
			keys[i] = key()
		}
		return "keys=[" + strings.Join(keys, ",") + "]"
	})
	maybe(2, flag("descending"))
	maybe(2, flag("group"))
	maybe(4, func() string { return fmt.Sprint("group_level=", v.IntN(4)) })
	maybe(3, flag("reduce"))
	maybe(4, func() string { return fmt.Sprint("skip=", v.IntN(8)) })
	maybe(4, func() string { return fmt.Sprint("limit=", v.IntN(8)) })
	maybe(6, flag("include_docs"))
	maybe(20, flag("stable"))
	path := "/_design/d/_view/" + name
	if v.partitioned && v.IntN(10) > 0 {
		path = fmt.Sprint("/_partition/p", v.IntN(3)) + path
	}
	v.ask("GET", path+"?"+strings.Join(q, "&"), "")
}

// refs are the numbers of CouchDB's log lines.
var refs = regexp.MustCompile(`,"ref":\d+`)
