// Package js runs the JavaScript functions of design documents on goja.
//
// A Program is a design document's functions, compiled once. It keeps a few
// machines, each an interpreter of its own, so that documents are mapped in parallel.
//
// # What functions see
//
// JavaScript up to ES2020 and much of what came later. Lacking are Intl (toLocaleString does not
// look at its argument), property escapes (\p{Lu}) in regular expressions, async generators, import(),
// WeakRef, Atomics, structuredClone and Object.groupBy; TestModernJavaScript holds both lists. emit, sum, log, isArray, toJSON and
// require of the CommonJS modules in views.lib; filters may require any string of
// the design document, which they have as this. There is no I/O of any kind, no
// timer and no module of Go.
//
// Functions of validation, shows, lists, updates and rewrites have start, send, getRow, provides
// and registerType besides. Their arguments are drafts: theirs to change, decoded as far as they are
// touched, and written back as they came where they were not. What one of them leaves in
// its globals others of the same design document may find, or not: there are several machines.
//
// A list function has its rows by getRow as it asks for them; while it waits its clock stands.
//
// A document of views and filters is one frozen object for all functions of its design document. It is
// decoded lazily: a member costs only when a function touches it, which is what makes
// a view over the names of twenty-megabyte documents cheap. A part of the document that is
// emitted untouched is copied from the document's own text, so its big integers survive.
//
// # Plain functions
//
// Most map functions are made of conditions, loops over lists and members, comparisons, arithmetic,
// a few methods of texts, literals and emit. Those are compiled from goja's syntax tree to Go closures that read
// the document's JSON where it lies. Such a function has no effect but its rows, so wherever
// it needs more than there is in Go (an exception, a conversion of an object, a text beyond
// ASCII where characters count, a loop of a million rounds) it is left, what it emitted is
// forgotten and the interpreter runs it from its start: rows, failures and limits are always the interpreter's.
// A function with anything else in it is the interpreter's from the outset, and so
// becomes one that is left on every other document. Known difference: a plain function does not notice that
// another function of the design document gave emit or the prototypes of built-in objects another meaning.
//
// # The choice, measured
//
// go test ./views/js -bench Map, two map functions on one document, on one core of a machine with two:
//
//	                                         600 bytes   140 kB packument
//	plain                                       0.8 µs      48 µs
//	goja, members decoded when touched          4.8 µs     200 µs
//	goja, JSON.parse and JSON.stringify          16 µs   1,500 µs
//
// The last is what a query server does. QuickJS transpiled to Go took 16 µs for one function on the small document and
// 5 ms for a larger packument: it parses faster, but every value crosses the border as text. Machines are
// as many as run at once; who comes later makes one of its own.
//
// # Failure
//
// A function that throws emits nothing for its document. One that runs longer than
// Limits.Time is interrupted and its machine thrown away; each time it happens again, the
// function's own time is halved, down to a tick, so that a function which always loops
// cannot hold a build for ever; the first success restores it.
//
// # Memory
//
// goja cannot bound an interpreter's memory. What is done: a call that runs longer than a
// tick is watched, and interrupted when the process's heap has grown by Limits.Heap since;
// what a document emits is bounded by Limits.Output; the built-ins that make
// a long value out of a number (repeat, padStart, padEnd, fill) refuse more than Limits.Output.
// The hole: a single built-in call cannot be interrupted, so a function can
// still allocate much within one (joining a long sparse array, a regular expression that backtracks,
// which goja runs on an engine without its interrupt). Design documents are
// written by database admins only; who does not trust those runs settee in a memory cgroup.
package js
