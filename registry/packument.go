package registry

import (
	"bytes"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"settee/views/packuments"
)

// isoTime is how npm writes moments.
const isoTime = "2006-01-02T15:04:05.000Z"

// packument is one revision of a package's document. It is never changed: an edit
// makes another, which shares the raw values of what it leaves alone.
type packument struct {
	name     PackageName
	rev      string
	top      object // all members but _id, _rev, _attachments and versions
	versions object // nil of a tombstone

	conflicts []string // the other live leaves: what is here was merged of all
	closed    []string // the deleted leaves
	losses    []Loss

	far *far // of a package of another registry: what is to be known beside it
}

// parsePackument reads a stored document.
func parsePackument(name PackageName, raw []byte) *packument {
	p := &packument{name: name}
	for key, value := range packuments.Members(raw) {
		switch k := plain(key); k {
		case "_rev":
			p.rev = plain(value)
		case "_conflicts":
			p.conflicts = texts(value)
		case "_deleted_conflicts":
			p.closed = texts(value)
		case "versions":
			if p.versions = parseObject(value); p.versions == nil && isObject(value) {
				p.versions = object{}
			}
		default:
			if !strings.HasPrefix(k, "_") {
				p.top = append(p.top, member{k, value})
			}
		}
	}
	p.top = p.top.unique()
	return p
}

// encode is the document's text without its revision. The values of p move into
// it, so that p, which nobody else may know yet, keeps alive no older text.
func (p *packument) encode() []byte { return p.text(object{{"_id", quote(string(p.name))}}) }

// text is encode with other members in place of the id, which who puts a document names beside it.
func (p *packument) text(first object) []byte {
	raw := append(make([]byte, 0, 32+first.size()+p.top.size()+p.versions.size()), '{')
	for _, list := range []object{first, p.top} {
		for i, m := range list {
			if len(raw) > 1 {
				raw = append(raw, ',')
			}
			raw = append(appendQuoted(raw, m.name), ':')
			list[i].value = appendMoved(&raw, m.value)
		}
	}
	if p.versions != nil {
		if len(raw) > 1 {
			raw = append(raw, ',')
		}
		raw = append(raw, `"versions":{`...)
		for i, m := range p.versions {
			if i > 0 {
				raw = append(raw, ',')
			}
			raw = append(appendQuoted(raw, m.name), ':')
			p.versions[i].value = appendMoved(&raw, m.value)
		}
		raw = append(raw, '}')
	}
	return append(raw, '}')
}

// appendMoved appends a value and returns it where it then lies.
func appendMoved(dst *[]byte, value []byte) []byte {
	start := len(*dst)
	*dst = append(*dst, value...)
	return (*dst)[start:len(*dst):len(*dst)]
}

// clone is a copy to be edited: of the lists, not of the values.
func (p *packument) clone() *packument {
	next := &packument{name: p.name, top: append(make(object, 0, len(p.top)+4), p.top...)}
	if p.versions != nil {
		next.versions = append(make(object, 0, len(p.versions)+1), p.versions...)
	}
	return next
}

// bytes is what the packument holds in memory, nearly.
func (p *packument) bytes() int64 {
	return int64(p.top.size()+p.versions.size()) + int64(len(p.versions)+len(p.top))*56
}

// Published reports whether there is anything to install.
func (p *packument) published() bool { return p != nil && len(p.versions) > 0 }

// set replaces or adds a top member of a clone.
func (p *packument) set(name string, value []byte) {
	if i := p.top.at(name); i >= 0 {
		p.top[i].value = value
		return
	}
	p.top = append(p.top, member{name, value})
}

// drop removes a top member of a clone.
func (p *packument) drop(names ...string) { p.top = p.top.without(names...) }

// tags and times are the members of dist-tags and time.
func (p *packument) tags() object  { return parseObject(p.top.of("dist-tags")) }
func (p *packument) times() object { return parseObject(p.top.of("time")) }

// timeOf is when a version was published, tombstone what stays of a package that was unpublished, raw.
func (p *packument) timeOf(version string) string {
	return plain(packuments.Member(p.top.of("time"), version))
}

