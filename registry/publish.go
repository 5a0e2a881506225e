package registry

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"settee/auth"
	"settee/manifest"
	"settee/provenance"
	"settee/tarballs"
	"settee/views/packuments"
)

// publication is a checked publish document, ready to become part of a packument.
type publication struct {
	name      PackageName
	version   string
	tags      []string
	manifest  object // without maintainers, which the package gives
	readme    []byte // raw; nil: none sent
	access    string // "": as it is
	integrity string
	rev       string // "": not sent
	who       auth.Identity
	newScoped string // access, if the publish makes a scoped package and does not say
	sent      []byte // the version as it was sent
	begins    bool   // no package of that unscoped name was there
	founder   string // whose name the package's is, if the publish makes it; see marks

	digest  tarballs.Digest
	tarball *spool
	bundle  []byte // of provenance, JSON as it was sent; nil: none

	repository  []byte                  // that package.json names, raw
	attestation *provenance.Attestation // what the bundle proved
	said        *manifest.Package       // what the version says of itself
	facts       manifest.Facts          // and its tarball
	size        manifest.Size
}

// dropped are members of a version that clients leave in by mistake, that the
// registry alone may set, or that belong to the package.
var dropped = []string{"_integrity", "_from", "_resolved", "_where", "_args", "_requested", "_spec", "_phantomChildren",
	"_inCache", "_location", "_requiredBy", "_shasum", "_attachments", "_rev", "readme", "maintainers", "_npmUser", "_npmOperationalInternal", factsMember}

// newPublication checks an upload, all but what the package as stored decides.
func (r *Registry) newPublication(name PackageName, u *upload, who auth.Identity) (*publication, error) {
	p := &publication{name: name, who: who, rev: u.members.text("_rev")}
	if err := p.sameName(u.members); err != nil {
		return nil, err
	}
	a, err := onlyTarball(u)
	if err != nil {
		return nil, err
	}
	sent, err := p.pickVersion(u, a.name)
	if err != nil {
		return nil, err
	}
	if err := p.pickTags(u.members.of("dist-tags")); err != nil {
		return nil, err
	}
	if p.access, err = accessOf(name, u.members.of("access")); err != nil {
		return nil, err
	}
	if p.readme = sent.of("readme"); p.readme == nil {
		p.readme = u.members.of("readme")
	}
	p.repository = sent.of("repository")
	if p.bundle, err = u.bundle(); err != nil {
		return nil, err
	}
	return p, r.seal(p, sent, a)
}

// sameName compares every place that names the package.
func (p *publication) sameName(o object) error {
	for _, field := range []string{"_id", "name"} {
		if raw := o.of(field); raw != nil && plain(raw) != string(p.name) {
			return invalid("invalid document: its %s is %s, the request's is %q", field, raw, p.name)
		}
	}
	return nil
}

// onlyTarball is the one attachment with bytes.
func onlyTarball(u *upload) (attachment, error) {
	with := u.data()
	if len(with) != 1 {
		return attachment{}, invalid("invalid document: exactly one attachment must have data, not %d", len(with))
	}
	a := with[0]
	if !strings.HasSuffix(a.name, ".tgz") {
		return a, invalid("invalid attachment: %q is no .tgz", a.name)
	}
	if a.length >= 0 && a.length != a.data.size {
		return a, invalid("invalid attachment: %q has %d bytes, its length says %d", a.name, a.data.size, a.length)
	}
	return a, nil
}

// pickVersion finds the version that is published: the only one, or in the merged
// document that npm 6 sends after a conflict the one whose tarball it carries.
func (p *publication) pickVersion(u *upload, file string) (object, error) {
	if p.rev == "" && len(u.versions) != 1 {
		return nil, invalid("invalid document: exactly one version must be published, not %d", len(u.versions))
	}
	for _, m := range u.versions {
		conventional := p.name.Base() + "-" + m.name + ".tgz"
		if len(u.versions) > 1 && file != conventional && file != string(p.name)+"-"+m.name+".tgz" {
			continue
		}
		if err := checkVersion(m.name); err != nil {
			return nil, err
		}
		sent := parseObject(m.value)
		if err := p.consistent(sent, m.name); err != nil {
			return nil, err
		}
		p.version = unbuilt(m.name) // most clients send it so, and asked for 1.0.0+b they look for 1.0.0
		sent = sent.with("version", quote(p.version))
		p.sent = sent.raw()
		return sent, nil
	}
	return nil, invalid("invalid document: no version fits the attachment %q", file)
}

