// Package hooks tells others of what happens to packages: npm's hooks. It knows kivik.DB, and of packuments only the members
// that events are made of.
//
// # Hooks
//
// The database hooks, which regions share, has a document hook:ID for each:
//
//	{type: "package"|"scope"|"owner", name, username, account, endpoint, secret, region, created, updated, status}
//
// The secret signs what is sent, so it lies there as it was given: only server admins read the database, and nothing here
// shows it, neither an answer nor a log. Account is when its owner's account was made: a hook does not outlive the account. Beside it lies log:ID, with the last 50
// attempts and since when they fail.
//
// # Events
//
// A durable follower of the packuments compares each with its state at the last event, and queues what differs, in this order:
//
//	package:publish     change {version, dist-tag: the one that was set with it}
//	package:unpublish   change {version}, or {} for the whole package
//	package:dist-tag    change {dist-tag, version}      package:dist-tag-rm
//	package:deprecated  change {version, deprecated}    package:undeprecated  change {version}
//	package:owner       change {maintainer}             package:owner-rm
//	package:star        change {user}                   package:unstar
//	package:change      change {}: none of these, but "modified" moved
//
// The states and the queue are in the database deliveries, which no other region has:
//
//	state:PACKAGE                    kept while a hook covers the package
//	queue:HOOK:PACKAGE:NUMBER:REV    an event on its way
//
// The queue is written before the state, and the state before the follower's checkpoint; what was sent leaves the queue
// afterwards. So after a kill -9 no event is missing and some come twice, with the same X-Settee-Delivery. Where several changes of a package come
// between two looks, what they come to is told. A package that comes under a hook by a new owner is told of with the versions published since the hook was made.
//
// # Deliveries
//
// POST of {event, name, type: "package", version, hookOwner: {username}, payload: the packument as it is then, change, time}, with
// x-npm-signature: sha256=HEX, the HMAC of the body with the secret. Any status from 200 to 299 is a success; redirects are not
// followed. Events of one package reach a hook in their order; one hook gets one at a time. What fails is tried again for a
// day, further and further apart, while other packages' events go by. When a day is over without any success, or at once with 410, the hook is disabled and
// its queue dropped; [Hooks.Update] enables it again. Where other events went by, the one alone is given up. Addresses inside this network are refused at each connection (package dial), whatever
// a name resolved to before.
//
// Whether the hook's owner may read the package is asked when an event is queued and again before each attempt: what they may not
// read is dropped without a word.
//
// # Bounds and errors
//
// A user has at most 100 hooks ([MostHooks]); an endpoint has 2,048 bytes, a secret 1,024. Sixteen requests are under way at a time, to all endpoints together; each
// ends after Options.Patience (10 s), and of an answer 4 KiB are read. Attempts are 5 s to 10 h apart, 13 of them. A queue is not bounded, but ends with its hook.
//
// [Invalid] is what is wrong with a hook, in words for its owner; [ErrTooMany], [ErrAbsent] (no such hook of that user). All other errors are the database's. Failures
// of an endpoint are no errors of anybody here: they stand in the hook's log, with what its owner may know of them.
//
// # Regions
//
// A hook is delivered by the region in which it was made or updated last, and by no other; while that is down its events wait for it there. A read-only
// copy delivers nothing.
package hooks
