package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"settee/auth"
	"settee/couch/httpd"
	"settee/region"
)

// many is a flag that may be given several times; one value may hold several, with spaces between.
type many []string

// String implements flag.Value. It says nothing: there is no default, and values may hold passwords.
func (m *many) String() string { return "" }

// Set implements flag.Value. What is wrong with a value is told by check, which does not repeat it.
func (m *many) Set(values string) error {
	*m = append(*m, strings.Fields(values)...)
	return nil
}

var regionName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)

// checkRegion reads --region, --peer and --read-only.
func (s *settings) checkRegion() error {
	switch {
	case s.region != "" && !regionName.MatchString(s.region):
		return fmt.Errorf("--region %q: want lower-case letters, digits and -, a letter first, at most 31", s.region)
	case s.region == "" && len(s.peers) > 0:
		return errors.New("--peer needs --region: the name of this region")
	case s.readOnly && len(s.peers) != 1:
		return fmt.Errorf("--read-only needs one --peer, which takes the writes, not %d", len(s.peers))
	}
	s.peerRegions = nil
	for i, given := range s.peers {
		p, err := parsePeer(given)
		if err != nil {
			return fmt.Errorf("--peer %s: %w", called(given, i), err)
		}
		if p.Name == s.region {
			return fmt.Errorf("--peer %s: that is this region's own name", p.Name)
		}
		for _, other := range s.peerRegions {
			if other.Name == p.Name {
				return fmt.Errorf("--peer %s: it is named twice", p.Name)
			}
		}
		s.peerRegions = append(s.peerRegions, p)
	}
	return nil
}

// called is a peer's name, or which one it is, where it has none: never the URL, which may hold a password.
func called(given string, i int) string {
	if name, _, ok := strings.Cut(given, "="); ok && regionName.MatchString(name) {
		return name
	}
	return strconv.Itoa(i + 1)
}

// parsePeer reads NAME=URL. Its errors hold nothing of the URL.
func parsePeer(given string) (region.Peer, error) {
	name, location, ok := strings.Cut(given, "=")
	if !ok {
		return region.Peer{}, errors.New("want NAME=http://user:password@host:5984")
	}
	if !regionName.MatchString(name) {
		return region.Peer{}, errors.New("its name wants lower-case letters, digits and -, a letter first, at most 31")
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return region.Peer{}, errors.New("its URL cannot be read: special characters of the password must be escaped (%40 is @)")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return region.Peer{}, errors.New("want its CouchDB API after the =, http://user:password@host:5984, or https://")
	case u.RawQuery != "" || u.Fragment != "":
		return region.Peer{}, errors.New("its URL may have no ? and no #")
	}
	if _, has := u.User.Password(); !has || u.User.Username() == "" {
		return region.Peer{}, errors.New("its URL names no user and password: it needs those of a server admin there, http://user:password@host:5984")
	}
	return region.Peer{Name: name, URL: u}, nil
}

// npmPort is the port of the npm API, 0 where it is off.
func (s *settings) npmPort() int {
	_, port, err := net.SplitHostPort(s.npm)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port) // of a listener: it is a number
	return n
}

// copied are the databases that clients may not write here, and what tells them.
func (s *settings) copied() map[string]string {
	if !s.readOnly {
		return nil
	}
	reasons := map[string]string{}
	for _, name := range region.Databases() {
		reasons[name] = "This is a read-only copy of region " + s.peerRegions[0].Name + ": write there."
	}
	return reasons
}

// metricsOf hands a region's figures to the CouchDB API.
func metricsOf(r *region.Region) func() []httpd.Metric {
	return func() []httpd.Metric {
		var list []httpd.Metric
		for _, f := range r.Figures() {
			list = append(list, httpd.Metric(f))
		}
		return list
	}
}

// unchanging are the settings of a read-only copy: a sign-in does not rewrite the account.
type unchanging struct{ auth.Settings }

// Setting implements auth.Settings.
func (u unchanging) Setting(section, key string) (string, bool) {
	if section == "chttpd_auth" && key == "upgrade_hash_on_auth" {
		return "false", true
	}
	if u.Settings == nil {
		return "", false
	}
	return u.Settings.Setting(section, key)
}

// Section implements auth.Settings.
func (u unchanging) Section(section string) map[string]string {
	if u.Settings == nil {
		return nil
	}
	return u.Settings.Section(section)
}

// own are settee's own endpoints of the CouchDB API.
func (h *house) own() map[string]http.Handler {
	return map[string]http.Handler{"blobs": h.blobs, "announcements": h.announcing, "regions": h.region}
}
