// Package search is the index of packages: what they are called, say of themselves and need, found by words.
// It follows any kivik.DB; what a document says of a package its caller reads out of it ([Source]).
//
// # On disk
//
//	DIR/current              {"id": ID, "layout": 1}: which index is served
//	DIR/ID/                  a bleve index (scorch); everything else in DIR is removed when it is opened
//	DIR/ID.opening           there while an index has not proved itself; see Damage
//
// One bleve document is one package of one source, its id the source's number and the name. Postings have neither
// frequencies nor positions:
//
//	n   the name in lower case; "=" and its letters and digits alone; the same without its scope
//	p   the name's parts: between punctuation, and between aB and ABc
//	g   the beginnings of parts, of 2 to 10 letters
//	k   keywords, in lower case;  w their words, stemmed
//	t   the description's words, stemmed
//	a   the author's name, its words, user name and e-mail address;  m those of the maintainers
//	s   the scope without @
//	f   all, deprecated, unstable, restricted, and "db:" with the source's number
//	d   what a public package's latest version depends on
//	v   (values) what ranking needs: see signals; read once of each segment and kept in memory, 24 bytes a package with its popularity
//	r   (values) of a restricted package its name and maintainers, by which rights are judged
//	j   (stored) the package as it is answered, in JSON: 20 of them are read for a page of results in 0.1 ms, where
//	    the packuments themselves take as many reads of up to 20 MB
//
// # Following
//
// Each source has a replicate.Follower whose name has the index's ID in it, so that another index, or the same one made anew,
// begins by itself. A change counts as handled when the batch with it is durable: batches are
// what came while the last was written and within a second of it, at most 1,000 packages and 16 MiB; what is published alone is found after 0.1 s.
// With each batch the index keeps how far every source was handled, and that is where following goes on, not where the
// checkpoint says: the index may be a copy from before, or bleve may have gone back to its last whole snapshot.
// A database that was made anew is forgotten and read anew, as is one with purged documents.
//
// Of packages with one name in several sources only that of the first is found, and where its document is one that is not to be found, none.
//
// # Damage
//
// When an index is opened the checksums of its segments are compared. One that is damaged, of another layout or gone
// is begun anew, as is one that ended its process before it had written anything or caught up (ID.opening); and one that
// fails while it is used. Meanwhile what has been indexed so far is found. [Index.Rebuild] makes another beside the one that is served, and
// exchanges them.
//
// # Queries
//
// A query is words and qualifiers, as npm documents them ([Parse]):
//
//	author:N  maintainer:N  scope:S    of a name, a user name or an e-mail address; of a scope
//	keywords:a,b  a+b  -a              one of them; all of them; not that one
//	not:deprecated  is:unstable        also insecure, of the version that is shown, by what is known when it is asked (Flaws); several with commas
//	boost-exact:false                  a package that is called exactly so does not come first
//
// Values may be quoted. What only looks like a qualifier is words. A package is found that has every word somewhere; English stop words may be missing.
// Where a word was found counts, and not how often nor how rare it is: numbers that tell of packages which
// who asks may not see are not in any answer. Where fewer than ten are found, names with one typing error count too, in words of 4 to 32 letters (two
// from eight letters on).
//
// # Ranking
//
//	text    the mean over the words of the best place: a part of the name 1, a beginning of one 0.65, a keyword 0.7, a word of one 0.5,
//	        author or maintainer 0.35, a part with one typing error 0.35, with two 0.2, description 0.3;
//	        of that 70 %, and 30 % for how much of the name the words are
//	signals the mean of quality (0.65), popularity (0.98) and maintenance (0.5), weighted as the request says
//	final   text * (0.3 + 0.7 * signals)
//
// Quality is the source's to say. Popularity is 60 % downloads of a week, 30 % dependents, 10 % stars, each the logarithm's share of ten million, a hundred thousand, ten thousand: of fixed numbers,
// so that nobody else's package changes it. Maintenance halves with each year since the last publish; that of a deprecated package is 0.
// The package that is called as the query comes first, all deprecated ones come last.
//
// # Rights
//
// Restricted packages are in the index; who may read them is asked for each that matches ([Reader]), before anything is counted. Whether
// typing errors count, the total, scores and dependents are made of what who asks may read.
//
// # Bounds and errors
//
// Of a query count the first 512 bytes ([MostText]), 16 different words and 64 qualifiers; [Parse] never fails. How many hits a page has, and from which
// on, is the caller's to bound: a page costs as much as its end. Downloads and dependents are counted anew every minute, 16 bytes for each package that has any.
//
// [ErrNotReady] is an index that is being opened, for a moment after a start; [ErrClosed] one that was closed. Any other error of a search is the
// disk's, or damage: the index is begun anew, and the next search asks that one.
package search
