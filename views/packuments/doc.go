// Package packuments holds the registry's design document, _design/registry, as
// plain ES5 JavaScript, so that the same source runs in the embedded engine and
// in Apache CouchDB. It imports nothing of ours.
//
// A packument is a document whose id is a package's name; tarball URLs in it have
// no host. A document without versions (a tombstone) is in no view but updated.
//
//	view          key                  value                               reduce
//	abbreviated   name                 abbreviated packument               –
//	updated       time.modified        latest version, null of a tombstone –
//	maintainers   user                 latest version                      _count
//	keywords      keyword, lower case  latest version                      _count
//	scopes        ["@scope", user]     latest version                      _count
//	dist_tags     name                 {"latest": version, …}              –
//	versions      [name, version]      {"time": ISO, "deprecated": text}   –
//	dependents    depended-on package  range, as the latest version has it _count
//	integrity     dist.integrity       version                             –
//	starred       user                 name                                _count
//
// # Abbreviated
//
// The value has name, modified, dist-tags, versions and, where it is known for
// every version, time. A version keeps the members that installers read, each as
// it was published, whatever its type; hasInstallScript is true or absent, and is
// derived from scripts where the publisher's client did not send it.
//
// # Native twins
//
// Twins gives Go functions that emit the rows which the JavaScript emits, equal
// in meaning, many times as fast: they splice raw JSON. The engine picks a twin
// by the exact source of the map function, so a store whose design document was
// edited runs the JavaScript it holds.
package packuments
