package advisories

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shop is what could be installed: the needs of versions of packages.
type shop map[string]map[string]map[string]string

func (s shop) Versions(_ context.Context, name string) (all []string) {
	for v := range s[name] {
		all = append(all, v)
	}
	return all
}

func (s shop) Needs(_ context.Context, name, version string) map[string]string {
	return s[name][version]
}

func tree(t *testing.T, text string) *Tree {
	parsed, err := ParseTree([]byte(text))
	require.NoError(t, err)
	return parsed
}

func TestFullAudit(t *testing.T) {
	h := begin(t)
	h.imports(h.write(map[string]any{
		"left.json": osv("GHSA-left", day, "left", "1.0.1", dict{"aliases": []any{"CVE-2024-1"}, "details": "It pads the wrong side.", "credits": []any{dict{"name": "ada"}}}),
		"old.json":  osv("GHSA-old", day, "old", "", dict{"severity": []any{}}), "far.json": osv("GHSA-far", day, "far", "2.0.0"),
	}))
	h.knows("left", "1.0.0", "GHSA-left")
	h.knows("old", "1.0.0", "GHSA-old")
	h.knows("far", "1.0.0", "GHSA-far")
	none := map[string]string{}
	packages := shop{
		"left":  {"1.0.0": none, "1.0.1": none, "1.1.0": none, "2.0.0": none, "1.2.0-beta": none},
		"old":   {"1.0.0": none},
		"chair": {"1.0.0": {"left": "1.0.0"}, "1.1.0": {"left": "1.0.0"}, "1.2.0": {"left": "^1.0.0"}, "2.0.0": none},
		"far":   {"1.0.0": none, "2.0.0": none},
		"way":   {"1.0.0": {"far": "^1.0.0"}, "2.0.0": {"far": "^2.0.0"}},
		"bench": {"1.0.0": {"way": "^1.0.0"}, "1.1.0": {"way": "^1.0.0"}, "3.0.0": {"way": "^2.0.0"}},
	}
	audit := h.Full(context.Background(), tree(t, `{"name":"app","version":"1.0.0","requires":{"left":"^1.0.0","chair":"^1.0.0","table":"1.0.0","old":"*","bench":"^1.0.0","old2":"npm:old@1"},
		"dependencies":{
			"left":{"version":"1.0.0"},
			"chair":{"version":"1.0.0","requires":{"left":"1.0.0"}},
			"table":{"version":"1.0.0","requires":{"left":"~1.0.0"},"dev":true},
			"old":{"version":"1.0.0","optional":true},
			"bench":{"version":"1.0.0","requires":{"way":"^1.0.0"}},
			"way":{"version":"1.0.0","requires":{"far":"^1.0.0"},"dependencies":{"far":{"version":"1.0.0"}}},
			"lost":{"version":"1.0.0","requires":true,"dependencies":{"left":{"version":"1.0.0"}}}
		},"install":[],"remove":[],"metadata":{"npm_version":"6.14.18"}}`), packages)
	raw, err := json.Marshal(audit.Actions)
	require.NoError(t, err)
	id := func(name string) int64 { return number("GHSA-" + name) }
	require.JSONEq(t, fmt.Sprintf(`[
		{"action":"install","module":"bench","target":"3.0.0","isMajor":true,"resolves":[{"id":%[3]d,"path":"bench>way>far","dev":false,"optional":false,"bundled":false}]},
		{"action":"install","module":"left","target":"1.1.0","isMajor":false,"resolves":[{"id":%[1]d,"path":"left","dev":false,"optional":false,"bundled":false}]},
		{"action":"install","module":"chair","target":"1.2.0","isMajor":false,"resolves":[{"id":%[1]d,"path":"chair>left","dev":false,"optional":false,"bundled":false}]},
		{"action":"update","module":"left","target":"1.0.1","isMajor":false,"depth":2,"resolves":[{"id":%[1]d,"path":"table>left","dev":false,"optional":false,"bundled":false}]},
		{"action":"review","module":"left","isMajor":false,"resolves":[{"id":%[1]d,"path":"lost>left","dev":false,"optional":false,"bundled":false}]},
		{"action":"review","module":"old","isMajor":false,"resolves":[{"id":%[2]d,"path":"old","dev":false,"optional":true,"bundled":false}]}
	]`, id("left"), id("old"), id("far")), sortedActions(t, raw))

	require.Equal(t, map[string]int{"info": 0, "low": 0, "moderate": 0, "high": 1, "critical": 5}, audit.Metadata.Vulnerabilities)
	require.Equal(t, []int{7, 1, 1, 9}, []int{audit.Metadata.Dependencies, audit.Metadata.Dev, audit.Metadata.Optional, audit.Metadata.Total})
	left := audit.Advisories[fmt.Sprint(id("left"))]
	require.Equal(t, []string{"left", "chair>left", "table>left", "lost>left"}, left.Findings[0].Paths)
	require.Equal(t, "Upgrade to version 1.0.1 or later|CVE-2024-1|It pads the wrong side.|ada|GHSA-left|2024-05-01T00:00:00.000Z",
		strings.Join([]string{left.Recommendation, left.CVEs[0], left.Overview, left.FoundBy.Name, left.GitHub, left.Updated}, "|"))
	require.Equal(t, High, audit.Advisories[fmt.Sprint(id("old"))].Severity, "nothing is said of it: as npm takes it")
	require.Equal(t, "None", audit.Advisories[fmt.Sprint(id("old"))].Recommendation)

	quick := h.Quick(tree(t, `{"requires":{"left":"1"},"dependencies":{"left":{"version":"1.0.0"}}}`))
	require.Len(t, quick.Advisories, 1)
	require.Empty(t, quick.Actions)
	var nothing *Advisories
	require.Empty(t, nothing.Full(context.Background(), tree(t, `{"dependencies":{"left":{"version":"1.0.0"}}}`), nil).Advisories)
}

