package mango

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs are what the table asks; the id is the name.
var docs = map[string]string{
	"null":     `{"x":null}`,
	"false":    `{"x":false}`,
	"true":     `{"x":true}`,
	"zero":     `{"x":0}`,
	"three":    `{"x":3,"y":1}`,
	"3.0":      `{"x":3.0}`,
	"minus7":   `{"x":-7}`,
	"half":     `{"x":0.5}`,
	"big":      `{"x":12345678901234567890}`,
	"bigger":   `{"x":12345678901234567891}`,
	"empty":    `{"x":""}`,
	"a":        `{"x":"a"}`,
	"A":        `{"x":"A"}`,
	"abc":      `{"x":"abc"}`,
	"nfc":      `{"x":"\u00e9"}`,
	"nfd":      `{"x":"e\u0301"}`,
	"list":     `{"x":[]}`,
	"list12":   `{"x":[1,2]}`,
	"list123":  `{"x":[1,2,3]}`,
	"nested":   `{"x":[[1,2],"a"]}`,
	"objects":  `{"x":[{"k":1,"l":"u"},{"k":5}]}`,
	"object":   `{"x":{}}`,
	"deep":     `{"x":{"y":{"z":1}}}`,
	"dotted":   `{"x.y":1,"x":{"y.z":2}}`,
	"absent":   `{"y":2}`,
	"keys":     `{"x":{"en":1,"fr":2}}`,
	"unicode":  `{"x":"\u65e5\u672c"}`,
	"newlines": `{"x":"one\ntwo"}`,
}

