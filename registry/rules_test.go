package registry

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"settee/auth"
)

// draft is a packument in the making, edited as the registry's handlers edit it. at is the
// second of the next edit.
type draft struct {
	t  testing.TB
	p  *packument
	at int
}

func (d *draft) moment() time.Time { return time.Date(2026, 1, 1, 0, 0, d.at, 0, time.UTC) }

// edit makes the next revision, which a store gives back.
func (d *draft) edit(next *packument) *draft {
	next.note(d.p, d.moment())
	d.p = parsePackument("p", next.encode())
	d.at++
	return d
}

func (d *draft) publish(who, version, content string, tags ...string) *draft {
	if len(tags) == 0 {
		tags = []string{"latest"}
	}
	p := &publication{name: "p", version: version, tags: tags, integrity: "sha512-" + content, who: auth.Identity{Name: who}, founder: who,
		readme: quote("# " + content),
		manifest: object{{"version", quote(version)}, {"description", quote(content)}, {"dist", object{{"integrity", quote("sha512-" + content)}}.raw()},
			{"_npmUser", person(who, "")}}}
	next, err := p.apply(d.p, d.moment())
	require.NoError(d.t, err)
	return d.edit(next)
}

func (d *draft) touched(change func(next *packument)) *draft {
	next := d.p.clone()
	change(next)
	next.touch(d.moment(), next.times())
	return d.edit(next)
}

func (d *draft) tag(tag, version string) *draft {
	return d.touched(func(p *packument) {
		p.set("dist-tags", p.tags().with(tag, quote(version)).raw())
		hoist(p, parseObject(p.versions.of(p.latest())))
	})
}

func (d *draft) untag(tag string) *draft {
	return d.touched(func(p *packument) { p.set("dist-tags", p.tags().without(tag).raw()) })
}

func (d *draft) own(names ...string) *draft {
	return d.touched(func(p *packument) {
		list := []byte{'['}
		for i, name := range names {
			if i > 0 {
				list = append(list, ',')
			}
			list = append(list, person(name, "")...)
		}
		p.set("maintainers", append(list, ']'))
	})
}

func (d *draft) star(who string, likes bool) *draft {
	return d.touched(func(p *packument) {
		users := parseObject(p.top.of("users")).without(who)
		if likes {
			users = users.with(who, []byte("true"))
		}
		p.set("users", users.raw())
	})
}

func (d *draft) deprecate(version, message string) *draft {
	return d.touched(func(p *packument) {
		i := p.versions.at(version)
		manifest := parseObject(p.versions[i].value).without("deprecated")
		if message != "" {
			manifest = manifest.with("deprecated", quote(message))
		}
		p.versions[i].value = manifest.raw()
	})
}

func (d *draft) access(is string) *draft {
	return d.touched(func(p *packument) { p.set("access", quote(is)) })
}

func (d *draft) asks(requires, overrides bool) *draft {
	return d.touched(func(p *packument) {
		t := p.tfa()
		t.requires, t.overrides = requires, overrides
		p.setTFA(t)
	})
}

func (d *draft) unpublish(version string) *draft {
	return d.touched(func(p *packument) {
		p.versions = p.versions.without(version)
		p.retag()
	})
}

func (d *draft) unpublishAll(who string) *draft {
	r := &Registry{o: Options{Now: d.moment}}
	return d.edit(r.tombstone(auth.Identity{Name: who}, d.p))
}

func (d *draft) wait(seconds int) *draft { d.at += seconds; return d }

// fork is the same packument in another region.
func (d *draft) fork() *draft { return &draft{d.t, d.p, d.at} }

type change func(*draft) *draft

