package packuments

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// twins are the native map functions, by view. Each emits the rows of js/VIEW.js.
var twins = []struct {
	view string
	run  func(*reading)
}{
	{"abbreviated", (*reading).abbreviated},
	{"versions", (*reading).numbers},
	{"dist-tags", (*reading).distTags},
	{"updated", (*reading).updated},
	{"by-maintainer", (*reading).byMaintainer},
	{"by-keyword", (*reading).byKeyword},
	{"by-scope", (*reading).byScope},
	{"dependents", (*reading).dependents},
	{"deprecated", (*reading).deprecated},
	{"install-scripts", (*reading).installScripts},
	{"licences", (*reading).licences},
	{"integrity", (*reading).integrity},
	{"starred", (*reading).starred},
}

// Twins are the numbers of the native map functions, by the JavaScript that each stands for.
func Twins() map[string]int {
	numbers := make(map[string]int, len(twins))
	for i, t := range twins {
		numbers[Source(t.view)] = i
	}
	return numbers
}

// Map runs the native map functions of those numbers over a document with its
// _id, which is read once for all of them. n of a row is which of the numbers it is of;
// key and value are raw JSON, valid during the call.
func Map(doc []byte, numbers []int, emit func(n int, key, value []byte)) {
	p := read(doc)
	p.emit = emit
	for n, twin := range numbers {
		p.running = n
		twins[twin].run(p)
	}
}

// row emits a row whose key is a text, that is given once.
func (p *reading) row(key, value []byte) { p.emit(p.running, key, value) }

// rowOf emits a row whose key is of the package and one version.
func (p *reading) rowOf(v *version, value []byte) {
	p.key = append(append(p.key[:0], '['), p.id...)
	p.key = append(append(append(p.key, ','), v.number...), ']')
	p.emit(p.running, p.key, value)
}

// rowOnce emits a row whose key is a text, unless seen has it or it is empty.
func (p *reading) rowOnce(seen map[string]bool, text string, value []byte) {
	if text == "" || seen[text] {
		return
	}
	seen[text] = true
	p.key = appendText(p.key[:0], text)
	p.emit(p.running, p.key, value)
}

// Abbreviated is the value of a packument's row in the view abbreviated, nil where it has
// none. The document has its _id.
func Abbreviated(doc []byte) (short []byte) {
	p := read(doc)
	p.emit = func(_ int, _, value []byte) { short = value }
	p.abbreviated()
	return short
}

func (p *reading) abbreviated() {
	if len(p.versions) == 0 {
		return
	}
	out := append(p.short, '}')
	times := p.times()
	if modified := times["modified"]; modified != nil {
		out = append(append(out, `,"modified":`...), modified...)
	}
	tags := p.tags
	if !isObject(tags) {
		tags = []byte("{}")
	}
	out = append(append(out, `,"dist-tags":`...), tags...)
	timed := isObject(p.time)
	for i := 0; timed && i < len(p.versions); i++ {
		timed = times[string(bare(p.versions[i].number))] != nil
	}
	if timed {
		out = append(append(out, `,"time":`...), p.time...)
	}
	p.row(p.id, append(out, '}'))
}

func (p *reading) numbers() {
	times := p.times()
	for i := range p.versions {
		v := &p.versions[i]
		p.text = append(p.text[:0], '{')
		if at := times[string(bare(v.number))]; at != nil {
			p.text = append(append(p.text, `"time":`...), at...)
		}
		if v.deprecated != nil {
			if len(p.text) > 1 {
				p.text = append(p.text, ',')
			}
			p.text = append(append(p.text, `"deprecated":`...), v.deprecated...)
		}
		p.text = append(p.text, '}')
		p.rowOf(v, p.text)
	}
}

func (p *reading) distTags() {
	if p.published && isObject(p.tags) {
		p.row(p.id, p.tags)
	}
}

func (p *reading) updated() {
	if modified := p.times()["modified"]; modified != nil {
		p.row(modified, p.latestNumber())
	}
}

