package hooks

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// state is what events are made of, of a package.
type state struct {
	Rev      string            `json:"rev"`    // of the packument
	Number   int64             `json:"number"` // of the events that were queued
	Exists   bool              `json:"exists"`
	Versions map[string]string `json:"versions"` // with their deprecation; "" is none
	Tags     map[string]string `json:"tags"`
	Owners   map[string]bool   `json:"owners"`
	Stars    map[string]bool   `json:"stars"`
	Modified string            `json:"modified"`

	times map[string]string // when each version was published
}

// loose is text, or nothing where there is something else.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*l = loose(s)
	}
	return nil
}

// stateOf reads a packument; raw is nil where there is none.
func stateOf(raw []byte) (*state, error) {
	s := &state{Versions: map[string]string{}, Tags: map[string]string{}, Owners: map[string]bool{}, Stars: map[string]bool{}, times: map[string]string{}}
	if raw == nil {
		return s, nil
	}
	var doc struct {
		Rev      string `json:"_rev"`
		Versions map[string]struct {
			Deprecated loose `json:"deprecated"`
		} `json:"versions"`
		Tags        map[string]loose `json:"dist-tags"`
		Maintainers []struct {
			Name loose `json:"name"`
		} `json:"maintainers"`
		Users map[string]json.RawMessage `json:"users"`
		Time  map[string]loose           `json:"time"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	s.Rev, s.Modified, s.Exists = doc.Rev, string(doc.Time["modified"]), len(doc.Versions) > 0
	for number, v := range doc.Versions {
		s.Versions[number], s.times[number] = string(v.Deprecated), string(doc.Time[number])
	}
	for tag, number := range doc.Tags {
		s.Tags[tag] = string(number)
	}
	for _, m := range doc.Maintainers {
		if m.Name != "" {
			s.Owners[string(m.Name)] = true
		}
	}
	for user, likes := range doc.Users {
		if string(likes) == "true" {
			s.Stars[user] = true
		}
	}
	return s, nil
}

// ownersOf are who maintains a package or did in the state before, nil where there is none.
func (s *state) ownersOf(was *state) map[string]bool {
	owners := maps.Clone(s.Owners)
	if was != nil {
		maps.Copy(owners, was.Owners)
	}
	return owners
}

// skew is how far the clocks of publishers may be apart.
const skew = 5 * time.Minute

// before is what a package, which no state is known of, was when the hooks were made that cover it now. There is one of each package
// that those of packages and scopes were made for: it is new. What came under an owner's hook was without
// the versions published since, and not yet of that owner.
func (s *state) before(hooks []*Hook) *state {
	was := &state{Tags: s.Tags, Stars: s.Stars, Modified: s.Modified, Versions: map[string]string{}, Owners: maps.Clone(s.Owners)}
	since := hooks[0].Created
	for _, h := range hooks {
		if h.Type != Owner {
			return &state{}
		}
		if h.Created.Before(since) {
			since = h.Created
		}
		delete(was.Owners, h.Name)
	}
	for number, deprecated := range s.Versions {
		if at, err := time.Parse(time.RFC3339, s.times[number]); err != nil || at.Before(since.Add(-skew)) {
			was.Versions[number] = deprecated
		}
	}
	if was.Exists = len(was.Versions) > 0; !was.Exists {
		return &state{}
	}
	return was
}

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	Published    Kind = "package:publish"
	Unpublished  Kind = "package:unpublish"
	Tagged       Kind = "package:dist-tag"
	Untagged     Kind = "package:dist-tag-rm"
	Deprecated   Kind = "package:deprecated"
	Undeprecated Kind = "package:undeprecated"
	OwnerAdded   Kind = "package:owner"
	OwnerRemoved Kind = "package:owner-rm"
	Starred      Kind = "package:star"
	Unstarred    Kind = "package:unstar"
	Changed      Kind = "package:change"
)

// Event is something that happened to a package.
type Event struct {
	Kind    Kind              `json:"event"`
	Version string            `json:"version,omitempty"`
	Change  map[string]string `json:"change"`
}

// since are the events between two states, in the order of the package doc.
func (s *state) since(was *state) (all []Event) {
	if !s.Exists {
		if was.Exists {
			all = append(all, Event{Kind: Unpublished, Change: map[string]string{}})
		}
		return all
	}
	latest := s.Tags["latest"]
	add := func(kind Kind, version string, change ...string) {
		e := Event{Kind: kind, Version: cmp.Or(version, latest), Change: map[string]string{}}
		for i := 0; i < len(change); i += 2 {
			e.Change[change[i]] = change[i+1]
		}
		all = append(all, e)
	}
	fresh := s.published(was)
	for _, number := range fresh {
		if tag := s.tagSetWith(number, was); tag != "" {
			add(Published, number, "version", number, "dist-tag", tag)
		} else {
			add(Published, number, "version", number)
		}
	}
	for _, number := range missing(was.Versions, s.Versions) {
		add(Unpublished, number, "version", number)
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Tags)) {
		if to := s.Tags[tag]; to != was.Tags[tag] && !(slices.Contains(fresh, to) && tag == s.tagSetWith(to, was)) {
			add(Tagged, to, "dist-tag", tag, "version", to)
		}
	}
	for _, tag := range missing(was.Tags, s.Tags) {
		add(Untagged, was.Tags[tag], "dist-tag", tag, "version", was.Tags[tag])
	}
	for _, number := range slices.Sorted(maps.Keys(s.Versions)) {
		text := s.Versions[number]
		before, known := was.Versions[number]
		switch {
		case text != "" && text != before:
			add(Deprecated, number, "version", number, "deprecated", text)
		case known && text == "" && before != "":
			add(Undeprecated, number, "version", number)
		}
	}
	if was.Exists { // who publishes a new package owns it: that is no news
		for _, name := range missing(s.Owners, was.Owners) {
			add(OwnerAdded, "", "maintainer", name)
		}
		for _, name := range missing(was.Owners, s.Owners) {
			add(OwnerRemoved, "", "maintainer", name)
		}
	}
	for _, name := range missing(s.Stars, was.Stars) {
		add(Starred, "", "user", name)
	}
	for _, name := range missing(was.Stars, s.Stars) {
		add(Unstarred, "", "user", name)
	}
	if len(all) == 0 && s.Modified != was.Modified {
		add(Changed, "")
	}
	return all
}

// published are the versions that were not there before, in the order in which they were published.
func (s *state) published(was *state) []string {
	fresh := missing(s.Versions, was.Versions)
	slices.SortStableFunc(fresh, func(a, b string) int {
		if by := strings.Compare(s.times[a], s.times[b]); by != 0 {
			return by
		}
		x, errX := semver.NewVersion(a)
		y, errY := semver.NewVersion(b)
		if errX != nil || errY != nil {
			return strings.Compare(a, b)
		}
		return x.Compare(y)
	})
	return fresh
}

// tagSetWith is the dist-tag that was set to a version when it was published; "latest" before others.
func (s *state) tagSetWith(number string, was *state) string {
	if s.Tags["latest"] == number && was.Tags["latest"] != number {
		return "latest"
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Tags)) {
		if s.Tags[tag] == number && was.Tags[tag] != number {
			return tag
		}
	}
	return ""
}

// missing are the names of a that b has not, in order.
func missing[A, B any](a map[string]A, b map[string]B) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, has := b[name]; !has {
			names = append(names, name)
		}
	}
	return names
}
