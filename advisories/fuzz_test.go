package advisories

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRecord reads foreign records: what is taken gives ranges that are read back the same, and an index that forgets them.
func FuzzRecord(f *testing.F) {
	for _, doc := range []dict{osv("GHSA-a", day, "left", "1.2.3", dict{"aliases": []any{"CVE-1"}}), osv("MAL-1", day, "@a/b", "", dict{"database_specific": dict{"severity": "LOW", "cwe_ids": []any{"CWE-1"}}})} {
		raw, err := json.Marshal(doc)
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Add([]byte(`{"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"},"versions":["1.0.0","2.0.0-a+b"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"1"},{"last_affected":"2"},{"limit":"*"}]}],"database_specific":{"last_known_affected_version_range":"<= 3"}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRecord(raw)
		if err != nil {
			return
		}
		x := newIndex()
		x.set(r.ID, r)
		for _, name := range r.names() {
			all, err := r.affects(name)
			require.NoError(t, err)
			again, err := parseRange(all.String())
			require.NoError(t, err, all.String())
			require.Equal(t, all.String(), again.String())
			_, err = parseRange(all.patched())
			require.NoError(t, err)
			for _, a := range x.affecting(name, []string{"1.0.0", "x"}) {
				require.Equal(t, r.ID, a.ID)
				require.Equal(t, all.String(), a.Vulnerable)
			}
		}
		x.set(r.ID, nil)
		packages, records := x.size()
		require.Zero(t, packages+records)
	})
}

// FuzzBulk answers foreign questions: only of what was asked, and in JSON.
func FuzzBulk(f *testing.F) {
	for _, seed := range []string{`{"left":["1.0.0"]}`, `{"left":["x","","1.0.0-a+b"],"constructor":[]}`, `{"left":["1.0.0"],"left":["1.0.0"]}`, `{"\u006ceft":["1.0.0"]}`, `[]`} {
		f.Add([]byte(seed))
	}
	a := new(Advisories)
	a.known.Store(newIndex())
	a.known.Load().set("GHSA-a", parsed(f, osv("GHSA-a", day, "left", "1.2.3")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		posted, err := ParseBulk(raw)
		if err != nil {
			return
		}
		for name := range a.Bulk(posted) {
			require.Equal(t, "left", name)
		}
	})
}

// FuzzTree audits foreign trees.
func FuzzTree(f *testing.F) {
	f.Add([]byte(`{"requires":{"left":"^1.0.0"},"dependencies":{"left":{"version":"1.0.0","dev":true,"requires":{"left":"1"},"dependencies":{"left":{"version":"x"}}},"a":null}}`))
	f.Add([]byte(`{"requires":true,"dependencies":{".":{"version":"0.0.0","requires":{"left":"*"},"dependencies":{"left":{"version":"1.0.0","bundled":true}}}}}`))
	a := new(Advisories)
	a.known.Store(newIndex())
	a.known.Load().set("GHSA-a", parsed(f, osv("GHSA-a", day, "left", "1.2.3")))
	packages := shop{"left": {"1.0.0": nil, "1.2.3": nil}, ".": {"1.0.0": {"left": "*"}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tree, err := ParseTree(raw)
		if err != nil {
			return
		}
		audit, ways := a.audit(tree)
		for _, action := range a.actions(context.Background(), ways, packages) {
			require.NotEmpty(t, action.Resolves)
		}
		_, err = json.Marshal(audit)
		require.NoError(t, err)
	})
}
