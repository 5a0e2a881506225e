// Package advisories knows which versions of packages are known to be flawed: it keeps OSV documents in a database,
// imports them, and answers what a tree of packages holds of them. It knows kivik.DB only, and nothing of packuments.
//
// # Documents
//
// The database advisories has one document for each OSV record (schema 1.x), its id the record's, GHSA-… or MAL-…;
// the body is the record as it was published. Only records that say something of the ecosystem npm are kept. Withdrawn ones
// are kept too, and say nothing: so that an older export, imported later, does not bring them back. The newest "modified"
// wins, in an import and among leaves that conflict because two regions imported at once.
//
// # Import
//
// [Import] reads a file, all files *.json below a folder, or those of a zip archive, in batches of 200 records. It may be ended and begun again: what is
// there and the same, or newer, is not written. A file that is no record is told and left out: what is no JSON or over 4 MiB, without a
// proper id or date, or of a range that is none. An archive that inflates to over a hundred times its size is refused.
// Records of other ecosystems are counted, and left out. Errors are the folder's and the database's: what came before them is imported.
//
// # Ranges
//
// A record's events (introduced, fixed, last_affected, limit, of SEMVER and ECOSYSTEM ranges) and its list of versions
// become intervals of versions, which are joined where they touch:
//
//	[{introduced: 0}, {fixed: 1.2.3}]                      <1.2.3
//	[{introduced: 2.0.0}, {last_affected: 2.4.1}]          >=2.0.0 <=2.4.1
//	[{introduced: 0}]                                      *
//	versions: [3.0.1, 3.0.2]                               =3.0.1 || =3.0.2
//
// npm's clients judge such a range with prereleases counted in, and so judged it holds exactly the versions that the events
// hold. Where GitHub says last_known_affected_version_range and no event ends the range, that ends it. Patched is
// what lies behind a "fixed", up to the next flawed interval; "<0.0.0", nothing, where no fix is known: GitHub's convention.
//
// # Answers
//
// One flaw has often several records: GitHub's, that of the CVE, one for malware. Records of one package that name each other
// in aliases, or the same CVE, are one advisory. GitHub's own say what is affected where there are any, as they are reviewed
// for npm; else all of them together. Its number is made of the OSV id, the same everywhere and always, below 2^53.
//
// Severity is what GitHub says, else the word for the CVSS score (the newest version of CVSS that the record has), else
// critical for malware and high for the rest, as npm itself takes it.
//
// # Trees
//
// Three forms of answer are here. Bulk: versions by name in, advisories by name out; npm works out the rest. Quick and Full: a tree
// in, as lockfiles have it, and out the advisories with the ways to them (a>b>c: what the project needs, what that needs …), and with
// Full what mends them: another version within the range that is asked for, else a newer one of what the project itself depends
// on with which the flaw is gone, told to be a major change where it is one; else "review". Packages says what there is to install.
// What a tree may cost is bounded, as who sends one needs no account: 200,000 objects and packages 500 deep are the most that [ParseTree] takes;
// 2,000 packages and versions are looked into for what mends, of one package the newest 50; what is left over is "review". Of the 200 gravest
// advisories the whole text is told.
//
// # In memory
//
// Lookups ask an index from names to what the answers need, some 400 bytes a record (BenchmarkIndexSize), filled
// and kept true by a follower. Until it has read the whole database for the first time, [Advisories.Ready] waits:
// a tree is never said to be sound because the server has just started. Where it must be read anew, as after a purge, what was known
// holds until that is done.
package advisories
