package driver

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/couch"
	"settee/views"
)

func rev(t *testing.T, s string) couch.Rev {
	t.Helper()
	r, err := parseRev(s)
	require.NoError(t, err)
	return r
}

func TestParse(t *testing.T) {
	r := rev(t, "1-abc")
	for name, c := range map[string]struct {
		in   map[string]any
		want options
	}{
		"nothing":          {nil, options{}},
		"unknown":          {map[string]any{"w": struct{}{}}, options{}},
		"Go values":        {map[string]any{"include_docs": true, "limit": 3, "skip": int64(2)}, options{IncludeDocs: true, Limit: 3, Skip: 2}},
		"query string":     {map[string]any{"include_docs": "true", "limit": "3", "skip": "2"}, options{IncludeDocs: true, Limit: 3, Skip: 2}},
		"keys are JSON":    {map[string]any{"startkey": "a", "endkey": json.RawMessage(`{ }`)}, options{StartKey: []byte(`"a"`), EndKey: []byte(`{ }`)}},
		"other spelling":   {map[string]any{"start_key": 1, "end_key": nil}, options{StartKey: []byte(`1`), EndKey: []byte(`null`)}},
		"meta":             {map[string]any{"meta": true, "conflicts": false}, options{RevsInfo: true, Conflicts: true, DeletedConflicts: true}},
		"atts_since text":  {map[string]any{"atts_since": `["1-abc"]`}, options{AttsSince: []couch.Rev{r}}},
		"atts_since slice": {map[string]any{"atts_since": []string{"1-abc"}}, options{AttsSince: []couch.Rev{r}}},
		"rev":              {map[string]any{"rev": "1-abc", "latest": true}, options{Rev: r, Latest: true}},
		"no rev":           {map[string]any{"rev": ""}, options{}},
		"new_edits":        {map[string]any{"new_edits": false}, options{Replicated: true}},
		"stale":            {map[string]any{"stale": "update_after", "reduce": false}, options{Update: views.UpdateLazy, NoReduce: true}},
		"doc_ids":          {map[string]any{"doc_ids": []string{"a"}}, options{DocIDs: []string{"a"}}},
		"doc_ids text":     {map[string]any{"doc_ids": `["a"]`}, options{DocIDs: []string{"a"}}},
		"timeout":          {map[string]any{"timeout": "1500", "since": 7}, options{Timeout: 1500 * time.Millisecond, Since: "7"}},
		"heartbeat wins":   {map[string]any{"timeout": "1500", "heartbeat": true}, options{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := c.in["limit"]; !ok {
				c.want.Limit = -1
			}
			got, err := parse(kivik.Params(c.in))
			require.NoError(t, err)
			require.Equal(t, &c.want, got)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for reason, in := range map[string]map[string]any{
		`Invalid boolean parameter: "yes"`:                             {"include_docs": "yes"},
		`Invalid value for integer: "a"`:                               {"limit": "a"},
		`Invalid value for positive integer: "-1"`:                     {"skip": -1},
		"`keys` member must be an array.":                              {"keys": "a"},
		"`doc_ids` filter parameter is not a list of doc ids.":         {"doc_ids": "a"},
		"`keys` is incompatible with `key`, `start_key` and `end_key`": {"keys": []string{"a"}, "key": "a"},
		"Invalid rev format":                                           {"rev": "abc"},
		"`atts_since` must be an array of revisions.":                  {"atts_since": "1-abc"},
		"Invalid value for `update`: \"maybe\"":                        {"update": "maybe"},
		"Supported `style` values: main_only, all_docs":                {"style": "x"},
	} {
		_, err := parse(kivik.Params(in))
		var e *couch.Error
		require.ErrorAs(t, err, &e, "%v", in)
		require.Equal(t, reason, e.Reason)
		require.Equal(t, 400, kivik.HTTPStatus(err))
	}
}

func TestIDRange(t *testing.T) {
	for name, c := range map[string]struct {
		in      map[string]any
		holds   string
		outside string
	}{
		"all":                 {nil, "abc", ""},
		"key":                 {map[string]any{"key": "b"}, "b", "ac"},
		"closed":              {map[string]any{"startkey": "b", "endkey": "c"}, "bc", "ad"},
		"open end":            {map[string]any{"startkey": "b", "endkey": "c", "inclusive_end": false}, "b", "acd"},
		"descending":          {map[string]any{"startkey": "c", "endkey": "b", "descending": true}, "bc", "ad"},
		"below strings":       {map[string]any{"startkey": nil, "endkey": "b"}, "ab", "c"},
		"up to objects":       {map[string]any{"startkey": "b", "endkey": map[string]any{}}, "", "abc"},
		"from arrays":         {map[string]any{"startkey": []any{}}, "abc", ""},
		"up to below":         {map[string]any{"endkey": 1}, "", "abc"},
		"descending to below": {map[string]any{"endkey": 1, "descending": true}, "abc", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parse(kivik.Params(c.in))
			require.NoError(t, err)
			r, err := p.idRange()
			require.NoError(t, err)
			for _, id := range c.holds {
				require.True(t, r.holds(couch.DocID(id), p.Descending), "%c", id)
			}
			for _, id := range c.outside {
				require.False(t, r.holds(couch.DocID(id), p.Descending), "%c", id)
			}
		})
	}
}

type marshaler struct{ calls *int }

func (m marshaler) MarshalJSON() ([]byte, error) {
	*m.calls++
	return []byte(`{ "b":1.0, "a":2 }`), nil
}

func TestEncodeLeavesJSONAlone(t *testing.T) {
	calls := 0
	for _, v := range []any{
		json.RawMessage(`{ "b":1.0, "a":2 }`), []byte(`{ "b":1.0, "a":2 }`), `{ "b":1.0, "a":2 }`, marshaler{&calls},
	} {
		raw, err := encodeDocument(v)
		require.NoError(t, err)
		require.Equal(t, `{ "b":1.0, "a":2 }`, string(raw))
	}
	require.Equal(t, 1, calls)
	raw, err := encodeDocument(map[string]string{"a": "<&>"})
	require.NoError(t, err)
	require.Equal(t, `{"a":"<&>"}`, string(raw))
	_, err = encodeDocument(make(chan int))
	require.Equal(t, 400, kivik.HTTPStatus(err))
}