func TestMergeRules(t *testing.T) {
	base := func(d *draft) *draft { return d.publish("bob", "1.0.0", "a").publish("bob", "1.1.0", "b") }
	nothing := func(d *draft) *draft { return d }
	tests := []struct {
		name              string
		base, left, right change
		want              string // members of what is served
		lost              []string
	}{
		{"versions are united, tags by time", base,
			func(d *draft) *draft { return d.wait(5).publish("bob", "1.2.0", "c") },
			func(d *draft) *draft { return d.publish("bob", "1.3.0", "d") },
			`{"dist-tags":{"latest":"1.2.0"},"numbers":"1.0.0 a, 1.1.0 b, 1.3.0 d, 1.2.0 c","readme":"# c","description":"c"}`, nil},
		{"a number belongs to the earliest", base,
			func(d *draft) *draft { return d.wait(5).publish("ann", "1.2.0", "late", "next") },
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "early") },
			`{"numbers":"1.0.0 a, 1.1.0 b, 1.2.0 early","dist-tags":{"latest":"1.2.0","next":"1.2.0"},"readme":"# early"}`, []string{"1.2.0 late ann"}},
		{"at the same time to the smaller digest", base,
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "y") },
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "x") },
			`{"numbers":"1.0.0 a, 1.1.0 b, 1.2.0 x"}`, []string{"1.2.0 y bob"}},
		{"the same bytes are one version", base,
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "x") },
			func(d *draft) *draft { return d.wait(2).publish("bob", "1.2.0", "x") },
			`{"numbers":"1.0.0 a, 1.1.0 b, 1.2.0 x"}`, nil},
		{"build metadata makes no other number", base,
			func(d *draft) *draft { return d.publish("bob", "1.2.0+x", "x") },
			func(d *draft) *draft { return d.wait(2).publish("bob", "1.2.0+y", "y") },
			`{"numbers":"1.0.0 a, 1.1.0 b, 1.2.0+x x","dist-tags":{"latest":"1.2.0+x"}}`, []string{"1.2.0+y y bob"}},
		{"what was unpublished stays so", base,
			func(d *draft) *draft { return d.unpublish("1.0.0") },
			func(d *draft) *draft { return d.tag("old", "1.0.0").star("ann", true) },
			`{"numbers":"1.1.0 b","dist-tags":{"latest":"1.1.0"},"users":{"ann":true}}`, nil},
		{"and so does its number", base,
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "x").unpublish("1.2.0") },
			func(d *draft) *draft { return d.wait(5).publish("bob", "1.2.0", "y") },
			`{"numbers":"1.0.0 a, 1.1.0 b","dist-tags":{"latest":"1.1.0"}}`, []string{"1.2.0 y bob"}},
		{"but an earlier publish of it lives", base,
			func(d *draft) *draft { return d.wait(5).publish("bob", "1.2.0", "x").unpublish("1.2.0") },
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "y") },
			`{"numbers":"1.0.0 a, 1.1.0 b, 1.2.0 y"}`, []string{"1.2.0 x bob"}},
		{"who unpublishes all unpublishes what he knows", base,
			func(d *draft) *draft { return d.unpublishAll("bob") },
			func(d *draft) *draft { return d.publish("bob", "1.2.0", "c") },
			`{"numbers":"1.2.0 c","dist-tags":{"latest":"1.2.0"},"maintainers":"bob"}`, nil},
		{"a tombstone ends what only was edited", base,
			func(d *draft) *draft { return d.unpublishAll("bob") },
			func(d *draft) *draft { return d.own("bob", "ann").tag("x", "1.0.0") },
			`{"numbers":"","maintainers":"ann bob","unpublished":"bob"}`, nil},
		{"nothing is left where each removed the other half", base,
			func(d *draft) *draft { return d.unpublish("1.0.0") },
			func(d *draft) *draft { return d.unpublish("1.1.0") },
			`{"numbers":"","maintainers":"bob","unpublished":""}`, nil},
		{"two tombstones are the later", base,
			func(d *draft) *draft { return d.unpublishAll("bob") },
			func(d *draft) *draft { return d.wait(1).unpublishAll("ann") },
			`{"numbers":"","maintainers":"bob","unpublished":"ann"}`, nil},
		{"who comes back after a tombstone", func(d *draft) *draft { return base(d).unpublishAll("bob").wait(90000) },
			func(d *draft) *draft { return d.publish("bob", "2.0.0", "x") }, nothing,
			`{"numbers":"2.0.0 x","maintainers":"bob"}`, nil},
		{"a name belongs to its first maker", nothing,
			func(d *draft) *draft { return d.publish("bob", "1.0.0", "a") },
			func(d *draft) *draft {
				return d.wait(1).publish("ann", "1.0.0", "evil").publish("ann", "9.9.9", "evil", "beta").star("cy", true).access("restricted")
			},
			`{"numbers":"1.0.0 a","maintainers":"bob","dist-tags":{"latest":"1.0.0"},"users":null,"access":"public","readme":"# a"}`,
			[]string{"1.0.0 evil ann name", "9.9.9 evil ann name"}},
		{"at the same time too, whoever it is", nothing,
			func(d *draft) *draft { return d.publish("bob", "1.0.0", "a") },
			func(d *draft) *draft { return d.publish("ann", "1.0.1", "b") },
			`{"numbers":"1.0.1 b","maintainers":"ann"}`, []string{"1.0.0 a bob name"}},
		{"one maker in two places makes one package", nothing,
			func(d *draft) *draft { return d.publish("bob", "1.0.0", "a") },
			func(d *draft) *draft { return d.wait(1).publish("bob", "1.0.1", "b") },
			`{"numbers":"1.0.0 a, 1.0.1 b","maintainers":"bob","dist-tags":{"latest":"1.0.1"}}`, nil},
		{"a rollback of latest outlives a star", base,
			func(d *draft) *draft { return d.tag("latest", "1.0.0") },
			func(d *draft) *draft { return d.wait(9).star("ann", true) },
			`{"dist-tags":{"latest":"1.0.0"},"description":"a","users":{"ann":true}}`, nil},
		{"a removed tag stays away", func(d *draft) *draft { return base(d).tag("beta", "1.0.0") },
			func(d *draft) *draft { return d.untag("beta") },
			func(d *draft) *draft { return d.wait(9).star("ann", true) },
			`{"dist-tags":{"latest":"1.1.0"}}`, nil},
		{"unless it was set later", func(d *draft) *draft { return base(d).tag("beta", "1.0.0") },
			func(d *draft) *draft { return d.untag("beta") },
			func(d *draft) *draft { return d.wait(9).tag("beta", "1.1.0") },
			`{"dist-tags":{"latest":"1.1.0","beta":"1.1.0"}}`, nil},
		{"latest falls back to the highest", func(d *draft) *draft { return base(d).publish("bob", "2.0.0-rc.1", "r", "next") },
			func(d *draft) *draft { return d.unpublish("1.1.0") },
			func(d *draft) *draft { return d.publish("bob", "1.0.5", "p", "patch") },
			`{"dist-tags":{"latest":"1.0.5","next":"2.0.0-rc.1","patch":"1.0.5"},"description":"p"}`, nil},
		{"a removed owner does not come back", func(d *draft) *draft { return base(d).own("bob", "ann") },
			func(d *draft) *draft { return d.own("bob") },
			func(d *draft) *draft { return d.wait(9).publish("ann", "1.2.0", "c").own("bob", "ann", "cy") },
			`{"maintainers":"bob cy","numbers":"1.0.0 a, 1.1.0 b, 1.2.0 c"}`, nil},
		{"unless somebody who knew it brought him back", func(d *draft) *draft { return base(d).own("bob", "ann") },
			func(d *draft) *draft { return d.own("bob").own("bob", "ann") },
			func(d *draft) *draft { return d.own("bob") },
			`{"maintainers":"ann bob"}`, nil},
		{"owners who removed each other leave nobody", func(d *draft) *draft { return base(d).own("bob", "ann") },
			func(d *draft) *draft { return d.own("bob") },
			func(d *draft) *draft { return d.own("ann") },
			`{"maintainers":""}`, nil},
		{"restricted wins", base,
			func(d *draft) *draft { return d.access("restricted") },
			func(d *draft) *draft { return d.wait(9).star("ann", true) },
			`{"access":"restricted"}`, nil},
		{"restricted wins over another change", func(d *draft) *draft { return base(d).access("restricted") },
			func(d *draft) *draft { return d.access("public").access("restricted") },
			func(d *draft) *draft { return d.wait(9).access("public") },
			`{"access":"restricted"}`, nil},
		{"public again is no accident", func(d *draft) *draft { return base(d).access("restricted") },
			func(d *draft) *draft { return d.access("public") },
			func(d *draft) *draft { return d.wait(9).star("ann", true) },
			`{"access":"public"}`, nil},
		{"what publishes ask for, changed in one place", base,
			func(d *draft) *draft { return d.asks(true, false) },
			func(d *draft) *draft { return d.wait(9).star("ann", true) },
			`{"asks":"publish"}`, nil},
		{"of two changes the one that asks for more", base,
			func(d *draft) *draft { return d.asks(true, false) },
			func(d *draft) *draft { return d.wait(9).asks(true, true) },
			`{"asks":"publish"}`, nil},
		{"asking for something is more than for nothing", func(d *draft) *draft { return base(d).asks(true, true) },
			func(d *draft) *draft { return d.asks(false, false).asks(true, true) },
			func(d *draft) *draft { return d.asks(true, false).asks(false, true) },
			`{"asks":"automation"}`, nil},
		{"to ask no more is no accident", func(d *draft) *draft { return base(d).asks(true, false) },
			func(d *draft) *draft { return d.asks(false, false) },
			func(d *draft) *draft { return d.wait(9).publish("bob", "1.2.0", "c") },
			`{"asks":"none"}`, nil},
		{"stars of all, less those taken back", func(d *draft) *draft { return base(d).star("ann", true) },
			func(d *draft) *draft { return d.star("ann", false).star("bob", true) },
			func(d *draft) *draft { return d.star("cy", true) },
			`{"users":{"bob":true,"cy":true}}`, nil},
		{"deprecations by time", base,
			func(d *draft) *draft { return d.deprecate("1.0.0", "old").deprecate("1.1.0", "bad") },
			func(d *draft) *draft { return d.wait(5).deprecate("1.0.0", "older") },
			`{"deprecated":{"1.0.0":"older","1.1.0":"bad"}}`, nil},
		{"a deprecation taken back", func(d *draft) *draft { return base(d).deprecate("1.0.0", "old") },
			func(d *draft) *draft { return d.deprecate("1.0.0", "") },
			func(d *draft) *draft { return d.wait(5).star("ann", true) },
			`{"deprecated":{}}`, nil},
		{"clocks that go wrong do not undo what was known", base,
			func(d *draft) *draft { return d.wait(-3600).tag("latest", "1.0.0") }, nothing,
			`{"dist-tags":{"latest":"1.0.0"}}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := test.base(&draft{t: t})
			left, right := test.left(start.fork()), test.right(start.fork())
			m := merge(t, left.leaf(), right.leaf())
			require.Equal(t, m, merge(t, right.leaf(), left.leaf()))
			require.Equal(t, m, merge(t, m.leaf(), left.leaf()), "again")
			requireSound(t, m)
			want := dict{}
			require.NoError(t, json.Unmarshal([]byte(test.want), &want))
			got := summary(t, m)
			for field := range want {
				require.Equal(t, want[field], got[field], "%s: %s", field, m.Doc)
			}
			var lost []string
			for _, l := range m.Losses {
				s := l.Version + " " + l.Integrity[len("sha512-"):] + " " + l.By
				if l.Name {
					s += " name"
				}
				lost = append(lost, s)
			}
			require.Equal(t, test.lost, lost)
		})
	}
}

func (d *draft) leaf() Leaf { return Leaf{Body: d.p.clone().encode()} }

// summary is what the tests look at.
func summary(t testing.TB, m merging) dict {
	var doc dict
	require.NoError(t, json.Unmarshal([]byte(m.Doc), &doc))
	p := parsePackument("p", []byte(m.Doc))
	numbers, deprecated, people := "", dict{}, ""
	for _, v := range p.versions {
		numbers += fmt.Sprintf(", %s %s", v.name, integrityOf(v.value)[len("sha512-"):])
		if text := message(v.value); text != nil {
			deprecated[v.name] = plain(text)
		}
	}
	for _, name := range p.maintainers() {
		people += " " + name
	}
	doc["numbers"], doc["deprecated"], doc["maintainers"] = trimmed(numbers, 2), deprecated, trimmed(people, 1)
	doc["asks"] = map[tfaMark]string{{}: "none", {requires: true}: "publish", {requires: true, overrides: true}: "automation"}[tfaMark{0, p.tfa().requires, p.tfa().overrides}]
	if gone := parseObject(p.times().of("unpublished")); gone != nil {
		doc["unpublished"] = gone.text("name")
	}
	return doc
}

func trimmed(s string, n int) string { return s[min(n, len(s)):] }

// TestMergeCopiesVersions holds what is merged to the bytes that were published.
func TestMergeCopiesVersions(t *testing.T) {
	odd := `{"version":"1.0.0","n":[1.0,1e3,12345678901234567890],"s":"é<\/\u003c","dist":{"integrity":"sha512-a"}}`
	leaf := func(time, number, manifest string) Leaf {
		return Leaf{Body: []byte(`{"_id":"p","time":{"created":"t0","modified":"t1","` + number + `":"` + time + `"},"versions":{"` + number + `":` + manifest + `}}`)}
	}
	m := merge(t, leaf("t2", "1.0.0", odd), leaf("t3", "1.0.1", `{"dist":{"integrity":"sha512-b"}}`))
	require.Contains(t, m.Doc, `"versions":{"1.0.0":`+odd+`,"1.0.1":{"dist":{"integrity":"sha512-b"}}}`)
}

func TestMergeRefuses(t *testing.T) {
	for want, leaves := range map[string][]Leaf{
		"registry: merge: no revision is live":           {{Deleted: true, Body: []byte(`{}`)}},
		`registry: merge: revision "1-a" is no document`: {{Rev: "1-a", Body: []byte(`[]`)}},
		`registry: merge: "p" and "q" are two packages`:  {{Body: []byte(`{"_id":"p"}`)}, {Body: []byte(`{"_id":"q"}`)}},
	} {
		_, _, err := Merge(leaves...)
		require.EqualError(t, err, want)
	}
}
