package replicate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ends = `"source":"http://a:p@h:5984/x","target":{"url":"https://h/y"}`

func TestRequestsAreReadAsCouchDBReadsThem(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      func(*testing.T, Request)
	}{
		{"ends", `{` + ends + `}`, func(t *testing.T, r Request) {
			require.Equal(t, Endpoint{URL: "http://h:5984/x/", User: "a", Password: "p"}, r.Source)
			require.Equal(t, Endpoint{URL: "https://h/y/"}, r.Target)
			require.Equal(t, 30*time.Second, r.Options.CheckpointInterval)
			require.Equal(t, 5, r.Options.Retries)
		}},
		{"the credentials of auth are the strongest", `{"source":{"url":"http://a:b@h/x","auth":{"basic":{"username":"u","password":"v"}},"headers":{"authorization":"Basic Yzpk"}},"target":"http://h/y"}`,
			func(t *testing.T, r Request) {
				require.Equal(t, "u:v", r.Source.User+":"+r.Source.Password)
				require.Empty(t, r.Source.Headers)
			}},
		{"then those of the URL", `{"source":{"url":"http://a:b@h/x","headers":{"authorization":"Basic Yzpk"}},"target":"http://h/y"}`,
			func(t *testing.T, r Request) { require.Equal(t, "a:b", r.Source.User+":"+r.Source.Password) }},
		{"then those of a header", `{"source":{"url":"http://h/x","headers":{"authorization":"basic Yzpk","X-A":"b"}},"target":"http://h/y"}`,
			func(t *testing.T, r Request) {
				require.Equal(t, "c:d", r.Source.User+":"+r.Source.Password)
				require.Equal(t, map[string]string{"X-A": "b"}, r.Source.Headers)
			}},
		{"a query stays as it is", `{"source":"http://h/x?a=b","target":"http://h/y"}`, func(t *testing.T, r Request) { require.Equal(t, "http://h/x?a=b", r.Source.URL) }},
		{"ids once, in order, decoded", `{` + ends + `,"doc_ids":["b","a%2Fb","b"]}`, func(t *testing.T, r Request) { require.Equal(t, []string{"a/b", "b"}, r.Options.DocIDs) }},
		{"no ids", `{` + ends + `,"doc_ids":null,"selector":{}}`, func(t *testing.T, r Request) { require.Nil(t, r.Options.DocIDs) }},
		{"numbers in text", `{` + ends + `,"worker_processes":"2","retries_per_request":0}`, func(t *testing.T, r Request) {
			require.Equal(t, 2, r.Options.Workers)
			require.Equal(t, -1, r.Options.Retries)
		}},
		{"parameters that are no text", `{` + ends + `,"query_params":{"a":1,"b":"c"}}`, func(t *testing.T, r Request) {
			require.Equal(t, map[string]string{"a": "1", "b": "c"}, r.Options.QueryParams)
		}},
		{"checkpoints of any kind", `{` + ends + `,"use_checkpoints":1}`, func(t *testing.T, r Request) { require.False(t, r.Options.NoCheckpoints) }},
		{"no checkpoints", `{` + ends + `,"use_checkpoints":false,"use_bulk_get":false}`, func(t *testing.T, r Request) { require.True(t, r.Options.NoCheckpoints && r.Options.NoBulkGet) }},
		{"a sequence", `{` + ends + `,"since_seq":7}`, func(t *testing.T, r Request) { require.Equal(t, "7", r.Options.SinceSeq) }},
		{"a cancellation by id", `{"cancel":true,"replication_id":"a continuous"}`, func(t *testing.T, r Request) { require.Equal(t, "a+continuous", r.CancelID) }},
		{"a proxy of both", `{` + ends + `,"proxy":"socks5://u:p@h:1"}`, func(t *testing.T, r Request) { require.Equal(t, r.Source.Proxy, r.Target.Proxy) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := ParseRequest(json.RawMessage(c.raw), Settings{})
			require.NoError(t, err)
			c.want(t, r)
		})
	}
}

