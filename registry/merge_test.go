package registry

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"settee/fixtures"

	"github.com/stretchr/testify/require"
)

// dice draws packuments out of few numbers, times and names, so that any two of them
// have something to quarrel about.
type dice struct{ *rand.Rand }

// thrown are dice that a failed test can throw again.
func thrown(t testing.TB) dice { return dice{rand.New(rand.NewSource(int64(fixtures.Seed(t))))} }

func one[V any](d dice, of ...V) V { return of[d.Intn(len(of))] }

func (d dice) moment() string {
	return fmt.Sprintf("2026-01-01T00:00:0%d.000Z", d.Intn(5))
}

func (d dice) number() string { return one(d, "1.0.0", "1.0.1", "2.0.0-rc.1", "1.0.0+b") }

func (d dice) digest() string { return one(d, "sha512-x", "sha512-y", "") }

func (d dice) who() string { return one(d, "ann", "bob", "cy") }

func (d dice) counts() dict {
	out := dict{}
	for range d.Intn(3) {
		out[d.who()] = d.Intn(4)
	}
	return out
}

func (d dice) manifest(number string) dict {
	m := dict{"version": number, "dist": dict{"integrity": d.digest()}, "_npmUser": dict{"name": d.who()}, "description": one(d, "a", "b")}
	if d.Intn(3) == 0 {
		m["deprecated"] = one(d, "old", "older")
	}
	var signed []dict
	for range d.Intn(3) {
		signed = append(signed, dict{"keyid": one(d, "k", "l"), "sig": one(d, "r", "s")})
	}
	if signed != nil {
		m["dist"].(dict)["signatures"] = signed
	}
	return m
}

func (d dice) marks() dict {
	m := dict{"access": d.Intn(3), "tfa": dict{"n": d.Intn(3), "requires": d.Intn(2) == 0, "overrides": d.Intn(2) == 0}, "owners": d.counts(), "stars": d.counts()}
	if d.Intn(2) == 0 {
		m["founder"] = d.who()
	}
	tags, edited, gone := dict{}, dict{}, dict{}
	for range d.Intn(3) {
		mark := dict{"at": one(d, d.moment(), "")}
		if d.Intn(2) == 0 {
			mark["to"] = one(d, d.number(), "")
		}
		tags[one(d, "latest", "next", "beta")] = mark
		edited[d.number()] = d.moment()
		gone[d.number()] = dict{"integrity": d.digest(), "by": d.who()}
	}
	m["tags"], m["edited"], m["gone"] = tags, edited, gone
	var lost []dict
	for range d.Intn(2) {
		lost = append(lost, dict{"version": d.number(), "time": d.moment(), "integrity": d.digest(), "by": d.who()})
	}
	m["lost"] = lost
	if d.Intn(2) == 0 {
		m["readme"] = dict{"at": d.moment(), "of": dict{"version": d.number(), "time": d.moment(), "integrity": d.digest(), "by": d.who()}}
	}
	if d.Intn(3) == 0 {
		m["unpublished"] = dict{"at": d.moment(), "was": dict{"name": d.who(), "time": d.moment()}}
	}
	return m
}

// packument draws one: published, a tombstone, or one that no registry would make.
func (d dice) packument(depth int) dict {
	times, versions, tags, users := dict{"modified": d.moment()}, dict{}, dict{}, dict{}
	if d.Intn(6) > 0 {
		times["created"] = d.moment()
	}
	for range d.Intn(4) {
		n := d.number()
		times[n] = d.moment()
		if d.Intn(3) > 0 {
			versions[n] = d.manifest(n)
		}
	}
	for range d.Intn(3) {
		tags[one(d, "latest", "next", "beta")] = d.number()
		users[d.who()] = d.Intn(3) > 0
	}
	doc := dict{"_id": "p", "name": "p", "time": times, "dist-tags": tags}
	people := []any{}
	for range d.Intn(3) {
		people = append(people, dict{"name": d.who(), "email": one(d, "x", "y")})
	}
	if d.Intn(4) > 0 {
		doc["versions"], doc["users"], doc["maintainers"] = versions, users, people
	} else if d.Intn(3) > 0 {
		gone := dict{"time": d.moment(), "maintainers": people}
		if d.Intn(3) > 0 {
			gone["name"] = d.who()
		}
		times["unpublished"] = gone
	}
	for name, value := range map[string]any{"access": one(d, "public", "restricted"), "readme": one(d, "# a", "# b"), "homepage": "h", "odd": d.Intn(3)} {
		if d.Intn(2) == 0 {
			doc[name] = value
		}
	}
	if d.Intn(4) > 0 {
		m := d.marks()
		if depth < 2 && d.Intn(4) == 0 {
			m["rivals"] = dict{d.who(): d.packument(depth + 1)}
		}
		doc[marksName] = m
	}
	return doc
}

