package upstream

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"settee/tarballs"
	"settee/views/packuments"
)

// markName is the member of a document that says where it is from.
const markName = "settee"

// mark is that member.
type mark struct {
	From    string            `json:"from"`
	ETag    string            `json:"etag,omitempty"`
	Sum     string            `json:"sum"`
	Fetched time.Time         `json:"fetched"`
	Links   map[string]string `json:"links,omitempty"`
	Seen    map[string]string `json:"seen,omitempty"`
}

func parseMark(raw []byte) (m mark) {
	_ = json.Unmarshal(raw, &m) // ours; of a document that somebody else wrote it says nothing
	return m
}

// told is a packument as another registry told it.
type told struct {
	name string
	from *url.URL
	etag string
	at   time.Time
	text []byte // of the answer
	was  []byte // the document there is; nil: none
}

// sum is the answer's, in hex.
func (t *told) sum() string {
	s := sha256.Sum256(t.text)
	return hex.EncodeToString(s[:])
}

// errForeign is what is no packument of that name.
var errForeign = errors.New("the answer is no packument of that name")

// document makes the document of a packument: what is not ours to keep is left out, and versions that could not be
// installed or proven.
func (t *told) document() (doc []byte, left int, err error) {
	if !json.Valid(t.text) || len(t.text) == 0 {
		return nil, 0, fmt.Errorf("%w: it is not JSON", errForeign)
	}
	members := last(t.text)
	if packuments.Text(members["name"]) != t.name {
		return nil, 0, fmt.Errorf("%w: it is of %.100q", errForeign, packuments.Text(members["name"]))
	}
	m := mark{From: t.from.String(), ETag: t.etag, Sum: t.sum(), Fetched: t.at.UTC().Truncate(time.Millisecond)}
	versions, kept, left := t.versions(members["versions"], members["time"], &m)
	out := make([]byte, 0, len(t.text)+1024)
	out = append(appendText(append(out, `{"_id":`...), t.name), `,"name":`...)
	out = appendText(out, t.name)
	for key, value := range packuments.Members(t.text) {
		name := packuments.Text(key)
		if name == "name" || dropped(name) || !same(members[name], value) {
			continue
		}
		out = append(append(append(out, ','), key...), ':')
		switch name {
		case "versions":
			out = append(out, versions...)
		case "dist-tags":
			out = appendTags(out, value, kept)
		case "time":
			out = appendTimes(out, value, m.Seen)
		default:
			out = append(out, value...)
		}
	}
	if members["time"] == nil && len(m.Seen) > 0 {
		out = appendTimes(append(out, `,"time":`...), nil, m.Seen)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, 0, err
	}
	out = append(append(out, `,"`+markName+`":`...), raw...)
	return append(out, '}'), left, nil
}

// last are an object's members by name; of a name that occurs twice the last counts.
func last(object []byte) map[string][]byte {
	all := map[string][]byte{}
	for key, value := range packuments.Members(object) {
		all[packuments.Text(key)] = value
	}
	return all
}

