package advisories

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// event is one of a range's, as OSV writes it: one member of it is set.
type event struct {
	Introduced   string `json:"introduced,omitempty"`
	Fixed        string `json:"fixed,omitempty"`
	LastAffected string `json:"last_affected,omitempty"`
	Limit        string `json:"limit,omitempty"`
}

// The kinds of events, in the order in which those of one version count: what is fixed and introduced again by one
// version is flawed there, and a version may be the first and the last that is.
const (
	fixed = iota
	introduced
	lastAffected
)

type step struct {
	kind int
	at   *semver.Version // nil: before all
}

// walk makes intervals of a range's events.
func walk(events []event) (intervals, error) {
	steps, limit, err := steps(events)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		return cmp.Or(compare(a.at, b.at), cmp.Compare(a.kind, b.kind))
	})
	var all intervals
	open := false
	var from *semver.Version
	for _, s := range steps {
		switch {
		case s.kind == introduced && !open:
			open, from = true, s.at
		case s.kind != introduced && open:
			open = false
			all = append(all, interval{from: from, to: s.at, last: s.kind == lastAffected})
		}
	}
	if open {
		all = append(all, interval{from: from})
	}
	return union(limit.clip(all)), nil
}

// steps reads the events, and the limit among them.
func steps(events []event) (list []step, limit limits, err error) {
	read := func(kind int, text string) error {
		if text == "" || kind == introduced && text == "0" {
			if text != "" {
				list = append(list, step{kind, nil})
			}
			return nil
		}
		v, err := parseVersion(text)
		if err != nil {
			return fmt.Errorf("%q: %w", shortened(text), err)
		}
		list = append(list, step{kind, v})
		return nil
	}
	for _, e := range events {
		for kind, text := range []string{fixed: e.Fixed, introduced: e.Introduced, lastAffected: e.LastAffected} {
			if err := read(kind, text); err != nil {
				return nil, limit, err
			}
		}
		if err := limit.read(e.Limit); err != nil {
			return nil, limit, err
		}
	}
	return list, limit, nil
}

// limits are the versions before which a range says something: the furthest counts.
type limits struct {
	set  bool
	most *semver.Version // nil: all, "*"
}

func (l *limits) read(text string) error {
	switch {
	case text == "":
		return nil
	case text == "*":
		l.set, l.most = true, nil
		return nil
	}
	v, err := parseVersion(text)
	if err != nil {
		return fmt.Errorf("limit %q: %w", shortened(text), err)
	}
	if !l.set || l.most != nil && l.most.LessThan(v) {
		l.set, l.most = true, v
	}
	return nil
}

func (l limits) clip(all intervals) intervals {
	if !l.set || l.most == nil {
		return all
	}
	for i := range all {
		if all[i].to == nil || l.most.LessThan(all[i].to) || all[i].last && l.most.Equal(all[i].to) {
			all[i].to, all[i].last = l.most, false
		}
	}
	return all
}

// knownEnd ends an interval without end where GitHub says how far it is known to go.
func knownEnd(all intervals, text string) intervals {
	text = strings.TrimSpace(text)
	number := strings.TrimLeft(text, "<= ")
	v, err := parseVersion(number)
	if err != nil || len(all) == 0 || all[len(all)-1].to != nil || number == text {
		return all // of what is said there in other words nothing follows
	}
	last := &all[len(all)-1]
	if end := (interval{last.from, v, strings.Contains(text, "=")}); !end.empty() {
		*last = end
	}
	return all
}

// shortened keeps foreign text in errors short.
func shortened(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