// table is which of them each selector finds.
var table = []struct{ selector, want string }{
	{`{"x":3}`, "3.0 three"},
	{`{"x":{"$eq":3}}`, "3.0 three"},
	{`{"x":3,"y":1}`, "three"},
	{`{"$and":[{"x":3},{"y":1}]}`, "three"},
	{`{"y":{"$gt":0,"$lt":2}}`, "three"},
	{`{"x":null}`, "null"},
	{`{"x":{}}`, "object"},
	{`{"x":"a"}`, "a"},
	{`{"x":"\u00e9"}`, "nfc nfd"},
	{`{"x":12345678901234567890}`, "big"},
	{`{"x":{"$gt":12345678901234567890,"$lt":"" }}`, "bigger"},
	{`{"x":[1,2]}`, "list12"},
	{`{"x":{"y":{"z":1}}}`, "deep"},
	{`{"x.y.z":1}`, "deep"},
	{`{"x":{"$eq":{"y":{"z":1}}}}`, "deep"},
	{`{"x\\.y":1}`, "dotted"},
	{`{"x.y\\.z":2}`, "dotted"},
	{`{"x.0":1}`, "list12 list123"},
	{`{"x.2":3}`, "list123"},
	{`{"x.0.k":1}`, "objects"},

	{`{"x":{"$lt":0}}`, "false minus7 null true"},
	{`{"x":{"$lte":0}}`, "false minus7 null true zero"},
	{`{"x":{"$lt":5,"$gt":true}}`, "3.0 half minus7 three zero"},
	{`{"x":{"$gt":"a","$lte":"abc"}}`, "A abc"},
	{`{"x":{"$gte":"\u65e5"}}`, "deep dotted keys list list12 list123 nested object objects unicode"},
	{`{"x":{"$gt":[1,2]}}`, "deep dotted keys list123 nested object objects"},
	{`{"x":{"$gt":{}}}`, "deep dotted keys"},
	{`{"x":{"$ne":3,"$lt":[]}}`, "A a abc big bigger empty false half minus7 newlines nfc nfd null true unicode zero"},
	{`{"y":{"$ne":1}}`, "absent"},
	{`{"_id":{"$gt":"minus7","$lt":"object"}}`, "nested newlines nfc nfd null"},
	{`{"_id":{"$lt":"a"}}`, "3.0 A"},
	{`{"_id":{"$in":["a","A"]}}`, "A a"},

	{`{"x":{"$exists":false}}`, "absent"},
	{`{"y":{"$exists":true}}`, "absent three"},
	{`{"x":{"$not":{"$exists":true}}}`, "absent"},
	{`{"y":1,"x.q":{"$exists":false}}`, ""},
	{`{"x.q":{"$exists":false},"_id":{"$in":["deep","three","list12","absent","object"]}}`, "absent deep object"},

	{`{"x":{"$in":[3,"a",null]}}`, "3.0 a list123 nested null three"},
	{`{"x":{"$in":[[1,2]]}}`, "nested"},
	{`{"x":{"$in":[]}}`, ""},
	{`{"y":{"$nin":[1]}}`, "absent"},
	{`{"y":{"$nin":[]}}`, "absent three"},
	{`{"x":{"$nin":[1,"a"],"$type":"array"}}`, "list objects"},
	{`{"x":{"$all":[1,2]}}`, "list12 list123"},
	{`{"x":{"$all":[2,1]}}`, "list12 list123"},
	{`{"x":{"$all":[1.0]}}`, ""},
	{`{"x":{"$all":[[1,2]]}}`, "list12 nested"},
	{`{"x":{"$all":[[1.0,2]]}}`, "list12"},
	{`{"x":{"$all":[]}}`, ""},
	{`{"x":{"$all":["a"]}}`, "nested"},
	{`{"x":{"$all":[{"k":5}]}}`, "objects"},
	{`{"x":{"$not":{"$all":[1]},"$type":"array"}}`, "list nested objects"},

	{`{"x":{"$elemMatch":{"$gte":3,"$lt":"" }}}`, "list123"},
	{`{"x":{"$elemMatch":{"k":{"$gt":2}}}}`, "objects"},
	{`{"x":{"$elemMatch":{"k":1,"l":"u"}}}`, "objects"},
	{`{"x":{"$elemMatch":{"k":5,"l":"u"}}}`, ""},
	{`{"x":{"$elemMatch":{"l":{"$exists":false}}}}`, "objects"},
	{`{"x":{"$elemMatch":{"$not":{"$eq":1}}}}`, "list12 list123 nested objects"},
	{`{"x":{"$elemMatch":{"$not":{"l":"u"}}}}`, "list12 list123 nested objects"},
	{`{"x":{"$allMatch":{"$not":{"l":"v"}}}}`, "list12 list123 nested objects"},
	{`{"x":{"$elemMatch":{"$or":[{"$eq":3},{"$eq":"a"}]}}}`, "list123 nested"},
	{`{"x":{"$allMatch":{"$gt":0}}}`, "list12 list123 nested objects"},
	{`{"x":{"$allMatch":{"k":{"$exists":true}}}}`, "objects"},
	{`{"x":{"$allMatch":{"$lt":3}}}`, "list12"},
	{`{"x":{"$not":{"$elemMatch":{"$eq":1}},"$type":"array"}}`, "list nested objects"},
	{`{"$not":{"x":{"$elemMatch":{"$not":{"l":"u"}}}},"x":{"$type":"array"}}`, "list"},
	{`{"x":{"$keyMapMatch":{"$eq":"fr"}}}`, "keys"},
	{`{"x":{"$keyMapMatch":{"$gt":"x"}}}`, "deep dotted"},

	{`{"x":{"$type":"null"}}`, "null"},
	{`{"x":{"$type":"boolean"}}`, "false true"},
	{`{"x":{"$type":"number"}}`, "3.0 big bigger half minus7 three zero"},
	{`{"x":{"$type":"string"}}`, "A a abc empty newlines nfc nfd unicode"},
	{`{"x":{"$type":"array"}}`, "list list12 list123 nested objects"},
	{`{"x":{"$type":"object"}}`, "deep dotted keys object"},
	{`{"x":{"$type":"integer"}}`, ""},
	{`{"x":{"$size":0}}`, "list"},
	{`{"x":{"$size":2}}`, "list12 nested objects"},
	{`{"x":{"$mod":[2,1]}}`, "bigger three"},
	{`{"x":{"$mod":[4,-3]}}`, "minus7"},
	{`{"x":{"$mod":[10,0]}}`, "big zero"},
	{`{"x":{"$mod":[12345678901234567891,12345678901234567890]}}`, "big"},
	{`{"x":{"$regex":"^a"}}`, "a abc"},
	{`{"x":{"$regex":"(?i)^A.?"}}`, "A a abc"},
	{`{"x":{"$regex":""}}`, "A a abc empty newlines nfc nfd unicode"},
	{`{"x":{"$regex":"^two$"}}`, ""},
	{`{"x":{"$regex":"(?m)^two$"}}`, "newlines"},
	{`{"x":{"$regex":"one\\stwo"}}`, "newlines"},
	{`{"x":{"$not":{"$regex":"^[a-z]"},"$type":"string"}}`, "A empty nfc unicode"},
	{`{"_id":{"$regex":"^(?!n|list|un)"},"x":{"$gt":"a"}}`, "A abc deep dotted keys object objects"},
	{`{"x":{"$regex":"^(.)(?=b)(?!\\1)"}}`, "abc"},
	{`{"x":{"$regex":"(?<=one\\n)two"}}`, "newlines"},
	{`{"x":{"$regex":"^(?>a+)$"}}`, "a"},
	{`{"x":{"$regex":"^[[:alpha:]]{1,2000}\\z"}}`, "A a abc"},
	{`{"x":{"$beginsWith":"a"}}`, "a abc"},
	{`{"x":{"$beginsWith":"\u65e5"}}`, "unicode"},
	{`{"x":{"$beginsWith":""}}`, "A a abc empty newlines nfc nfd unicode"},

	{`{"$or":[{"x":3},{"y":2}]}`, "3.0 absent three"},
	{`{"x":{"$or":[3,{"$eq":"a"}]}}`, "3.0 a three"},
	{`{"$nor":[{"x":{"$type":"number"}},{"x":{"$type":"string"}},{"x":{"$type":"array"}}]}`, "deep dotted false keys null object true"},
	{`{"$not":{"y":1}}`, "absent"},
	{`{"$not":{"$or":[{"x":{"$gt":null}},{"x":{"$lt":null}}]}}`, "null"},
	{`{"$not":{"$not":{"y":1}}}`, "three"},
	{`{"$not":{"$and":[{"x":3},{"y":1}]},"y":{"$gt":0}}`, "absent"},
	{`{"y":2,"$or":[]}`, "absent"},
	{`{"y":2,"$and":[]}`, "absent"},
	{`{"y":2,"$nor":[]}`, "absent"},
	{`{"y":2,"$and":[{}]}`, ""},
	{`{"y":2,"$and":[5]}`, ""},
	{`{"y":7,"y":2}`, "absent"},
	{`{"y":2,"x":{"$not":{"$exists":true}}}`, "absent"},
}

func TestTable(t *testing.T) {
	for _, row := range table {
		t.Run(row.selector, func(t *testing.T) {
			s, err := Compile([]byte(row.selector))
			require.NoError(t, err)
			require.Equal(t, row.want, matching(s))
			again, err := Compile([]byte(s.String()))
			require.NoError(t, err, s)
			require.Equal(t, row.want, matching(again), "normal form %s", s)
			require.Equal(t, s.String(), again.String(), "the normal form's normal form")
		})
	}
}

func matching(s *Selector) string {
	var ids []string
	for id, body := range docs {
		if s.Match(withID(id, body)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func withID(id, body string) []byte {
	return fmt.Appendf(nil, `{"_id":%q,"_rev":"1-0",%s`, id, body[1:])
}
