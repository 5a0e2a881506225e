package advisories

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// interval is a run of versions.
type interval struct {
	from *semver.Version // the first; nil: there is none before which it begins
	to   *semver.Version // where it ends; nil: nowhere
	last bool            // to itself is the last in it
}

// holds reports whether a version lies in it. nil, which is no version, lies in the whole line alone.
func (i interval) holds(v *semver.Version) bool {
	if v == nil {
		return i.from == nil && i.to == nil
	}
	if i.from != nil && v.LessThan(i.from) {
		return false
	}
	return i.to == nil || v.LessThan(i.to) || i.last && v.Equal(i.to)
}

func (i interval) empty() bool {
	return i.from != nil && i.to != nil && (i.to.LessThan(i.from) || i.to.Equal(i.from) && !i.last)
}

// String is the interval as npm writes it.
func (i interval) String() string {
	end := "<"
	if i.last {
		end = "<="
	}
	switch {
	case i.from == nil && i.to == nil:
		return "*"
	case i.from == nil:
		return end + i.to.String()
	case i.to == nil:
		return ">=" + i.from.String()
	case i.from.Equal(i.to):
		return "=" + i.to.String()
	}
	return ">=" + i.from.String() + " " + end + i.to.String()
}

// intervals are a set of versions, in order and apart from each other.
type intervals []interval

// union is the set of what lies in any of them.
func union(list []interval) intervals {
	list = slices.DeleteFunc(slices.Clone(list), interval.empty)
	slices.SortFunc(list, func(a, b interval) int { return compare(a.from, b.from) })
	var all intervals
	for _, next := range list {
		if len(all) == 0 || !all[len(all)-1].reaches(next.from) {
			all = append(all, next)
			continue
		}
		all[len(all)-1].extend(next)
	}
	return all
}

// compare orders where intervals begin: nil is before all.
func compare(a, b *semver.Version) int {
	if a == nil || b == nil {
		return cmp.Compare(given(a), given(b))
	}
	return a.Compare(b)
}

func given(v *semver.Version) int {
	if v == nil {
		return 0
	}
	return 1
}

// reaches reports whether nothing lies between the interval's end and a version.
func (i interval) reaches(v *semver.Version) bool {
	return i.to == nil || v == nil || !i.to.LessThan(v)
}

// extend moves the end to another's, where that is further.
func (i *interval) extend(other interval) {
	switch {
	case i.to == nil:
	case other.to == nil || i.to.LessThan(other.to):
		i.to, i.last = other.to, other.last
	case i.to.Equal(other.to):
		i.last = i.last || other.last
	}
}

func (s intervals) holds(v *semver.Version) bool {
	for _, i := range s {
		if i.holds(v) {
			return true
		}
	}
	return false
}

// noVersion is the range in which no release lies.
const noVersion = "<0.0.0"

// String is the set as an npm range.
func (s intervals) String() string {
	if len(s) == 0 {
		return noVersion
	}
	parts := make([]string, len(s))
	for i, each := range s {
		parts[i] = each.String()
	}
	return strings.Join(parts, " || ")
}

// patched is what follows the flawed versions where a fix is known: behind an end that is not itself flawed.
func (s intervals) patched() string {
	var fixed intervals
	for i, each := range s {
		if each.to == nil || each.last {
			continue
		}
		next := interval{from: each.to}
		if i+1 < len(s) {
			next.to = s[i+1].from
		}
		fixed = append(fixed, next)
	}
	return fixed.String()
}

// parseRange reads what String wrote.
func parseRange(s string) (intervals, error) {
	if s == noVersion {
		return nil, nil
	}
	var all intervals
	for part := range strings.SplitSeq(s, " || ") {
		i, err := parseInterval(part)
		if err != nil {
			return nil, fmt.Errorf("range %q: %w", s, err)
		}
		all = append(all, i)
	}
	return all, nil
}

func parseInterval(s string) (i interval, err error) {
	if s == "*" {
		return i, nil
	}
	for word := range strings.SplitSeq(s, " ") {
		number := strings.TrimLeft(word, "<>=")
		v, err := parseVersion(number)
		if err != nil {
			return i, err
		}
		switch word[:len(word)-len(number)] {
		case ">=":
			i.from = v
		case "<":
			i.to = v
		case "<=":
			i.to, i.last = v, true
		case "=":
			i.from, i.to, i.last = v, v, true
		default:
			return i, errors.New("unknown comparison")
		}
	}
	return i, nil
}
