// Package limit stands at the door of a server: it tells from where a request comes, whether who is
// there may come at all, and whether it asks too often. It is pure: requests in, verdicts out.
//
// # From where
//
// A request comes from its connection's address, unless that is a trusted proxy's. Then what the
// proxy says is believed, from the right end: the last address of X-Forwarded-For (all its lines are
// one list) is whom the proxy saw; if that is a trusted proxy too, the one before is whom that saw,
// and so on. What stands further left anybody may have written.
//
//	192.0.2.7   192.0.2.7:8080   2001:db8::1   [2001:db8::1]:443   fe80::1%eth0   an address; port and zone do not count
//	unknown   _hidden   and whatever else cannot be read                          nobody's: in no allow-list; all of them are one client
//	more than 32 trusted proxies                                                  the same
//	Forwarded (RFC 7239)                                                          the same rules for its "for", "proto" and "host"
//	both headers, of different clients                                            400: a proxy writes one and lets a client's other through
//
// X-Forwarded-Proto and X-Forwarded-Host are read at the place of the proxy that saw the client, where
// they have one value a proxy, else the last. A scheme that is neither http nor https, and what is no
// host, do not count. A proxy must set or remove all three, or links are what clients like.
//
// Door writes what it found into the request: RemoteAddr, Host, and URL.Scheme "https" where the
// client used that; then it removes the headers, believed or not. What lies behind it looks at those (see Base).
//
// # Who may come
//
// Allow names who may come at all, AllowWrite who may write; empty ones name everybody. Others get 403.
// /-/ping and /_up, which tell nothing, are answered to all, as health checks ask for them.
//
// # How often
//
// Requests have a class: login (a name and password, or a token is asked for), write, or read. Each
// address, each user and each token has a token bucket for each class: N requests at once, refilled
// over the period. An IPv6 /64 is one address, as its owner has all of it. Users and
// tokens are counted once they have proved who they are, so that nobody uses up another's. Requests from the
// machine itself (loopback) are not counted: behind a proxy that is not trusted they would be all clients.
//
// An empty bucket answers 429 with Retry-After. Buckets are kept in two generations of bounded maps; when the younger is
// full the older goes. So a flood of addresses makes the server forget buckets, which gives them back early, and never
// takes more memory: 16 MiB when all is full.
package limit
