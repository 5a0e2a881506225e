package advisories

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/stretchr/testify/require"

	"settee/fixtures"
)

func TestRanges(t *testing.T) {
	intro := func(v string) event { return event{Introduced: v} }
	fix := func(v string) event { return event{Fixed: v} }
	last := func(v string) event { return event{LastAffected: v} }
	limit := func(v string) event { return event{Limit: v} }
	for _, c := range []struct {
		events              []event
		vulnerable, patched string
	}{
		{[]event{intro("0"), fix("1.2.3")}, "<1.2.3", ">=1.2.3"},
		{[]event{fix("1.2.3"), intro("0")}, "<1.2.3", ">=1.2.3"},
		{[]event{{Introduced: "0", Fixed: "1.2.3"}}, "<1.2.3", ">=1.2.3"}, // as before schema 1.3
		{[]event{intro("0.0.0"), fix("1.2.3")}, ">=0.0.0 <1.2.3", ">=1.2.3"},
		{[]event{intro("2.0.0"), last("2.4.1")}, ">=2.0.0 <=2.4.1", "<0.0.0"},
		{[]event{intro("0")}, "*", "<0.0.0"},
		{[]event{intro("0"), last("1.0.0")}, "<=1.0.0", "<0.0.0"},
		{[]event{intro("3.1.0-beta.2")}, ">=3.1.0-beta.2", "<0.0.0"},
		{[]event{intro("1.0.0"), last("1.0.0")}, "=1.0.0", "<0.0.0"},
		{[]event{intro("0"), fix("1.5.0"), intro("2.0.0"), fix("2.3.0")}, "<1.5.0 || >=2.0.0 <2.3.0", ">=1.5.0 <2.0.0 || >=2.3.0"},
		{[]event{intro("0"), fix("2.0.0"), intro("2.0.0"), fix("3.0.0")}, "<3.0.0", ">=3.0.0"},
		{[]event{intro("1.0.0"), fix("1.0.0")}, ">=1.0.0", "<0.0.0"},
		{[]event{intro("0"), last("1.0.0"), intro("1.0.1"), fix("1.1.0")}, "<=1.0.0 || >=1.0.1 <1.1.0", ">=1.1.0"},
		{[]event{intro("1.0.0"), intro("1.4.0"), fix("2.0.0"), fix("3.0.0")}, ">=1.0.0 <2.0.0", ">=2.0.0"},
		{[]event{intro("0"), limit("2.0.0")}, "<2.0.0", ">=2.0.0"},
		{[]event{intro("0"), limit("2.0.0"), limit("*")}, "*", "<0.0.0"},
		{[]event{intro("0"), last("2.0.0"), limit("2.0.0")}, "<2.0.0", ">=2.0.0"},
		{[]event{intro("3.0.0"), fix("4.0.0"), limit("2.0.0")}, "<0.0.0", "<0.0.0"},
		{[]event{intro("1"), fix("v1.2")}, ">=1.0.0 <1.2.0", ">=1.2.0"},
		{[]event{intro("1.0.0+build.1"), fix("1.2.0+build.2")}, ">=1.0.0 <1.2.0", ">=1.2.0"},
		{[]event{fix("1.0.0")}, "<0.0.0", "<0.0.0"},
		{nil, "<0.0.0", "<0.0.0"},
	} {
		all, err := walk(c.events)
		require.NoError(t, err, "%v", c.events)
		require.Equal(t, c.vulnerable, all.String(), "%v", c.events)
		require.Equal(t, c.patched, all.patched(), "%v", c.events)
	}
	for _, wrong := range []string{"x", "1.2.3.4", "1.2.3-", "9007199254740992.0.0", "1.0.0-9007199254740992", "1.0.0-01", ">1.0.0", strings.Repeat("1", 300)} {
		_, err := walk([]event{{Introduced: wrong}})
		require.Error(t, err, wrong)
	}
}

func TestLastKnown(t *testing.T) {
	for _, c := range []struct{ said, events, want string }{
		{"<= 4.17.20", `{"introduced":"0"}`, "<=4.17.20"},
		{"< 2.0.0", `{"introduced":"1.0.0"}`, ">=1.0.0 <2.0.0"},
		{"<=0.5.0", `{"introduced":"1.0.0"}`, ">=1.0.0"},
		{"<= 4.17.20", `{"introduced":"0"},{"fixed":"1.0.0"}`, "<1.0.0"},
		{"4.17.20", `{"introduced":"0"}`, "*"},
		{"nonsense", `{"introduced":"0"}`, "*"},
	} {
		r, err := parseRecord(fmt.Appendf(nil, `{"id":"GHSA-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a"},
			"ranges":[{"type":"SEMVER","events":[%s]}],"database_specific":{"last_known_affected_version_range":%q}}]}`, c.events, c.said))
		require.NoError(t, err)
		all, err := r.affects("a")
		require.NoError(t, err)
		require.Equal(t, c.want, all.String(), c.said)
	}
}

