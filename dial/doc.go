// Package dial makes connections to addresses that somebody else named: the endpoint of a hook, what another
// registry redirects to. Such an address must not lead back into the network that this process stands in, where
// databases and the clouds' metadata services answer whoever can reach them.
//
// [Public] is a dialer for http.Transport. It looks at the address that is about to be connected to, after every
// look-up: a name that means one address when it is checked and another when it is used gains nothing, nor does
// a redirect, as each costs a connection of its own. An address is inside, and refused with [ErrInside], if it is
//
//	loopback, unspecified, link-local, multicast   127.0.0.0/8, ::1, 0.0.0.0/8, ::, 169.254.0.0/16, fe80::/10, 224.0.0.0/4, ff00::/8
//	private                                        10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, fec0::/10
//	shared by carriers and clouds                  100.64.0.0/10, 192.0.0.0/24, 198.18.0.0/15
//	reserved, for documents, or broadcast          240.0.0.0/4, 255.255.255.255, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20, 100::/64
//	translated as a network likes, Teredo          64:ff9b:1::/48, 2001::/23
//
// or an IPv6 address that carries such an IPv4 address: mapped (::ffff:0:0/96), compatible (::/96), translated
// (::ffff:0:0:0/96, 64:ff9b::/96) or 6to4 (2002::/16).
// Networks that are allowed by name are connected to whatever they are.
//
// A connection is waited for 10 s; one that breaks without a word is found out within minutes (keep-alive, 15 s).
// No proxy is used: behind one the address could not be seen.
package dial
