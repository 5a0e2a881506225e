package advisories

import "encoding/json"

// Row is an advisory in the bulk answer.
type Row struct {
	ID         int64    `json:"id"`
	URL        string   `json:"url"`
	Title      string   `json:"title"`
	Severity   Severity `json:"severity"`
	Vulnerable string   `json:"vulnerable_versions"`
	CWE        []string `json:"cwe"`
	CVSS       CVSS     `json:"cvss"`
}

// CVSS is a score; 0 and null where there is none.
type CVSS struct {
	Score  float64 `json:"score"`
	Vector *string `json:"vectorString"`
}

func (a Advisory) cvss() CVSS {
	c := CVSS{Score: a.Score}
	if a.Vector != "" {
		c.Vector = &a.Vector
	}
	return c
}

// Bulk answers a question of npm's: of each package that has some, the advisories in which one of the
// versions lies.
func (a *Advisories) Bulk(posted map[string][]string) map[string][]Row {
	answer := map[string][]Row{}
	for name, versions := range posted {
		for _, known := range a.affecting(name, versions) {
			answer[name] = append(answer[name], Row{
				ID: known.Number, URL: known.URL, Title: known.Title, Severity: known.Severity,
				Vulnerable: known.Vulnerable, CWE: known.CWE, CVSS: known.cvss(),
			})
		}
	}
	return answer
}

// ParseBulk reads the question: versions by name. Other values than lists of texts are an error.
func ParseBulk(raw []byte) (map[string][]string, error) {
	var posted map[string][]string
	if err := json.Unmarshal(raw, &posted); err != nil {
		return nil, err
	}
	return posted, nil
}
