// Package manifest judges packages by what they are: package.json and the list of files of a
// tarball in, findings and a report out. It is pure: no clock, no network, no state.
//
// # Nothing is refused here
//
// What the public registry takes, a registry must take: package.json has been written by hand for
// fifteen years, and clients get along with nearly all of it. A wrong member is a Finding, a
// sentence for the publisher, who may publish all the same. Only names have rules that refuse
// (Name): the name of a new package is for ever.
//
//	problem   some client will not install it, not find what it names, or not do what was meant
//	advice    it works, and could be better
//
// A finding has a code, which stays the same, the place in package.json, and what to do.
//
// Storable is the least that any name must be, of whatever age: it stays what it was as part of an address.
//
// # Bounds
//
// A package.json over 1 MiB is not looked into. A package has at most 100 findings, whose texts are cut at 300 bytes; each list of the facts has at most 10
// entries, and a report for a terminal 4 problems with the number of the others. Exports are followed 20 deep, ranges of over 4,096 and licences of over
// 2,000 bytes are wrong.
//
// # package.json
//
// The table schema has every member that a client or a page of packages reads: its JSON types,
// what is said where it is missing, and a check of its own. Beside the types those find
//
//	name           by npm's rules and in npm's words; the same for names of dependencies
//	dependencies   what is no range, dist-tag or address by npm's grammar (ParseSpec); what nobody has who
//	               installs the package (file:, link:, workspace:, …); what is not from a registry; what
//	               takes any version; the package itself
//	license        what is no SPDX expression, UNLICENSED or SEE LICENSE IN file (ParseLicense)
//	exports        conditions after default, types behind others, targets without ./, paths mixed with conditions
//	URLs, people   what a page cannot link to, or mail to
//
// Ranges are node-semver's: strict for dist-tags, which may not be one (IsRange), loose for
// dependencies, but for words that node-semver drops from a loose range, which are found wrong here.
//
// # The tarball
//
// Inspect looks through the list of files, and at the package.json inside: what main, module,
// browser, types, bin, exports and imports name must be there, bundled dependencies too; what registry
// and tarball say of dependencies and install scripts must be the same, as clients go by
// the one or the other. What it finds are Facts: some 100 bytes that a registry keeps
// with the version, since to look again would be to unpack again. All else of a report is judged
// when it is read, by what is known then: of the dependencies' licences, deprecations and vulnerabilities.
//
// # The report
//
// Judge makes a Report of package.json, facts and dependencies. Its checks have weights;
// the score is the part of 100 that passed. A check that needs facts is left out where there are none.
//
// # Similar names
//
// Two names are too similar if they are the same but for capitals and punctuation: their
// Moniker is one. A list of Popular names is compared with; of local names the registry knows. The one that is built in (popular.txt)
// has the three thousand unscoped names, and the thousand scopes of the scoped ones, that were downloaded most in a month of 2026 as the
// public registry counts, sorted, one a line; no command here reads
// such a list from another registry. ParsePopular reads another one in its place. A letter that is
// more, less, another, or in its neighbour's place is a Resembling name: something to be told, no more.
package manifest
