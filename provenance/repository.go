package provenance

import (
	"net/url"
	"strings"
)

// SameRepository reports whether two addresses mean one repository, in any way that package.json may spell it:
// git+https://host/a/b.git, git@host:a/b, ssh://git@host/a/b, github:a/b, a/b. Hosting services do not tell
// upper and lower case apart.
func SameRepository(a, b string) bool {
	x, y := repository(a), repository(b)
	return x != "" && x == y
}

// hosts are what short forms stand for.
var hosts = map[string]string{"": "github.com", "github": "github.com", "gitlab": "gitlab.com"}

func repository(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	text, _, _ = strings.Cut(text, "#")
	text = strings.TrimPrefix(text, "git+")
	host, path := "", ""
	if scheme, rest, found := strings.Cut(text, "://"); found {
		u, err := url.Parse("x://" + rest)
		if err != nil || scheme == "" {
			return ""
		}
		host, path = u.Host, u.Path
	} else if before, after, found := strings.Cut(text, ":"); found {
		host, path = before, after
		if short, known := hosts[host]; known {
			host = short
		} else if _, at, found := strings.Cut(host, "@"); found {
			host = at
		}
	} else {
		host, path = hosts[""], text
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if host == "" || !strings.Contains(path, "/") {
		return ""
	}
	return strings.TrimPrefix(host, "www.") + "/" + path
}
