package advisories

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/go-kivik/kivik/v4"
)

// Audit is the answer to a tree, in the form that npm 6, yarn 1 and pnpm read.
type Audit struct {
	Actions    []*Action         `json:"actions"`
	Advisories map[string]*Found `json:"advisories"` // by number
	Muted      []struct{}        `json:"muted"`
	Metadata   Metadata          `json:"metadata"`
}

// Metadata are the counts of an audit. A flaw counts once for each way to it.
type Metadata struct {
	Vulnerabilities map[string]int `json:"vulnerabilities"`
	Dependencies    int            `json:"dependencies"`
	Dev             int            `json:"devDependencies"`
	Optional        int            `json:"optionalDependencies"`
	Total           int            `json:"totalDependencies"`
}

// Found is an advisory, and where in the tree it was found.
type Found struct {
	Findings       []*Finding  `json:"findings"`
	ID             int64       `json:"id"`
	Title          string      `json:"title"`
	Module         string      `json:"module_name"`
	Name           string      `json:"name"`
	Severity       Severity    `json:"severity"`
	URL            string      `json:"url"`
	Vulnerable     string      `json:"vulnerable_versions"`
	Patched        string      `json:"patched_versions"`
	Recommendation string      `json:"recommendation"`
	CVEs           []string    `json:"cves"`
	CWE            []string    `json:"cwe"`
	CVSS           CVSS        `json:"cvss"`
	GitHub         string      `json:"github_advisory_id,omitempty"`
	OSV            string      `json:"osv_id"`
	Access         string      `json:"access"`
	Overview       string      `json:"overview"`
	References     string      `json:"references"`
	Created        string      `json:"created,omitempty"`
	Updated        string      `json:"updated,omitempty"`
	Deleted        *string     `json:"deleted"`
	FoundBy        *discoverer `json:"found_by"`
	ReportedBy     *discoverer `json:"reported_by"`
}

type discoverer struct {
	Name string `json:"name"`
}

// Finding is a version in which the flaw is, and the ways to it.
type Finding struct {
	Version  string   `json:"version"`
	Paths    []string `json:"paths"`
	Dev      bool     `json:"dev"`
	Optional bool     `json:"optional"`
	Bundled  bool     `json:"bundled"`
}

// Quick audits a tree without saying what to do.
func (a *Advisories) Quick(t *Tree) *Audit {
	audit, _ := a.audit(t)
	return audit
}

// Full audits a tree, says what to do, as far as packages tell which versions there are, and what is known of each flaw.
func (a *Advisories) Full(ctx context.Context, t *Tree, packages Packages) *Audit {
	audit, ways := a.audit(t)
	audit.Actions = a.actions(ctx, ways, packages)
	if a != nil {
		a.tell(ctx, audit)
	}
	return audit
}

// audit finds the flaws of a tree, and the ways to each flawed package.
func (a *Advisories) audit(t *Tree) (*Audit, []way) {
	audit := &Audit{Actions: []*Action{}, Advisories: map[string]*Found{}, Muted: []struct{}{}, Metadata: t.count()}
	var flawed []*node
	for _, n := range t.nodes {
		if n.flaws = a.Known(n.name, n.Version); len(n.flaws) > 0 {
			flawed = append(flawed, n)
		}
	}
	ways := t.ways(flawed)
	var all []way
	for _, n := range flawed {
		all = append(all, ways[n]...)
		for _, flaw := range n.flaws {
			audit.add(flaw, n, ways[n])
		}
	}
	return audit, all
}

func (t *Tree) count() Metadata {
	m := Metadata{Vulnerabilities: map[string]int{}, Total: len(t.nodes)}
	for _, word := range severities {
		m.Vulnerabilities[word] = 0
	}
	for _, n := range t.nodes {
		switch {
		case n.Dev:
			m.Dev++
		case n.Optional:
			m.Optional++
		default:
			m.Dependencies++
		}
	}
	return m
}

