package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrInside says that an address is inside this process's own network, or no address of anybody.
var ErrInside = errors.New("the address is inside this network")

// patience is for a connection; keepAlive finds those that broke without a word.
const (
	patience  = 10 * time.Second
	keepAlive = 15 * time.Second
)

// Public dials addresses outside, and those in allow. Its errors are ErrInside where the address is neither.
func Public(allow []netip.Prefix) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: patience, KeepAlive: keepAlive, Control: func(network, address string, _ syscall.RawConn) error {
		return check(network, address, allow)
	}}
	return d.DialContext
}

// check refuses an address in figures, as it stands when all names are looked up.
func check(network, address string, allow []netip.Prefix) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%s %s: %w", network, address, ErrInside)
	}
	ip := at.Addr().WithZone("").Unmap()
	for _, network := range allow {
		if network.Contains(ip) {
			return nil
		}
	}
	if Inside(at.Addr()) {
		return fmt.Errorf("%s: %w", at.Addr(), ErrInside)
	}
	return nil
}

// inside are the networks that nobody outside may name, for which netip has no word.
var inside = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"fec0::/10", "2001:db8::/32", "3fff::/20", "2001::/23", "100::/64", "64:ff9b:1::/48",
)

// carriers are the networks whose addresses carry an IPv4 address, and at which byte.
var carriers = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Inside reports whether an address is one that nobody outside may name.
func Inside(ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	if !ip.IsValid() || !ip.IsGlobalUnicast() || ip.IsPrivate() { // global unicast are not: loopback, link-local, multicast, unspecified, broadcast
		return true
	}
	for _, network := range inside {
		if network.Contains(ip) {
			return true
		}
	}
	for _, c := range carriers {
		if c.network.Contains(ip) {
			raw := ip.As16()
			return Inside(netip.AddrFrom4([4]byte(raw[c.at : c.at+4])))
		}
	}
	return false
}