// same reports whether two raw values are one part of one text.
func same(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// dropped are the members that only a registry's own documents have.
func dropped(name string) bool {
	return strings.HasPrefix(name, "_") || name == markName || name == "access" || name == ""
}

// appendTags appends the dist-tags whose version was kept.
func appendTags(out, tags []byte, kept map[string]bool) []byte {
	out = append(out, '{')
	first := true
	for key, value := range packuments.Members(tags) {
		if !kept[packuments.Text(value)] {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}')
}

// appendTimes appends the times, and of versions that have none when they were first seen here: clients take what has no time for
// older than any they ask for, or refuse the package.
func appendTimes(out, times []byte, seen map[string]string) []byte {
	if len(seen) == 0 {
		return append(out, times...)
	}
	start := len(out)
	for key, value := range packuments.Members(times) {
		if _, untold := seen[packuments.Text(key)]; !untold {
			out = append(append(append(append(out, ','), key...), ':'), value...)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(seen)) {
		out = append(appendText(append(out, ','), number), ':')
		out = appendText(out, seen[number])
	}
	out[start] = '{'
	return append(out, '}')
}

// versions makes the versions of a document, and tells which they are and how many were left out.
func (t *told) versions(raw, times []byte, m *mark) (out []byte, kept map[string]bool, left int) {
	kept = map[string]bool{}
	known, before := last(times), last(packuments.Member(t.was, "versions"))
	past := parseMark(packuments.Member(t.was, markName))
	all := last(raw)
	out = append(make([]byte, 0, len(raw)+16), '{')
	for key, manifest := range packuments.Members(raw) {
		number := packuments.Text(key)
		if !same(all[number], manifest) {
			continue
		}
		v := version{name: t.name, number: number, manifest: manifest}
		if !v.read(t.from) {
			left++
			continue
		}
		if !v.digested {
			v.learn(before[number])
		}
		if len(kept) > 0 {
			out = append(out, ',')
		}
		out = v.append(append(append(out, key...), ':'))
		kept[number] = true
		if v.link != "" {
			m.Links = with(m.Links, number, v.link)
		}
		if packuments.Text(known[number]) == "" {
			seen := past.Seen[number]
			if seen == "" {
				seen = t.at.UTC().Format(isoTime)
			}
			m.Seen = with(m.Seen, number, seen)
		}
	}
	return append(out, '}'), kept, left
}

// isoTime is how npm writes moments.
const isoTime = "2006-01-02T15:04:05.000Z"

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// version is one version on its way into a document.
type version struct {
	name, number string
	manifest     []byte

	dist, tarball, integrity []byte // raw, parts of manifest
	digested                 bool   // a sha512 is told
	sum                      string // it, where it stands in another form than as one integrity; or learned
	link                     string // where the tarball is, if not where the convention says
}

// read reports whether a version can be installed and proven.
func (v *version) read(from *url.URL) bool {
	if !numbered(v.number) {
		return false
	}
	named, agrees := true, true
	for key, value := range packuments.Members(v.manifest) {
		switch {
		case packuments.Is(key, "name"):
			named = packuments.Text(value) == v.name
		case packuments.Is(key, "version"):
			agrees = packuments.Text(value) == v.number
		case packuments.Is(key, "dist"):
			v.dist = value
		}
	}
	if !named || !agrees {
		return false
	}
	var shasum []byte
	for key, value := range packuments.Members(v.dist) {
		switch {
		case packuments.Is(key, "tarball"):
			v.tarball = value
		case packuments.Is(key, "integrity"):
			v.integrity = value
		case packuments.Is(key, "shasum"):
			shasum = value
		}
	}
	return v.located(from) && v.summed(packuments.Text(shasum))
}

// located reads the link to the tarball.
func (v *version) located(from *url.URL) bool {
	text := packuments.Text(v.tarball)
	if text == "" {
		return false
	}
	path := conventional(v.name, v.number)
	if text == from.String()+path {
		return true
	}
	link, err := from.Parse(text)
	if err != nil || link.Scheme != "http" && link.Scheme != "https" || link.Host == "" || link.User != nil {
		return false
	}
	if link.Host != from.Host || link.EscapedPath() != from.EscapedPath()+path || link.RawQuery != "" { // behind a proxy for TLS some tell http
		v.link = link.String()
	}
	return true
}

// summed reads what the tarball's sum is told to be.
func (v *version) summed(shasum string) bool {
	text := packuments.Text(v.integrity)
	if _, err := tarballs.ParseSRI(text); err == nil {
		v.digested = true
		return true
	}
	for part := range strings.FieldsSeq(text) {
		if d, err := tarballs.ParseSRI(part); err == nil {
			v.digested, v.sum = true, d.SRI()
			return true
		}
	}
	return sha1Of(text, shasum) != ""
}

// sha1Of is the sha1 that an integrity or else a shasum tells, in hex; "" where neither does.
func sha1Of(integrity, shasum string) string {
	for part := range strings.FieldsSeq(integrity) {
		b64, found := strings.CutPrefix(part, "sha1-")
		raw, err := base64.StdEncoding.DecodeString(b64)
		if found && err == nil && len(raw) == 20 {
			return hex.EncodeToString(raw)
		}
	}
	if raw, err := hex.DecodeString(shasum); err == nil && len(raw) == 20 {
		return strings.ToLower(shasum)
	}
	return ""
}

// learn takes the sum that a tarball was found to have, if the version is still told to be the same one.
func (v *version) learn(before []byte) {
	if dist := packuments.Member(before, "dist"); dist != nil {
		old := version{dist: dist}
		sum := packuments.Text(packuments.Member(dist, "integrity"))
		if _, err := tarballs.ParseSRI(sum); err == nil && old.sha1() == v.sha1() {
			v.sum = sum
		}
	}
}

// sha1 is the sha1 of a version's dist: its shasum, which stays when an integrity is learned.
func (v *version) sha1() string {
	return sha1Of(packuments.Text(packuments.Member(v.dist, "integrity")), packuments.Text(packuments.Member(v.dist, "shasum")))
}

// append appends the manifest with a link that has no host, and with the sum.
func (v *version) append(out []byte) []byte {
	type edit struct {
		at   int
		over int
		text []byte
	}
	place := func(part []byte) int { return cap(v.manifest) - cap(part) } // each is a part of manifest
	edits := []edit{{place(v.tarball), len(v.tarball), appendText(nil, conventional(v.name, v.number))}}
	if v.sum != "" {
		e := edit{place(v.dist) + 1, 0, appendText([]byte(`"integrity":`), v.sum)}
		e.text = append(e.text, ',')
		if v.integrity != nil {
			e = edit{place(v.integrity), len(v.integrity), appendText(nil, v.sum)}
		}
		if edits = append(edits, e); e.at < edits[0].at {
			edits[0], edits[1] = edits[1], edits[0]
		}
	}
	done := 0
	for _, e := range edits {
		out = append(append(out, v.manifest[done:e.at]...), e.text...)
		done = e.at + e.over
	}
	return append(out, v.manifest[done:]...)
}

// conventional is the path of a version's tarball.
func conventional(name, number string) string {
	return "/" + name + "/-/" + name[strings.LastIndexByte(name, '/')+1:] + "-" + url.PathEscape(number) + ".tgz"
}

// appendText appends a string's JSON.
func appendText(dst []byte, text string) []byte {
	raw, _ := json.Marshal(text) // strings cannot fail
	return append(dst, raw...)
}
