package couch

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parsed(t testing.TB, s string) *Document {
	t.Helper()
	doc, err := ParseDocument([]byte(s))
	require.NoError(t, err, s)
	return doc
}

// The anchors are what Apache CouchDB 3.5 answered.
func TestRevIDsAreCouchDBs(t *testing.T) {
	first := revID(false, Rev{}, parsed(t, `{}`).digest.terms, nil)
	require.Equal(t, "1-967a00dff5e02add41819138abb3284d", first.String())
	second := revID(false, first, parsed(t, `{"_id":"x","_rev":"1-967a00dff5e02add41819138abb3284d"}`).digest.terms, nil)
	require.Equal(t, "2-7051cbe5c8faecd085a3fa619e6e6337", second.String())
	first = revID(true, first, parsed(t, `{}`).digest.terms, nil)
	require.Equal(t, "2-eec205a9d413992850a6e32678485900", first.String())
}

func TestParse(t *testing.T) {
	for in, body := range map[string]string{
		`{}`:              `{}`,
		` { "a" : 1.0 } `: `{"a":1.0}`,
		"{\"a \\\" b\\\\\":[1,\r\n\t2 ],\"_id\" : \"x\",\n\"c\":\" \"}":                 `{"a \" b\\":[1,2],"c":" "}`,
		`{"_id":"x","b":2,"_rev":"1-a","a":1}`:                                          `{"b":2,"a":1}`,
		`{"b":2,"c":3,"_id":"x","a":1}`:                                                 `{"b":2,"c":3,"a":1}`,
		`{"a":1,"b":2,"a":3}`:                                                           `{"b":2,"a":3}`,
		`{"o":{"x":1,"\u0078":[1,{"k":1,"k":2}]},"big":123456789012345678901234567890}`: `{"o":{"\u0078":[1,{"k":2}]},"big":123456789012345678901234567890}`,
		`{"nul":"\u0000","s":"\ud83d\ude00é","e":1E2,"m":-0.0}`:                         `{"nul":"\u0000","s":"\ud83d\ude00é","e":1E2,"m":-0.0}`,
		`{"__proto__":{"x":1}}`:                                                         "",
		`{"_replication_id":"x"}`:                                                       `{"_replication_id":"x"}`,
	} {
		doc, err := ParseDocument([]byte(in))
		if body == "" {
			require.ErrorIs(t, err, &Error{Kind: DocValidation, Reason: "Bad special document member: __proto__"})
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, body, string(doc.Body))
	}
}

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	for in, want := range map[string]*Error{
		``:  errJSON,
		`{`: errJSON,
		`{"a":` + strings.Repeat("9", longestInteger+1) + `}`: errJSON,
		`{"a":}`:                              errJSON,
		`{"a":1,}`:                            errJSON,
		`{"a":1}x`:                            errJSON,
		`{"a":01}`:                            errJSON,
		`{"a":1e400}`:                         errJSON,
		`{"a":"\ud800"}`:                      errJSON,
		`{"a":"\ud800\u0041"}`:                errJSON,
		"{\"a\":\"\xff\"}":                    errJSON,
		"{\"a\":\"\xed\xa0\x80\"}":            errJSON,
		"{\"a\":\"\n\"}":                      errJSON,
		`{"a":tru}`:                           errJSON,
		`{"a":` + deep + `}`:                  errJSON,
		`[]`:                                  {Kind: BadRequest, Reason: "Document must be a JSON object"},
		`"x"`:                                 {Kind: BadRequest, Reason: "Document must be a JSON object"},
		`{"_foo":1}`:                          {Kind: DocValidation, Reason: "Bad special document member: _foo"},
		`{"_deleted":1}`:                      {Kind: DocValidation, Reason: "Bad special document member: _deleted"},
		`{"_id":1}`:                           {Kind: IllegalDocID, Reason: "Document id must be a string"},
		`{"_id":""}`:                          {Kind: IllegalDocID, Reason: "Document id must not be empty"},
		`{"_id":"_x"}`:                        {Kind: IllegalDocID, Reason: "Only reserved document ids may start with underscore."},
		`{"_rev":"1"}`:                        {Kind: BadRequest, Reason: "Invalid rev format"},
		`{"_rev":1}`:                          {Kind: BadRequest, Reason: "Invalid rev format"},
		`{"_revisions":{"start":"a"}}`:        {Kind: DocValidation, Reason: "_revisions.start isn't an integer."},
		`{"_attachments":{"x":{"data":"*"}}}`: {Kind: BadRequest, Reason: "Invalid attachment data for x"},
		`{"_attachments":{"_c":{"data":""}}}`: {Kind: BadRequest, Reason: "Attachment name '_c' starts with prohibited character '_'"},
	} {
		_, err := ParseDocument([]byte(in))
		require.ErrorIs(t, err, want, in)
	}
}

