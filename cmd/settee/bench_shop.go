package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// shop is one npm registry that is measured, and what is to be removed from it.
type shop struct {
	*bencher
	server benchServer
	rival  bool
	called string

	packages []string
	big      string // the package of many versions, once it is published
	small    string // a package of 20 kB, once there is one
}

// newRivalShop is a registry to compare with. The fragment of its URL says what to call it, as registries
// do not say it themselves.
func newRivalShop(b *bencher, u *url.URL) *shop {
	called := u.Fragment
	if called == "" {
		called = u.Host
	}
	return &shop{bencher: b, server: newBenchServer(u, "", ""), rival: true, called: called}
}

func (s *shop) title() string { return s.called }

// publishNew publishes n new packages of 20 kB, or as many as a rival gets done in its time.
func (s *shop) publishNew(prefix string, n, clients int) (load, error) {
	names := make([]string, n)
	bodies := make([][]byte, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench-%s-%s-%d", s.stamp, prefix, i)
		var err error
		if bodies[i], err = publishBody(names[i], "1.0.0", tarballSize, i); err != nil {
			return load{}, err
		}
	}
	s.packages = append(s.packages, names...)
	s.small = names[0]
	return s.some(s.server, clients, n, func(c *benchConn, i int) error {
		_, err := c.do("PUT", "/"+names[i], "", bodies[i], false)
		return err
	})
}

func (s *shop) publish() ([]figure, error) {
	l, err := s.publishNew("new", s.flags.packages, 8)
	if err != nil {
		return nil, err
	}
	return []figure{{name: "Publish/new/20kB/c=8", load: l, unit: "packages"}}, nil
}

// grow publishes the package of many versions, once.
func (s *shop) grow() (load, error) {
	if s.big != "" {
		return load{}, nil
	}
	name := "bench-" + s.stamp + "-versions"
	bodies := make([][]byte, s.flags.versions)
	for i := range bodies {
		var err error
		if bodies[i], err = publishBody(name, fmt.Sprintf("1.%d.0", i), 500, i); err != nil {
			return load{}, err
		}
	}
	s.big = name
	s.packages = append(s.packages, name)
	return s.each(s.server, 1, len(bodies), func(c *benchConn, i int) error {
		_, err := c.do("PUT", "/"+name, "", bodies[i], false)
		return err
	})
}

func (s *shop) version() ([]figure, error) {
	l, err := s.grow()
	if err != nil {
		return nil, err
	}
	return []figure{{name: fmt.Sprintf("Publish/version=%d", s.flags.versions), load: sum(l.took[len(l.took)-20:]), unit: "versions"}}, nil
}

// packument is what installs ask for that want little.
func (s *shop) packument() ([]figure, error) { return s.ofVersions("gzip", abbreviatedAccept) }

// full is what npm asks for since 10.4, for each dependency.
func (s *shop) full() ([]figure, error) { return s.ofVersions("full/gzip", fullAccept) }

func (s *shop) ofVersions(form, headers string) ([]figure, error) {
	if _, err := s.grow(); err != nil {
		return nil, err
	}
	return s.reading(fmt.Sprintf("Packument/versions=%d/%s", s.flags.versions, form), "/"+s.big, headers, 32)
}

func (s *shop) tarball() ([]figure, error) {
	if s.small == "" {
		if _, err := s.publishNew("one", 1, 1); err != nil {
			return nil, err
		}
	}
	return s.reading("Tarball/20kB", "/"+s.small+"/-/"+s.small+"-1.0.0.tgz", "", 32)
}

func (s *shop) ping() ([]figure, error) { return s.reading("Ping", "/-/ping", "", 32) }

// reading is one figure: clients who ask for the same, as long as the time lasts.
func (s *shop) reading(name, path, headers string, clients int) ([]figure, error) {
	l, err := s.during(s.server, clients, func(c *benchConn, _, _ int) error {
		_, err := c.do("GET", path, headers, nil, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []figure{{name: fmt.Sprintf("%s/c=%d", name, clients), load: l, unit: "requests"}}, nil
}

// clean removes the packages of this run.
func (s *shop) clean() error {
	if s == nil || len(s.packages) == 0 {
		return nil
	}
	fmt.Fprintf(s.stderr, "bench: removing %d packages\n", len(s.packages))
	_, err := s.each(s.server, 8, len(s.packages), func(c *benchConn, i int) error {
		return unpublish(c, s.packages[i])
	})
	return err
}

// unpublish removes a package, in npm's own way. One that a failed run never
// published is no error.
func unpublish(c *benchConn, name string) error {
	answer, err := c.do("GET", "/"+name+"?write=true", "Accept: application/json\r\n", nil, true)
	if err != nil {
		return ignoreStatus(err, http.StatusNotFound)
	}
	var doc struct {
		Rev string `json:"_rev"`
	}
	if err := json.Unmarshal(answer, &doc); err != nil {
		return err
	}
	_, err = c.do("DELETE", "/"+name+"/-rev/"+doc.Rev, "", nil, false)
	return err
}
