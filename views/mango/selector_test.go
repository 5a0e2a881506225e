package mango

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusals are selectors that are none. ours: where CouchDB accepts, or says it in other words.
var refusals = []struct {
	selector, name, reason string
	ours                   bool
}{
	{`[]`, "invalid_selector_json", "Selector must be a JSON object, not: []", false},
	{`5`, "invalid_selector_json", "Selector must be a JSON object, not: 5", false},
	{`"ab"`, "invalid_selector_json", "Selector must be a JSON object, not: <<97,98>>", false},
	{`null`, "invalid_selector_json", "Selector must be a JSON object, not: null", false},
	{`{"x":{"$foo":1}}`, "invalid_operator", "Invalid operator: $foo", false},
	{`{"$foo":1}`, "invalid_operator", "Invalid operator: $foo", false},
	{`{"$where":"1"}`, "not_supported", "Unsupported operator: $where", false},
	{`{"x":{"$near":1}}`, "not_supported", "Unsupported operator: $near", false},
	{`{"x":{"$nearSphere":1}}`, "not_supported", "Unsupported operator: $nearSphere", false},
	{`{"x":{"$geoWithin":1}}`, "not_supported", "Unsupported operator: $geoWithin", false},
	{`{"x":{"$geoIntersects":1}}`, "not_supported", "Unsupported operator: $geoIntersects", false},
	{`{"$and":{}}`, "bad_arg", "Bad argument for operator $and: {[]}", false},
	{`{"$or":1}`, "bad_arg", "Bad argument for operator $or: 1", false},
	{`{"$nor":null}`, "bad_arg", "Bad argument for operator $nor: null", false},
	{`{"$not":[1,true]}`, "bad_arg", "Bad argument for operator $not: [1,true]", false},
	{`{"x":{"$in":{"a":[1.5]}}}`, "bad_arg", "Bad argument for operator $in: {[{<<97>>,[1.5]}]}", false},
	{`{"x":{"$nin":""}}`, "bad_arg", "Bad argument for operator $nin: <<>>", false},
	{`{"x":{"$all":2.0}}`, "bad_arg", "Bad argument for operator $all: 2.0", false},
	{`{"x":{"$exists":"true"}}`, "bad_arg", "Bad argument for operator $exists: <<116,114,117,101>>", false},
	{`{"x":{"$type":1}}`, "bad_arg", "Bad argument for operator $type: 1", false},
	{`{"x":{"$size":-1}}`, "bad_arg", "Bad argument for operator $size: -1", false},
	{`{"x":{"$size":2.0}}`, "bad_arg", "Bad argument for operator $size: 2.0", false},
	{`{"x":{"$mod":[2]}}`, "bad_arg", "Bad argument for operator $mod: [2]", false},
	{`{"x":{"$mod":[2,1,0]}}`, "bad_arg", "Bad argument for operator $mod: [2,1,0]", false},
	{`{"x":{"$mod":[2.0,1]}}`, "bad_arg", "Bad argument for operator $mod: [2.0,1]", false},
	{`{"x":{"$mod":[0,1]}}`, "bad_arg", "Bad argument for operator $mod: [0,1]", true},
	{`{"x":{"$elemMatch":[]}}`, "bad_arg", "Bad argument for operator $elemMatch: []", false},
	{`{"x":{"$allMatch":1}}`, "bad_arg", "Bad argument for operator $allMatch: 1", false},
	{`{"x":{"$keyMapMatch":1}}`, "bad_arg", "Bad argument for operator $keyMapMatch: 1", false},
	{`{"x":{"$beginsWith":1}}`, "invalid_operator", "Invalid operator: $beginsWith", false},
	{`{"x":{"$regex":1}}`, "invalid_operator", "Invalid operator: $regex", false},
	{`{"x":{"$regex":"("}}`, "bad_arg", "Bad argument for operator $regex: <<40>>", false},
	{`{"x":{"$regex":"(?<=a"}}`, "bad_arg", "Bad argument for operator $regex: <<40,63,60,61,97>>", false},
	{`{"x":{"$regex":"a++"}}`, "bad_arg", "Bad argument for operator $regex: <<97,43,43>>", true},
	{`{"x":{"$regex":"*"}}`, "bad_arg", "Bad argument for operator $regex: <<42>>", false},
	{`{"$text":[]}`, "bad_arg", "Bad argument for operator $text: []", false},
	{`{"x":{"$text":"a"}}`, "bad_field", "Invalid field normalization on selector: {[{<<36,100,101,102,97,117,108,116>>,{[{<<36,116,101,120,116>>,<<97>>}]}}]}", false},
	{`{"$not":{"$text":"a"}}`, "bad_arg", "Bad argument for operator $not: {[{<<36,100,101,102,97,117,108,116>>,{[{<<36,116,101,120,116>>,<<97>>}]}}]}", false},
	{`{"$eq":1}`, "invalid_selector", "One or more conditions is missing a field name.", false},
	{`{"$not":{}}`, "invalid_selector", "One or more conditions is missing a field name.", false},
	{`{"":1}`, "invalid_selector", "One or more conditions is missing a field name.", false},
	{`{"a..b":1}`, "invalid_field_name", "Invalid field name: a..b", false},
	{`{"a.":1}`, "invalid_field_name", "Invalid field name: a.", false},
	{`{"a":{"":1}}`, "invalid_field_name", "Invalid field name: a.", false},
	{`{"a":`, "bad_request", "invalid UTF-8 JSON", false},
	{strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600), "bad_request", "JSON is nested deeper than 500", true},
}

