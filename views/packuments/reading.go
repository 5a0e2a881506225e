package packuments

import "bytes"

// reading is what the twins see of a packument: found in one pass over the
// document's text, once for all of them. Values are raw parts of that text, nil where there are none.
type reading struct {
	id, tags, time, maintainers, keywords, users []byte

	published bool // versions is an object
	versions  []version
	short     []byte // the abbreviated packument, up to its versions' closing brace

	knownTimes map[string][]byte // see times

	running int // which of the twins
	emit    func(n int, key, value []byte)
	key     []byte // of the row that is made
	text    []byte // its value
}

// version is one of the versions that are objects.
type version struct {
	number, manifest                             []byte
	deprecated, preinstall, install, postinstall []byte // texts that are not empty; deprecated may be true
	integrity                                    []byte // dist.integrity, likewise
	installs                                     bool
}

// kept are the members of a version that the abbreviated form has, as in
// js/abbreviated.js.
var kept = map[string]bool{
	"name": true, "version": true, "deprecated": true, "dependencies": true, "optionalDependencies": true,
	"devDependencies": true, "bundleDependencies": true, "peerDependencies": true, "peerDependenciesMeta": true,
	"acceptDependencies": true, "bin": true, "directories": true, "dist": true, "engines": true, "funding": true,
	"cpu": true, "os": true, "libc": true, "_hasShrinkwrap": true,
}

func read(doc []byte) *reading {
	p := &reading{}
	walk(doc, blank(doc, 0), func(name []byte, at int) int {
		if string(bare(name)) == "versions" {
			return p.readVersions(doc, at)
		}
		end := value(doc, at)
		if into := p.place(name); into != nil {
			*into = doc[at:end]
		}
		return end
	})
	return p
}

// place is where a member of the packument is kept.
func (p *reading) place(name []byte) *[]byte {
	switch string(bare(name)) {
	case "_id":
		return &p.id
	case "dist-tags":
		return &p.tags
	case "time":
		return &p.time
	case "maintainers":
		return &p.maintainers
	case "keywords":
		return &p.keywords
	case "users":
		return &p.users
	}
	return nil
}

func (p *reading) readVersions(doc []byte, at int) (end int) {
	if p.published = isObject(doc[at:]); !p.published {
		return value(doc, at)
	}
	if p.id == nil {
		p.id = Member(doc, "_id") // the engine writes it first
	}
	p.short = append(make([]byte, 0, len(doc)+256), `{"name":`...)
	p.short = append(append(p.short, p.id...), `,"versions":{`...)
	return walk(doc, at, func(number []byte, at int) int {
		if !isObject(doc[at:]) || string(bare(number)) == "__proto__" {
			return value(doc, at) // assigning __proto__ sets no member in JavaScript
		}
		if len(p.versions) > 0 {
			p.short = append(p.short, ',')
		}
		p.short = append(append(p.short, number...), ':')
		v, end := p.readManifest(doc, at)
		v.number = number
		p.versions = append(p.versions, v)
		return end
	})
}

// readManifest reads a version and appends its abbreviated form to short.
func (p *reading) readManifest(doc []byte, at int) (v version, end int) {
	var bundle, bundled, installs []byte
	start := len(p.short)
	end = walk(doc, at, func(name []byte, at int) int {
		end := value(doc, at)
		raw := doc[at:end]
		plain := bare(name)
		if kept[string(plain)] {
			p.short = append(append(append(append(p.short, ','), name...), ':'), raw...)
		}
		switch string(plain) {
		case "bundleDependencies":
			bundle = raw
		case "bundledDependencies":
			bundled = raw
		case "deprecated":
			v.deprecated = raw
		case "dist":
			v.integrity = filled(Member(raw, "integrity"))
		case "hasInstallScript":
			installs = raw
		case "scripts":
			v.readScripts(raw)
		}
		return end
	})
	if string(v.deprecated) != "true" {
		v.deprecated = filled(v.deprecated)
	}
	v.manifest = doc[at:end]
	if bundle == nil && bundled != nil {
		p.short = append(append(p.short, `,"bundleDependencies":`...), bundled...)
	}
	if v.installs = string(installs) == "true" || v.preinstall != nil || v.install != nil || v.postinstall != nil; v.installs {
		p.short = append(p.short, `,"hasInstallScript":true`...)
	}
	if len(p.short) == start {
		p.short = append(p.short, '{')
	}
	p.short[start] = '{' // in the place of the first comma
	p.short = append(p.short, '}')
	return v, end
}

// readScripts finds those that installing runs.
func (v *version) readScripts(scripts []byte) {
	for name, value := range Members(scripts) {
		switch string(bare(name)) {
		case "preinstall":
			v.preinstall = filled(value)
		case "install":
			v.install = filled(value)
		case "postinstall":
			v.postinstall = filled(value)
		}
	}
}

// latest is the version that the tag latest names, nil where there is none.
func (p *reading) latest() *version {
	tag := Member(p.tags, "latest")
	if len(tag) == 0 || tag[0] != '"' {
		return nil
	}
	for i := range p.versions {
		if number := p.versions[i].number; bytes.Equal(bare(number), bare(tag)) {
			return &p.versions[i]
		}
	}
	return nil
}

// latestNumber is its number, null where there is none.
func (p *reading) latestNumber() []byte {
	if v := p.latest(); v != nil {
		return v.number
	}
	return null
}

// times are the members of time that are text, by name.
func (p *reading) times() map[string][]byte {
	if p.knownTimes == nil {
		p.knownTimes = make(map[string][]byte, len(p.versions)+2)
		for name, value := range Members(p.time) {
			if isText(value) {
				p.knownTimes[string(bare(name))] = value
			}
		}
	}
	return p.knownTimes
}

var null = []byte("null")

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
func isArray(raw []byte) bool  { return len(raw) > 0 && raw[0] == '[' }
func isText(raw []byte) bool   { return len(raw) > 0 && raw[0] == '"' }

// filled is raw where it is a text that is not empty, else nil.
func filled(raw []byte) []byte {
	if isText(raw) && len(raw) > 2 {
		return raw
	}
	return nil
}
