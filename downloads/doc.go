// Package downloads counts served tarballs, and tells how many there were.
//
// # Counting
//
// [Downloads.Count] notes one download of a version, in memory. Every minute what was noted is added to documents of the database downloads, in
// batches of 500; a process that ends does so first. A crash loses what was counted since, a minute at most; a database that is away loses nothing,
// but past 200,000 different packages, versions and days that wait, no new ones are taken in.
//
// What counts is a GET that is answered with a tarball's beginning: 200, or the range that begins at 0. HEAD, 304, other
// ranges and errors do not. Who asks makes no difference: robots and mirrors count as they do at the public registry, and so
// does a download that its client breaks off. An install from a client's own cache asks nobody, and is not seen.
//
// # Documents
//
//	MONTH:PACKAGE:WRITER  {"days": {"21": {"1.0.0": 7, …}, …}, "batch": "…"}      2026-11:@acme/tool:eu
//	MONTH::WRITER         the same of all packages that were public when they were downloaded, under the version ""
//	_local/writer         {"writer": "…"}, where regions have no names
//
// Days are those of UTC. A writer is a copy of the database: the region's name, else a random one. So regions never
// write the same document, and what a package was downloaded is the sum over its writers. Processes that share a database share its documents, too: each
// adds to what is there, and tries again on a conflict. The batch is which was added last: one that was written although
// the answer said that it failed is not added again.
//
// # Periods
//
// last-day is the last day there are figures of: today, so far. last-week, last-month and last-year are the 7, 30 and 365 days that end with it.
// A day is YYYY-MM-DD, a span A:B with both its ends. None is longer than 18 months ([MostDays]).
//
// # Figures
//
// [Downloads.PerDay], [Downloads.PerVersion] and [Downloads.Sum] read the documents of the months that a period touches, and add what was noted since. A package that
// nobody downloaded, or that is not there, has zeros: whether it is there, and who may know, is the caller's to say. [Downloads.All], of which search is told how popular packages
// are, is a table of the last 7 and 30 days, read anew every ten minutes. Errors are the database's; those of [ParsePeriod] are words for who asked.
package downloads
