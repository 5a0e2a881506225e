package driver_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"
)

// Every filter and every form of its parameters reaches the engine.
func TestFilterOptions(t *testing.T) {
	db := database(t)
	for i := range 4 {
		put(t, db, fmt.Sprint("d", i), fmt.Sprintf(`{"n":%d,"x":"y"}`, i))
	}
	put(t, db, "_design/f", `{"views":{"v":{"map":"function(doc){if(doc.n>2)emit(1)}"}},"filters":{
		"n":"function(doc,req){return doc.n==req.query.n}",
		"who":"function(doc,req){return doc.n==0&&req.userCtx.roles[0]=='_admin'&&req.userCtx.name===null&&req.path[1]=='_changes'&&req.info.doc_count==5&&req.secObj.admins.roles[0]=='_admin'}",
		"throws":"function(){throw {error:'mine',reason:'because'}}"}}`)
	for name, c := range map[string]struct {
		o    map[string]any
		want []string
	}{
		"selector":              {map[string]any{"filter": "_selector", "selector": map[string]any{"n": map[string]any{"$lt": 2}}}, []string{"d0", "d1"}},
		"selector alone":        {map[string]any{"selector": json.RawMessage(`{"n":3}`)}, []string{"d3"}},
		"selector text":         {map[string]any{"selector": ` {"n":3}`}, []string{"d3"}},
		"selector after a row":  {map[string]any{"selector": `{}`, "since": 3, "limit": 1}, []string{"d3"}},
		"selector with a limit": {map[string]any{"selector": `{"n":{"$gt":0}}`, "limit": 2}, []string{"d1", "d2"}},
		"view":                  {map[string]any{"filter": "_view", "view": "f/v"}, []string{"d3"}},
		"function":              {map[string]any{"filter": "f/n", "n": 2}, []string{"d2"}},
		"function, text":        {map[string]any{"filter": "f/n", "n": "1"}, []string{"d1"}},
		"request":               {map[string]any{"filter": "f/who"}, []string{"d0"}},
		"last-event-id":         {map[string]any{"last-event-id": "4"}, []string{"_design/f"}},
	} {
		ids := []string{}
		feed := db.Changes(t.Context(), kivik.Params(c.o))
		for feed.Next() {
			ids = append(ids, feed.ID())
		}
		require.NoError(t, feed.Err(), name)
		require.Equal(t, c.want, ids, name)
	}
	for reason, o := range map[string]map[string]any{
		"unknown builtin filter name":                           {"filter": "_none"},
		"Selector error: expected a JSON object":                {"filter": "_selector"},
		"Invalid operator: $foo":                                {"selector": `{"a":{"$foo":1}}`},
		"invalid UTF-8 JSON":                                    {"selector": `{`},
		"The feed eventsource is for browsers; use continuous.": {"feed": "eventsource"},
	} {
		err := db.Changes(t.Context(), kivik.Params(o)).Err()
		require.ErrorContains(t, err, reason)
		require.Equal(t, 400, kivik.HTTPStatus(err))
	}
	feed := db.Changes(t.Context(), kivik.Param("filter", "f/throws"))
	require.False(t, feed.Next())
	require.ErrorContains(t, feed.Err(), "because")
	require.Equal(t, 404, kivik.HTTPStatus(db.Changes(t.Context(), kivik.Param("filter", "f/none")).Err()))
}

func TestFeedOptions(t *testing.T) {
	db := database(t)
	for i := range 4 {
		put(t, db, fmt.Sprint("d", i), fmt.Sprintf(`{"n":%d,"x":"y"}`, i))
	}
	feed := db.Changes(t.Context(), kivik.Params(map[string]any{"selector": `{"n":2}`, "fields": `["x"]`, "include_docs": true}))
	require.True(t, feed.Next())
	var doc json.RawMessage
	require.NoError(t, feed.ScanDoc(&doc))
	require.Equal(t, `{"x":"y"}`, string(doc))
	require.NoError(t, feed.Close())

	var told []bool
	feed = db.Changes(t.Context(), kivik.Param("seq_interval", 2))
	for feed.Next() {
		told = append(told, feed.Seq() != "")
	}
	require.NoError(t, feed.Err())
	require.Equal(t, []bool{true, false, true, false}, told)
}

func TestAttEncodingInfo(t *testing.T) {
	db := database(t)
	put(t, db, "a", `{"_attachments":{"t":{"content_type":"text/plain","data":"aGVsbG8="}}}`)
	feed := db.Changes(t.Context(), kivik.Params(map[string]any{"include_docs": true, "att_encoding_info": true}))
	require.True(t, feed.Next())
	var doc struct {
		Attachments map[string]struct{ Encoding string } `json:"_attachments"`
	}
	require.NoError(t, feed.ScanDoc(&doc))
	require.Equal(t, "gzip", doc.Attachments["t"].Encoding)
	require.NoError(t, feed.Close())
}