func TestRequestsAreRefusedInCouchDBsWords(t *testing.T) {
	for raw, want := range map[string]string{
		`[]`:                                        "bad_request: Request body must be a JSON object",
		`{}`:                                        "error: Missing replicator database",
		`{"source":"http://h/x"}`:                   "error: Missing replicator database",
		`{"source":"x","target":"y"}`:               "error: local_endpoints_not_supported",
		`{"source":"ftp://h/x"}`:                    "error: local_endpoints_not_supported",
		`{"source":{"url":1}}`:                      "invalid_replication: endpoint has an invalid url",
		`{"source":"http://u:p@[::1"}`:              "invalid_replication: endpoint has an invalid url",
		`{"source":5}`:                              "invalid_replication: endpoint has an invalid url",
		`{` + ends + `,"continuous":1}`:             "bad_request: parameter `continuous` must be a boolean",
		`{` + ends + `,"query_params":[]}`:          "bad_request: parameter `query_params` must be an object",
		`{` + ends + `,"doc_ids":1}`:                "bad_request: parameter `doc_ids` must be an array",
		`{` + ends + `,"selector":[]}`:              "bad_request: parameter `selector` must be a JSON object",
		`{` + ends + `,"doc_ids":[],"selector":{}}`: "bad_request: `doc_ids`,`filter`,`selector` are mutually exclusive",
		`{` + ends + `,"filter":"x"}`:               "error: Invalid filter. Must match `ddocname/filtername`.",
		`{` + ends + `,"filter":"_view"}`:           "bad_request: Invalid `view` parameter.",
		`{` + ends + `,"proxy":"http://h","source_proxy":"http://h"}`: "bad_request: `proxy` is mutually exclusive with `source_proxy`",
		`{` + ends + `,"proxy":"gopher://h"}`:                         "invalid_replication: proxy has an invalid url",
		`{` + ends + `,"worker_processes":0}`:                         "bad_request: parameter `worker_processes` must be a positive integer",
	} {
		_, err := ParseRequest(json.RawMessage(raw), Settings{})
		require.EqualError(t, err, want, raw)
	}
}

func TestSettingsAreTheDefaultsOfRequests(t *testing.T) {
	set := map[string]string{"worker_processes": "9", "use_checkpoints": "false", "checkpoint_interval": "junk", "valid_endpoint_protocols": "https"}
	s := Settings{Value: func(key string) (string, bool) { v, ok := set[key]; return v, ok }}
	r, err := ParseRequest(json.RawMessage(`{"source":"https://h/x","target":"https://h/y","use_checkpoints":true}`), s)
	require.NoError(t, err)
	require.Equal(t, 9, r.Options.Workers)
	require.False(t, r.Options.NoCheckpoints)
	require.Equal(t, 30*time.Second, r.Options.CheckpointInterval)
	_, err = ParseRequest(json.RawMessage(`{"source":"http://h/x","target":"https://h/y"}`), s)
	require.EqualError(t, err, "invalid_replication: endpoint has an invalid url")
}

func TestEndpointsAreShownWithoutCredentials(t *testing.T) {
	for raw, want := range map[string]string{
		`"http://adm:pass@host/db"`:            `"http://host/db/"`,
		`"http://adm:pass@host:80/db?a=b&c=d"`: `"http://host:80/db?a=b\u0026c=d"`,
		`"localdb"`:                            `"localdb"`,
		`{"url":"http://adm:pass@host/db","headers":{"Authorization":"Basic pa55"}}`: `"http://host/db/"`,
		`{"url":"http://adm:pass/bad"}`:                                              `null`, `"http://a:b:c"`: `null`, `null`: `null`, `42`: `null`, `["a"]`: `null`,
	} {
		require.JSONEq(t, want, string(ShownEndpoint(json.RawMessage(raw))), raw)
	}
}

// FuzzParseRequest holds that no body breaks the reader, and that no password that it found is shown.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{
		`{` + ends + `}`, `{"cancel":true,"id":"x"}`, `{` + ends + `,"doc_ids":["a%zz"],"since_seq":[1,"x"]}`,
		`{"source":{"url":"http://h/x","auth":{"basic":{"username":"a","password":"secretsecret"}}},"target":"http://u:secretsecret@h/y"}`,
		`{` + ends + `,"filter":"_view","query_params":{"view":"a/b"}}`, `{` + ends + `,"create_target_params":{"q":1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRequest(raw, Settings{})
		if err != nil {
			FailureOf(err)
			return
		}
		require.Equal(t, r.key(), r.key())
		if _, err := fieldsOf(raw); err != nil {
			t.Fatalf("a request that no editor of documents reads: %v", err)
		}
		for _, e := range []Endpoint{r.Source, r.Target} {
			if len(e.Password) > 8 && !strings.Contains(e.User, e.Password) && strings.Count(string(raw), e.Password) == 1 {
				require.NotContains(t, e.URL, e.Password)
			}
		}
	})
}
