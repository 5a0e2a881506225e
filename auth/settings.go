package auth

import (
	"strconv"
	"strings"
)

// Settings is the configuration that administrators change while the server
// runs: sections of keys, all text, with CouchDB's names. *couch.Store is one.
// Both methods are called for requests, so they must be cheap and safe for
// concurrent use; what Section returns nobody changes.
type Settings interface {
	Setting(section, key string) (value string, set bool)
	Section(section string) map[string]string
}

// The sections that are read here.
const (
	sectionAuth    = "chttpd_auth"
	sectionServer  = "chttpd"
	sectionLockout = "chttpd_auth_lockout"
	sectionAdmins  = "admins"
)

// olderSection is where CouchDB before 3.2 kept a section's keys; they still count.
var olderSection = map[string]string{sectionAuth: "couch_httpd_auth", sectionServer: "httpd"}

// nothingSet are the Settings of a server that has none.
type nothingSet struct{}

func (nothingSet) Setting(string, string) (string, bool)      { return "", false }
func (nothingSet) Section(string) (section map[string]string) { return nil }

// configuration reads Settings in types. A value that cannot be read counts as
// absent, as in CouchDB, so that a slip of the pen never locks everybody out.
type configuration struct{ Settings }

func (c configuration) text(section, key, absent string) string {
	if v, set := c.Setting(section, key); set {
		return v
	}
	if older := olderSection[section]; older != "" {
		if v, set := c.Setting(older, key); set {
			return v
		}
	}
	return absent
}

func (c configuration) number(section, key string, absent int) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.text(section, key, "")))
	if err != nil || n < 0 {
		return absent
	}
	return n
}

func (c configuration) flag(section, key string, absent bool) bool {
	switch strings.TrimSpace(c.text(section, key, "")) {
	case "true":
		return true
	case "false":
		return false
	}
	return absent
}

// list is a value that is separated by commas.
func (c configuration) list(section, key string) []string {
	var list []string
	for one := range strings.SplitSeq(c.text(section, key, ""), ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}