func TestParseMembers(t *testing.T) {
	doc := parsed(t, `{"_id":"x","_rev":"2-b","_revisions":{"start":2,"ids":["b","a"]},"_deleted":true,"_conflicts":[],"_attachments":{"b.txt":{"data":"aGk=","content_type":"text/plain"},"a":{"stub":true,"revpos":1}}}`)
	require.Equal(t, Rev{Pos: 2, ID: "b"}, doc.Rev)
	require.Equal(t, []Rev{{Pos: 2, ID: "b"}, {Pos: 1, ID: "a"}}, doc.Revisions)
	require.True(t, doc.Deleted)
	require.Equal(t, "hi", string(doc.Attachments[0].Data))
	require.Equal(t, "a", doc.Attachments[1].Name)
	require.True(t, doc.Attachments[1].Stub)
}

// The terms decide the revision's id, so each kind is spelt out.
func TestTerms(t *testing.T) {
	for in, terms := range map[string]string{
		`{}`:                         "h\x01j",
		`{"a":[1,2,255]}`:            "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01ak\x00\x03\x01\x02\xffj",
		`{"a":[]}`:                   "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01ajj",
		`{"a":[1,256]}`:              "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01al\x00\x00\x00\x02a\x01b\x00\x00\x01\x00jj",
		`{"a":-1}`:                   "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01ab\xff\xff\xff\xffj",
		`{"a":4294967296}`:           "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01an\x05\x00\x00\x00\x00\x00\x01j",
		`{"a":-2147483649}`:          "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01an\x04\x01\x01\x00\x00\x80j",
		`{"a":18446744073709551616}`: "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01an\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01j",
		`{"a":1.0}`:                  "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01aF\x3f\xf0\x00\x00\x00\x00\x00\x00j",
		`{"a":null,"_id":"x"}`:       "h\x01l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01ad\x00\x04nullj",
	} {
		require.Equal(t, terms, string(parsed(t, in).digest.terms), in)
	}
}

func FuzzParseDocument(f *testing.F) {
	for _, s := range []string{`{}`, `{"_id":"a","_rev":"1-a","x":[1,2.5,-3,"é\n"],"y":{"k":1,"k":2}}`, `{"_attachments":{"a":{"data":"aGk="}},"_deleted":true}`,
		`{"_revisions":{"start":2,"ids":["b","a"]},"\u005fid":"x"}`, `{"a":123456789012345678901234567890,"b":[[],{}]}`, "{ \"a b\\\\\" :\t[1 ,\r\n{ } ] , \"_id\":\"x\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := ParseDocument(raw)
		if err != nil {
			return
		}
		require.True(t, json.Valid(raw))
		var tight bytes.Buffer
		require.NoError(t, json.Compact(&tight, doc.Body))
		require.Equal(t, tight.String(), string(doc.Body), "no white space between tokens")
		if doc.ID == "" {
			doc.ID = "x"
		}
		written := doc.AppendJSON(nil)
		require.True(t, json.Valid(written), "%s", written)
		again, err := ParseDocument(written)
		require.NoError(t, err, "%s", written)
		require.Equal(t, doc.ID, again.ID)
		require.Equal(t, doc.Rev, again.Rev)
		require.Equal(t, doc.Deleted, again.Deleted)
		require.Equal(t, doc.digest.terms, again.digest.terms)
		require.Equal(t, string(written), string(again.AppendJSON(nil)))
	})
}
