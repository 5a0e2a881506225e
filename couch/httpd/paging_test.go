package httpd_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch/httpd"
	"settee/fixtures"
)

// feedPage is an answer of the normal feed.
type feedPage struct {
	Results []json.RawMessage
	LastSeq string `json:"last_seq"`
	Pending int
}

// Whatever the filter, the rows are the same in one answer, page by page from
// last_seq to last_seq, backwards and in a feed that goes on; and pending is what
// the whole feed has after last_seq.
func TestPagesAgree(t *testing.T) {
	h := feeds(t, httpd.Options{})
	seed := fixtures.Seed(t)
	r := rand.New(rand.NewPCG(seed, 0))
	h.must(t, "PUT /feeds/_design/f", `{"filters":{"odd":"function(doc){return doc.n%2}"},"views":{"v":{"map":"function(doc){if(doc.n%3==0)emit(1)}"}}}`, 201)
	for i := range 400 {
		id := fmt.Sprintf("d%d", r.IntN(120))
		if r.IntN(20) == 0 {
			id = "_design/" + id
		}
		rev := fmt.Sprintf("%d-%x", 1+r.IntN(3), r.IntN(8)) // conflicts
		body := fmt.Sprintf(`{"_id":%q,"_rev":%q,"_deleted":%t,"n":%d}`, id, rev, r.IntN(4) == 0, i)
		h.must(t, "POST /feeds/_bulk_docs", `{"new_edits":false,"docs":[`+body+`]}`, 201)
	}
	get := func(query, body string) feedPage {
		method := "GET"
		if body != "" {
			method = "POST"
		}
		var p feedPage
		require.NoError(t, json.Unmarshal([]byte(h.must(t, method+" /feeds/_changes?"+query, body, 200)), &p))
		return p
	}
	for _, f := range []struct{ query, body string }{
		{"", ""}, {"style=all_docs", ""}, {"filter=_design", ""}, {"filter=_doc_ids", `{"doc_ids":["d3","d7","none","d90","_design/d5"]}`},
		{"filter=_selector", `{"selector":{"n":{"$gt":200}}}`}, {"filter=f/odd&style=all_docs", ""}, {"filter=_view&view=f/v", ""},
	} {
		whole := get(f.query, f.body)
		require.NotEmpty(t, whole.Results, f.query)
		require.Zero(t, whole.Pending)
		for _, limit := range []int{1, 3, 50} {
			var rows []json.RawMessage
			for since := "0"; ; {
				p := get(fmt.Sprintf("%s&limit=%d&since=%s", f.query, limit, since), f.body)
				require.Len(t, get("since="+p.LastSeq, "").Results, p.Pending, f.query)
				if len(p.Results) == 0 {
					require.Zero(t, p.Pending)
					break
				}
				rows, since = append(rows, p.Results...), p.LastSeq
			}
			require.Equal(t, whole.Results, rows, "%s in pages of %d", f.query, limit)
		}
		back := get(f.query+"&descending=true", f.body)
		require.Len(t, back.Results, len(whole.Results))
		for i, row := range back.Results {
			require.Equal(t, whole.Results[len(whole.Results)-1-i], row)
		}
		method := map[bool]string{true: "GET", false: "POST"}[f.body == ""]
		lines := strings.Split(h.must(t, method+" /feeds/_changes?feed=continuous&timeout=0&"+f.query, f.body, 200), "\n")
		for i, row := range whole.Results {
			require.Equal(t, string(row), lines[i], f.query)
		}
	}
}