func (d dice) leaf(t testing.TB) Leaf {
	raw, err := json.Marshal(d.packument(0))
	require.NoError(t, err)
	return Leaf{Body: raw}
}

type merging struct {
	Doc    string
	Losses []Loss
}

func merge(t testing.TB, leaves ...Leaf) merging {
	doc, losses, err := Merge(leaves...)
	require.NoError(t, err)
	return merging{string(doc), losses}
}

func (m merging) leaf() Leaf { return Leaf{Body: []byte(m.Doc)} }

// requireSame compares two merges and shows where they part: they are long.
func requireSame(t testing.TB, a, b merging, why string) {
	t.Helper()
	at := 0
	for at < min(len(a.Doc), len(b.Doc)) && a.Doc[at] == b.Doc[at] {
		at++
	}
	part := func(s string) string { return s[max(0, min(at, len(s))-120):min(len(s), at+120)] }
	require.True(t, a.Doc == b.Doc, "%s:\n%s\n%s", why, part(a.Doc), part(b.Doc))
	require.Equal(t, a.Losses, b.Losses, why)
}

// requireLattice holds Merge to its promises over three documents.
func requireLattice(t testing.TB, a, b, c Leaf) {
	ab, all := merge(t, a, b), merge(t, a, b, c)
	requireSame(t, ab, merge(t, b, a), "in any order")
	requireSame(t, all, merge(t, c, a, b), "in any order")
	requireSame(t, all, merge(t, ab.leaf(), c), "in any grouping")
	requireSame(t, all, merge(t, a, merge(t, b, c).leaf()), "in any grouping")
	requireSame(t, all, merge(t, b, merge(t, c, a).leaf()), "in any grouping")
	requireSame(t, ab, merge(t, ab.leaf()), "of itself")
	requireSame(t, ab, merge(t, ab.leaf(), ab.leaf()), "of itself")
	requireSame(t, ab, merge(t, a, ab.leaf()), "of what it knows")
	requireSame(t, merge(t, a), merge(t, a, a), "of itself")
	requireSame(t, ab, merge(t, a, Leaf{Deleted: true, Body: []byte(`{}`)}, b), "closed branches say nothing")
}

func TestMergeIsALattice(t *testing.T) {
	d := thrown(t)
	n := 20000
	if testing.Short() {
		n = 500
	}
	for range n {
		a, b, c := d.leaf(t), d.leaf(t), d.leaf(t)
		requireLattice(t, a, b, c)
		requireSound(t, merge(t, a, b, c))
	}
}

// requireSound holds a merged document to what every packument keeps.
func requireSound(t testing.TB, m merging) {
	p := parsePackument("p", []byte(m.Doc))
	if p.versions == nil {
		return
	}
	require.NotEmpty(t, p.versions)
	require.GreaterOrEqual(t, p.versions.at(p.latest()), 0, "latest exists: %s", m.Doc)
	for _, tag := range p.tags() {
		require.GreaterOrEqual(t, p.versions.at(plain(tag.value)), 0, "%s points to a version: %s", tag.name, m.Doc)
	}
	for _, l := range m.Losses {
		manifest, _ := p.version(l.Version)
		require.False(t, !l.Name && manifest != nil && integrityOf(manifest) == l.Integrity, "%v is no loss: %s", l, m.Doc)
	}
}

func FuzzMerge(f *testing.F) {
	d := dice{rand.New(rand.NewSource(1))}
	for range 20 {
		f.Add(string(d.leaf(f).Body), string(d.leaf(f).Body), string(d.leaf(f).Body))
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var leaves []Leaf
		for _, text := range []string{a, b, c} {
			var any map[string]any
			if json.Unmarshal([]byte(text), &any) != nil || !strings.HasPrefix(text, "{") {
				return
			}
			any["_id"] = "p"
			raw, err := json.Marshal(any) // as a store holds it: compact, each name once
			require.NoError(t, err)
			leaves = append(leaves, Leaf{Body: raw})
		}
		requireLattice(t, leaves[0], leaves[1], leaves[2])
	})
}
