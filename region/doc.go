// Package region joins nodes into regions that keep the same registry: documents and blobs.
//
// # What is shared
//
// Each node pulls from each peer that it names, by the replication protocol over the peer's
// CouchDB API; nodes that name each other thus replicate both ways. Databases are pulled that
// the peer has of these, and made here where they are missing, for server admins only:
//
//	registry                      packuments
//	_users, tokens, orgs          accounts, tokens, who owns which scope
//	audit                         what happened, losses of merges among it
//	advisories, hooks, downloads  what they say
//	staged                        versions that wait for somebody to publish them
//	publishers                    whom packages trust to publish them
//	attestations                  what proves how versions were built
//	signing                       the keys of signatures: each region signs, and any region's signature is good in all
//
// upstream, _replicator and all others are each node's own; so are design documents, which each
// version of settee pushes by itself, _local documents, settings and server admins. A database's
// _security is each node's own, too: it was made here.
//
// # Meeting
//
// Before anything is pulled from a peer it is asked who it is (its /_settee/regions), and again whenever a pull
// broke. It is followed where it calls itself what --peer calls it, or has no name; or is a CouchDB, whose
// documents are pulled, and whose tarballs must lie in a bucket that both use. Otherwise the log and the status
// say in one sentence what is wrong and whose turn it is: a password that is not taken, a host name that is not known, nothing
// that listens, the npm API's address, this very region, another name. A peer that refuses us, or is another, is asked once in
// 90 s, and for no blobs, so that a wrong password locks nobody out; one that does not answer after 0.25 s, twice as long
// each time, to 5 s.
//
// # A pull
//
// One replicate.Run goes on for ever for each peer and database, on a feed that stays open: a change is told
// when it is durable there, read with one more round trip, and written here. A run that ended is
// begun again after 0.25 s, twice as long each time, to 5 s. Its checkpoint is named after both
// regions, so each pair has its own. All connections to a peer come from one pool, in which a few are
// kept warm, as to open one would cost a change two more ways over the line.
//
// So a change is here three ways over the line after it was acknowledged there, 150 ms where each
// takes 50, and its blob with it (go test ./fixtures/e2e -run NONE -bench Regions, between two network
// namespaces: 155 ms in the median, 190 at most times (p99), until packument and tarball are answered).
//
// # Blobs
//
// A blob comes over in three ways, the first that is there wins:
//
//	announced   a peer tells at once what was put there, or fetched, and it is fetched while the
//	            document that names it is on its way
//	followed    the follower blobs of the registry fetches what each changed packument names;
//	            what cannot be had is set aside, and tried again each 30 s
//	read        a reader is served through a peer (tarballs.ThroughStore)
//
// # What a reader sees, and when
//
// A version is in this region's packument as soon as its document is here, and can be installed from then
// on: its tarball is served from here, or through the peer while it arrives. Nothing waits for blobs.
//
//	the peer is there                      packument and tarball are served
//	the peer is away, the blob is here     the same
//	the peer is away, the blob is not      the packument is served; the tarball is 503 with
//	                                       Retry-After, and npm-notice says why; npm tries again
//	the line breaks while it is read       the answer is cut short, which npm tries again
//	no peer has the blob                   the same 503: where regions follow each other in a chain or a ring,
//	                                       a document may be here before its blob is next door
//
// A number that was published in two regions at once with different bytes is the registry's to
// decide (its package documentation, Merge). Until the documents have met, readers of each region
// see their own; from then on all see the one that won, and who has the other in a lockfile gets EINTEGRITY. Who
// published it is told by npm-notice on their next writes, and a record in audit tells everybody.
//
// Clocks decide only between what was done apart, where the one that is behind wins numbers, names and accounts; an edit or
// a publish that knew of another is after it, whatever the clocks say.
//
// # Conflicts
//
// The follower conflicts lets the registry merge packuments that were written apart. An account or
// a scope that was made in two regions at once belongs to whoever made it first (its member
// created; then its revision decides): the other leaves are closed, by each region in the same way.
// Of an account that was changed in two regions the winner in CouchDB's sense is kept.
//
// # Read-only
//
// A read-only node has exactly one peer. It merges nothing and passes on what npm writes, streamed, with the
// client's own credentials, to the peer's npm API, which the peer's /_settee/regions tells. An answer of success
// is given once what was written has come here too, or after two seconds: so who writes here reads it here.
// The peer sees all such clients at this node's address. When it is away they get 503.
//
// # Status
//
// GET /_settee/regions answers a server admin with
//
//	{"region": "eu", "read_only": false,
//	 "npm": {"url": "https://npm.eu.example.com", "port": 4873},      url: only with --public-url
//	 "peers": {"us": {"url": "http://us:5984/", "state": "following", "heard": <time of its last answer>,
//	   "last_error": "…", "last_error_time": <time>,
//	   "databases": {"registry": {"state": "following", "seq": "12-…", "pending": 0, "lag_seconds": 0,
//	     "written": 12, "refused": 0, "last_error": "…", "last_error_time": <time>}}}},
//	 "followers": [<replicate.Status> of blobs and conflicts],
//	 "blobs": {"fetched": 1, "fetched_bytes": 2048, "failed": 0, "wrong": 0, "running": 0}}
//
// The states of a peer, and of a database where the peer is followed:
//
//	starting   nothing is known yet
//	absent     the peer has no such database, which is asked for now and then
//	refused    the peer does not let us in, or is another
//	broken     the peer does not answer, or the pull ended with last_error; it is tried again
//	following  it runs
//
// pending are changes that the peer has and this node has not, as far as it is known (-1: not), lag_seconds is for how
// long that is so, or the pull does not run. Names of peers appear in logs and figures, their credentials nowhere.
package region