func (p *packument) tombstone() []byte {
	return packuments.Member(p.top.of("time"), "unpublished")
}

// touch sets moments of a clone. time.modified moves always, into another second, be the clock slower than those who write or set back: clients
// take what has the same one for what they have, and ask by If-Modified-Since, which counts seconds.
func (p *packument) touch(now time.Time, times object) {
	if at, err := time.Parse(time.RFC3339, times.text("modified")); err == nil {
		if next := at.Truncate(time.Second).Add(time.Second); now.Before(next) {
			now = next
		}
	}
	p.set("time", times.with("modified", quote(now.UTC().Format(isoTime))).raw())
}

// modified is time.modified, zero where it is unknown.
func (p *packument) modified() time.Time {
	at, _ := time.Parse(time.RFC3339, plain(packuments.Member(p.top.of("time"), "modified")))
	return at
}

// people are the maintainers by name; a tombstone's are those it had.
func (p *packument) people() (o object) {
	list := p.top.of("maintainers")
	if gone := p.tombstone(); gone != nil && p.versions == nil {
		list = packuments.Member(gone, "maintainers")
	}
	for _, who := range elements(list) {
		name := plain(packuments.Member(who, "name"))
		if name == "" {
			name = string(who) // a text, in documents from elsewhere: nobody here has that name
		}
		o = append(o, member{name, who})
	}
	return o.unique()
}

// maintainers are the names of who may write the package.
func (p *packument) maintainers() (names []string) {
	if p == nil {
		return nil
	}
	for _, who := range p.people() {
		names = append(names, who.name)
	}
	return names
}

// restricted reports whether only its owners may read the package.
func (p *packument) restricted() bool { return p != nil && p.top.text("access") == "restricted" }

// latest is the version that installs get by default.
func (p *packument) latest() string { return p.tags().text("latest") }

// version finds a version by its number; build metadata makes no difference.
func (p *packument) version(number string) (manifest []byte, exact string) {
	if v := p.versions.of(number); v != nil {
		return v, number
	}
	for _, m := range p.versions {
		if unbuilt(m.name) == unbuilt(number) {
			return m.value, m.name
		}
	}
	return nil, ""
}

// highest is the version to fall back to: the highest that is no prerelease, or
// the highest at all.
func (p *packument) highest(accept func(*semver.Version) bool) string {
	var best *semver.Version
	name := ""
	for _, m := range p.versions {
		v, err := semver.NewVersion(m.name)
		if err != nil || !accept(v) {
			continue
		}
		stable := v.Prerelease() == ""
		if best == nil || stable && best.Prerelease() != "" || stable == (best.Prerelease() == "") && v.GreaterThan(best) {
			best, name = v, m.name
		}
	}
	return name
}

func whichever(*semver.Version) bool { return true }

// resolve finds the version for an exact number, a dist-tag or a range.
func (p *packument) resolve(spec string) []byte {
	if v, _ := p.version(spec); v != nil {
		return v
	}
	tags := p.tags()
	if v := p.versions.of(tags.text(spec)); v != nil {
		return v
	}
	within, err := semver.NewConstraint(spec)
	if err != nil {
		return nil
	}
	if latest, err := semver.NewVersion(tags.text("latest")); err == nil && within.Check(latest) {
		return p.versions.of(tags.text("latest"))
	}
	return p.versions.of(p.highest(within.Check))
}

// texts are the strings of a JSON array.
func texts(raw []byte) (list []string) {
	for _, each := range elements(raw) {
		list = append(list, plain(each))
	}
	return list
}

// elements are the raw elements of a JSON array.
func elements(raw []byte) (list [][]byte) {
	raw = bytes.TrimSpace(raw)
	if len(raw) < 2 || raw[0] != '[' {
		return nil
	}
	for inside := bytes.TrimSpace(raw[1 : len(raw)-1]); len(inside) > 0; {
		value, rest := packuments.First(inside)
		if value == nil {
			return list
		}
		list = append(list, value)
		inside = rest
	}
	return list
}