// add takes over that a package has a flaw.
func (audit *Audit) add(flaw Advisory, n *node, ways []way) {
	key := strconv.FormatInt(flaw.Number, 10)
	f, known := audit.Advisories[key]
	if !known {
		f = foundOf(flaw)
		audit.Advisories[key] = f
	}
	i := slices.IndexFunc(f.Findings, func(is *Finding) bool { return is.Version == n.Version })
	if i < 0 {
		f.Findings = append(f.Findings, &Finding{Version: n.Version, Paths: []string{}, Dev: true, Optional: true, Bundled: true})
		i = len(f.Findings) - 1
	}
	finding := f.Findings[i]
	finding.Dev, finding.Optional, finding.Bundled = finding.Dev && n.Dev, finding.Optional && n.Optional, finding.Bundled && n.Bundled
	for _, w := range ways {
		finding.Paths = append(finding.Paths, w.String())
	}
	audit.Metadata.Vulnerabilities[flaw.Severity.String()] += max(len(ways), 1) // of too many none is told
}

func foundOf(a Advisory) *Found {
	f := &Found{
		ID: a.Number, Title: a.Title, Module: a.Package, Name: a.Package, Severity: a.Severity, URL: a.URL, Vulnerable: a.Vulnerable, Patched: a.Patched,
		CVEs: []string{}, CWE: a.CWE, CVSS: a.cvss(), OSV: a.ID, Access: "public", Recommendation: "None",
		FoundBy: &discoverer{}, ReportedBy: &discoverer{},
	}
	if a.Patched != noVersion {
		f.Recommendation = "Upgrade to version " + strings.TrimPrefix(a.Patched, ">=") + " or later"
		if strings.Contains(a.Patched, " ") {
			f.Recommendation = "Upgrade to a version in " + a.Patched
		}
	}
	for _, id := range append([]string{a.ID}, a.Aliases...) {
		switch {
		case strings.HasPrefix(id, "CVE-"):
			f.CVEs = append(f.CVEs, id)
		case strings.HasPrefix(id, "GHSA-") && f.GitHub == "":
			f.GitHub = id
		}
	}
	return f
}

// mostTold is how many advisories of an audit are told with all that is known of them: more is no reading.
const mostTold = 200

// tell adds from the records what the index does not keep. Without it the audit is right as well.
func (a *Advisories) tell(ctx context.Context, audit *Audit) {
	byID := map[string]*Found{}
	var ids []string
	for _, f := range audit.Advisories {
		byID[f.OSV] = f
		ids = append(ids, f.OSV)
	}
	if len(ids) == 0 {
		return
	}
	slices.SortFunc(ids, func(x, y string) int {
		return cmp.Or(cmp.Compare(byID[y].Severity, byID[x].Severity), strings.Compare(x, y))
	})
	rows := a.db.AllDocs(ctx, kivik.Params(map[string]any{"keys": ids[:min(len(ids), mostTold)], "include_docs": true}))
	defer rows.Close()
	for rows.Next() {
		var raw json.RawMessage
		if id, err := rows.ID(); err != nil || byID[id] == nil || rows.ScanDoc(&raw) != nil {
			continue
		}
		if r, err := parseRecord(raw); err == nil && byID[r.ID] != nil {
			byID[r.ID].tell(r)
		}
	}
	if err := rows.Err(); err != nil {
		a.log.Warn("advisories: an audit is told in short", "error", err)
	}
}

func (f *Found) tell(r *record) {
	f.Overview = r.Details.text()
	f.Created, f.Updated = string(r.Published), r.Modified.UTC().Format("2006-01-02T15:04:05.000Z")
	var links []string
	for _, ref := range r.References {
		links = append(links, "- "+string(ref.URL))
	}
	f.References = strings.Join(links, "\n")
	if len(r.Credits) > 0 {
		f.FoundBy.Name = string(r.Credits[0].Name)
	}
}