// sortedActions are the actions in the order of what they mend.
func sortedActions(t *testing.T, raw []byte) string {
	var all []Action
	require.NoError(t, json.Unmarshal(raw, &all))
	order := []string{"bench>way>far", "left", "chair>left", "table>left", "lost>left", "old"}
	sorted := make([]Action, len(order))
	require.Len(t, all, len(order), "%s", raw)
	for _, a := range all {
		require.Len(t, a.Resolves, 1, "%s", raw)
		for i, path := range order {
			if a.Resolves[0].Path == path {
				sorted[i] = a
			}
		}
	}
	out, err := json.Marshal(sorted)
	require.NoError(t, err)
	return string(out)
}

// TestAuditOfPnpm has importers at the top, as pnpm sends workspaces.
func TestAuditOfPnpm(t *testing.T) {
	h := begin(t)
	h.imports(h.write(map[string]any{"left.json": osv("GHSA-left", day, "left", "1.0.1")}))
	h.knows("left", "1.0.0", "GHSA-left")
	audit := h.Quick(tree(t, `{"dependencies":{".":{"dependencies":{"table":{"version":"1.0.0","requires":{"left":"1.0.0"},"dependencies":{"left":{"version":"1.0.0","integrity":"x"}}}},"dev":false,"requires":{"table":"1.0.0"},"version":"0.0.0"}},
		"install":[],"integrity":"","metadata":{},"remove":[],"requires":{".":"0.0.0"}}`))
	require.Equal(t, []string{".>table>left"}, audit.Advisories[fmt.Sprint(number("GHSA-left"))].Findings[0].Paths)
}

// TestAuditIsBounded sends trees that are made to take for ever.
func TestAuditIsBounded(t *testing.T) {
	h := begin(t)
	h.imports(h.write(map[string]any{"left.json": osv("GHSA-left", day, "left", "1.0.1")}))
	h.knows("left", "1.0.0", "GHSA-left")
	for name, text := range map[string]string{
		"deep": strings.Repeat(`{"dependencies":{"a":`, 600) + "{}" + strings.Repeat("}}", 600),
		"many": `{"dependencies":{"a":` + strings.Repeat("{", mostObjects) + "}}", "list": `[]`, "text": `"x"`, "none": ``, "null": `null`, "torn": `{"dependencies":`, "number": `{"dependencies":{"a":{"version":1}}}`,
	} {
		_, err := ParseTree([]byte(text))
		require.Error(t, err, name)
	}
	// A lattice: each of 40 packages needs two, each of which needs the next two: 2^40 ways.
	var lattice strings.Builder
	lattice.WriteString(`{"requires":{"a0":"1","b0":"1"},"dependencies":{`)
	for i := range 40 {
		needs := fmt.Sprintf(`{"a%d":"1","b%[1]d":"1"}`, i+1)
		if i == 39 {
			needs = `{"left":"1"}`
		}
		fmt.Fprintf(&lattice, `"a%d":{"version":"1.0.0","requires":%s},"b%[1]d":{"version":"1.0.0","requires":%[2]s},`, i, needs)
	}
	lattice.WriteString(`"left":{"version":"1.0.0","requires":{"a0":"1"}}}}`)
	audit := h.Full(context.Background(), tree(t, lattice.String()), shop{})
	paths := audit.Advisories[fmt.Sprint(number("GHSA-left"))].Findings[0].Paths
	require.Len(t, paths, mostWays)
	require.Equal(t, 40, strings.Count(paths[0], ">"))

	// A chain longer than any way that is told, and very many flawed packages.
	var chain strings.Builder
	chain.WriteString(`{"requires":{"p0":"1"},"dependencies":{`)
	for i := range 20_000 {
		fmt.Fprintf(&chain, `"p%d":{"version":"1","requires":{"p%d":"1"},"dependencies":{"left":{"version":"1.0.0"}}},`, i, i+1)
	}
	chain.WriteString(`"left":{"version":"1.0.0"}}}`)
	audit = h.Full(context.Background(), tree(t, chain.String()), shop{})
	require.Equal(t, 20_001, audit.Metadata.Vulnerabilities["critical"])
	require.Len(t, audit.Advisories[fmt.Sprint(number("GHSA-left"))].Findings[0].Paths, mostTotal)
}
