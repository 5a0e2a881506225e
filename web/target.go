package web

import (
	"regexp"
	"strings"
)

// A target is where a sign-in leads to: the path of a page behind Root, one of a closed list.
type target string

// home is where a sign-in leads to that came from nowhere.
const home target = "account"

// targets are the pages that can be asked for, beside those with a ticket or a name.
var targets = map[string]bool{"account": true, "password": true, "factor": true, "tokens": true, "sessions": true, "orgs": true}

// targetForm are the pages with a ticket or a name of an organisation.
var targetForm = regexp.MustCompile(`^(?:(?:login|challenge)/[A-Z2-7]{26}|orgs/[a-z0-9][a-z0-9._-]{0,213})$`)

// parseTarget is the page that is meant, or home.
func parseTarget(s string) target {
	if targets[s] || targetForm.MatchString(s) {
		return target(s)
	}
	return home
}

// here is the page of a request, for who has to sign in first.
func (v *visit) here() target {
	path := strings.TrimPrefix(v.URL.Path, Root)
	if parts := strings.Split(path, "/"); v.Method == "POST" && len(parts) > 1 {
		switch parts[0] {
		case "login", "orgs":
			path = parts[0] + "/" + parts[1]
		default:
			path = parts[0]
		}
	}
	return parseTarget(path)
}

// ticket is the secret of a target's ticket of a kind; "" where it has none.
func (t target) ticket(kind string) string {
	secret, ok := strings.CutPrefix(string(t), kind+"/")
	if !ok {
		return ""
	}
	return secret
}
