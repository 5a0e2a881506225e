package advisories

import (
	"math"
	"slices"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"
)

// Severity is how bad a flaw is, in npm's words.
type Severity uint8

// The severities.
const (
	Info Severity = iota
	Low
	Moderate
	High
	Critical
)

var severities = [...]string{"info", "low", "moderate", "high", "critical"}

// String is npm's word.
func (s Severity) String() string { return severities[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads npm's words and GitHub's.
func ParseSeverity(word string) (Severity, bool) {
	word = strings.ToLower(word)
	switch word {
	case "medium":
		word = "moderate"
	case "none":
		word = "info"
	}
	i := slices.Index(severities[:], word)
	return Severity(max(i, 0)), i >= 0
}

// of is the word for a CVSS score: the scale of CVSS 3 and 4.
func of(score float64) Severity {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Moderate
	case score > 0:
		return Low
	}
	return Info
}

// severity is a score as OSV has it: its text is the vector.
type severity struct {
	Type  text `json:"type"`
	Score text `json:"score"`
}

// scorers compute a vector's score, the newest version of CVSS first.
var scorers = []struct {
	kind, prefix string
	score        func(vector string) (float64, error)
}{
	{"CVSS_V4", "CVSS:4.0/", scored(cvss40.ParseVector, (*cvss40.CVSS40).Score)},
	{"CVSS_V3", "CVSS:3.1/", scored(cvss31.ParseVector, func(c *cvss31.CVSS31) float64 { return c.BaseScore() })},
	{"CVSS_V3", "CVSS:3.0/", scored(cvss30.ParseVector, func(c *cvss30.CVSS30) float64 { return c.BaseScore() })},
	{"CVSS_V2", "", scored(cvss20.ParseVector, func(c *cvss20.CVSS20) float64 { return c.BaseScore() })},
}

func scored[C any](parse func(string) (*C, error), score func(*C) float64) func(string) (float64, error) {
	return func(vector string) (float64, error) {
		c, err := parse(vector)
		if err != nil {
			return 0, err
		}
		return math.Round(score(c)*10) / 10, nil
	}
}

// best is the score of the newest CVSS among those given, and its vector; "" where none can be read.
func best(given []severity) (score float64, vector string) {
	for _, s := range scorers {
		for _, g := range given {
			v := string(g.Score)
			if string(g.Type) != s.kind || !strings.HasPrefix(v, s.prefix) || len(v) > 500 {
				continue
			}
			if score, err := s.score(v); err == nil {
				return score, v
			}
		}
	}
	return 0, ""
}

// judged is how bad the record is for a package: what is said of the package counts before what is said of all.
func (r *record) judged(name string) (word Severity, score float64, vector string) {
	said := r.Specific.Severity
	for i := range r.Affected {
		if a := &r.Affected[i]; a.of(name) {
			if vector == "" {
				score, vector = best(a.Severity)
			}
			if a.Specific.Severity != "" {
				said = a.Specific.Severity
			}
		}
	}
	if vector == "" {
		score, vector = best(r.Severity)
	}
	word, known := ParseSeverity(string(said))
	switch {
	case known:
	case vector != "":
		word = of(score)
	case r.malware():
		word = Critical
	default:
		word = High
	}
	return word, score, vector
}