func (p *reading) byMaintainer() {
	if !p.published {
		return
	}
	latest, seen := p.latestNumber(), map[string]bool{}
	for who := range elements(p.maintainers) {
		name := Text(Member(who, "name"))
		if isText(who) {
			name, _, _ = strings.Cut(Text(who), "<")
			name, _, _ = strings.Cut(name, "(")
			name = strings.TrimFunc(name, isSpace)
		}
		p.rowOnce(seen, name, latest)
	}
}

func (p *reading) byKeyword() {
	if !p.published || !isArray(p.keywords) && !isText(p.keywords) {
		return
	}
	latest, seen := p.latestNumber(), map[string]bool{}
	for raw := range elements(p.keywords) {
		words := []string{Text(raw)}
		if isText(p.keywords) {
			words = strings.Split(words[0], ",")
		}
		for _, word := range words {
			p.rowOnce(seen, lower(strings.TrimFunc(word, isSpace)), latest)
		}
	}
}

func (p *reading) byScope() {
	scope, _, scoped := strings.Cut(Text(p.id), "/")
	if p.published && scoped && len(scope) > 1 && scope[0] == '@' {
		p.key = appendText(p.key[:0], scope)
		p.row(p.key, p.latestNumber())
	}
}

func (p *reading) dependents() {
	latest := p.latest()
	if latest == nil {
		return
	}
	seen := map[string]bool{}
	for _, kind := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
		for name, needs := range Members(Member(latest.manifest, kind)) {
			if plain := string(bare(name)); !seen[plain] {
				seen[plain] = true
				if !isText(needs) {
					needs = null
				}
				p.row(name, needs)
			}
		}
	}
}

func (p *reading) deprecated() {
	for i := range p.versions {
		if v := &p.versions[i]; v.deprecated != nil {
			p.rowOf(v, v.deprecated)
		}
	}
}

func (p *reading) installScripts() {
	for i := range p.versions {
		v := &p.versions[i]
		if !v.installs {
			continue
		}
		p.text = append(p.text[:0], '{')
		for _, s := range []struct {
			event   string
			command []byte
		}{{"preinstall", v.preinstall}, {"install", v.install}, {"postinstall", v.postinstall}} {
			if s.command == nil {
				continue
			}
			if len(p.text) > 1 {
				p.text = append(p.text, ',')
			}
			p.text = append(append(append(append(p.text, '"'), s.event...), `":`...), s.command...)
		}
		p.text = append(p.text, '}')
		p.rowOf(v, p.text)
	}
}

func (p *reading) licences() {
	latest := p.latest()
	if latest == nil {
		return
	}
	seen := map[string]bool{}
	for _, member := range []string{"license", "licenses"} {
		for one := range elements(Member(latest.manifest, member)) {
			if isObject(one) {
				one = Member(one, "type")
			}
			p.rowOnce(seen, strings.TrimFunc(Text(one), isSpace), latest.number)
		}
		if len(seen) > 0 {
			return
		}
	}
	p.row(null, latest.number)
}

func (p *reading) integrity() {
	for i := range p.versions {
		if v := &p.versions[i]; v.integrity != nil {
			p.row(v.integrity, v.number)
		}
	}
}

func (p *reading) starred() {
	if !p.published {
		return
	}
	for user, is := range Members(p.users) {
		if string(is) == "true" {
			p.row(user, p.id)
		}
	}
}

// isSpace reports what JavaScript's trim takes away.
func isSpace(r rune) bool {
	return r == '\t' || r == '\n' || r == '\v' || r == '\f' || r == '\r' || r == '\u2028' || r == '\u2029' || r == '\ufeff' || unicode.Is(unicode.Zs, r)
}

// lower is JavaScript's toLowerCase: a last Σ becomes ς.
func lower(word string) string {
	for i := range len(word) {
		if word[i] >= 0x80 {
			return cases.Lower(language.Und).String(word)
		}
	}
	return strings.ToLower(word)
}
