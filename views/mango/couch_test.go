package mango

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var couchFlag = flag.String("couch", "", "URL, with credentials, of a CouchDB whose _find must answer as this package does")

// real is a database of a real CouchDB.
type real struct {
	t *testing.T
	*url.URL
}

// onCouchDB makes a database there, of these documents; nil without -couch.
func onCouchDB(t *testing.T, name string, docs map[string]string) *real {
	if *couchFlag == "" {
		return nil
	}
	base, err := url.Parse(*couchFlag)
	require.NoError(t, err)
	r := &real{t, base.JoinPath(name)}
	r.ask(http.MethodDelete, "", "", nil)
	r.ask(http.MethodPut, "", "", nil)
	t.Cleanup(func() { r.ask(http.MethodDelete, "", "", nil) })
	var bulk []json.RawMessage
	for id, body := range docs {
		doc := fmt.Appendf(nil, `{"_id":%q,%s`, id, body[1:])
		bulk = append(bulk, bytes.Replace(doc, []byte(",}"), []byte("}"), 1))
	}
	body, err := json.Marshal(map[string]any{"docs": bulk})
	require.NoError(t, err)
	r.ask(http.MethodPost, "_bulk_docs", string(body), nil)
	return r
}

func (r *real) ask(method, path, body string, answer any) {
	req, err := http.NewRequest(method, r.JoinPath(path).String(), strings.NewReader(body))
	require.NoError(r.t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	if answer != nil {
		require.NoError(r.t, json.Unmarshal(b, answer), "%s", b)
	}
}

// find is what a selector finds there, or why it does not.
func (r *real) find(selector string) string {
	var answer struct {
		Docs []struct {
			ID string `json:"_id"`
		}
		Error, Reason string
	}
	r.ask(http.MethodPost, "_find", `{"selector":`+selector+`,"fields":["_id"],"limit":10000}`, &answer)
	if answer.Error != "" {
		return answer.Error + ": " + answer.Reason
	}
	var ids []string
	for _, d := range answer.Docs {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func TestTableOnCouchDB(t *testing.T) {
	r := onCouchDB(t, "mango-table", docs)
	if r == nil {
		return // nobody to compare with
	}
	for _, row := range table {
		if got := r.find(row.selector); got != row.want {
			t.Errorf("%s\n\tCouchDB: %s\n\there:    %s", row.selector, got, row.want)
		}
		var explained struct{ Selector json.RawMessage }
		r.ask(http.MethodPost, "_explain", `{"selector":`+row.selector+`}`, &explained)
		s, err := Compile([]byte(row.selector))
		require.NoError(t, err)
		require.JSONEq(t, string(explained.Selector), s.String(), "the normal form of %s", row.selector)
	}
	for _, row := range refusals {
		if got, want := r.find(row.selector), row.name+": "+row.reason; got != want && !row.ours {
			t.Errorf("%s\n\tCouchDB: %s\n\there:    %s", row.selector, got, want)
		} else if got == want && row.ours {
			t.Errorf("%s: CouchDB says the same", row.selector)
		}
	}
}

func TestProjectionOnCouchDB(t *testing.T) {
	r := onCouchDB(t, "mango-fields", map[string]string{"i": strings.Replace(strings.TrimSpace(projected), `"_id":"i",`, "", 1)})
	if r == nil {
		return
	}
	for _, row := range projections {
		var answer struct{ Docs []map[string]any }
		r.ask(http.MethodPost, "_find", `{"selector":{"_id":"i"},"fields":`+row[0]+`}`, &answer)
		var want map[string]any
		require.NoError(t, json.Unmarshal([]byte(row[1]), &want))
		require.Len(t, answer.Docs, 1, row[0])
		delete(answer.Docs[0], "_rev")
		require.Equal(t, want, answer.Docs[0], row[0])
	}
}

// TestRandomOnCouchDB holds random selectors against it, which may find differently only
// where the planner has a rule of its own.
func TestRandomOnCouchDB(t *testing.T) {
	if *couchFlag == "" {
		return
	}
	g := generator{random(t)}
	bodies := map[string]string{}
	for i := range 150 {
		body := strings.Replace(g.object(3), `"_id":`, `"id":`, -1)
		bodies[fmt.Sprintf("%c%d", "aAb_"[i%3], i)] = body
	}
	r := onCouchDB(t, "mango-random", bodies)
	for range 600 {
		selector := strings.ReplaceAll(g.selector(3), `"_id":{"$nin":[]}`, `"_id":{"$nin":[1]}`)
		s, err := Compile([]byte(selector))
		if err != nil || strings.Contains(s.String(), `[]`) || strings.Contains(s.String(), `$nor`) {
			continue // _find has rules of its own for nothing, and trips over $nor in elements
		}
		var ids []string
		for id, body := range bodies {
			if s.Match(bytes.Replace(withID(id, body), []byte(",}"), []byte("}"), 1)) {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		if got, want := r.find(selector), strings.Join(ids, " "); got != want {
			t.Errorf("%s\n%s\n\tCouchDB: %s\n\there:    %s", selector, s, got, want)
		}
	}
}
