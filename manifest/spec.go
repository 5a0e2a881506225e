package manifest

import (
	"regexp"
	"strings"
)

// Kind says where a dependency comes from.
type Kind string

// Range, Tag and Alias come from a registry; Git, URL and Local from elsewhere. Foreign is what
// only some clients understand, in a folder of theirs. Malformed is none of these.
const (
	Range     Kind = "range"
	Tag       Kind = "tag"
	Alias     Kind = "alias"
	Git       Kind = "git"
	URL       Kind = "url"
	Local     Kind = "local"
	Foreign   Kind = "foreign"
	Malformed Kind = "malformed"
)

// Spec is what stands behind a dependency's name, as npm reads it.
type Spec struct {
	Kind  Kind
	Name  string // the package that is meant, where Alias says another
	Range string // of Range and Alias; the name of a Tag
}

var (
	isFile      = regexp.MustCompile(`^(?:[.]|~/|/|[a-zA-Z]:)|^(?i:file:)`)
	isURL       = regexp.MustCompile(`^(?:git[+])?[a-z]+:`)
	isShorthand = regexp.MustCompile(`^[^@:/\s#]+/[^@:/\s#]+(#.*)?$`)
	isSecureCp  = regexp.MustCompile(`^[^@:/\s]+@[^:/\s]+:`)
	isPacked    = regexp.MustCompile(`(?i)[.](?:tgz|tar\.gz|tar)$`)
)

// protocols are what stands before a colon.
var protocols = map[string]Kind{
	"git": Git, "git+ssh": Git, "git+http": Git, "git+https": Git, "git+file": Git, "git+rsync": Git, "git+ftp": Git, "ssh": Git,
	"github": Git, "gitlab": Git, "bitbucket": Git, "gist": Git, "sourcehut": Git, "http": URL, "https": URL,
	"workspace": Foreign, "catalog": Foreign, "link": Foreign, "portal": Foreign, "patch": Foreign, "exec": Foreign, "jsr": Foreign,
}

// ParseSpec reads what a dependency asks for. name is the dependency's.
func ParseSpec(name, text string) Spec {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(strings.ToLower(text), "npm:") {
		return alias(text[len("npm:"):])
	}
	if isFile.MatchString(text) {
		return Spec{Kind: Local, Name: name}
	}
	if isURL.MatchString(text) {
		protocol, _, _ := strings.Cut(text, ":")
		if kind, known := protocols[protocol]; known {
			return Spec{Kind: kind, Name: name}
		}
		return Spec{Kind: Malformed, Name: name}
	}
	switch {
	case isShorthand.MatchString(text), isSecureCp.MatchString(text):
		return Spec{Kind: Git, Name: name}
	case strings.Contains(text, "/"), isPacked.MatchString(text):
		return Spec{Kind: Local, Name: name}
	}
	return fromRegistry(name, text)
}

func fromRegistry(name, text string) Spec {
	switch {
	case loose.matches(text):
		return Spec{Range, name, text}
	case URLSafe(text):
		return Spec{Tag, name, text}
	}
	return Spec{Kind: Malformed, Name: name}
}

// alias reads NAME or NAME@RANGE.
func alias(text string) Spec {
	name, of := text, ""
	if at := strings.LastIndexByte(text, '@'); at > 0 {
		name, of = text[:at], text[at+1:]
	}
	if refused, _ := Name(name); refused != nil {
		return Spec{Kind: Malformed}
	}
	s := fromRegistry(name, of)
	if s.Kind != Malformed {
		s.Kind = Alias
	}
	return s
}