func TestRefusals(t *testing.T) {
	for _, row := range refusals {
		s, err := Compile([]byte(row.selector))
		var e *Error
		require.True(t, errors.As(err, &e), "%.80s", row.selector)
		require.Equal(t, Error{row.name, row.reason}, *e, "%.80s", row.selector)
		require.Nil(t, s)
	}
	_, err := Compile([]byte(`{"$and":"` + strings.Repeat("a", 1<<20) + `"}`))
	require.Less(t, len(err.Error()), 2000, "a reason does not repeat a megabyte")
}

func TestNormalForm(t *testing.T) {
	for _, row := range [][2]string{
		{`{}`, `{}`},
		{`{"a":1}`, `{"a":{"$eq":1}}`},
		{`{"a":1,"b":{"$gt":2,"$lt":[3]}}`, `{"$and":[{"a":{"$eq":1}},{"$and":[{"b":{"$gt":2}},{"b":{"$lt":[3]}}]}]}`},
		{`{"a":{"b":{"c":1}}}`, `{"a.b.c":{"$eq":1}}`},
		{`{"a\\.b":{"c":1}}`, `{"a\\.b.c":{"$eq":1}}`},
		{`{"a":{}}`, `{"a":{"$eq":{}}}`},
		{`{"a":{"$or":[1,{"b":2}]}}`, `{"$or":[{"a":{"$eq":1}},{"a.b":{"$eq":2}}]}`},
		{`{"$not":{"a":1}}`, `{"a":{"$ne":1}}`},
		{`{"$not":{"$and":[{"a":{"$gt":1}},{"b":{"$in":[1]}},{"c":{"$exists":true}}]}}`, `{"$or":[{"a":{"$lte":1}},{"b":{"$nin":[1]}},{"c":{"$exists":false}}]}`},
		{`{"$nor":[{"a":{"$lt":1}},{"$not":{"b":2}}]}`, `{"$and":[{"a":{"$gte":1}},{"b":{"$eq":2}}]}`},
		{`{"a":{"$not":{"$regex":"b"}}}`, `{"a":{"$not":{"$regex":"b"}}}`},
		{`{"a":{"$not":{"$not":{"$regex":"b"}}}}`, `{"a":{"$regex":"b"}}`},
		{`{"a":{"$elemMatch":{"$gte":1,"$lt":5}}}`, `{"a":{"$elemMatch":{"$and":[{"":{"$gte":1}},{"":{"$lt":5}}]}}}`},
		{`{"a":{"$elemMatch":{"$not":{"b":1}}}}`, `{"a":{"$elemMatch":{"$not":{"b":{"$eq":1}}}}}`},
		{`{"a":{"$not":{"$elemMatch":{"$not":{"b":1}}}}}`, `{"a":{"$not":{"$elemMatch":{"$not":{"b":{"$eq":1}}}}}}`},
		{`{"$text":"a","b":1}`, `{"$and":[{"$default":{"$text":"a"}},{"b":{"$eq":1}}]}`},
		{`{"a\"<\u0001":1}`, `{"a\"<\u0001":{"$eq":1}}`},
	} {
		s, err := Compile([]byte(row[0]))
		require.NoError(t, err, row[0])
		require.Equal(t, row[1], s.String())
	}
}

func TestEverything(t *testing.T) {
	for _, selector := range []string{`{}`, ` { } `, `{"$and":[]}`, `{"$or":[]}`, `{"$nor":[]}`, `{"$text":"a"}`, `{"$default":{"$text":1}}`} {
		s, err := Compile([]byte(selector))
		require.NoError(t, err)
		require.True(t, s.Match([]byte(`{"_id":"a"}`)), selector)
	}
}

func TestSpellings(t *testing.T) {
	s, err := Compile([]byte(`{"name":"a\tb","deep":{"$eq":{"k":[1]}}}`))
	require.NoError(t, err)
	require.True(t, s.Match([]byte(" { \"deep\" : { \"k\" : [ 1 ] } , \"n\\u0061me\" : \"a\\u0009b\" } ")))
	require.False(t, s.Match([]byte(`{"name":"a\\tb","deep":{"k":[1]}}`)))
	s, err = Compile([]byte(`{"_id":{"$gt":"a\u0000"}}`))
	require.NoError(t, err)
	require.True(t, s.Match([]byte(`{"_id":"a\u0001"}`)), "bytes, not collation")
}

func TestMatchTogether(t *testing.T) {
	s, err := Compile([]byte(`{"x":{"$gt":"é","$not":{"$regex":"^(?!z)b"}},"l":{"$all":[1.0,{"k":[]}]}}`))
	require.NoError(t, err)
	doc := []byte(`{"x":"zèbre","l":[{"k":[]},1.0,2]}`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if !s.Match(doc) {
					t.Error("no match")
				}
			}
		})
	}
	group.Wait()
}

