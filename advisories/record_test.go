package advisories

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeverity(t *testing.T) {
	v2, v30, v31, v4 := dict{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}, dict{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"},
		dict{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}, dict{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}
	for name, c := range map[string]struct {
		more   dict
		word   Severity
		score  float64
		vector string
	}{
		"3.1":                  {dict{"severity": []any{v31}}, High, 7.5, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
		"3.0":                  {dict{"severity": []any{v30}}, Moderate, 6.1, "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"},
		"2":                    {dict{"severity": []any{v2}}, High, 7.5, "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
		"4, the newest counts": {dict{"severity": []any{v2, v31, v4}}, Critical, 9.3, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
		"GitHub's word counts": {dict{"severity": []any{v31}, "database_specific": dict{"severity": "CRITICAL"}}, Critical, 7.5, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
		"another word":         {dict{"severity": []any{}, "database_specific": dict{"severity": "MEDIUM"}}, Moderate, 0, ""},
		"no word":              {dict{"severity": []any{}, "database_specific": dict{"severity": 7}}, High, 0, ""},
		"nothing":              {dict{"severity": []any{}, "database_specific": []any{}}, High, 0, ""},
		"a broken vector":      {dict{"severity": []any{dict{"type": "CVSS_V3", "score": "CVSS:3.1/AV:X"}, v2}}, High, 7.5, "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
		"malware":              {dict{"id": "MAL-2024-1", "severity": []any{}}, Critical, 0, ""},
		"no impact":            {dict{"severity": []any{dict{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}}}, Info, 0, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"},
	} {
		r := parsed(t, osv("GHSA-a", day, "left", "1.0.0", c.more))
		word, score, vector := r.judged("left")
		require.Equal(t, c.word, word, name)
		require.Equal(t, c.score, score, name)
		require.Equal(t, c.vector, vector, name)
	}
	for _, word := range severities {
		s, ok := ParseSeverity(word)
		require.True(t, ok)
		require.Equal(t, word, s.String())
	}
}

func parsed(t testing.TB, v any) *record {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	r, err := parseRecord(raw)
	require.NoError(t, err)
	return r
}

func TestRecordsOfOneFlaw(t *testing.T) {
	aliases := func(ids ...any) dict { return dict{"aliases": ids} }
	for name, c := range map[string]struct {
		records []dict
		version string
		want    []string // "id range patched" of each
	}{
		"GitHub's counts":            {[]dict{osv("GHSA-a", day, "left", "1.2.0", aliases("CVE-1")), osv("CVE-1", day, "left", "")}, "1.0.0", []string{"GHSA-a <1.2.0 >=1.2.0"}},
		"even where it says no":      {[]dict{osv("GHSA-a", day, "left", "1.2.0"), osv("CVE-1", day, "left", "", aliases("GHSA-a"))}, "1.5.0", nil},
		"withdrawn":                  {[]dict{osv("GHSA-a", day, "left", "1.2.0", dict{"withdrawn": day}, aliases("CVE-1")), osv("CVE-1", day, "left", "")}, "1.5.0", []string{"CVE-1 * <0.0.0"}},
		"by a CVE that both name":    {[]dict{osv("GHSA-a", day, "left", "1.0.0", aliases("CVE-1")), osv("GHSA-b", day, "left", "1.2.0", aliases("CVE-1"))}, "1.1.0", []string{"GHSA-b <1.2.0 >=1.2.0"}},
		"through a third":            {[]dict{osv("CVE-1", day, "left", "1.0.0"), osv("PSA-1", day, "left", "1.1.0", aliases("CVE-2")), osv("SNYK-1", day, "left", "1.2.0", aliases("CVE-1", "CVE-2"))}, "0.1.0", []string{"CVE-1 <1.2.0 >=1.2.0"}},
		"others are others":          {[]dict{osv("GHSA-a", day, "left", "1.2.0", aliases("CVE-1")), osv("GHSA-b", day, "left", "1.3.0", aliases("CVE-2"))}, "1.0.0", []string{"GHSA-a <1.2.0 >=1.2.0", "GHSA-b <1.3.0 >=1.3.0"}},
		"of another package neither": {[]dict{osv("GHSA-a", day, "left", "1.2.0", aliases("CVE-1")), osv("CVE-1", day, "right", "")}, "1.5.0", nil},
	} {
		for _, backwards := range []bool{false, true} {
			x := newIndex()
			list := slices.Clone(c.records)
			if backwards {
				slices.Reverse(list)
			}
			for _, doc := range list {
				x.set(doc["id"].(string), parsed(t, doc))
			}
			var got []string
			for _, a := range x.affecting("left", []string{c.version}) {
				got = append(got, a.ID+" "+a.Vulnerable+" "+a.Patched)
				require.NotContains(t, a.Aliases, a.ID)
			}
			if name == "by a CVE that both name" {
				require.Equal(t, []string{"GHSA-a <1.2.0 >=1.2.0"}, got, name) // told by the first, with what both say
				continue
			}
			require.Equal(t, c.want, got, name)
			for _, doc := range list {
				x.set(doc["id"].(string), nil)
			}
			packages, records := x.size()
			require.Zero(t, packages+records)
		}
	}
}

func TestNumbersStay(t *testing.T) {
	require.Equal(t, int64(2673616660459351), number("GHSA-vh95-rmgr-6w4m"), "it must be the same in all regions, and in all releases")
	for i := range 10_000 {
		n := number(fmt.Sprintf("GHSA-%d", i))
		require.Positive(t, n)
		require.Less(t, n, int64(1)<<53)
	}
}

// TestOddVersions asks of what is no version: it lies in what every version lies in.
func TestOddVersions(t *testing.T) {
	x := newIndex()
	x.set("GHSA-all", parsed(t, osv("GHSA-all", day, "left", "")))
	x.set("GHSA-some", parsed(t, osv("GHSA-some", day, "left", "2.0.0")))
	ids := func(version string) (list []string) {
		for _, a := range x.affecting("left", []string{version}) {
			list = append(list, a.ID)
		}
		return list
	}
	require.Equal(t, []string{"GHSA-all"}, ids("git+ssh://nowhere"))
	require.Equal(t, []string{"GHSA-all"}, ids(""))
	require.Equal(t, []string{"GHSA-all", "GHSA-some"}, ids("v1.0.0"))
	require.Equal(t, []string{"GHSA-all", "GHSA-some"}, ids("1.9.0+build"))
	require.Equal(t, []string{"GHSA-all", "GHSA-some"}, ids("2.0.0-rc.1"))
	require.Empty(t, x.affecting("left", nil))
}