// consistent compares a version's own name and number with its place.
func (p *publication) consistent(sent object, place string) error {
	want := map[string]string{"name": string(p.name), "version": place}
	for field, text := range want {
		if raw := sent.of(field); raw == nil || plain(raw) != text {
			return invalid("invalid document: %s of version %s must be %q", field, place, text)
		}
	}
	if raw := sent.of("_id"); raw != nil && plain(raw) != string(p.name)+"@"+place && plain(raw) != string(p.name)+"@"+unbuilt(place) {
		return invalid("invalid document: _id of version %s must be %q", place, string(p.name)+"@"+place)
	}
	return nil
}

// pickTags takes the dist-tags that name the version; none stands for latest.
func (p *publication) pickTags(raw []byte) error {
	for _, m := range parseObject(raw) {
		if unbuilt(plain(m.value)) != p.version {
			continue
		}
		if err := checkTag(m.name); err != nil {
			return err
		}
		p.tags = append(p.tags, m.name)
	}
	if len(p.tags) == 0 {
		if len(parseObject(raw)) > 0 && p.rev == "" {
			return invalid("invalid document: no dist-tag names version %s", p.version)
		}
		p.tags = []string{"latest"}
	}
	return nil
}

// accessOf reads access: null leaves it, and of a new package means public.
func accessOf(name PackageName, raw []byte) (string, error) {
	switch s := plain(raw); {
	case raw == nil || string(raw) == "null":
		return "", nil
	case s == "public":
		return s, nil
	case s != "restricted" && s != "private":
		return "", invalid(`invalid access: it must be "public" or "restricted"`)
	case name.Scope() == "":
		return "", invalid("invalid access: unscoped packages cannot be restricted")
	}
	return "restricted", nil
}

// seal compares the tarball with what is said of it and makes the manifest.
func (r *Registry) seal(p *publication, sent object, a attachment) error {
	p.tarball, p.digest = a.data, a.data.digest()
	p.integrity = p.digest.SRI()
	shasum := hex.EncodeToString(a.data.sha1.Sum(nil))
	dist := parseObject(sent.of("dist"))
	if err := sameSums(dist, shasum, p.integrity); err != nil {
		return err
	}
	c, err := examine(a.data.Reader(), a.data.size)
	if err != nil {
		return err
	}
	if err := c.agree(p.name, p.version); err != nil {
		return err
	}
	dist = dist.without("signatures", "attestations", "npm-signature").
		with("shasum", quote(shasum)).with("integrity", quote(p.integrity)).
		with("tarball", quote(p.name.Tarball(p.version))).
		with("fileCount", number(int64(c.Files))).with("unpackedSize", number(c.Unpacked))
	if dist, err = r.dist(p, dist); err != nil {
		return err
	}
	p.manifest = spelt(sent.without(dropped...)).
		with("_id", quote(string(p.name)+"@"+p.version)).
		with("dist", dist.raw()).
		with("_hasShrinkwrap", []byte(strconv.FormatBool(c.Shrinkwrap))).
		with("_npmUser", npmUser(p.who))
	p.look(p.sent, c, a.data.size)
	p.manifest = p.manifest.without("hasInstallScript")
	if c.Gyp && string(sent.of("gypfile")) != "false" || installs(sent.of("scripts")) { // false: npm leaves it alone
		p.manifest = p.manifest.with("hasInstallScript", []byte("true"))
	}
	return nil
}

// sameSums compares the sums that the client computed, where it sent them.
func sameSums(dist object, shasum, integrity string) error {
	if raw := dist.of("shasum"); raw != nil && !strings.EqualFold(plain(raw), shasum) {
		return invalid("invalid tarball: its sha1 is %s, dist.shasum says %s", shasum, raw)
	}
	raw := dist.of("integrity")
	if raw == nil {
		return nil
	}
	for _, sum := range strings.Fields(plain(raw)) { // may list several algorithms
		sum, _, _ = strings.Cut(sum, "?")
		if strings.HasPrefix(sum, "sha512-") && sum != integrity {
			return invalid("invalid tarball: its integrity is %s, dist.integrity says %s", integrity, sum)
		}
	}
	if plain(raw) == "" {
		return invalid("invalid tarball: dist.integrity is empty")
	}
	return nil
}

func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// person is {"name","email"} as packuments have it.
func person(name, email string) []byte {
	o := object{{"name", quote(name)}}
	if email != "" {
		o = append(o, member{"email", quote(email)})
	}
	return o.raw()
}

