// Package packuments holds the registry's design document, _design/registry, as
// plain ES5 JavaScript, so that the same source runs in the embedded engine and
// in Apache CouchDB. It imports nothing of ours.
//
// A packument is a document whose id is a package's name; tarball URLs in it have
// no host. A document without versions (a tombstone) is in no view but updated.
//
//	view             what it finds                       key                  value                                reduce
//	abbreviated      what installers read                name                 abbreviated packument                –
//	versions         the versions of a package           [name, version]      {"time": ISO, "deprecated": text}    _count
//	dist-tags        the tags of a package               name                 {"latest": version, …}               –
//	updated          packages by their last change       time.modified        latest version, null of a tombstone  _count
//	by-maintainer    packages of a user                  user                 latest version                       _count
//	by-keyword       packages with a keyword             keyword, lower case  latest version                       _count
//	by-scope         packages of a scope                 "@scope"             latest version                       _count
//	dependents       packages whose latest version       depended-on package  range, null of what is no text       _count
//	                 needs another when it is installed
//	deprecated       versions with a warning             [name, version]      the warning, true of one without     _count
//	install-scripts  versions that run code on install   [name, version]      {"postinstall": command, …}          _count
//	licences         packages by what their latest       licence, null of     latest version                       _count
//	                 version may be used under           none
//	integrity        the version of a tarball            dist.integrity       version                              –
//	starred          packages that a user starred        user                 name                                 _count
//
// The latest version is what the tag latest names, null where that is no version of the
// package. Nothing is told of a version that is no object, and nothing twice of a package in a view
// whose key is one text: its count is a count of packages. dependents looks into dependencies,
// optionalDependencies and peerDependencies, in this order. Old manifests are read as npm reads them: maintainers as text
// ("Ann <ann@example.com>"), keywords as one text with commas, licences as objects with a type, in a list or under licenses.
//
// # Abbreviated
//
// The value has name, modified, dist-tags, versions and, where it is known for
// every version, time. A version keeps the members that installers read, each as
// it was published, whatever its type; hasInstallScript is true or absent, and is
// derived from scripts where the publisher's client did not send it.
//
// # Guard
//
// Guarded is the design document with a validate_doc_update beside the views, for servers where nothing else keeps who
// may read the database from writing to it.
//
// # Native twins
//
// Every view has a twin: a Go function that emits the rows which the JavaScript emits, equal
// in meaning, many times as fast. Map reads a document in one pass over its text for all twins
// and splices raw JSON. The engine picks a twin by the exact source of the map function (Twins), so a
// store whose design document was edited runs the JavaScript it holds.
package packuments