func TestRegexIsBounded(t *testing.T) {
	s, err := Compile([]byte(`{"x":{"$regex":"(a|aa){1,30}(b|c){200}$"}}`))
	require.NoError(t, err)
	require.False(t, s.Match([]byte(`{"x":"`+strings.Repeat("a", 1<<22)+`"}`)))
	s, err = Compile([]byte(`{"x":{"$regex":"(?=b|(a+)+$)c"}}`))
	require.NoError(t, err)
	require.False(t, s.Match([]byte(`{"x":"`+strings.Repeat("a", 1000)+`b"}`)), "it ends")
	_, err = Compile([]byte(`{"x":{"$regex":"` + strings.Repeat("a", longestPattern+1) + `"}}`))
	require.ErrorContains(t, err, "Bad argument for operator $regex")
}

// projections are what lists of fields leave of a document.
const projected = ` {"_id":"i","a":{"b":1,"c":{"d":[1,2]},"x.y":3},"n\u0061me":null,"l":[{"k":1},{"k":2}]} `

var projections = [][2]string{
	{`[]`, projected},
	{`["a.b"]`, `{"a":{"b":1}}`},
	{`["name","_id"]`, `{"name":null,"_id":"i"}`},
	{`["a.c.d","_id","a.b"]`, `{"a":{"c":{"d":[1,2]},"b":1},"_id":"i"}`},
	{`["a.x\\.y"]`, `{"a":{"x.y":3}}`},
	{`["a.b","a"]`, `{"a":{"b":1,"c":{"d":[1,2]},"x.y":3}}`},
	{`["a","a.b"]`, `{"a":{"b":1,"c":{"d":[1,2]},"x.y":3}}`},
	{`["l.1.k","l.0.k","l.2.k"]`, `{"l":{"1":{"k":2},"0":{"k":1}}}`},
	{`["zork","a.zork","a.b.zork"]`, `{}`},
}

func TestProjection(t *testing.T) {
	for _, row := range projections {
		p, err := Fields([]byte(row[0]))
		require.NoError(t, err, row[0])
		require.Equal(t, row[1], string(p.Apply([]byte(projected))), row[0])
	}
	for list, want := range map[string]Error{
		`"a"`:      {"invalid_fields", "Fields must be an array of strings, not: <<97>>"},
		`{}`:       {"invalid_fields", "Fields must be an array of strings, not: {[]}"},
		`[1]`:      {"invalid_field", "Invalid JSON for field spec: 1"},
		`["a..b"]`: {"invalid_field_name", "Invalid field name: a..b"},
		`[""]`:     {"invalid_field_name", "Invalid field name: "},
		`[`:        {"bad_request", "invalid UTF-8 JSON"},
	} {
		_, err := Fields([]byte(list))
		var e *Error
		require.True(t, errors.As(err, &e), list)
		require.Equal(t, want, *e)
	}
}

// A long list is looked up by keys, a short one value by value: both find the same.
func TestLongLists(t *testing.T) {
	g := generator{random(t)}
	for range rounds(2000) {
		short := g.value(2)
		doc := []byte(g.object(3))
		padding := strings.Repeat(`,"no such value"`, fewOperands+1)
		for _, op := range []string{"$in", "$nin"} {
			field := g.field()
			few, err := Compile(fmt.Appendf(nil, `{%q:{%q:["no such value",%s]}}`, field, op, short))
			require.NoError(t, err)
			many, err := Compile(fmt.Appendf(nil, `{%q:{%q:["no such value",%s%s]}}`, field, op, short, padding))
			require.NoError(t, err)
			require.Equal(t, few.Match(doc), many.Match(doc), "%s %s", few, doc)
		}
	}
}

// However long and deep, a selector is read or refused in short time.
func TestHostileSelectors(t *testing.T) {
	deep := func(n int, inner string) string {
		return strings.Repeat(`{"$and":[`, n) + inner + strings.Repeat(`]}`, n)
	}
	for _, row := range []struct{ selector, reason string }{
		{deep(10000, `{"a":1}`), "bad_request"},
		{deep(2000, `{"a":1}`), "nested deeper than"},
		{deep(240, `{"a":"`+strings.Repeat("x", 4<<20)+`"}`), "too long for its nesting"},
		{strings.Repeat("[", 10000), "invalid UTF-8 JSON"},
	} {
		_, err := Compile([]byte(row.selector))
		require.ErrorContains(t, err, row.reason)
	}
	s, err := Compile([]byte(deep(240, `{"a":1}`)))
	require.NoError(t, err)
	require.True(t, s.Match([]byte(`{"a":1}`)))
	require.Empty(t, s.lacking([]string{"a"}))
	require.Len(t, s.ranges(), 1)

	list := `{"a":{"$in":[` + strings.Repeat(`"x",`, 300000) + `"y"]}}`
	s, err = Compile([]byte(list))
	require.NoError(t, err)
	for range 10000 {
		require.False(t, s.Match([]byte(`{"a":"z"}`)))
	}
}