// installs reports whether scripts hold one that runs on installing.
func installs(scripts []byte) bool {
	for _, event := range []string{"preinstall", "install", "postinstall"} {
		if plain(packuments.Member(scripts, event)) != "" {
			return true
		}
	}
	return false
}

// hoisted are the members of a package that are those of its latest version.
var hoisted = []string{"description", "homepage", "keywords", "repository", "bugs", "license", "author", "contributors", "readmeFilename"}

// apply makes the packument that has the publication. cur is nil where the
// package does not exist. The result is nil where it has the very version already.
func (p *publication) apply(cur *packument, now time.Time) (*packument, error) {
	if done, err := p.conflicts(cur, now); done || err != nil {
		return nil, err
	}
	next := &packument{name: p.name, top: object{{"name", quote(string(p.name))}, {marksName, (&marks{founder: p.founder}).raw()}}}
	if cur != nil {
		next = cur.clone()
	}
	moment := quote(now.UTC().Format(isoTime))
	times := next.times().without("unpublished")
	if times.at("created") < 0 {
		times = times.with("created", moment)
	}
	next.touch(now, times.with(p.version, moment))
	if cur == nil || cur.versions == nil {
		next.set("maintainers", append(append([]byte{'['}, person(p.who.Name, p.who.Email)...), ']'))
		next.set("access", []byte(`"public"`))
		if p.access == "" && p.name.Scope() != "" {
			p.access = p.newScoped
		}
	}
	if p.access != "" {
		next.set("access", quote(p.access))
	}
	manifest := append(p.manifest[:len(p.manifest):len(p.manifest)], member{"maintainers", next.top.of("maintainers")})
	next.versions = append(next.versions, member{p.version, manifest.raw()})
	p.tag(next)
	return next, nil
}

// conflicts says whether the publication was done before, or may not be.
func (p *publication) conflicts(cur *packument, now time.Time) (done bool, err error) {
	if cur == nil {
		return false, p.name.Check()
	}
	if manifest, _ := cur.version(p.version); manifest != nil {
		dist, by := packuments.Member(manifest, "dist"), packuments.Member(manifest, "_npmUser")
		if plain(packuments.Member(dist, "integrity")) == p.integrity && plain(packuments.Member(by, "name")) == p.who.Name {
			return true, nil // a retry of what succeeded
		}
	}
	for _, m := range cur.times() {
		if unbuilt(m.name) == unbuilt(p.version) {
			if lost, ok := cur.lossOf(p.version, p.integrity); ok {
				return false, fail(403, "You cannot publish over the previously published versions: %s. %s", p.version, lost.text())
			}
			return false, fail(403, "You cannot publish over the previously published versions: %s.", p.version)
		}
	}
	if manifest, _ := cur.version(p.version); manifest != nil {
		return false, fail(403, "You cannot publish over the previously published versions: %s.", p.version)
	}
	if gone := cur.tombstone(); gone != nil {
		at, err := time.Parse(time.RFC3339, plain(packuments.Member(gone, "time")))
		if err == nil && now.Sub(at) < 24*time.Hour {
			return false, fail(403, "%q cannot be republished until 24 hours have passed.", p.name)
		}
	}
	if p.rev != "" && p.rev != cur.rev {
		return false, errStale
	}
	return false, nil
}

// tag sets the dist-tags, and with latest what the package takes from it.
func (p *publication) tag(next *packument) {
	tags := next.tags()
	for _, t := range p.tags {
		tags = tags.with(t, quote(p.version))
	}
	if tags.at("latest") < 0 {
		tags = tags.with("latest", quote(p.version)) // an install by name needs one
	}
	next.set("dist-tags", tags.raw())
	if tags.text("latest") != p.version {
		return
	}
	hoist(next, p.manifest)
	if p.readme != nil {
		next.set("readme", shorten(p.readme))
	}
}

// hoist gives the package the members of its latest version.
func hoist(next *packument, manifest object) {
	for _, field := range hoisted {
		if value := manifest.of(field); value != nil {
			next.set(field, value)
		} else {
			next.drop(field)
		}
	}
}

// mostReadme is what is kept of a readme.
const mostReadme = 64 << 10

func shorten(raw []byte) []byte {
	if len(raw) <= mostReadme {
		return raw
	}
	var text string
	if json.Unmarshal(raw, &text) != nil || len(text) <= mostReadme {
		return raw
	}
	text = text[:mostReadme]
	for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) && !utf8.RuneStart(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return quote(strings.ToValidUTF8(text, ""))
}
