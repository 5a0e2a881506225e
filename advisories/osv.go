package advisories

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of a record. The largest that is known of npm has some 300 kB, a list of malicious versions.
const (
	mostRecord = 4 << 20
	mostName   = 256
	mostTitle  = 300 // bytes of a summary that are shown
)

// record is an OSV document as far as it is understood here.
type record struct {
	ID         string      `json:"id"`
	Modified   time.Time   `json:"modified"`
	Published  text        `json:"published"`
	Withdrawn  text        `json:"withdrawn"`
	Aliases    texts       `json:"aliases"`
	Summary    text        `json:"summary"`
	Details    unread      `json:"details"`
	Severity   []severity  `json:"severity"`
	Affected   []affected  `json:"affected"`
	References []reference `json:"references"`
	Specific   ofDatabase  `json:"database_specific"`
	Credits    []credit    `json:"credits"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Ranges []struct {
		Type   string  `json:"type"`
		Events []event `json:"events"`
	} `json:"ranges"`
	Versions []string   `json:"versions"`
	Severity []severity `json:"severity"`
	Specific ofDatabase `json:"database_specific"`
}

type reference struct {
	Type text `json:"type"`
	URL  text `json:"url"`
}

type credit struct {
	Name text `json:"name"`
}

// ofDatabase is what databases say beside the schema. GitHub says all of it.
type ofDatabase struct {
	Severity  text  `json:"severity"`
	CWEs      texts `json:"cwe_ids"`
	LastKnown text  `json:"last_known_affected_version_range"`
}

// UnmarshalJSON implements json.Unmarshaler: what is no object says nothing, as the schema leaves it to each database.
func (o *ofDatabase) UnmarshalJSON(raw []byte) error {
	type plain ofDatabase
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return json.Unmarshal(raw, (*plain)(o))
}

// text is a string, or nothing where there is something else.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
	}
	return nil
}

// unread is text that is read when somebody wants it: most of a record is details, and the index keeps none of them.
type unread json.RawMessage

// UnmarshalJSON implements json.Unmarshaler.
func (u *unread) UnmarshalJSON(raw []byte) error {
	*u = append((*u)[:0], raw...)
	return nil
}

// text is what it says.
func (u unread) text() string {
	var s text
	_ = s.UnmarshalJSON(u) // it takes anything
	return string(s)
}

// texts is a list of strings, or nothing.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var all []text
	if json.Unmarshal(raw, &all) == nil {
		for _, s := range all {
			if s != "" {
				*t = append(*t, string(s))
			}
		}
	}
	return nil
}

// The ids of OSV records begin with their database's name; documents' ids may not begin with "_".
var recordID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._:+-]{0,126}[A-Za-z0-9]$`)

const ecosystem = "npm"

// parseRecord reads a record and everything in it that judges versions: what is wrong with that is an error.
func parseRecord(raw []byte) (*record, error) {
	if len(raw) > mostRecord {
		return nil, fmt.Errorf("it has more than %d bytes", mostRecord)
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("no OSV record: %w", err)
	}
	switch {
	case !recordID.MatchString(r.ID):
		return nil, fmt.Errorf("no OSV record: its id is %q", shortened(r.ID))
	case r.Modified.IsZero():
		return nil, errors.New("no OSV record: it does not say when it was modified")
	}
	for _, name := range r.names() {
		if len(name) > mostName || strings.ContainsFunc(name, control) {
			return nil, fmt.Errorf("no package has the name %q", shortened(name))
		}
		if _, err := r.affects(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &r, nil
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// names are the packages of npm that the record is about.
func (r *record) names() (names []string) {
	for _, a := range r.Affected {
		if a.of("") && !slices.Contains(names, a.Package.Name) {
			names = append(names, a.Package.Name)
		}
	}
	return names
}

// of reports whether an entry is about a package, any where name is "".
func (a *affected) of(name string) bool {
	return a.Package.Ecosystem == ecosystem && a.Package.Name != "" && (name == "" || a.Package.Name == name)
}

// affects is what the record says of a package's versions.
func (r *record) affects(name string) (intervals, error) {
	var all []interval
	for i := range r.Affected {
		if a := &r.Affected[i]; a.of(name) {
			some, err := a.intervals()
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return union(all), nil
}

func (a *affected) intervals() (all intervals, err error) {
	for _, r := range a.Ranges {
		if r.Type != "SEMVER" && r.Type != "ECOSYSTEM" {
			continue // commits of a repository
		}
		some, err := walk(r.Events)
		if err != nil {
			return nil, err
		}
		all = append(all, knownEnd(some, string(a.Specific.LastKnown))...)
	}
	for _, text := range a.Versions {
		v, err := parseVersion(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", shortened(text), err)
		}
		all = append(all, interval{v, v, true})
	}
	return all, nil
}

// withdrawn reports whether the record was taken back.
func (r *record) withdrawn() bool { return r.Withdrawn != "" }

// title is the record in a line.
func (r *record) title() string {
	title, _, _ := strings.Cut(string(r.Summary), "\n")
	if title == "" {
		title, _, _ = strings.Cut(strings.TrimLeft(r.Details.text(), "# \n"), "\n")
	}
	title = strings.TrimSpace(strings.Map(func(c rune) rune {
		if control(c) {
			return -1
		}
		return c
	}, title))
	if len(title) > mostTitle {
		title = strings.ToValidUTF8(title[:mostTitle], "") + "…"
	}
	if title == "" {
		title = r.ID
	}
	return title
}

// url is where to read on: GitHub's page, what the record calls its advisory, else OSV's own.
func (r *record) url() string {
	if r.github() {
		return "https://github.com/advisories/" + r.ID
	}
	for _, ref := range r.References {
		link := string(ref.URL)
		if ref.Type == "ADVISORY" && strings.HasPrefix(link, "https://") && len(link) < 2000 && !strings.ContainsFunc(link, control) {
			return link
		}
	}
	return "https://osv.dev/vulnerability/" + r.ID
}

func (r *record) github() bool  { return strings.HasPrefix(r.ID, "GHSA-") }
func (r *record) malware() bool { return strings.HasPrefix(r.ID, "MAL-") }
