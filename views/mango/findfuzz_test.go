package mango

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// A search that is understood can be planned, over whatever indexes, and explained.
func FuzzFind(f *testing.F) {
	for _, s := range []string{
		`{"selector":{}}`, `{"selector":{"a":{"$gt":1},"b":null},"sort":["a",{"b":"asc"}],"fields":["_id","a"],"limit":3,"skip":1,"use_index":"x/y","execution_stats":true}`,
		`{"selector":{"$or":[]},"bookmark":"g2wAAAACaAJkAA5zdGFydGtleV9kb2NpZG0AAAABYWgCZAAIc3RhcnRrZXlrAAEkag"}`,
		`{"selector":{"a.b":{"$beginsWith":"x"},"$nor":[{"c":1}]},"partition":"p","r":2,"conflicts":true,"stale":"ok","update":false,"stable":true,"allow_fallback":false}`,
		`{"selector":{"a":1,"a":2},"sort":[[97]],"limit":1e3}`, `{"selector":{"\ud800":1},"fields":["\\."]}`,
	} {
		f.Add([]byte(s))
	}
	known := []*Index{AllDocs}
	known = append(known, ReadIndexes("_design/x", []byte(`{"language":"query","views":{"y":{"map":{"fields":{"a":"asc","b":"asc"}},"options":{}},"z":{"map":{"fields":{"a.b":"desc"},"partial_filter_selector":{"c":1}},"options":{}},"e":{"map":{"fields":{}},"options":{}}}}`), false)...)
	f.Fuzz(func(t *testing.T, raw []byte) {
		find, err := ParseFind(raw, DefaultLimit)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		plan, err := find.Consider(known, false)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		explained := plan.Explain(nil, "db")
		require.True(t, json.Valid(explained), "%s", explained)
		if plan.Index == nil || plan.Empty {
			return
		}
		_ = find.Resume()
		low, high := plan.Keys()
		require.True(t, low == nil && plan.Index.IsAllDocs() || json.Valid(low), "%s", low)
		require.True(t, high == nil && plan.Index.IsAllDocs() || json.Valid(high), "%s", high)
		_ = plan.Warnings()
	})
}

// A bookmark that is understood says where it leads, and that makes the like again.
func FuzzBookmark(f *testing.F) {
	for _, p := range []Place{
		{[]byte(`[1,-5,300,12345678901234567890,-12345678901234567890,1.5]`), "a"}, {[]byte(`"é"`), "é"}, {[]byte(`[null,true,false,{},{"a":{"b":[]}},[1,2]]`), "x"}, {[]byte(`[[256,1]]`), ""},
	} {
		f.Add(p.Bookmark())
	}
	f.Add("g1AAAAA8eJzLYWBgYMpgSmHgKy5JLCrJTq2MT8lPzkzJBYmnGIJkOGAyOSAxsESFYSJjVhYA2WUPMQ")
	f.Add("g1D_____eJwDAAAAAAE")
	f.Add("nil")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseBookmark(s)
		if err != nil {
			return
		}
		require.True(t, json.Valid(p.Key), "%s", p.Key)
		if len(p.Key) > 1<<14 {
			return // it takes its time to write the deep ones
		}
		again, err := parseBookmark(p.Bookmark())
		require.NoError(t, err, "%s", p.Key)
		require.Equal(t, appendExternal(nil, p.Key), appendExternal(nil, again.Key), "%s", p.Key)
		require.Equal(t, p.DocID, again.DocID)
	})
}

// An index that is made can be read back, is there when it is made again, and can be taken away.
func FuzzCreation(f *testing.F) {
	for _, s := range []string{
		`{"index":{"fields":["a"]}}`, `{"index":{"fields":["b",{"c":"asc"}],"partial_filter_selector":{"d":{"$gt":1}}},"ddoc":"x","name":"y","w":3,"partitioned":false,"type":"json"}`,
		`{"index":{"fields":[]}}`, `{"index":{"fields":["a","a","a\\.b",{"x..y":"asc"}]},"name":"\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCreation(raw)
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		body, changed, err := c.AddTo(nil)
		require.NoError(t, err)
		require.True(t, changed)
		require.True(t, json.Valid(body), "%s", body)
		_, changed, err = c.AddTo(body)
		require.NoError(t, err)
		require.False(t, changed, "%s", body)
		list := ReadIndexes(c.DDoc, body, false)
		require.Len(t, list, 1, "%s", body)
		require.Equal(t, c.Name, list[0].Name)
		require.True(t, json.Valid(list[0].AppendJSON(nil)), "%s", list[0].AppendJSON(nil))
		_, err = RemoveFrom(body, c.Name)
		require.NoError(t, err)
	})
}
