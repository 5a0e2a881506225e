package registry

import (
	"net/url"
	"strings"

	"github.com/Masterminds/semver/v3"

	"settee/manifest"
)

// PackageName is a package's name as a client spelt it, unescaped.
type PackageName string

// Scope is the scope with its @, "" where there is none.
func (n PackageName) Scope() string {
	scope, _, found := strings.Cut(string(n), "/")
	if !found {
		return ""
	}
	return scope
}

// Base is the name without its scope.
func (n PackageName) Base() string {
	_, base, found := strings.Cut(string(n), "/")
	if !found {
		return string(n)
	}
	return base
}

// Tarball is the path of a version's tarball: the convention that berry expects.
func (n PackageName) Tarball(v string) string {
	return "/" + string(n) + "/-/" + n.Base() + "-" + url.PathEscape(v) + ".tgz"
}

// Storable reports whether the name may be looked for at all: it can be a
// document's id of ours. Legacy names, with capitals, can.
func (n PackageName) Storable() bool {
	return manifest.Storable(string(n))
}

// Check refuses a name that no new package may have, as npm's own rules say it.
func (n PackageName) Check() error {
	refused, outdated := manifest.Name(string(n))
	if why := append(refused, outdated...); len(why) > 0 {
		return invalid("invalid name: %s", why[0])
	}
	if !n.Storable() {
		return invalid("invalid name: name cannot start with %q", n.Base()[:1])
	}
	return nil
}

// checkVersion refuses what is not strictly semver.
func checkVersion(v string) error {
	if len(v) > 256 {
		return invalid("invalid version: longer than 256 characters")
	}
	if _, err := semver.StrictNewVersion(v); err != nil {
		return invalid("invalid version: %q is not valid semver", v)
	}
	return nil
}

// unbuilt is a version without its build metadata, which makes no difference.
func unbuilt(v string) string {
	v, _, _ = strings.Cut(v, "+")
	return v
}

// cleaned is a version as npm cleans it out of a package.json.
func cleaned(v string) string {
	return unbuilt(strings.TrimLeft(strings.TrimSpace(v), "=v "))
}

// checkTag refuses a dist-tag that could be read as a range of versions.
func checkTag(tag string) error {
	if !manifest.URLSafe(tag) || len(tag) > 214 {
		return invalid("invalid tag: %q; tags may not have characters that encodeURIComponent encodes", tag)
	}
	if manifest.IsRange(tag) {
		return invalid("invalid tag: Tag name must not be a valid SemVer range: %s", tag)
	}
	return nil
}
