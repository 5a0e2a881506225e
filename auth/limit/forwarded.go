package limit

import (
	"net/http"
	"net/netip"
	"strings"
)

// Networks are blocks of addresses.
type Networks []netip.Prefix

// Contain reports whether an address lies in one of them. The zero address lies in none.
func (n Networks) Contain(a netip.Addr) bool {
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// ParseNetwork reads a block in CIDR form, or one address.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), err
}

// mostHops bounds how far a list is read: no chain of proxies is longer.
const mostHops = 32

// origin is what proxies say of a request: the client's address, its scheme and host where they
// say so.
type origin struct {
	addr         netip.Addr
	scheme, host string
}

// origin of a request. believed says that its connection is a trusted proxy's; ok is false when its headers
// contradict each other.
func (n Networks) origin(r *http.Request) (o origin, believed, ok bool) {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	peer := at.Addr().Unmap().WithZone("")
	if len(n) == 0 || !n.Contain(peer) {
		return origin{addr: peer}, false, true
	}
	old, oldHops := n.walk(peer, r.Header["X-Forwarded-For"])
	o = origin{addr: old}
	o.scheme, o.host = place(r.Header["X-Forwarded-Proto"], oldHops), place(r.Header["X-Forwarded-Host"], oldHops)
	if lines := r.Header["Forwarded"]; len(lines) > 0 {
		said := n.forwarded(peer, lines)
		if len(r.Header["X-Forwarded-For"]) > 0 && said.addr != old {
			return origin{}, true, false
		}
		o.addr = said.addr
		if said.scheme != "" {
			o.scheme = said.scheme
		}
		if said.host != "" {
			o.host = said.host
		}
	}
	o.scheme = strings.ToLower(o.scheme)
	if o.scheme != "http" && o.scheme != "https" {
		o.scheme = ""
	}
	if !isHost(o.host) {
		o.host = ""
	}
	return o, true, true
}

// walk goes from the connection's end of X-Forwarded-For to the first address that is no
// trusted proxy's. hops are the proxies that were believed.
func (n Networks) walk(peer netip.Addr, lines []string) (client netip.Addr, hops int) {
	client = peer
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			comma := strings.LastIndexByte(rest, ',')
			element := strings.Trim(rest[comma+1:], " \t")
			rest = rest[:max(comma, 0)]
			if element == "" {
				continue
			}
			if hops++; hops > mostHops {
				return netip.Addr{}, hops
			}
			var ok bool
			if client, ok = node(element); !ok || !n.Contain(client) {
				return client, hops
			}
		}
	}
	return client, hops
}

// place is the value of a list that the proxy wrote which saw the client: the one in its place, where
// there are as many as proxies, else the last.
func place(lines []string, hops int) string {
	if len(lines) == 0 {
		return ""
	}
	list := strings.Split(strings.Join(lines, ","), ",")
	i := len(list) - 1
	if hops > 0 && len(list) >= hops {
		i = len(list) - hops
	}
	return strings.Trim(list[i], " \t")
}

// node reads an address, with or without a port.
func node(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err == nil {
		return a.Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		if a, err = netip.ParseAddr(s[1 : len(s)-1]); err != nil || !a.Is6() {
			return netip.Addr{}, false
		}
		return a.Unmap().WithZone(""), true
	}
	p, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return p.Addr().Unmap().WithZone(""), true
}

// isHost reports whether a text may be a Host header: a name or an address, and a port.
func isHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	host, port, found := strings.Cut(s, ":")
	if s[0] == '[' {
		end := strings.IndexByte(s, ']')
		a, err := netip.ParseAddr(s[1:max(end, 1)])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		host = "v6"
		port, found = strings.CutPrefix(s[end+1:], ":")
		if !found && port != "" {
			return false
		}
	}
	for _, c := range []byte(host) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	if strings.Trim(port, "0123456789") != "" || len(port) > 5 || found && port == "" {
		return false
	}
	return host != ""
}
