package manifest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// a person in one text: Name <address> (page)
var person = regexp.MustCompile(`^([^<(]*)(?:<([^>]*)>)?\s*(?:\(([^)]*)\))?\s*$`)

// checkPeople looks at author and contributors.
func checkPeople(f *findings, p *Package, name string) {
	list, several := p.of(name).([]any)
	if !several {
		list = []any{p.of(name)}
	}
	for _, each := range list {
		switch who := each.(type) {
		case string:
			parts := person.FindStringSubmatch(who)
			if parts == nil {
				f.advise("person", name, "%q is not written as: Name <address> (page)", who)
				continue
			}
			checkPerson(f, name, strings.TrimSpace(parts[1]), parts[2], parts[3])
		case map[string]any:
			text := func(field string) string { s, _ := who[field].(string); return s }
			checkPerson(f, name, text("name"), text("email"), text("url"))
		default:
			f.problem("person", name, "%s should be a string or an object with name, email and url", name)
		}
	}
}

func checkPerson(f *findings, where, name, email, page string) {
	if name == "" {
		f.advise("person", where, "%s has no name", where)
	}
	if email != "" && !isAddress(email) {
		f.advise("person", where, "%q is no e-mail address", email)
	}
	if page != "" && !isWeb(page) {
		f.advise("person", where, "%q is no http or https URL", page)
	}
}

func isAddress(email string) bool {
	local, domain, found := strings.Cut(email, "@")
	return found && local != "" && domain != "" && !strings.ContainsAny(email, " \t\r\n<>")
}

// isWeb reports whether text is an address that a page may link to.
func isWeb(text string) bool {
	u, err := url.Parse(strings.TrimSpace(text))
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func checkURLs(f *findings, p *Package, name string) {
	if text := p.text(name); text != "" && !isWeb(text) {
		f.advise("url", name, "%s is %q, no http or https URL: pages cannot link to it", name, text)
	}
}

func checkBugs(f *findings, p *Package, name string) {
	o := p.object(name)
	if o == nil {
		if text := p.text(name); !isWeb(text) && !isAddress(text) {
			f.advise("url", name, "bugs is %q, neither an http or https URL nor an e-mail address", text)
		}
		return
	}
	page, _ := o["url"].(string)
	email, _ := o["email"].(string)
	if page != "" && !isWeb(page) {
		f.advise("url", name+".url", "bugs.url is %q, no http or https URL", page)
	}
	if email != "" && !isAddress(email) {
		f.advise("url", name+".email", "bugs.email is %q, no e-mail address", email)
	}
	if page == "" && email == "" {
		f.advise("url", name, "bugs has neither url nor email")
	}
}

// remote are what a repository's address may begin with beside http and https.
var remote = []string{"git", "git+https", "git+http", "git+ssh", "git+file", "ssh", "svn", "hg"}

func checkRepository(f *findings, p *Package, name string) {
	text := p.text(name)
	if o := p.object(name); o != nil {
		text, _ = o["url"].(string)
		if text == "" {
			f.advise("repository", name, "repository has no url")
			return
		}
	}
	if ParseSpec("", text).Kind == Git || isWeb(text) {
		return
	}
	if u, err := url.Parse(text); err != nil || !slices.Contains(remote, u.Scheme) {
		f.advise("repository", name, "repository is %q, no URL that sources can be fetched from", text)
	}
}

func checkFunding(f *findings, p *Package, name string) {
	list, several := p.of(name).([]any)
	if !several {
		list = []any{p.of(name)}
	}
	for _, each := range list {
		page, ok := each.(string)
		if o, isObject := each.(map[string]any); isObject {
			page, ok = o["url"].(string)
		}
		if !ok || !isWeb(page) {
			f.advise("funding", name, "funding should be an http or https URL, an object with type and url, or several of them")
			return
		}
	}
}
