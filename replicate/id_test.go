package replicate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/replicate"
)

// The ids are those that a CouchDB 3.5.0 with this UUID gave the same replications.
func TestReplicationIDsAreCouchDBs(t *testing.T) {
	const uuid = "0123456789abcdef0123456789abcdef"
	type end = replicate.Endpoint
	a, b := end{URL: "http://adm:pass@127.0.0.1:15984/prot_a"}, end{URL: "http://adm:pass@127.0.0.1:15984/prot_b"}
	headers := map[string]string{"x-b": "2", "X-A": "1"}
	withBasic := map[string]string{"x-b": "2", "X-A": "1", "Authorization": "Basic YWRtOnBhc3M="}
	const code = " function(doc, req) { return true; } "
	for name, c := range map[string]struct {
		source end
		o      replicate.Options
		id     string
	}{
		"plain":             {a, replicate.Options{}, "971402dd6500853725521a3db21cbf24"},
		"since":             {a, replicate.Options{SinceSeq: "0"}, "971402dd6500853725521a3db21cbf24"},
		"filter":            {a, replicate.Options{Filter: "app/even"}, "13801752fd59a3ce17ee4ec163910f7c"},
		"filter params":     {a, replicate.Options{Filter: "app/even", QueryParams: map[string]string{"a": "b"}}, "9714a1c2040973faff42cf0fde219de9"},
		"view":              {a, replicate.Options{Filter: "_view", QueryParams: map[string]string{"view": "app/v"}}, "2ca14b1878f7ea73cce1915dab8104b2"},
		"doc ids":           {a, replicate.Options{DocIDs: []string{"b", "a%20x"}}, "d768ec995a17d79b7ad007afb41248d2"},
		"winning revisions": {a, replicate.Options{WinningRevsOnly: true}, "52c2be53f7dc8c3d0f11ad445f039527"},
		"headers":           {end{URL: "http://127.0.0.1:15984/prot_a/", User: "adm", Password: "other", Headers: headers}, replicate.Options{}, "111ffe98b2d89c0fdb1c28e10b40ca16"},
		"password header":   {end{URL: "http://127.0.0.1:15984/prot_a/", Headers: withBasic}, replicate.Options{}, "111ffe98b2d89c0fdb1c28e10b40ca16"},
		"host name":         {end{URL: "http://adm:pass@localhost:15984/prot_a"}, replicate.Options{}, "20760fb43ae441191ec7895660530df0"},
		"normal selector":   {a, replicate.Options{Selector: json.RawMessage(`{"a":{"$eq":1}}`)}, "7429e91470280e86ca005c66f43a25c2"},
	} {
		require.Equal(t, c.id, replicate.ReplicationID(uuid, c.source, b, c.o, code), name)
	}
}
