package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// The packument of largest has so many versions that publishing each before the last takes a while where
// the cost of a publish grows with the packument, and no more.
const (
	largestVersions = 100
	largestSamples  = 5 // versions that are published, and each read for the first time
)

// largest publishes a package whose packument has --largest MB, as some of a public registry have, and measures
// what the last versions cost: to be published, to be read for the first time, and from then on.
func (s *shop) largest() ([]figure, error) {
	name := "bench-" + s.stamp + "-largest"
	s.packages = append(s.packages, name)
	c, err := s.server.dial(s.ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var published, short, full load
	for i := range largestVersions + largestSamples {
		body, err := publishMore(name, fmt.Sprintf("1.%d.0", i), 500, i, map[string]any{"exports": exports(s.flags.largest*1_000_000/largestVersions, i)})
		if err != nil {
			return nil, err
		}
		var took load
		if err := timed(&took.took, func() error { _, err := c.do("PUT", "/"+name, "", body, false); return err }); err != nil {
			return nil, err
		}
		s.progress.tell(int64(i), largestVersions+largestSamples)
		if i < largestVersions {
			continue
		}
		published.took = append(published.took, took.took...)
		for headers, took := range map[string]*load{abbreviatedAccept: &short, fullAccept: &full} {
			if err := timed(&took.took, func() error { _, err := c.do("GET", "/"+name, headers, nil, false); return err }); err != nil {
				return nil, err
			}
		}
	}
	later, err := s.reading(fmt.Sprintf("Largest/MB=%d/full/gzip", s.flags.largest), "/"+name, fullAccept, 8)
	line := func(what, unit string, l load) figure {
		return figure{name: fmt.Sprintf("Largest/MB=%d/%s", s.flags.largest, what), load: sum(l.took), unit: unit}
	}
	return append([]figure{line("publish", "versions", published), line("first/gzip", "reads", short), line("first/full/gzip", "reads", full)}, later...), err
}

// exports is a member of a manifest that no abbreviated packument has, of about so many bytes.
func exports(size, seed int) map[string]any {
	r := rand.NewChaCha8([32]byte{byte(seed), 1})
	all := map[string]any{}
	var word [6]byte
	for range size / 82 {
		_, _ = r.Read(word[:])
		path := "./lib/" + hex.EncodeToString(word[:])
		all[path] = map[string]string{"import": path + ".mjs", "require": path + ".cjs"}
	}
	return all
}

// packages publishes a package of --package MB and reads it, and tells how much more memory the server takes at most than
// it held before. It is a server of our own, started again so that its peak is of that alone.
func packages(b *bencher) ([]figure, error) {
	if err := b.couch.afresh(); err != nil {
		return nil, err
	}
	s, size := b.npm, b.flags.large*1_000_000
	if _, err := s.publishNew("before", 1, 1); err != nil {
		return nil, err // so that what the first publish takes is not counted
	}
	name := "bench-" + b.stamp + "-large"
	body, err := publishBody(name, "1.0.0", size, 1)
	if err != nil {
		return nil, err
	}
	before := b.local.held()
	line := func(what string, l load) figure {
		rate := float64(size) * float64(len(l.took)) / 1e6 / l.elapsed.Seconds()
		more := value{max(b.local.peak()-before, 0) / 1e6, "more-server-MB", 1}
		return figure{name: fmt.Sprintf("Package/MB=%d/%s", b.flags.large, what), n: len(l.took), values: []value{{rate, "MB/s", 0}, more}}
	}
	put, err := b.each(s.server, 1, 1, func(c *benchConn, _ int) error {
		_, err := c.do("PUT", "/"+name, "", body, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	published := line("publish", put)
	read, err := b.each(s.server, 4, 8, func(c *benchConn, _ int) error {
		_, err := c.do("GET", "/"+name+"/-/"+name+"-1.0.0.tgz", "", nil, false)
		return err
	})
	return []figure{published, line("read/c=4", read)}, err
}