// affectedByWalk is OSV's own algorithm, as the schema's document has it.
func affectedByWalk(t *testing.T, v *semver.Version, events []event, versions []string) bool {
	parse := func(s string) *semver.Version {
		parsed, err := parseVersion(s)
		require.NoError(t, err)
		return parsed
	}
	for _, listed := range versions {
		if parse(listed).Equal(v) {
			return true
		}
	}
	type one struct {
		kind string
		at   *semver.Version
	}
	var list []one
	beforeLimits, limited, vulnerable := false, false, false
	for _, e := range events {
		switch {
		case e.Introduced == "0":
			vulnerable = true // it comes before every version, and before every other event
		case e.Introduced != "":
			list = append(list, one{"introduced", parse(e.Introduced)})
		case e.Fixed != "":
			list = append(list, one{"fixed", parse(e.Fixed)})
		case e.LastAffected != "":
			list = append(list, one{"last", parse(e.LastAffected)})
		default:
			limited = true
			beforeLimits = beforeLimits || e.Limit == "*" || v.LessThan(parse(e.Limit))
		}
	}
	if limited && !beforeLimits {
		return false
	}
	// Of one version fixed comes first, the last that is affected last.
	order := map[string]int{"fixed": 0, "introduced": 1, "last": 2}
	slices.SortStableFunc(list, func(a, b one) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return order[a.kind] - order[b.kind]
	})
	for _, e := range list {
		switch {
		case e.kind == "introduced" && !v.LessThan(e.at):
			vulnerable = true
		case e.kind == "fixed" && !v.LessThan(e.at), e.kind == "last" && v.GreaterThan(e.at):
			vulnerable = false
		}
	}
	return vulnerable
}

func randomVersion(r *rand.Rand) string {
	v := fmt.Sprintf("%d.%d.%d", r.IntN(4), r.IntN(3), r.IntN(3))
	if r.IntN(3) == 0 {
		v += []string{"-0", "-alpha", "-alpha.1", "-alpha.10", "-beta", "-rc.2", "-1.a", "--"}[r.IntN(8)]
	}
	return v
}

// cases are random events, lists and versions, and what OSV's algorithm says of each.
type rangeCase struct {
	Range, Patched string
	Versions       []string
	Affected       []bool
}

func rangeCases(t *testing.T, n int) (cases []rangeCase) {
	r := fixtures.Dice(t)
	for range n {
		var events []event
		for range r.IntN(6) {
			v := randomVersion(r)
			events = append(events, []event{{Introduced: v}, {Introduced: "0"}, {Fixed: v}, {Fixed: v}, {LastAffected: v}, {Introduced: v}}[r.IntN(6)])
		}
		if r.IntN(8) == 0 {
			events = append(events, []event{{Limit: randomVersion(r)}, {Limit: "*"}}[r.IntN(2)])
		}
		var a affected
		for range max(0, r.IntN(6)-3) {
			a.Versions = append(a.Versions, randomVersion(r))
		}
		a.Ranges = append(a.Ranges, struct {
			Type   string  `json:"type"`
			Events []event `json:"events"`
		}{"SEMVER", events})
		some, err := a.intervals()
		require.NoError(t, err)
		all := union(some)
		c := rangeCase{Range: all.String(), Patched: all.patched()}
		for range 20 {
			text := randomVersion(r)
			v, err := parseVersion(text)
			require.NoError(t, err)
			c.Versions, c.Affected = append(c.Versions, text), append(c.Affected, affectedByWalk(t, v, events, a.Versions))
			require.Equal(t, c.Affected[len(c.Affected)-1], all.holds(v), "%s of %v %v: %s", text, events, a.Versions, c.Range)
		}
		again, err := parseRange(c.Range)
		require.NoError(t, err)
		require.Equal(t, c.Range, again.String())
		cases = append(cases, c)
	}
	return cases
}

// TestRangesHoldWhatEventsHold judges our ranges by a reader that is not ours.
func TestRangesHoldWhatEventsHold(t *testing.T) {
	for _, c := range rangeCases(t, 1000) {
		if c.Range == noVersion {
			continue // no release lies in it; prereleases of the first do, and none was ever published
		}
		constraint, err := semver.NewConstraint(c.Range)
		require.NoError(t, err, c.Range)
		constraint.IncludePrerelease = true
		for i, v := range c.Versions {
			if c.Range == "*" && strings.HasPrefix(v, "0.0.0-") {
				continue // to this reader * begins at 0.0.0; npm's, below, takes it for all
			}
			require.Equal(t, c.Affected[i], constraint.Check(semver.MustParse(v)), "%s in %s", v, c.Range)
		}
	}
}

// TestNpmReadsTheRanges has npm's own semver judge them.
func TestNpmReadsTheRanges(t *testing.T) {
	clients := fixtures.Installed(t, "clients")
	raw, err := json.Marshal(rangeCases(t, 1000))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "cases.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	const script = `
		const semver = require(process.argv[1]), cases = JSON.parse(require('fs').readFileSync(process.argv[2]))
		let judged = 0
		for (const c of cases) {
			for (const range of [c.Range, c.Patched]) if (!semver.validRange(range)) throw new Error('invalid: ' + range)
			if (c.Range === '<0.0.0') continue
			c.Versions.forEach((v, i) => {
				const is = semver.satisfies(v, c.Range, { includePrerelease: true, loose: true })
				if (is !== c.Affected[i]) throw new Error(v + ' in ' + c.Range + ': ' + is)
				if (is && semver.satisfies(v, c.Patched)) throw new Error(v + ' is patched by ' + c.Patched)
				judged++
			})
		}
		console.log(judged > 5000 ? 'agreed' : judged)`
	out, err := exec.Command("node", "-e", script, filepath.Join(clients, "node_modules", "npm", "node_modules", "semver"), file).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "agreed\n", string(out))
}
